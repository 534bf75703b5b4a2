"""Incidents in the store: one row each, the latest generation holds."""

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import insert, query
from schemas.incident import INCIDENTS, Incident
from schemas.times import parse_time


def save(client: Client, incidents: Sequence[Incident], start: datetime, end: datetime) -> None:
    """Put the incidents that a correlation of `[start, end)` found in place of those known of that range.

    Rows whose content is the same stay as they are. What began in the range and was not found again is deleted, and so
    is what a found incident now tells better: of the same kind and time, at the same interfaces and ports.
    """
    known = {incident.id: incident for incident in load(client)}
    found = {incident.id: incident for incident in incidents}
    changed = [incident for incident in incidents if _body(incident) != _body(known.get(incident.id))]
    gone = [
        incident
        for incident in known.values()
        if incident.id not in found
        and (start <= incident.first_seen < end or any(_same_trouble(incident, other) for other in incidents))
    ]
    if not changed and not gone:
        return
    sql = f"SELECT max(generation) AS latest FROM {INCIDENTS.name}"  # noqa: S608
    generation = int(query(client, sql)["latest"][0].as_py() or 0) + 1
    rows = [_row(i, generation, 0) for i in changed] + [_row(i, generation, 1) for i in gone]
    insert(client, INCIDENTS, pa.Table.from_pylist(rows, INCIDENTS.schema))


def load(client: Client, incident_id: str | None = None) -> list[Incident]:
    """All incidents, or the one of that id, by first sign and id."""
    sql = f"""
        SELECT body FROM {INCIDENTS.name} FINAL
        WHERE deleted = 0 AND ({{id:String}} = '' OR id = {{id:String}})
        ORDER BY first_seen, id
    """  # noqa: S608
    rows = query(client, sql, {"id": incident_id or ""}).to_pylist()
    return [from_json(json.loads(row["body"])) for row in rows]


def from_json(body: Mapping[str, Any]) -> Incident:
    """The incident that `Incident.to_json` wrote."""
    incident: Incident = _build(Incident, body)
    return incident


def _build(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if typing.get_origin(kind) in (UnionType, typing.Union):
        return _build(next(part for part in typing.get_args(kind) if part is not type(None)), value)
    if typing.get_origin(kind) is tuple:
        return tuple(_build(typing.get_args(kind)[0], item) for item in value)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: _build(hints[field.name], value[field.name]) for field in fields(kind)})  # type: ignore[operator]
    if kind is datetime:
        return parse_time(value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


def _body(incident: Incident | None) -> str:
    """Canonical: equal incidents give equal text."""
    return json.dumps(incident.to_json(), sort_keys=True, separators=(",", ":")) if incident else ""


def _same_trouble(one: Incident, other: Incident) -> bool:
    together = one.first_seen <= (other.closed_at or other.last_seen) and other.first_seen <= (
        one.closed_at or one.last_seen
    )
    same = one.kind == other.kind and set(one.enis) & set(other.enis) and set(one.ports) & set(other.ports)
    return together and bool(same)


def _row(incident: Incident, generation: int, deleted: int) -> dict[str, Any]:
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
    }
