"""Delivery gaps: periods for which an interface's flow log delivered nothing, between two records that it did
deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.text import few, span

AT_ONCE = 1_000_000
"""Up to this many records are searched in addition to answering another query; ten million take a second."""

MOST = 1_000


@dataclass(frozen=True)
class Gap:
    """A period, from a record's end to the next one's start, for which nothing was delivered."""

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
    """How much is missing, and of which interfaces. `found` is longest first and not empty."""
    enis = list(dict.fromkeys(gap.interface_id for gap in found))
    longest = found[0]
    return (
        f"No records were delivered in {len(found)} periods for {few(enis)}, the longest"
        f" {span(longest.end - longest.start)}: see `flowtrail status`."
    )
