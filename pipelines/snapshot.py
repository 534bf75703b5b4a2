"""Snapshots: what EC2 describes, stored as of a time; and what it shows that the known changes do not explain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.aws.access import Access
from connectors.aws.ec2 import describe_all, region
from connectors.store import runs
from connectors.store.clickhouse import Store, query
from connectors.store.configuration import save_snapshot
from connectors.store.migrate import ensure_migrated
from network.aws.describe import resources_from_describe
from pipelines.configuration import save_versions, timeline_of
from schemas.change import CHANGE_EVENTS
from schemas.configuration import Resource
from schemas.errors import FlowtrailError
from schemas.runs import RUNS
from schemas.snapshot import CONFIG_SNAPSHOTS, Snapshot

COMMAND = "snapshot"
SETTLES = timedelta(minutes=15)
"""CloudTrail mostly delivers a call within this time."""
RETRY = timedelta(minutes=15)
"""After a snapshot that could not be taken: a permission that is missing is seldom granted sooner."""


@dataclass(frozen=True)
class Taken:
    """`drift`: the ids of the resources that are not what the earlier snapshots and the changes since lead to; empty
    for the first snapshot of an account and region. Resources that are gone are not looked for. Calls that CloudTrail
    has not delivered yet, and services that change the configuration without a call that is stored, make some differ.
    """

    snapshot_id: str
    snapshot: Snapshot
    drift: tuple[str, ...]


def take(store: Store, access: Access) -> Taken:
    """A snapshot of what EC2 describes now. Raises FlowtrailError when EC2 or the store refuses."""
    now = datetime.now(UTC)
    return keep(store, describe_all(access=access), now, "endpoint", region(access))


def keep(store: Store, answers: Mapping[str, Mapping[str, Any]], as_of: datetime, source: str, where: str) -> Taken:
    """Store what was described. Raises FlowtrailError for an answer that is incomplete, and when the store fails."""
    taken = Snapshot(as_of, source, resources_from_describe(answers), _owner(answers), where)
    ensure_migrated(store)
    timeline = timeline_of(store)
    drift: tuple[str, ...] = ()
    if timeline is not None and as_of >= timeline.latest and _is_known(store.client(), taken):
        drift = _drift({each.id: each for each in timeline.at(as_of).resources()}, taken.resources)
    client = store.client()
    snapshot_id = save_snapshot(client, taken)
    save_versions(store)
    run = runs.begin(client, COMMAND, snapshot_id)
    counts = {"resources": len(taken.resources), "drift": len(drift)}
    runs.note(client, run, COMMAND, "done", counts=counts, detail=",".join(drift))
    return Taken(snapshot_id, taken, drift)


def note_failure(client: Client, error: FlowtrailError) -> None:
    """Note that a snapshot could not be taken: the next one is due after `RETRY`."""
    runs.note(client, runs.begin(client, COMMAND), COMMAND, "failed", detail=error.message)


def is_due(client: Client, every: timedelta, now: datetime) -> bool:
    """Whether a snapshot is to be taken: there is none, the latest is older than `every`, or a change came after it,
    which is seen in it once it has settled; and none has failed just before."""
    sql = f"""
        SELECT
            (SELECT maxOrNull(as_of) FROM {CONFIG_SNAPSHOTS.name}) AS taken,
            (SELECT maxOrNull(at) FROM {RUNS.name} WHERE command = '{COMMAND}' AND state = 'failed') AS failed,
            (SELECT maxOrNull(toDateTime64(event_time, 3, 'UTC')) FROM {CHANGE_EVENTS.name}) AS changed
    """  # noqa: S608
    row = query(client, sql).to_pylist()[0]
    taken, changed, failed = row["taken"], row["changed"], row["failed"]
    if failed is not None and failed + RETRY > now:
        return False
    if taken is None or taken + every <= now:
        return True
    return changed is not None and changed > taken and changed + SETTLES <= now


def _is_known(client: Client, taken: Snapshot) -> bool:
    """Whether there is an earlier snapshot of the same account and region: only then is anything known of it."""
    sql = f"""
        SELECT count() AS n FROM {CONFIG_SNAPSHOTS.name}
        WHERE account_id = {{account:String}} AND region = {{region:String}}
    """  # noqa: S608
    given = {"account": taken.account_id, "region": taken.region}
    return bool(query(client, sql, given)["n"][0].as_py())


def _drift(known: Mapping[str, Resource], seen: tuple[Resource, ...]) -> tuple[str, ...]:
    return tuple(sorted(each.id for each in seen if known.get(each.id) != each))


def _owner(answers: Mapping[str, Mapping[str, Any]]) -> str:
    """The account that owns the first resource with an OwnerId; "" if none has one."""
    lists = (items for answer in answers.values() for items in answer.values() if isinstance(items, list))
    owned = (item.get("OwnerId") for items in lists for item in items if isinstance(item, dict))
    return next((str(owner) for owner in owned if owner), "")
