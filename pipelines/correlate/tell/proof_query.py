"""The query that shows the flows of an incident. It is printed for people to run; Flowtrail never runs it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

COLUMNS = "start, end, action, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes"
AROUND = timedelta(minutes=5)
MOST_PEERS = 50
"""The most peers that the query lists; with more, it does not filter by peer."""


def proof_query(
    enis: Sequence[str],
    protocols: Sequence[int],
    ports: Sequence[int],
    peers: Sequence[str],
    *,
    first: datetime,
    last: datetime,
) -> str:
    """SQL for `flowtrail sql`. The values are quoted in the text, since people run it, without parameters."""
    conditions = [
        f"interface_id IN ({_texts(enis)})",
        f"start >= '{first - AROUND:%Y-%m-%d %H:%M:%S}' AND start < '{last + AROUND:%Y-%m-%d %H:%M:%S}'",
        f"protocol IN ({_numbers(protocols)}) AND (srcport IN ({_numbers(ports)}) OR dstport IN ({_numbers(ports)}))",
    ]
    lines = [f"SELECT {COLUMNS}", "FROM flows"]
    if 0 < len(peers) <= MOST_PEERS:
        lines.insert(0, f"WITH arrayMap(peer -> toIPv6(peer), [{_texts(peers)}]) AS peers")
        conditions.append("(has(peers, assumeNotNull(srcaddr)) OR has(peers, assumeNotNull(dstaddr)))")
    return "\n".join([*lines, "WHERE " + "\n  AND ".join(conditions), "ORDER BY start"])


def _texts(values: Iterable[str]) -> str:
    return ", ".join(_text(value) for value in values)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(str(int(value)) for value in values)
