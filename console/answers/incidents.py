"""Incidents: a list to choose from, and one in full."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from connectors.store.clickhouse import Store
from connectors.store.incidents import history, load
from console.answers.text import INGEST
from schemas.errors import FlowtrailError
from schemas.incident import Incident, Statement
from schemas.times import rfc3339

COLUMNS = tuple(field.name for field in fields(Incident))
"""The fields of an incident in JSON and CSV."""


FIND_SOME = (
    f"Find them in a time range with `flowtrail correlate --from 24h`; if the database is empty, first run `{INGEST}`."
)


def incidents(store: Store) -> list[Incident]:
    """All incidents, in order of `first_seen`. Raises FlowtrailError when the store cannot be read."""
    return sorted(load(store.reader()), key=lambda incident: (incident.first_seen, incident.id))


@dataclass(frozen=True)
class Said:
    """Everything that was said of an incident, in order of time."""

    statements: Sequence[Statement]

    @property
    def earlier(self) -> Sequence[Statement]:
        """All but the one that stands."""
        standing = [statement for statement in self.statements if not statement.replaced_by]
        return [statement for statement in self.statements if not standing or statement is not standing[-1]]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {
                "at": rfc3339(each.at),
                "run": each.run,
                "judged_from": rfc3339(each.judged_from),
                "judged_to": rfc3339(each.judged_to),
                "replaced_by": each.replaced_by,
                "incident": each.incident.to_json(),
            }
            for each in self.statements
        ]


def said(store: Store, one: Incident) -> Said:
    """What was said of an incident, and of those that it replaced. Raises FlowtrailError as `incidents` does."""
    return Said(history(store.reader(), one.id))


def incident(store: Store, incident_id: str) -> Incident:
    """The incident whose id is, or starts with, `incident_id`. Raises FlowtrailError when there is none or several."""
    known = incidents(store)
    found = [i for i in known if i.id == incident_id] or [
        i for i in known if incident_id and i.id.startswith(incident_id)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise FlowtrailError(f"{len(found)} incident IDs start with {incident_id!r}.", "Give more of the ID.")
    if not known:
        raise FlowtrailError(f"There is no incident {incident_id!r}: none has been found yet.", FIND_SOME)
    raise FlowtrailError(
        f"There is no incident {incident_id!r}.",
        "List them with `flowtrail incidents`, or find more with `flowtrail correlate`.",
    )
