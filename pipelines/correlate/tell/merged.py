"""One incident of two that tell of the same, each known from another range. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from pipelines.correlate.tell.incident import BEST_FIRST, CLOCKS, by_address
from pipelines.correlate.tell.proof_query import proof_query
from schemas.incident import Evidence, Examined, Incident, Kind, State, TimelineEntry

MOST = 20
"""Pieces of evidence of a merged incident: the first and the last half of them."""

Part = tuple[Incident, Examined]
Entry = TypeVar("Entry", TimelineEntry, Evidence)


def merged(one: Part, other: Part, named: str = "") -> Incident:
    """All that the two know; the order does not matter. The range with the later end tells whether it is over and what
    undoes it, the more certain one which change it was. `named`: the id, if it is not that of the earlier one."""
    early, late = (part[0] for part in sorted((one, other), key=lambda part: (part[1].end, part[1].start)))
    best = min((late, early), key=lambda incident: BEST_FIRST.index(incident.certainty))
    still = late.closed_at is not None and early.last_seen > max(late.last_seen, late.closed_at + CLOCKS)
    if still:  # the earlier range saw some of it after what the later one takes for its end
        late = replace(late, state=State.OPEN, closed_at=None, closed_by=(), timeline=tuple(_going(late.timeline)))
        late = replace(late, evidence=tuple(_going(late.evidence)))
    begun = min((early, late), key=lambda incident: incident.first_seen)
    first, last = begun.first_seen, max(early.last_seen, late.last_seen)
    enis = tuple(sorted({*early.enis, *late.enis}))
    protocols = tuple(sorted({*early.protocols, *late.protocols}))
    ports = tuple(sorted({*early.ports, *late.ports}))
    peers = tuple(sorted({*early.peers, *late.peers}, key=by_address))
    return replace(
        best,
        id=named or begun.id,
        kind=Kind.REJECTS if Kind.REJECTS in (early.kind, late.kind) else late.kind,
        state=late.state,
        enis=enis,
        protocols=protocols,
        ports=ports,
        peers=peers,
        first_seen=first,
        last_seen=last,
        closed_at=late.closed_at,
        closed_by=late.closed_by,
        fix=late.fix,
        inverse=late.inverse,
        timeline=_timeline(early, late),
        evidence=_evidence(early, late),
        coverage=late.coverage,
        proof_query=proof_query(enis, protocols, ports, peers, first=first, last=max(last, late.closed_at or last)),
    )


def _timeline(early: Incident, late: Incident) -> tuple[TimelineEntry, ...]:
    """Each thing once: what is last at its latest, anything else at its earliest. What ended it only as the late one
    has it."""
    found: dict[str, TimelineEntry] = {}
    for entry in (*_going(early.timeline), *late.timeline):
        known = found.setdefault(entry.what, entry)
        pick = max if _latest(entry.what) else min
        found[entry.what] = pick(known, entry, key=lambda each: each.time)
    return tuple(sorted(found.values(), key=lambda entry: (entry.time, entry.what)))


def _evidence(early: Incident, late: Incident) -> tuple[Evidence, ...]:
    found: dict[tuple[str, str, int], Evidence] = {}
    for piece in (*_going(early.evidence), *late.evidence):
        found[piece.bucket, piece.key, piece.line] = piece
    pieces = sorted(found.values(), key=lambda piece: (piece.what != "the change", piece.time, piece.key, piece.line))
    return tuple(pieces if len(pieces) <= MOST else [*pieces[: MOST // 2], *pieces[-MOST // 2 :]])


def _going(entries: Iterable[Entry]) -> Sequence[Entry]:
    """Without what ended it."""
    return [entry for entry in entries if not _ending(entry.what)]


def _ending(what: str) -> bool:
    return what.endswith(" after") or what.startswith("ended by ") or what == "the change that ended it"


def _latest(what: str) -> bool:
    return (what.startswith("last ") and not what.endswith(" before")) or what == "still nothing logged"
