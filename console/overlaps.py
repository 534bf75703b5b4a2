"""Overlapping flow logs: AWS delivers each record once per flow log that covers its interface, in different objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.clickhouse import Store
from console.ask import ask

MOST = 1_000


@dataclass(frozen=True)
class Overlap:
    """Records of an interface came by all of these flow logs between `start` and `end`: they are there more than
    once."""

    interface_id: str
    flow_logs: tuple[str, ...]
    start: datetime
    end: datetime

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "flow_logs": list(self.flow_logs)}


def overlaps(store: Store, start: datetime, end: datetime) -> list[Overlap]:
    """Those of `[start, end)`, longest first, at most `MOST`. Raises FlowtrailError as `ask` does."""
    rows = ask(store, "overlaps", {"from": start, "to": end, "limit": MOST})
    return [Overlap(**{**row, "flow_logs": tuple(row["flow_logs"])}) for row in rows]
