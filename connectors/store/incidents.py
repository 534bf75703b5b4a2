"""Incidents in the store: one row each, the latest generation counts; and everything that was ever said of them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter

from connectors.store.clickhouse import insert, query
from schemas.incident import INCIDENT_HISTORY, INCIDENTS, Examined, Incident, Said
from schemas.runs import INCIDENT_DRAFTS

_INCIDENT = TypeAdapter(Incident)

_COLUMNS = "body, generation, deleted, run, said_at, read_from, examined_from, examined_to, replaced_by"


def save_draft(client: Client, run: str, incident: Incident) -> None:
    """Keep an incident that a run has found; it counts once the run publishes it. Twice is once."""
    row = {"run": [run], "id": [incident.id], "body": [_body(incident)]}
    insert(client, INCIDENT_DRAFTS, pa.table(row))


def drafts(client: Client, run: str) -> list[Incident]:
    """The incidents that a run has found, in order of `first_seen` and id."""
    sql = f"SELECT DISTINCT body FROM {INCIDENT_DRAFTS.name} WHERE run = {{run:String}}"  # noqa: S608
    found = [from_json(row["body"]) for row in query(client, sql, {"run": run}).to_pylist()]
    return sorted(found, key=lambda incident: (incident.first_seen, incident.id))


def current(client: Client) -> list[Said]:
    """What is now said of every incident, ordered by `first_seen` and id."""
    sql = f"SELECT {_COLUMNS} FROM {INCIDENTS.name} FINAL WHERE deleted = 0 ORDER BY first_seen, id"  # noqa: S608
    return [_said(row) for row in query(client, sql).to_pylist()]


def as_of(client: Client, at: datetime) -> list[Said]:
    """What was said of every incident at that time, ordered by `first_seen` and id."""
    sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT * FROM {INCIDENT_HISTORY.name} FINAL WHERE ifNull(said_at <= {{at:DateTime64(3, 'UTC')}}, 1)
            ORDER BY id, generation DESC, said_at DESC, run DESC LIMIT 1 BY id
        ) WHERE deleted = 0 ORDER BY first_seen, id
    """  # noqa: S608
    return [_said(row) for row in query(client, sql, {"at": at}).to_pylist()]


def load(client: Client, incident_id: str | None = None) -> list[Incident]:
    """All incidents, or the one with this id, ordered by `first_seen` and id."""
    found = [said.incident for said in current(client)]
    return [incident for incident in found if incident_id in (None, incident.id)]


def history(client: Client, incident_id: str) -> list[Said]:
    """Everything that was said of the incident, and of those that it replaced, oldest first. What says the same again
    is left out."""
    sql = f"""
        SELECT DISTINCT {_COLUMNS} FROM {INCIDENT_HISTORY.name} FINAL
        WHERE id = {{id:String}} OR id IN (
            SELECT id FROM {INCIDENT_HISTORY.name} WHERE has(replaced_by, {{id:String}})
        )
        ORDER BY generation, said_at, run, deleted DESC, id
    """  # noqa: S608
    told: list[Said] = []
    last: dict[str, tuple[Incident, bool]] = {}
    for said in map(_said, query(client, sql, {"id": incident_id}).to_pylist()):
        if last.get(said.incident.id) != (said.incident, said.withdrawn):
            told.append(said)
        last[said.incident.id] = said.incident, said.withdrawn
    return told


def withdrawn(client: Client) -> list[str]:
    """Ids of incidents that were said once and are no longer found."""
    return [said.incident.id for said in gone(client)]


def latest(client: Client) -> int:
    """The latest generation; 0 if nothing was ever said."""
    sql = f"""
        SELECT greatest(
            (SELECT max(generation) FROM {INCIDENTS.name}), (SELECT max(generation) FROM {INCIDENT_HISTORY.name})
        ) AS latest
    """  # noqa: S608
    return int(query(client, sql)["latest"][0].as_py() or 0)


def is_overtaken(client: Client, run: str, generation: int) -> bool:
    """Whether another run has said something since that generation."""
    sql = f"""
        SELECT count() AS n FROM {INCIDENT_HISTORY.name}
        WHERE run != {{run:String}} AND generation > {{generation:UInt64}}
    """  # noqa: S608
    return bool(query(client, sql, {"run": run, "generation": generation})["n"][0].as_py())


