"""Snapshots, change events and derived versions of the VPC configuration in the store."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter

from connectors.store.clickhouse import command, insert, query
from schemas.change import CHANGE_EVENTS, ChangeEvent
from schemas.configuration import RESOURCE_TYPES, TYPE_NAMES, Resource
from schemas.runs import DERIVATIONS
from schemas.snapshot import CONFIG_SNAPSHOTS, CONFIG_VERSIONS, ConfigVersion, Snapshot, body_json
from schemas.times import rfc3339

_COLUMNS = [name for name in CHANGE_EVENTS.names if name not in ("load", "chunk")]


_RESOURCES: dict[str, TypeAdapter[Resource]] = {name: TypeAdapter(kind) for name, kind in RESOURCE_TYPES.items()}


def resource_of(resource_type: str, body: str) -> Resource:
    """The resource that `schemas.snapshot.body_json` wrote; unknown members are ignored. Raises KeyError for an unknown
    resource type, and ValueError for a body that is not of that type."""
    return _RESOURCES[resource_type].validate_json(body)


def save_snapshot(client: Client, snapshot: Snapshot) -> str:
    """Store a snapshot and return its id, a digest of its time and content; a repeated snapshot is stored once."""
    as_of = snapshot.as_of.astimezone(UTC)
    as_of = as_of.replace(microsecond=as_of.microsecond // 1000 * 1000)
    common = {
        "as_of": as_of,
        "source": snapshot.source,
        "account_id": snapshot.account_id,
        "region": snapshot.region,
    }
    parts = [
        {"resource_type": TYPE_NAMES[type(resource)], "resource_id": resource.id, "body": body_json(resource)}
        for resource in snapshot.resources
    ]
    parts.sort(key=lambda part: (part["resource_type"], part["resource_id"]))
    identity = json.dumps([{**common, "as_of": rfc3339(as_of)}, parts], sort_keys=True)
    snapshot_id = blake2b(identity.encode(), digest_size=12).hexdigest()
    sql = f"SELECT resource_type, resource_id FROM {CONFIG_SNAPSHOTS.name} WHERE snapshot_id = {{id:String}}"  # noqa: S608
    stored = {(row["resource_type"], row["resource_id"]) for row in query(client, sql, {"id": snapshot_id}).to_pylist()}
    at = datetime.now(UTC)
    rows = [
        {"snapshot_id": snapshot_id, **common, **part, "at": at}
        for part in parts
        if (part["resource_type"], part["resource_id"]) not in stored
    ]
    insert(client, CONFIG_SNAPSHOTS, pa.Table.from_pylist(rows, CONFIG_SNAPSHOTS.schema))
    return snapshot_id


def snapshot_times(client: Client) -> list[list[datetime]]:
    """The times of the snapshots, one sorted list for each account and region."""
    sql = f"SELECT groupUniqArray(as_of) AS times FROM {CONFIG_SNAPSHOTS.name} GROUP BY account_id, region"  # noqa: S608
    return [sorted(row["times"]) for row in query(client, sql).to_pylist()]


def load_snapshots(client: Client, condition: str = "1", parameters: Mapping[str, Any] | None = None) -> list[Snapshot]:
    """Every snapshot in time order, its resources ordered by type and id; or those resources, and snapshots with any,
    that meet an SQL condition."""
    sql = f"""
        SELECT DISTINCT snapshot_id, as_of, source, account_id, region, resource_type, resource_id, body
        FROM {CONFIG_SNAPSHOTS.name} WHERE {condition} ORDER BY as_of, snapshot_id, resource_type, resource_id
    """  # noqa: S608
    found: dict[str, Snapshot] = {}
    resources: dict[str, list[Resource]] = {}
    for row in query(client, sql, parameters).to_pylist():
        name = row["snapshot_id"]
        if name not in found:
            as_of = row["as_of"].astimezone(UTC)
            found[name] = Snapshot(as_of, row["source"], (), row["account_id"], row["region"])
        resources.setdefault(name, []).append(resource_of(row["resource_type"], row["body"]))
    return [replace(snapshot, resources=tuple(resources[name])) for name, snapshot in found.items()]


def load_changes(
    client: Client, condition: str = "1", parameters: Mapping[str, Any] | None = None
) -> list[ChangeEvent]:
    """Every change event once, in order, or those that meet an SQL condition. Among records with the same eventID, the
    first by object and row counts."""
    columns = ", ".join(
        "toDateTime64(event_time, 0, 'UTC') AS event_time" if name == "event_time" else name for name in _COLUMNS
    )
    sql = f"""
        SELECT {columns} FROM {CHANGE_EVENTS.name} AS changes PREWHERE {condition}
        ORDER BY changes.event_time, event_id, object_id, row_no LIMIT 1 BY event_id
    """  # noqa: S608
    rows = query(client, sql, parameters).to_pylist()
    return [ChangeEvent.from_row({**row, "event_time": row["event_time"].astimezone(UTC)}) for row in rows]


def version(client: Client) -> str:
    """Identifies the snapshots and change events that the store holds: another text when there are others."""
    sql = f"""
        SELECT concat(
            (SELECT concat(toString(count()), ':', toString(groupBitXor(cityHash64(snapshot_id, resource_id))))
                FROM {CONFIG_SNAPSHOTS.name}), ' ',
            (SELECT concat(toString(count()), ':', toString(groupBitXor(cityHash64(event_id, object_id, row_no))))
                FROM {CHANGE_EVENTS.name})
        ) AS version
    """  # noqa: S608
    return str(query(client, sql)["version"][0].as_py())


def built_from(client: Client, table: str) -> str:
    """The version of the facts that a derived table was last built from; '' if never."""
    sql = f"SELECT argMax(built_from, at) AS built_from FROM {DERIVATIONS.name} WHERE name = {{name:String}}"  # noqa: S608
    return str(query(client, sql, {"name": table})["built_from"][0].as_py() or "")


def note_built_from(client: Client, table: str, version: str) -> None:
    """Note that the derived table is now built from this version of the facts."""
    insert(client, DERIVATIONS, pa.table({"name": [table], "built_from": [version]}))


def save_versions(client: Client, versions: Sequence[ConfigVersion]) -> bool:
    """Replace all versions with these: a new generation is written, then the older ones are removed. False if another
    process has written a generation meanwhile: then either may count, and one of them must write again."""
    latest = _latest(client)
    # Two processes that write at the same time write two generations.
    generation = (((latest >> 32) + 1) << 32) + secrets.randbits(32)
    rows = [
        {
            "generation": generation,
            "resource_type": version.resource_type,
            "resource_id": version.resource.id,
            "valid_from": version.valid_from,
            "valid_to": version.valid_to,
            "begun_by": version.begun_by,
            "ended_by": version.ended_by,
            "exact": version.exact,
            "body": body_json(version.resource),
        }
        for version in versions
    ]
    insert(client, CONFIG_VERSIONS, pa.Table.from_pylist(rows, CONFIG_VERSIONS.schema))
    sql = f"""
        SELECT count() AS n FROM {CONFIG_VERSIONS.name}
        WHERE generation > {{latest:UInt64}} AND generation != {{own:UInt64}}
    """  # noqa: S608
    others = query(client, sql, {"latest": latest, "own": generation})["n"][0].as_py()
    if latest:
        condition = f"generation < {generation:d}"
        command(client, f"ALTER TABLE {CONFIG_VERSIONS.name} DELETE WHERE {condition} SETTINGS mutations_sync = 2")
    return not others


def _latest(client: Client) -> int:
    sql = f"SELECT max(generation) AS latest FROM {CONFIG_VERSIONS.name}"  # noqa: S608
    return int(query(client, sql)["latest"][0].as_py() or 0)
