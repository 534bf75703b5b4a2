"""Times, durations, addresses and lists as people write them, the same in every interface; and text from logs, which
is hostile and never shown raw."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from schemas.times import rfc3339

INGEST = "flowtrail ingest s3://bucket/AWSLogs/"
"""The command that fills an empty store, for remedies."""


def utc(moment: datetime) -> str:
    """`2026-11-20 14:32:05Z`."""
    return rfc3339(moment).replace("T", " ")


def local(moment: datetime) -> str:
    """`2026-11-20 15:32:05+01:00`: in the zone of this machine, or of the TZ variable."""
    return moment.astimezone().isoformat(sep=" ")


def both(moment: datetime) -> str:
    """UTC, then local time in parentheses, with its date only if that differs.

    `2026-11-20 18:32:05Z (2026-11-21 00:02:05+05:30)`.
    """
    here = moment.astimezone()
    same = here.date() == moment.astimezone(UTC).date()
    return f"{utc(moment)} ({here.timetz().isoformat() if same else local(moment)})"


def address(packed: bytes | None) -> str | None:
    """16 bytes as text: IPv4 (mapped into IPv6) dotted, IPv6 compressed. None stays None."""
    if packed is None:
        return None
    v6 = ipaddress.IPv6Address(packed)
    return str(v6.ipv4_mapped or v6)


def span(length: timedelta) -> str:
    """A duration in whole minutes: `1 h 05 min`, `7 min`."""
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def few(names: Sequence[str], most: int = 3) -> str:
    """The first `most` names.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def clean(text: object) -> str:
    r"""`text` on one line. Characters that Unicode classifies as control, format (bidi), surrogate, separator (except
    the space), private or unassigned are escaped.

    >>> print(clean("\x1b[2J"))
    \x1b[2J
    """
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
