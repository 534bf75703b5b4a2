"""Protocols that occur in VPC traffic, by IANA number and name."""

from schemas.errors import FlowtrailError

ALL = -1
"""Any protocol, in the rules of network ACLs and security groups."""

TCP, UDP = 6, 17
PORTED = (TCP, UDP)
"""Protocols with ports."""

ICMP = (1, 58)
"""ICMP and ICMPv6, which have a type and a code instead of ports."""

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

EC2_NAMES = {number: NAMES[number] for number in (*PORTED, *ICMP)}
"""Protocols that the EC2 API accepts by name; all others are given by number."""


def protocol_name(number: int) -> str:
    """The protocol's name, or its number as text if it is not listed here.

    >>> protocol_name(6), protocol_name(200)
    ('tcp', '200')
    """
    return NAMES.get(number, str(number))


def protocol_number(text: str) -> int | None:
    """The IANA number of a protocol name or of a number from 0 to 255; None for ''. Else raises FlowtrailError."""
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
