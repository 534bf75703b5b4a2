"""Settle: what a run changes of what is known. Pure.

A run judges what lies within its range and knows nothing after its end. So what is known from elsewhere stays: a run
replaces or withdraws an incident only if it has seen all that shows it. Two runs of which each has seen a part complete
each other, and the one with the later end tells whether the incident is over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.correlate.tell.incident import BEST_FIRST
from pipelines.correlate.tell.merged import merged
from schemas.incident import Examined, Incident, Said, State
from schemas.times import rfc3339

SLACK = timedelta(seconds=60)
"""An incident with a cause may begin this much later than the same one without: it is not seen before its cause."""


@dataclass(frozen=True)
class Settled:
    """`said`: what is to be written: incidents with the ranges that they are known from, and withdrawn ones. `kept`:
    what was known of the range before and stays as it is, because it is known from a wider one. `standing`: the ids of
    the incidents that each found one is known as."""

    said: list[Said] = field(default_factory=list)
    kept: list[Said] = field(default_factory=list)
    standing: dict[str, str] = field(default_factory=dict)

    @property
    def incidents(self) -> list[Incident]:
        """What is known of the range now, in order of `first_seen` and id."""
        found = [one.incident for one in [*self.said, *self.kept] if not one.withdrawn]
        return sorted(found, key=_order)


def settle(known: Iterable[Said], found: Sequence[Incident], now: Examined) -> Settled:
    """What becomes of the known incidents, and of those that a run over the range `now` has found."""
    known = sorted(known, key=lambda said: _order(said.incident))
    ids = {said.incident.id for said in known}
    fresh = {incident.id: incident for incident in sorted(found, key=_order)}
    result, gone = Settled(), []
    taken: set[str] = set()  # found incidents that are known under another id
    for old in known:
        incident = old.incident
        near = [each for each in fresh.values() if each.id not in ids and _same_traffic(incident, each)]
        if incident.id in fresh:
            _again(result, old, fresh[incident.id], now)
        elif _judges(now, old) or (near and now.end >= _end(old) and _contain(near, incident)):
            gone.append((old, near))
        elif twins := [each for each in near if each.id not in taken and not (each.cause and incident.cause)]:
            parts = [each for each in twins if not each.cause and not incident.cause]
            if now.within(_examined(old)):
                taken |= _stand(result, twins, incident)
                result.kept.append(old)
            elif parts:
                taken |= _stand(result, parts, incident)
                _join(result, old, parts, now)
        elif incident.first_seen < now.end and incident.last_sign >= now.start:
            result.kept.append(old)
    for each in fresh.values():
        if each.id not in taken and each.id not in ids:
            result.said.append(Said(each, now))
            result.standing[each.id] = each.id
    for old, near in gone:
        instead = tuple(sorted({result.standing.get(each.id, each.id) for each in near}))
        result.said.append(Said(old.incident, now, withdrawn=True, replaced_by=instead))
    return result


def corrected(settled: Settled, others: Iterable[Said], own: Iterable[Said], now: Examined) -> list[Said]:
    """What a run must say that has settled anew against what the `others` say, after it had said its `own` of
    incidents without having known that: so that its earlier words leave nothing behind."""
    said = {one.incident.id: one for one in [*settled.said, *settled.kept]}
    theirs = {one.incident.id: one for one in others}
    for old in own:
        name = old.incident.id
        if name not in said and name in theirs:
            said[name] = theirs[name]
        elif name not in said and not old.withdrawn:
            instead = tuple({settled.standing[name]} if name in settled.standing else ())
            said[name] = Said(old.incident, now, withdrawn=True, replaced_by=instead)
    return list(said.values())


def known_from_elsewhere(said: Said) -> str:
    """What a person is told of an incident that stays as it is."""
    incident, examined = said.incident, _examined(said)
    start, end = rfc3339(examined.start), rfc3339(examined.end)
    state = f"closed at {rfc3339(incident.closed_at)}" if incident.closed_at else "open"
    return (
        f"incident {incident.id} ({state}) is known from a wider range, {start} to {end}, and stays as it is;"
        f" to judge it by what is in the store now: flowtrail correlate --from {start} --to {end}"
    )


def _again(result: Settled, old: Said, found: Incident, now: Examined) -> None:
    """An incident that is known was found again."""
    incident, before = old.incident, _examined(old)
    result.standing[found.id] = incident.id
    reopened = incident.state is State.CLOSED and found.state is State.OPEN and now.end < before.end
    if _judges(now, old) and not reopened:
        result.said.append(Said(found, before.hull(now)))
    elif now.within(before) or (now.end <= before.end and _contain([incident], found)):
        result.kept.append(old)
    elif now.end >= before.end and _contain([found], incident):
        result.said.append(Said(found, before.hull(now)))
    else:
        result.said.append(Said(merged((incident, before), (found, now)), before.hull(now)))


def _join(result: Settled, old: Said, parts: Sequence[Incident], now: Examined) -> None:
    """An incident without a cause goes on: its id, which is made of its beginning, stays."""
    whole, examined = old.incident, _examined(old)
    for part in parts:
        whole = merged((whole, examined), (part, now), named=whole.id)
    result.said.append(Said(whole, examined.hull(now)))


def _stand(result: Settled, parts: Sequence[Incident], incident: Incident) -> set[str]:
    ids = {part.id for part in parts}
    result.standing.update(dict.fromkeys(ids, incident.id))
    return ids


def _examined(said: Said) -> Examined:
    """What it is known from; of an older release at least the time of its signs."""
    seen = said.incident
    return said.examined or Examined(seen.first_seen, seen.first_seen, seen.last_sign)


def _end(said: Said) -> datetime:
    return _examined(said).end


def _judges(now: Examined, old: Said) -> bool:
    """Whether a run over `now` has seen all that shows the incident, so that what it does not find is not there."""
    incident, before = old.incident, old.examined
    if before is not None and before.within(now) and now.since <= before.since:
        return True
    return (
        now.start <= incident.first_seen
        and incident.last_sign < now.end
        and all(now.since <= piece.time for piece in incident.evidence)
        and (before is None or now.lookback >= before.lookback)
    )


def _contain(found: Sequence[Incident], incident: Incident) -> bool:
    """Whether these incidents have all that is known of the other one, and are as certain."""
    return (
        min(each.first_seen for each in found) <= incident.first_seen + SLACK
        and max(each.last_sign for each in found) >= incident.last_sign
        and min(BEST_FIRST.index(each.certainty) for each in found) <= BEST_FIRST.index(incident.certainty)
        and _all(found, "enis") >= set(incident.enis)
        and _all(found, "ports") >= set(incident.ports)
        and _all(found, "peers") >= set(incident.peers)
    )


def _all(found: Sequence[Incident], name: str) -> set[object]:
    return {value for incident in found for value in getattr(incident, name)}


def _same_traffic(one: Incident, other: Incident) -> bool:
    together = one.first_seen <= other.last_sign and other.first_seen <= one.last_sign
    same = one.kind is other.kind and set(one.enis) & set(other.enis) and set(one.ports) & set(other.ports)
    return together and bool(same)


def _order(incident: Incident) -> tuple[datetime, str]:
    return incident.first_seen, incident.id
