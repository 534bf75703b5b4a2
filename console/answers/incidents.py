"""Incidents: a list to choose from, and one in full."""

from dataclasses import dataclass, fields
from typing import Any

from connectors.store import incidents as stored
from connectors.store.clickhouse import Store
from console.answers.text import INGEST, few
from schemas.errors import FlowtrailError
from schemas.incident import Incident, Kind, Said
from schemas.protocols import protocol_name

COLUMNS = tuple(field.name for field in fields(Incident))
"""The fields of an incident in JSON and CSV."""


FIND_SOME = (
    f"Find them in a time range with `flowtrail correlate --from 24h`; if the database is empty, first run `{INGEST}`."
)


MOST = 5
"""How many names of a list are shown."""


@dataclass(frozen=True)
class Told:
    """What is said of an incident, and all that was said of it earlier, oldest first."""

    now: Said
    earlier: tuple[Said, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields of the incident, then when and from which range it was said, and what was said earlier."""
        return {
            **self.now.incident.to_json(),
            **_where(self.now),
            "history": [{**_where(said), "incident": said.incident.to_json()} for said in self.earlier],
        }


def _where(said: Said) -> dict[str, Any]:
    examined = said.examined
    return {
        "said_at": said.at,
        "run": said.run or None,
        "examined_from": examined and examined.start,
        "examined_to": examined and examined.end,
        "withdrawn": said.withdrawn,
        "replaced_by": list(said.replaced_by),
    }


def incidents(store: Store) -> list[Incident]:
    """All incidents, in order of `first_seen`. Raises FlowtrailError when the store cannot be read."""
    return [said.incident for said in stored.current(store.reader())]


def incident(store: Store, incident_id: str) -> Told:
    """The incident whose id is, or starts with, `incident_id`; one that is no longer found only if its id is given in
    full. Raises FlowtrailError when there is none or several."""
    client = store.reader()
    known = {said.incident.id: said for said in stored.current(client)}
    found = [i for i in known if i == incident_id] or [i for i in known if incident_id and i.startswith(incident_id)]
    if len(found) == 1:
        said = stored.history(client, found[0])
        return Told(known[found[0]], tuple(one for one in said if _differs(one, known[found[0]])))
    if found:
        raise FlowtrailError(f"{len(found)} incident IDs start with {incident_id!r}.", "Give more of the ID.")
    said = [one for one in stored.history(client, incident_id) if one.incident.id == incident_id]
    if said:
        return Told(said[-1], tuple(said[:-1]))
    if not known:
        raise FlowtrailError(f"There is no incident {incident_id!r}: none has been found yet.", FIND_SOME)
    raise FlowtrailError(
        f"There is no incident {incident_id!r}.",
        "List them with `flowtrail incidents`, or find more with `flowtrail correlate`.",
    )


def what(found: Incident) -> str:
    """A title such as `tcp 22 rejected at eni-1`."""
    verb = "rejected" if found.kind == Kind.REJECTS else "lost"
    services = "/".join(protocol_name(number) for number in found.protocols)
    return (
        f"{services} {few([str(port) for port in found.ports], MOST)}".strip() + f" {verb} at {few(found.enis, MOST)}"
    )


def _differs(said: Said, now: Said) -> bool:
    return said.withdrawn or said.incident != now.incident
