"""Interfaces of which nothing is logged: no flow log covered them, or its deliveries are missing altogether."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask

MOST = 1_000


@dataclass(frozen=True)
class Unlogged:
    """A network interface that existed and of which there is no record, not even of no traffic (NODATA).
    `deleted_at`: when the last flow log that was deleted before the end of the time was deleted (DeleteFlowLogs)."""

    interface_id: str
    deleted_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        return vars(self)


def unlogged(store: Store, start: datetime, end: datetime) -> list[Unlogged]:
    """The interfaces without any record in `[start, end)`, by id, at most `MOST`. Raises FlowtrailError as `ask`
    does."""
    rows = ask(store, "unlogged", {"from": start, "to": end, "limit": MOST})
    return [Unlogged(**row) for row in rows]
