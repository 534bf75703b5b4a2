"""Tell: turns findings with the same cause into one incident. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_address
from itertools import chain

from pipelines.correlate.blame.edits import Edit
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.detect.signals import Pointer
from pipelines.correlate.tell.evidence import FlowRow, change_evidence, change_text, chosen, flow_evidence
from pipelines.correlate.tell.proof_query import proof_query
from pipelines.correlate.tell.undo_command import NO_UNDO, likely, undo
from schemas.change import ChangeEvent
from schemas.incident import Certainty, Evidence, Incident, Kind, State, TimelineEntry

SAME_TIME = timedelta(minutes=5)
"""Unexplained signals of one interface and kind that start within this time of each other are one incident."""
CLOCKS = timedelta(seconds=60)
"""Times in a flow log may be off by this much."""
BEST_FIRST = (Certainty.PROVEN, Certainty.SUSPECTED, Certainty.UNEXPLAINED)


@dataclass(frozen=True)
class Closing:
    """When traffic came back, the record that shows it, and the change that restored it. `at` is None while it is not
    back."""

    at: datetime | None
    row: Pointer | None
    events: tuple[ChangeEvent, ...]


def with_keys(findings: Sequence[Finding]) -> list[tuple[str, Finding]]:
    """Findings of one interface, each with the key of its incident: the ids of the calls of the change that caused it,
    or without a cause, the kind, the interface and the minute when it started."""
    keyed = [(" ".join(f.group), f) for f in findings if f.cause]
    rest = sorted((f for f in findings if not f.cause), key=lambda f: (f.signal.kind, first_seen([f]), order(f)))
    started: dict[Kind, tuple[datetime, datetime]] = {}
    for finding in rest:
        kind, seen = finding.signal.kind, first_seen([finding])
        first, last = started.get(kind, (seen, seen))
        first = first if seen - last <= SAME_TIME else seen
        started[kind] = (first, seen)
        keyed.append((f"{kind} {finding.signal.interface_id} {first:%Y-%m-%dT%H:%M}", finding))
    return keyed


def parts(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings with the same key as one incident, or as two: calls that are only suspected are not told among those
    that are proven."""
    proven = [f for f in findings if f.certainty is Certainty.PROVEN]
    known = {event.event_id for event in causes(proven)}
    shared: list[Finding] = []
    apart: list[Finding] = []
    for f in findings:
        if f.certainty is not Certainty.PROVEN:
            (shared if f.cause and known.issuperset(f.cause.event_ids) else apart).append(f)
    return [part for part in (proven + shared, apart) if part]


def tell(
    findings: Sequence[Finding],
    rows: Mapping[Pointer, FlowRow],
    objects: Mapping[int, tuple[str, str, str]],
    coverage: str,
) -> Incident:
    """The incident of findings that are one of the `parts`. `rows` contains the flow records of `wanted`, `objects` the
    bucket, key and ETag of the CloudTrail objects of `changes_of`; `coverage` is the sentence about completeness."""
    findings = sorted(findings, key=order)
    best = findings[0]
    closed, undone, calls = closing(findings), NO_UNDO, causes(findings)
    if calls:
        left = _all_edits([f.to_undo.then if closed.at else f.to_undo.now for f in findings])
        refused = {name: why for f in findings for name, why in f.to_undo.refused}
        undone = undo(left, calls[-1].region, refused, owners(calls))
        if undone.fix is None:
            gateway = max(f.to_undo.gateway for f in findings)
            guess = likely(left, calls[-1].region, gateway)
            undone = replace(undone, why=" ".join(filter(None, (undone.why, guess))))
    kind = Kind.REJECTS if any(f.signal.kind is Kind.REJECTS for f in findings) else Kind.LOST_TRAFFIC
    enis = tuple(sorted({f.signal.interface_id for f in findings}))
    ports = tuple(sorted({f.signal.port for f in findings}))
    protocols = tuple(sorted({f.signal.protocol for f in findings}))
    peers = tuple(sorted({r.conversation.peer for f in findings for r in f.signal.runs}, key=by_address))
    first, last = first_seen(findings), last_seen(findings)
    cause = replace(best.cause, event_ids=tuple(event.event_id for event in calls)) if best.cause else None
    named = cause.event_ids if cause else (*enis, *map(str, ports), f"{first:%Y-%m-%dT%H:%M}")
    return Incident(
        id=blake2b("\0".join((kind, *named)).encode(), digest_size=6).hexdigest(),
        kind=kind,
        state=State.CLOSED if closed.at else State.OPEN,
        certainty=best.certainty,
        reason=" ".join(filter(None, (best.reason, _suspected_too(findings), undone.why))),
        cause=cause,
        enis=enis,
        protocols=protocols,
        ports=ports,
        peers=peers,
        first_seen=first,
        last_seen=last,
        closed_at=closed.at,
        closed_by=tuple(event.event_id for event in closed.events) if closed.at else (),
        fix=undone.fix,
        inverse=undone.inverse,
        timeline=_timeline(findings, kind, closed),
        evidence=_evidence(findings, closed, rows, objects),
        coverage=coverage,
        proof_query=proof_query(enis, protocols, ports, peers, first=first, last=max(last, closed.at or last)),
    )


def _suspected_too(findings: Sequence[Finding]) -> str:
    """Where else the cause of a proven incident is only suspected."""
    proven = {f.signal.interface_id for f in findings if f.certainty is Certainty.PROVEN}
    others = sorted({f.signal.interface_id for f in findings} - proven)
    return f"At {', '.join(others)} this cause is suspected, not proven." if proven and others else ""


