"""Delivery gaps: stretches of which an interface's flow log says nothing, though it speaks before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.clickhouse import Store
from console.ask import ask

AT_ONCE = 1_000_000
"""So many records are looked through beside another question: it takes a second for ten million."""

MOST = 1_000


@dataclass(frozen=True)
class Gap:
    """Nothing was delivered between a record's end and the next one's start."""

    interface_id: str
    start: datetime
    end: datetime

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "seconds": int((self.end - self.start).total_seconds())}


def gaps(store: Store, start: datetime, end: datetime, eni: str = "") -> list[Gap]:
    """The gaps of `[start, end)`, longest first, at most `MOST`. Raises FlowtrailError as `ask` does."""
    rows = ask(store, "gaps", {"from": start, "to": end, "eni": eni, "limit": MOST})
    return [Gap(**row) for row in rows]


def sentence(found: Sequence[Gap]) -> str:
    """How much is missing, and of whom."""
    enis = list(dict.fromkeys(gap.interface_id for gap in found))
    longest = found[0]
    return (
        f"Nothing was delivered in {len(found)} stretches of {few(enis)}, the longest"
        f" {span(longest.end - longest.start)}: see `flowtrail status`."
    )


def span(length: timedelta) -> str:
    """`1 h 05 min`."""
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def few(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
