"""Incidents in the store: one row each, the latest generation counts; and everything that was ever said of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pydantic import TypeAdapter

from connectors.store.clickhouse import insert, query
from connectors.store.reconcile import Judged, reconcile
from schemas.incident import INCIDENT_HISTORY, INCIDENTS, Incident, Statement
from schemas.runs import INCIDENT_DRAFTS

_INCIDENT = TypeAdapter(Incident)
GONE = "-"
"""Stands for the incident that replaces one that is simply no longer found."""


@dataclass(frozen=True)
class Published:
    """`incidents` are those that stand for what a run found, by `first_seen` and id; `kept` those among them that are
    known from a range that saw more, and stay as they are."""

    incidents: tuple[Incident, ...]
    kept: tuple[Incident, ...]


def save_draft(client: Client, run: str, incident: Incident) -> None:
    """Keep an incident that a run has found; it counts once the run publishes it. Twice is once."""
    row = {"run": [run], "id": [incident.id], "body": [_body(incident)]}
    insert(client, INCIDENT_DRAFTS, pa.table(row))


def publish(client: Client, run: str, start: datetime, end: datetime) -> Published:
    """Make the drafts of a run, which correlated `[start, end)`, visible in one step."""
    sql = f"SELECT DISTINCT body FROM {INCIDENT_DRAFTS.name} WHERE run = {{run:String}}"  # noqa: S608
    found = [from_json(row["body"]) for row in query(client, sql, {"run": run}).to_pylist()]
    return save(client, found, start, end, run)


def save(client: Client, incidents: Sequence[Incident], start: datetime, end: datetime, run: str = "") -> Published:
    """Put what a correlation of `[start, end)` found in the place of what is known, as `reconcile` decides.

    What is said, and what is withdrawn, is first added to the history. Rows with unchanged content stay as they are.
    """
    known = {judged.incident.id: judged for judged in _judged(client)}
    outcome = reconcile(known.values(), sorted(incidents, key=_order), start, end)
    new = [said for said in outcome.said if _body(said.incident) != _body_of(known.get(said.incident.id))]
    wider = [said for said in outcome.said if not said.incident.closed_at and said != known.get(said.incident.id)]
    changed = new + [said for said in wider if said not in new]
    if changed or outcome.withdrawn:
        statements = [(said, "") for said in new] + [(judged, by or GONE) for judged, by in outcome.withdrawn]
        if statements:
            rows = [_statement(judged, by, run) for judged, by in statements]
            insert(client, INCIDENT_HISTORY, INCIDENT_HISTORY.rows(rows))
        sql = f"SELECT max(generation) AS latest FROM {INCIDENTS.name}"  # noqa: S608
        generation = int(query(client, sql)["latest"][0].as_py() or 0) + 1
        rows = [_row(judged, generation, 0, run) for judged in changed]
        rows += [_row(judged, generation, 1, run) for judged, _ in outcome.withdrawn]
        insert(client, INCIDENTS, pa.Table.from_pylist(rows, INCIDENTS.schema))
    standing = [*(said.incident for said in outcome.said), *outcome.kept]
    return Published(tuple(sorted(standing, key=_order)), outcome.kept)


def history(client: Client, incident_id: str) -> list[Statement]:
    """What was said of this incident, and of those that it replaced, in order of time."""
    sql = f"""
        SELECT toDateTime64(at, 3, 'UTC') AS said_at, run, id, replaced_by, body,
            toDateTime64(judged_from, 0, 'UTC') AS begin, toDateTime64(judged_to, 0, 'UTC') AS finish
        FROM {INCIDENT_HISTORY.name}
        WHERE id = {{id:String}} OR id IN (
            SELECT id FROM {INCIDENT_HISTORY.name} WHERE replaced_by = {{id:String}}
        )
        ORDER BY at, replaced_by = '', id
    """  # noqa: S608
    return [
        Statement(row["said_at"], row["run"], row["begin"], row["finish"], from_json(row["body"]), row["replaced_by"])
        for row in query(client, sql, {"id": incident_id}).to_pylist()
    ]


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


def _body_of(judged: Judged | None) -> str:
    return _body(judged.incident) if judged else ""


def _judged(client: Client) -> list[Judged]:
    """All incidents, each with the range that it was judged with; where that was not kept, as far as it was seen."""
    sql = f"""
        SELECT
            body,
            toDateTime64(ifNull(judged_from, first_seen), 0, 'UTC') AS begin,
            toDateTime64(coalesce(judged_to, closed_at, last_seen), 0, 'UTC') AS finish
        FROM {INCIDENTS.name} FINAL WHERE deleted = 0
    """  # noqa: S608
    return [Judged(from_json(row["body"]), row["begin"], row["finish"]) for row in query(client, sql).to_pylist()]


def _order(incident: Incident) -> tuple[datetime, str]:
    return incident.first_seen, incident.id


def _statement(judged: Judged, replaced_by: str, run: str) -> dict[str, Any]:
    return {
        "id": judged.incident.id,
        "run": run,
        "judged_from": judged.start,
        "judged_to": judged.end,
        "state": judged.incident.state.value,
        "certainty": judged.incident.certainty.value,
        "replaced_by": replaced_by,
        "body": _body(judged.incident),
    }


def _row(judged: Judged, generation: int, deleted: int, run: str) -> dict[str, Any]:
    incident, cause = judged.incident, judged.incident.cause
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
        "judged_from": judged.start,
        "judged_to": judged.end,
    }
