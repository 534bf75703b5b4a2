"""Leaving: instances and interfaces that were stopped, terminated or deleted answer nobody any more. Nothing is wrong
then, and no other change can be the cause."""

from datetime import timedelta

from network.history.timeline import Timeline
from network.verdict.index import index_of
from pipelines.correlate.detect.signals import Run, Signal
from schemas.incident import Kind

GONE = frozenset({"StopInstances", "TerminateInstances", "DetachNetworkInterface", "DeleteNetworkInterface"})
"""Calls after which an interface or an instance answers nobody any more."""
LEAVING = timedelta(minutes=5)
"""How far such a call and the last good conversation may be apart: an instance may serve until it is shut down, and is
taken out of service before."""


def has_left(timeline: Timeline, signal: Signal, run: Run) -> bool:
    """Whether one end of a lost conversation was stopped, terminated or deleted when it fell silent."""
    if signal.kind is not Kind.LOST_TRAFFIC:
        return False
    first, last = signal.last_good - LEAVING, (run.first_bad or signal.last_good) + LEAVING
    leaving = {
        name
        for change in timeline.changes
        if change.event_name in GONE and first <= change.event_time <= last
        for name in change.resources
    }
    ends = {signal.interface_id, *_far_ends(timeline, signal, run)}
    interfaces = timeline.at(first).interfaces
    return any(end in leaving or (end in interfaces and interfaces[end].instance_id in leaving) for end in ends)


def _far_ends(timeline: Timeline, signal: Signal, run: Run) -> list[str]:
    configuration = timeline.at(signal.last_good)
    here = configuration.interfaces.get(signal.interface_id)
    ends = index_of(configuration).far_ends(here.vpc_id if here else "", run.conversation.peer)
    return [end.id for end in ends]
