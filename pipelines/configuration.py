"""The timeline of the VPC configuration, from the store, wherever a step runs."""

from threading import Lock

from connectors.store import configuration
from connectors.store.clickhouse import Store
from network.history.timeline import Timeline
from schemas.snapshot import CONFIG_VERSIONS

_made: dict[tuple[str, str], tuple[str, Timeline | None]] = {}
_lock = Lock()


def timeline_of(store: Store) -> Timeline | None:
    """The timeline of all snapshots and changes in the store; None without any snapshot. It is made once per process
    and version of the facts. Raises FlowtrailError when the store fails."""
    client = store.client()
    version = configuration.version(client)
    key = (store.db, store.database)
    with _lock:
        made = _made.get(key)
        if made is None or made[0] != version:
            snapshots = configuration.load_snapshots(client)
            made = version, Timeline(snapshots, configuration.load_changes(client)) if snapshots else None
            _made[key] = made
        return made[1]


def required_timeline(store: Store) -> Timeline:
    """As `timeline_of`; raises FlowtrailError without any snapshot."""
    return timeline_of(store) or Timeline([], [])


def save_versions(store: Store) -> None:
    """Bring the table of configuration versions up to date with the facts, if they have changed since it was made.
    Raises FlowtrailError when the store fails."""
    client = store.client()
    version = configuration.version(client)
    if configuration.built_from(client, CONFIG_VERSIONS.name) == version:
        return
    timeline = timeline_of(store)
    if timeline is not None:
        configuration.save_versions(client, timeline.versions())
        configuration.note_built_from(client, CONFIG_VERSIONS.name, version)
