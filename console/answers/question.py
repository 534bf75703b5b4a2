"""What people and programs ask about, from the text that they give."""

import re
from datetime import UTC, datetime

from network.cidr import address_text, is_address
from network.verdict.reach import Question, Where
from schemas.errors import FlowtrailError
from schemas.protocols import PORTED, protocol_number
from schemas.times import BEGINNING, END, parse_when


def where(text: str) -> Where:
    """An end: an address, a network interface ID or an instance ID. Raises FlowtrailError for anything else.

    >>> where("10.0.1.10"), where("i-0a1b")
    (Where(address='10.0.1.10', id=''), Where(address='', id='i-0a1b'))
    """
    given = text.strip()
    if given.startswith(("eni-", "i-")):
        return by_id(given)
    return by_address(given)


def by_id(text: str) -> Where:
    """The interface, or the instance, with this ID."""
    if not re.fullmatch(r"(eni|i)-[0-9a-zA-Z-]{1,40}", text):
        raise FlowtrailError(
            f"{text!r} is neither a network interface ID (eni-...) nor an instance (i-...).",
            "Write it as eni-0123456789abcdef0.",
        )
    return Where(id=text)


def by_address(text: str) -> Where:
    """Whatever has this address."""
    if not is_address(text.strip()):
        raise FlowtrailError(f"{text!r} is not an address.", "Write 198.51.100.7 or 2001:db8::7.")
    return Where(address=address_text(text.strip()))


def question(
    src: Where, dst: Where, protocol: str, port: int | None, *, client_port: int | None = None, vpc: str = ""
) -> Question:
    """May `src` open a connection to `port` of `dst`? Raises FlowtrailError for what cannot be asked."""
    if src == dst:
        raise FlowtrailError(f"Both ends are {src}.", "Give two.")
    if src.address and dst.address and (":" in src.address) != (":" in dst.address):
        raise FlowtrailError("One end is IPv4 and the other IPv6.", "They cannot reach each other: give two of a kind.")
    number = protocol_number(protocol)
    if number is None:
        raise FlowtrailError("The protocol is missing.", "Give tcp, udp, icmp, ...")
    if number in PORTED and port is None:
        raise FlowtrailError("The port is missing.", "Give the port at the end that is reached.")
    if number not in PORTED and (port or client_port):
        raise FlowtrailError(f"{protocol} has no ports.", "Leave out the port and the client port.")
    return Question(src, dst, number, port or 0, client_port, vpc)


def moment(text: str) -> datetime | None:
    """A time as the command line takes it, None for ''. Raises FlowtrailError for anything else."""
    if not text.strip():
        return None
    found = parse_when(text.strip(), datetime.now(UTC))
    if not BEGINNING <= found < END:
        raise FlowtrailError(f"{text!r} is outside the years 1970 to 2105.", "Give a time such as 2026-11-20T14:00.")
    return found
