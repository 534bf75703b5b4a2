"""A finding: a signal with its cause, and what is left of the cause to undo."""

from dataclasses import dataclass, replace
from datetime import datetime

from network.cidr import is_public
from network.history.timeline import Timeline
from pipelines.correlate.blame.candidates import Candidate
from pipelines.correlate.blame.edits import Edit, edits
from pipelines.correlate.detect.signals import Signal
from schemas.change import ChangeEvent
from schemas.incident import Cause, Certainty

UNTIMED = (
    "This is not proven: the flow log has neither start nor end, so that its records are only known to be of the five"
    " minutes in the names of their objects."
)


@dataclass(frozen=True)
class ToUndo:
    """The edits of a change that are still to be undone at the end of the range (`now`) and at its last sign (`then`),
    and the resources that no command may name, each with the reason (`refused`). `gateway`: the internet gateway that a
    deleted default route must have had as its target, where the history does not tell; otherwise ""."""

    now: tuple[Edit, ...] = ()
    then: tuple[Edit, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    gateway: str = ""


@dataclass(frozen=True)
class Finding:
    """A signal, or the part of it that one change explains (its `runs` are then those). `cause_events` and `ended_by`
    are API calls in order; `group` has the ids of all calls of the change, also of those that did nothing here."""

    signal: Signal
    certainty: Certainty
    reason: str
    cause: Cause | None = None
    cause_events: tuple[ChangeEvent, ...] = ()
    group: tuple[str, ...] = ()
    ended_by: tuple[ChangeEvent, ...] = ()
    to_undo: ToUndo = ToUndo()


def without_times(finding: Finding) -> Finding:
    """The finding where records are only known to be of some five minutes: their order and that of changes is then not
    known, and nothing is proven by it."""
    if finding.certainty is not Certainty.PROVEN:
        return finding
    return replace(finding, certainty=Certainty.SUSPECTED, reason=f"{finding.reason} {UNTIMED}")


def to_undo(timeline: Timeline, candidate: Candidate, signal: Signal, end: datetime) -> ToUndo:
    """What is left to undo of the cause of a signal."""
    last = max((run.last_bad for run in signal.runs if run.last_bad), default=signal.until)
    now, then = map(timeline.at, (end, max(last, candidate.events[-1].event_time)))
    places = {edit.place for edit in candidate.edits}
    left, left_then = (
        tuple(edit for edit in edits(candidate.before, each) if edit.place in places) for each in (now, then)
    )
    refused = {
        interface.id: f"{interface.id} is managed by {interface.managed_by}, which alone may change it."
        for interface in now.interfaces.values()
        if interface.managed_by
    }
    gone = candidate.before.security_groups.keys() - now.security_groups.keys()
    refused |= {name: f"{name} no longer exists." for name in gone}
    return ToUndo(left, left_then, tuple(sorted(refused.items())), _gateway(candidate, signal))


def _gateway(candidate: Candidate, signal: Signal) -> str:
    """The only gateway that is attached to the VPC, if clients on the internet reached the interface before: a request
    from there arrives by an internet gateway, and its answer leaves by the same one."""
    interface = candidate.before.interfaces.get(signal.interface_id)
    reached = signal.server and any(is_public(run.conversation.peer) for run in signal.runs)
    if interface is None or not reached:
        return ""
    attached = [g.id for g in candidate.before.internet_gateways.values() if interface.vpc_id in g.vpc_ids]
    return attached[0] if len(attached) == 1 else ""
