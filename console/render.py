"""Text for a terminal and JSON for scripts. What comes from logs is hostile: nothing of it reaches a terminal raw."""

import ipaddress
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas.times import rfc3339


def clean(text: object) -> str:
    r"""`text` on one line, with every character written out (`\x1b`, `\u202e`) that Unicode calls a control, a format
    (bidi), a surrogate, a separator other than the space, or nothing."""
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def utc(moment: datetime) -> str:
    """`2026-11-20 14:32:05Z`."""
    return rfc3339(moment).replace("T", " ")


def local(moment: datetime) -> str:
    """`2026-11-20 15:32:05+01:00`: the zone of this machine, or of the TZ variable."""
    return moment.astimezone().isoformat(sep=" ")


def both(moment: datetime) -> str:
    """UTC, and local time after it; its date only where that is another."""
    here = moment.astimezone()
    same = here.date() == moment.astimezone(UTC).date()
    return f"{utc(moment)} ({here.timetz().isoformat() if same else local(moment)})"


def address(packed: bytes | None) -> str | None:
    """16 bytes as people write them: IPv4 dotted, IPv6 compressed."""
    if packed is None:
        return None
    v6 = ipaddress.IPv6Address(packed)
    return str(v6.ipv4_mapped or v6)


def json_text(value: object) -> str:
    """One JSON document, ASCII only: control characters arrive escaped."""
    return json.dumps(plain(value), indent=2, ensure_ascii=True, allow_nan=False)


FORMULA = ("=", "+", "-", "@")


def csv_cell(value: object) -> str:
    """`value` as a cell: nothing as '', what has parts as JSON, text cleaned, and with a `'` before it where a
    spreadsheet would take it for a formula."""
    found = plain(value)
    if found is None:
        return ""
    if isinstance(found, bool | list | dict):
        return json.dumps(found, ensure_ascii=True, allow_nan=False)
    if not isinstance(found, str):
        return str(found)
    text = clean(found)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def plain(value: Any) -> Any:
    """`value` in JSON's own types: times as RFC 3339, addresses as text, bytes as hex, what is no number as null.
    Raises TypeError for a type that has no place in an answer."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return rfc3339(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, ipaddress.IPv6Address):
        return str(value.ipv4_mapped or value)
    if isinstance(value, ipaddress.IPv4Address | UUID | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")
