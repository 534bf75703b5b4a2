"""What a correlation of a range changes in the incidents that are known. Pure.

A range knows nothing of what came after it. So an incident that was judged with a later end, and was not over within
this range, stays as it is, whatever was found in the range; a finding that describes the same is left out. A range that
does not contain an incident's beginning neither moves the beginning nor replaces the incident by a less certain one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.incident import Certainty, Incident

RANK = {certainty: rank for rank, certainty in enumerate(Certainty)}
"""The lower, the more certain."""


@dataclass(frozen=True)
class Judged:
    """An incident, and the range `[start, end)` that it was judged with."""

    incident: Incident
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Outcome:
    """`said`: incidents as they are said to be from now on. `withdrawn`: those that are no longer found, each with the
    id of the one that replaces it, or "". `kept`: known incidents that stand for what was found."""

    said: tuple[Judged, ...]
    withdrawn: tuple[tuple[Judged, str], ...]
    kept: tuple[Incident, ...]


def reconcile(known: Iterable[Judged], found: Sequence[Incident], start: datetime, end: datetime) -> Outcome:
    """The outcome of a correlation of `[start, end)` that found these incidents."""
    known = list(known)
    said: list[Judged] = []
    kept: dict[str, Incident] = {}
    for incident in found:
        standing = [k.incident for k in known if _stands(k, incident, start, end)]
        kept |= {each.id: each for each in standing}
        if not standing:
            own = next((k for k in known if k.incident.id == incident.id), None)
            said.append(_merged(own, incident, start, end))
    told = {judged.incident.id for judged in said}
    withdrawn = []
    for k in known:
        if k.incident.id in told or k.incident.id in kept or not _sees_the_end(k, end):
            continue
        by = next((j.incident.id for j in said if same(k.incident, j.incident)), "")
        if by or start <= k.incident.first_seen < end:
            withdrawn.append((k, by))
    return Outcome(tuple(said), tuple(withdrawn), tuple(kept.values()))


def same(one: Incident, other: Incident) -> bool:
    """Whether two incidents describe the same: kind, overlapping times, interfaces and ports."""
    together = one.first_seen <= _until(other) and other.first_seen <= _until(one)
    return (
        together
        and one.kind == other.kind
        and not set(one.enis).isdisjoint(other.enis)
        and not set(one.ports).isdisjoint(other.ports)
    )


def _stands(known: Judged, found: Incident, start: datetime, end: datetime) -> bool:
    """Whether the known incident describes what was found, and better than this range can."""
    own = known.incident.id == found.id
    if not own and not same(known.incident, found):
        return False
    if not _sees_the_end(known, end):
        return True
    return not own and start > known.incident.first_seen and RANK[known.incident.certainty] < RANK[found.certainty]


def _sees_the_end(known: Judged, end: datetime) -> bool:
    """Whether a range that ends at `end` sees all that is known of how the incident went on."""
    closed = known.incident.closed_at
    return end >= known.end or (closed is not None and closed < end)


def _merged(own: Judged | None, found: Incident, start: datetime, end: datetime) -> Judged:
    if own is None:
        return Judged(found, start, end)
    if start > own.incident.first_seen:
        found = replace(found, first_seen=min(own.incident.first_seen, found.first_seen))
    return Judged(found, min(own.start, start), max(own.end, end))


def _until(incident: Incident) -> datetime:
    return incident.closed_at or incident.last_seen
