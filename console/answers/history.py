"""The history of the VPC configuration, as the store has it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store import configuration
from connectors.store.clickhouse import Store
from network.history.timeline import Timeline
from schemas.change import ChangeEvent


@dataclass(frozen=True)
class Call:
    """A CloudTrail call: who made it, from where and with which tool, and its eventID."""

    time: datetime
    event_id: str
    event_name: str
    actor: str
    source_ip: str
    user_agent: str

    @classmethod
    def of(cls, event: ChangeEvent) -> "Call":
        return cls(event.event_time, event.event_id, event.event_name, event.actor, event.source_ip, event.user_agent)

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def timeline_of(store: Store) -> Timeline:
    """The timeline of all snapshots and changes in the store. Raises FlowtrailError without any snapshot, or when the
    store cannot be read."""
    client = store.reader()
    return Timeline(configuration.load_snapshots(client), configuration.load_changes(client))