def _all_edits(left: Sequence[Sequence[Edit]]) -> list[Edit]:
    """What is to be undone for any of the findings, each edit once."""
    found = {edit.place: edit for edits in reversed(left) for edit in edits}
    return [found[place] for place in sorted(found)]


def owners(events: Sequence[ChangeEvent]) -> dict[str, str]:
    """The accounts of security groups that calls name and that belong to another account than the call."""
    found: dict[str, str] = {}
    for event in events:
        stack: list[object] = [event.request, event.response]
        while stack:
            value = stack.pop()
            if isinstance(value, Mapping):
                group, owner = value.get("groupId"), value.get("userId")
                if isinstance(group, str) and owner and str(owner) != event.account_id:
                    found[group] = str(owner)
                stack.extend(value.values())
            elif isinstance(value, list):
                stack.extend(value)
    return found


def wanted(findings: Sequence[Finding]) -> list[Pointer]:
    """The flow records that `tell` will show."""
    findings = sorted(findings, key=order)
    return [pointer for _, pointer in chosen(findings, closing(findings).row)]


def changes_of(findings: Sequence[Finding]) -> list[ChangeEvent]:
    """The changes that `tell` will show."""
    findings = sorted(findings, key=order)
    return [*causes(findings), *closing(findings).events]


def causes(findings: Sequence[Finding]) -> list[ChangeEvent]:
    """The calls that caused any of it, in order."""
    found = {event.event_id: event for finding in findings for event in finding.cause_events}
    return sorted(found.values(), key=lambda event: event.order)


def order(finding: Finding) -> tuple[object, ...]:
    """Sort key of findings: the one that describes the incident comes first."""
    s = finding.signal
    lost = s.kind is Kind.LOST_TRAFFIC
    rank = (BEST_FIRST.index(finding.certainty), lost, not s.strong, s.silent, -len(s.runs))
    return *rank, s.interface_id, s.protocol, s.port, s.server, s.reply, s.last_good, s.until


def first_seen(findings: Sequence[Finding]) -> datetime:
    """The time of the first flow that did not get through; where none was logged, the first minute in which flows are
    missing."""
    seen = [r.first_bad for f in findings for r in f.signal.runs if r.first_bad]
    return min(seen or (f.signal.since or f.signal.last_good for f in findings))


def last_seen(findings: Sequence[Finding]) -> datetime:
    """The time of the last flow that did not get through; for silent signals, the last one known to be without
    flows."""
    bad = [r.last_bad for f in findings for r in f.signal.runs if r.last_bad]
    return max([*bad, *(f.signal.until for f in findings if f.signal.silent)], default=first_seen(findings))


def closing(findings: Sequence[Finding]) -> Closing:
    """When all of it was over: for each finding the first flow that got through again, after the change that ended it
    or, if none is known, after the last flow that did not get through; of these the latest."""
    events = min((f.ended_by for f in findings if f.ended_by), key=lambda found: found[0].order, default=())
    ends = [_over(finding) for finding in findings]
    known = [end for end in ends if end]
    at, row = max(known, key=lambda end: end[0]) if len(known) == len(ends) else (None, None)
    return Closing(at, row, events)


def _over(finding: Finding) -> tuple[datetime, Pointer] | None:
    """When the traffic of one finding was back, and the record that shows it; None while some of it is not."""
    s = finding.signal
    back = [(s.recovered, s.recovered_row), *((r.recovered, r.recovered_row) for r in s.runs)]
    known = sorted((at, row) for at, row in back if at and row)
    if finding.ended_by:
        since = finding.ended_by[0].event_time - CLOCKS
    else:
        since = s.last_good if s.kind is Kind.LOST_TRAFFIC else last_seen([finding])
    end = next((found for found in known if found[0] >= since), None)
    if end is None or any(r.last_bad and r.last_bad > end[0] and not r.recovered for r in s.runs):
        return None
    return end


def _timeline(findings: Sequence[Finding], kind: Kind, closed: Closing) -> tuple[TimelineEntry, ...]:
    rejects = kind is Kind.REJECTS
    silent = all(f.signal.silent for f in findings)
    before = max(f.signal.last_good for f in findings)
    entries = [TimelineEntry(before, f"last flow {'accepted' if rejects else 'answered'} before")]
    entries += [TimelineEntry(event.event_time, change_text(event)) for event in causes(findings)]
    first = "first reject" if rejects else "nothing more is logged" if silent else "first unanswered flow"
    last = "last reject" if rejects else "still nothing logged" if silent else "last unanswered flow"
    entries += [TimelineEntry(first_seen(findings), first), TimelineEntry(last_seen(findings), last)]
    entries += [TimelineEntry(event.event_time, f"ended by {change_text(event)}") for event in closed.events]
    if closed.at:
        entries.append(TimelineEntry(closed.at, f"first flow {'accepted' if rejects else 'answered'} after"))
    return tuple(sorted(entries, key=lambda entry: entry.time))


def _evidence(
    findings: Sequence[Finding],
    closed: Closing,
    rows: Mapping[Pointer, FlowRow],
    objects: Mapping[int, tuple[str, str, str]],
) -> tuple[Evidence, ...]:
    return tuple(
        chain(
            change_evidence("the change", causes(findings), objects),
            flow_evidence(chosen(findings, closed.row), rows),
            change_evidence("the change that ended it", closed.events, objects),
        )
    )


def by_address(text: str) -> tuple[int, int]:
    """Sort key of addresses: IPv4 first, then by number."""
    address = ip_address(text)
    return address.version, int(address)