def of_others(client: Client, run: str) -> list[Said]:
    """What would be said of every incident if the run had said nothing, in order of id."""
    sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT id, {_COLUMNS} FROM {INCIDENT_HISTORY.name} FINAL WHERE run != {{run:String}}
            UNION ALL
            SELECT id, {_COLUMNS} FROM {INCIDENTS.name} FINAL WHERE run != {{run:String}}
            ORDER BY id, generation DESC, said_at DESC, run DESC LIMIT 1 BY id
        ) WHERE deleted = 0 ORDER BY id
    """  # noqa: S608
    return [_said(row) for row in query(client, sql, {"run": run}).to_pylist()]


def of_run(client: Client, run: str) -> list[Said]:
    """What the run has said last of each incident, in order of id."""
    sql = f"""
        SELECT {_COLUMNS} FROM {INCIDENT_HISTORY.name} FINAL WHERE run = {{run:String}}
        ORDER BY id, generation DESC LIMIT 1 BY id
    """  # noqa: S608
    return [_said(row) for row in query(client, sql, {"run": run}).to_pylist()]


def gone(client: Client) -> list[Said]:
    """What was said last of every incident that was said once and is no longer found, in order of id."""
    sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT * FROM {INCIDENT_HISTORY.name} FINAL
            WHERE id NOT IN (SELECT id FROM {INCIDENTS.name} FINAL WHERE deleted = 0)
            ORDER BY id, generation DESC, said_at DESC, run DESC LIMIT 1 BY id
        ) WHERE deleted = 1 ORDER BY id
    """  # noqa: S608
    return [_said(row) for row in query(client, sql).to_pylist()]


def write(client: Client, run: str, said: Sequence[Said], generation: int) -> bool:
    """Make what a run says of incidents visible in one step, as a generation, and keep what was said of them before.
    What is already said of an incident, from the same range, is not written again: False if that is all."""
    before = {old.incident.id: old for old in current(client)}
    new = [
        one
        for one in said
        if (old := before.get(one.incident.id)) is None
        or one.withdrawn
        or (_body(one.incident), one.examined) != (_body(old.incident), old.examined)
    ]
    if not new:
        return False
    now = datetime.now(UTC)
    rows = [_row(one, generation, run, now) for one in new]
    olds = [before[one.incident.id] for one in new if one.incident.id in before]
    # A process that ends between the two inserts has kept what it did not publish: the next run says it again.
    kept = [_row(old, old.generation, old.run, old.at) for old in olds if old.at is None] + rows
    insert(client, INCIDENT_HISTORY, pa.Table.from_pylist(kept, INCIDENT_HISTORY.schema))
    insert(client, INCIDENTS, pa.Table.from_pylist(rows, INCIDENTS.schema))
    return True


def from_json(body: str) -> Incident:
    """The incident whose `to_json` gave this document. Raises ValueError when it is not an incident."""
    return _INCIDENT.validate_json(body)


def _body(incident: Incident) -> str:
    """Canonical: equal incidents give equal text."""
    return json.dumps(incident.to_json(), sort_keys=True, separators=(",", ":"))


def _said(row: dict[str, Any]) -> Said:
    since, start, end = (_utc(row[name]) for name in ("read_from", "examined_from", "examined_to"))
    return Said(
        from_json(row["body"]),
        Examined(since, start, end) if since and start and end else None,
        row["run"],
        _utc(row["said_at"]),
        row["generation"],
        bool(row["deleted"]),
        tuple(row["replaced_by"]),
    )


def _utc(value: int | datetime | None) -> datetime | None:
    """The engine gives DateTime as seconds and DateTime64 as a time."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    return None if value is None else value.astimezone(UTC)


def _row(said: Said, generation: int, run: str, at: datetime | None) -> dict[str, Any]:
    incident, examined = said.incident, said.examined
    cause = incident.cause
    return {
        "id": incident.id,
        "generation": generation,
        "deleted": int(said.withdrawn),
        "kind": incident.kind.value,
        "state": incident.state.value,
        "certainty": incident.certainty.value,
        "layer": cause.layer if cause else "",
        "resource": cause.resource if cause else "",
        "actor": cause.actor if cause else "",
        "event_ids": list(cause.event_ids) if cause else [],
        "enis": list(incident.enis),
        "ports": list(incident.ports),
        "peers": list(incident.peers),
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
        "closed_at": incident.closed_at,
        "body": _body(incident),
        "run": run,
        "said_at": at and at.replace(microsecond=at.microsecond // 1000 * 1000),
        "read_from": examined and examined.since,
        "examined_from": examined and examined.start,
        "examined_to": examined and examined.end,
        "replaced_by": list(said.replaced_by),
    }
