"""Answers as JSON types."""

import ipaddress
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas.times import rfc3339


def json_text(value: object) -> str:
    """One JSON document, ASCII only: control characters are escaped."""
    return json.dumps(plain(value), indent=2, ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """`value` as JSON types: times as RFC 3339 (naive ones as UTC), durations in seconds, addresses as text, bytes as
    hex, NaN and infinity as null. Raises TypeError for a type that has no JSON form.

    >>> plain({"addr": ipaddress.ip_address("::ffff:10.0.1.10"), "etag": b"\\x1f"})
    {'addr': '10.0.1.10', 'etag': '1f'}
    """
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
