"""The timeline of the VPC configuration, from the store, wherever a step runs."""

import random
import time
from threading import Lock

from connectors.store import configuration
from connectors.store.clickhouse import Store
from network.history.timeline import Timeline
from schemas.snapshot import CONFIG_VERSIONS

ATTEMPTS = 10
PAUSE = 0.5
"""Processes that write the versions at the same time write them again, each after up to this many seconds."""

_made: dict[tuple[str, str, tuple[str, ...]], tuple[str, Timeline | None]] = {}
_lock = Lock()


def timeline_of(store: Store, without: tuple[str, ...] = ()) -> Timeline | None:
    """The timeline of all snapshots and changes in the store, but for those with the eventIDs `without`; None without
    any snapshot. It is made once per process and version of the facts. Raises FlowtrailError when the store fails."""
    client = store.client()
    version = configuration.version(client)
    key = (store.db, store.database, without)
    with _lock:
        made = _made.get(key)
        if made is None or made[0] != version:
            snapshots = configuration.load_snapshots(client)
            changes = [change for change in configuration.load_changes(client) if change.event_id not in without]
            made = version, Timeline(snapshots, changes) if snapshots else None
            _made[key] = made
        return made[1]


def required_timeline(store: Store, without: tuple[str, ...] = ()) -> Timeline:
    """As `timeline_of`; raises FlowtrailError without any snapshot."""
    return timeline_of(store, without) or Timeline([], [])


def save_versions(store: Store) -> None:
    """Bring the table of configuration versions up to date with the facts, if they have changed since it was made.
    Raises FlowtrailError when the store fails."""
    client = store.client()
    if configuration.built_from(client, CONFIG_VERSIONS.name) == configuration.version(client):
        return
    for _ in range(ATTEMPTS):
        version = configuration.version(client)
        timeline = timeline_of(store)
        if timeline is None:
            return
        if configuration.save_versions(client, timeline.versions()):
            configuration.note_built_from(client, CONFIG_VERSIONS.name, version)
            return
        time.sleep(random.uniform(0, PAUSE))  # noqa: S311 - only spreads attempts
    # What is not noted as built is built by the next command that writes.
