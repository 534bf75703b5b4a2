"""Overlapping flow logs: AWS delivers each record once per flow log that covers its interface, in different objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask

MOST = 1_000


@dataclass(frozen=True)
class Overlap:
    """An interface whose records between `start` and `end` were delivered by all of these flow logs: each record is in
    the store more than once."""

    interface_id: str
    flow_logs: tuple[str, ...]
    start: datetime
    end: datetime

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "flow_logs": list(self.flow_logs)}


def overlaps(store: Store, start: datetime, end: datetime) -> list[Overlap]:
    """The overlaps of `[start, end)`, longest first, at most `MOST`. Raises FlowtrailError as `ask` does."""
    rows = ask(store, "overlaps", {"from": start, "to": end, "limit": MOST})
    return [Overlap(**{**row, "flow_logs": tuple(row["flow_logs"])}) for row in rows]
