"""Copies: flow log objects that were loaded from more than one place, for example a bucket and its replica."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask

MOST = 1_000


@dataclass(frozen=True)
class Copies:
    """Objects with records between `start` and `end` that are in all of these buckets, or more than once in one:
    `records` of theirs are in the store again."""

    buckets: tuple[str, ...]
    objects: int
    records: int
    start: datetime
    end: datetime

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "buckets": list(self.buckets)}


def copies(store: Store, start: datetime, end: datetime) -> list[Copies]:
    """The copies of `[start, end)`, most records first, at most `MOST`. Raises FlowtrailError as `ask` does."""
    rows = ask(store, "copies", {"from": start, "to": end, "limit": MOST})
    return [Copies(**{**row, "buckets": tuple(row["buckets"])}) for row in rows]
