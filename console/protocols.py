"""Protocols by IANA number and name: the ones that VPC traffic is made of."""

from schemas.errors import FlowtrailError

NAMES = {
    1: "icmp",
    2: "igmp",
    4: "ipv4",
    6: "tcp",
    17: "udp",
    41: "ipv6",
    47: "gre",
    50: "esp",
    58: "icmpv6",
    132: "sctp",
}
NUMBERS = {name: number for number, name in NAMES.items()}


def protocol_name(number: int) -> str:
    """Its name, or the number where it has none here."""
    return NAMES.get(number, str(number))


def protocol_number(text: str) -> int | None:
    """From a name or a number 0 to 255; None for ''. Raises FlowtrailError for anything else."""
    word = text.strip().lower()
    if not word:
        return None
    if word in NUMBERS:
        return NUMBERS[word]
    if word.isascii() and word.isdigit() and int(word) <= 255:
        return int(word)
    raise FlowtrailError(
        f"{text!r} is not a protocol.", f"Give its IANA number, or one of {', '.join(sorted(NUMBERS))}."
    )
