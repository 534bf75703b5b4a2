"""A replay: a past range, correlated again under a run of its own; and how two accounts of a range differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store import incidents as stored
from connectors.store import runs
from connectors.store.clickhouse import Store
from schemas.errors import FlowtrailError
from schemas.incident import Examined, Incident

_TIMES = ("first_seen", "last_seen", "closed_at")
COMPARED = ("cause", "certainty", "state", *_TIMES, "closed_by", "enis", "ports", "peers", "fix", "reason")
"""The fields of an incident that are compared."""

COLUMNS = ("id", "difference", "field", "before", "after")
"""The fields of a difference in CSV."""


@dataclass(frozen=True)
class Replay:
    """`without`: eventIDs of calls that were taken as not made."""

    run: str
    without: tuple[str, ...]
    incidents: Sequence[Incident]

    def to_json(self) -> dict[str, Any]:
        return {"run": self.run, "without": list(self.without), "incidents": [one.to_json() for one in self.incidents]}


@dataclass(frozen=True)
class Changed:
    """An incident that both accounts have: its differing fields, with the values of both, as JSON types."""

    incident: Incident
    fields: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """How the replay `run` differs from `against`, in words: `gone` is only there, `new` only in the replay; `same`
    counts the incidents that do not differ."""

    run: str
    against: str
    gone: Sequence[Incident]
    new: Sequence[Incident]
    changed: Sequence[Changed]
    same: int

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "against": self.against,
            "gone": [one.to_json() for one in self.gone],
            "new": [one.to_json() for one in self.new],
            "changed": [
                {
                    "id": one.incident.id,
                    "fields": {name: {"before": old, "after": new} for name, (old, new) in one.fields.items()},
                }
                for one in self.changed
            ],
            "same": self.same,
        }

    def records(self) -> list[dict[str, Any]]:
        """One for each difference, with COLUMNS."""
        whole = [(i, "gone") for i in self.gone] + [(i, "new") for i in self.new]
        rows: list[dict[str, Any]] = [{"id": i.id, "difference": what} for i, what in whole]
        rows += [
            {"id": one.incident.id, "difference": "changed", "field": name, "before": old, "after": new}
            for one in self.changed
            for name, (old, new) in one.fields.items()
        ]
        return [{**dict.fromkeys(COLUMNS), **row} for row in rows]


def difference(store: Store, run: str, other: str = "", reported: datetime | None = None) -> Difference:
    """How a replay differs from another one (`other`), from what was said of its range at a time (`reported`), or else
    from what is said of it now. Raises FlowtrailError for a run that is not a replay, and when the store cannot be
    read."""
    client = store.reader()
    examined = _examined(store, run)
    if other:
        _examined(store, other)
        known, against = stored.drafts(client, other), f"replay {other}"
    elif reported:
        known = _within([said.incident for said in stored.as_of(client, reported)], examined)
        against = f"what was said at {reported:%Y-%m-%d %H:%M:%SZ}"
    else:
        known = _within([said.incident for said in stored.current(client)], examined)
        against = "what is said now"
    before, after = ({one.id: one for one in some} for some in (known, stored.drafts(client, run)))
    both = [Changed(after[i], fields) for i in after if i in before and (fields := _fields(before[i], after[i]))]
    return Difference(
        run,
        against,
        [one for one in before.values() if one.id not in after],
        [one for one in after.values() if one.id not in before],
        both,
        len(before.keys() & after.keys()) - len(both),
    )


def _examined(store: Store, run: str) -> Examined:
    found = runs.replayed(store.reader(), run)
    if found is None:
        raise FlowtrailError(f"There is no replay {run!r}.", "Make one with `flowtrail replay --from --to`.")
    return found


def _within(known: Sequence[Incident], examined: Examined) -> list[Incident]:
    """Those that show in the range."""
    return [one for one in known if one.first_seen < examined.end and one.last_sign >= examined.start]


def _fields(before: Incident, after: Incident) -> dict[str, tuple[Any, Any]]:
    old, new = before.to_json(), after.to_json()
    return {name: (old[name], new[name]) for name in COMPARED if old[name] != new[name]}
