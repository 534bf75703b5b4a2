"""A finding: a signal with its cause, and what is left of the cause to undo."""

from dataclasses import dataclass
from datetime import datetime

from network.history.timeline import Timeline
from pipelines.correlate.blame.candidates import Candidate
from pipelines.correlate.blame.edits import Edit, edits
from pipelines.correlate.detect.signals import Signal
from schemas.change import ChangeEvent
from schemas.incident import Cause, Certainty


@dataclass(frozen=True)
class ToUndo:
    """The edits of a change that are still to be undone at the end of the range (`now`) and at its last sign (`then`),
    and the resources that no command may name, each with the reason (`refused`)."""

    now: tuple[Edit, ...] = ()
    then: tuple[Edit, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


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
    return ToUndo(left, left_then, tuple(sorted(refused.items())))
