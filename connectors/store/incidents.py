"""Incidents in the store: one row each; the latest generation counts."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter

from connectors.store.clickhouse import insert, query
from schemas.incident import INCIDENTS, Incident
from schemas.runs import INCIDENT_DRAFTS

_INCIDENT = TypeAdapter(Incident)


def save_draft(client: Client, run: str, incident: Incident) -> None:
    """Keep an incident that a run has found; it counts once the run publishes it. Twice is once."""
    row = {"run": [run], "id": [incident.id], "body": [_body(incident)]}
    insert(client, INCIDENT_DRAFTS, pa.table(row))


def publish(client: Client, run: str, start: datetime, end: datetime) -> list[Incident]:
    """Make the drafts of a run, which correlated `[start, end)`, visible in one step; returns them by `first_seen` and
    id."""
    sql = f"SELECT DISTINCT body FROM {INCIDENT_DRAFTS.name} WHERE run = {{run:String}}"  # noqa: S608
    found = [from_json(row["body"]) for row in query(client, sql, {"run": run}).to_pylist()]
    found.sort(key=lambda incident: (incident.first_seen, incident.id))
    save(client, found, start, end, run)
    return found


def save(client: Client, incidents: Sequence[Incident], start: datetime, end: datetime, run: str = "") -> None:
    """Replace the stored incidents of `[start, end)` with those that a correlation of this range found.

    Rows with unchanged content stay as they are. An incident that started in the range and was not found again is
    deleted, and so is one that a found incident supersedes: same kind, overlapping times, interfaces and ports.
    """
    known = {incident.id: incident for incident in load(client)}
    found = {incident.id: incident for incident in incidents}
    changed = [incident for incident in incidents if _body(incident) != _body(known.get(incident.id))]
    obsolete = [
        incident
        for incident in known.values()
        if incident.id not in found
        and (start <= incident.first_seen < end or any(_superseded(incident, other) for other in incidents))
    ]
    if not changed and not obsolete:
        return
    sql = f"SELECT max(generation) AS latest FROM {INCIDENTS.name}"  # noqa: S608
    generation = int(query(client, sql)["latest"][0].as_py() or 0) + 1
    rows = [_row(i, generation, 0, run) for i in changed] + [_row(i, generation, 1, run) for i in obsolete]
    insert(client, INCIDENTS, pa.Table.from_pylist(rows, INCIDENTS.schema))


def load(client: Client, incident_id: str | None = None) -> list[Incident]:
    """All incidents, or the one with this id, ordered by `first_seen` and id."""
    sql = f"""
        SELECT body FROM {INCIDENTS.name} FINAL
        WHERE deleted = 0 AND ({{id:String}} = '' OR id = {{id:String}})
        ORDER BY first_seen, id
    """  # noqa: S608
    rows = query(client, sql, {"id": incident_id or ""}).to_pylist()
    return [from_json(row["body"]) for row in rows]


def from_json(body: str) -> Incident:
    """The incident whose `to_json` gave this document. Raises ValueError when it is not an incident."""
    return _INCIDENT.validate_json(body)


def _body(incident: Incident | None) -> str:
    """Canonical: equal incidents give equal text."""
    return json.dumps(incident.to_json(), sort_keys=True, separators=(",", ":")) if incident else ""


def _superseded(one: Incident, other: Incident) -> bool:
    together = one.first_seen <= (other.closed_at or other.last_seen) and other.first_seen <= (
        one.closed_at or one.last_seen
    )
    same = one.kind == other.kind and set(one.enis) & set(other.enis) and set(one.ports) & set(other.ports)
    return together and bool(same)


def _row(incident: Incident, generation: int, deleted: int, run: str) -> dict[str, Any]:
    cause = incident.cause
    return {
        "id": incident.id,
        "generation": generation,
        "deleted": deleted,
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
    }
