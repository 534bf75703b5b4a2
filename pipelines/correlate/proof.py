"""The query with which a person sees the flows behind an incident. It is printed, and never run by Flowtrail."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

AROUND = timedelta(minutes=5)
MOST_PEERS = 50
"""Peers that the query names; with more of them it asks for all."""


def proof_query(
    enis: Sequence[str],
    protocols: Sequence[int],
    ports: Sequence[int],
    peers: Sequence[str],
    *,
    first: datetime,
    last: datetime,
) -> str:
    """SQL for `flowtrail sql`. The values are quoted here since it is text for people, not a query that is run."""
    conditions = [
        f"interface_id IN ({_texts(enis)})",
        f"start >= '{first - AROUND:%Y-%m-%d %H:%M:%S}' AND start < '{last + AROUND:%Y-%m-%d %H:%M:%S}'",
        f"protocol IN ({_numbers(protocols)}) AND least(srcport, dstport) IN ({_numbers(ports)})",
    ]
    if 0 < len(peers) <= MOST_PEERS:
        addresses = ", ".join(f"toIPv6({_text(peer)})" for peer in peers)
        conditions.append(f"(srcaddr IN ({addresses}) OR dstaddr IN ({addresses}))")
    where = "\n  AND ".join(conditions)
    columns = "start, `end`, action, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes"
    return f"SELECT {columns}\nFROM flows\nWHERE {where}\nORDER BY start"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(_text(value) for value in values)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(str(int(value)) for value in values)
