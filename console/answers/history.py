"""The history of the VPC configuration, as the store has it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from connectors.store import around, configuration
from connectors.store.clickhouse import Store
from network.history.timeline import Timeline
from schemas.change import ChangeEvent

LITTLE = 20_000
"""Resources in snapshots and changes of which a timeline is made in less than a second."""


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


_made: dict[tuple[str, str], tuple[str, Timeline | None]] = {}
_lock = Lock()


def timeline_of(store: Store) -> Timeline:
    """The timeline of all snapshots and changes in the store. Raises FlowtrailError without any snapshot, or when the
    store cannot be read."""
    return known_timeline(store) or Timeline([], [])


def timeline_around(store: Store, ends: Collection[str]) -> Timeline:
    """The timeline as far as interfaces with these addresses or ids, or of these instances, depend on it; all of it
    where there is little. Raises as `timeline_of`."""
    client = store.reader()
    if around.size(client) <= LITTLE:
        return timeline_of(store)
    facts = around.facts_around(client, ends)
    return Timeline(facts.snapshots, facts.changes, facts.latest)


def known_timeline(store: Store) -> Timeline | None:
    """The same; None without any snapshot. A process that answers many questions makes it once for as long as the facts
    are the same."""
    client = store.reader()
    version, key = configuration.version(client), (store.db, store.database)
    with _lock:
        made = _made.get(key)
        if made is None or made[0] != version:
            snapshots, changes = configuration.load_snapshots(client), configuration.load_changes(client)
            made = version, Timeline(snapshots, changes) if snapshots else None
            _made[key] = made
        return made[1]
