"""Model fidelity: how often the verdict says what the flow log says. Pure."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.correlate.passage import packet_of
from pipelines.correlate.signals import Conversation
from pipelines.network.timeline import Timeline
from pipelines.network.verdict import explain

NEAR_CHANGE = timedelta(minutes=2)
"""Flows so near to a change are not compared: which side of it they were on, their times do not tell."""


@dataclass(frozen=True)
class SampledFlow:
    """A flow record as the verdict can be compared with it: whether it goes the way of the conversation's opening
    packet, and the action that was logged."""

    start: datetime
    conversation: Conversation
    of_request: bool
    action: str


@dataclass(frozen=True)
class Fidelity:
    """Sampled flows that could be compared, and those of them on which verdict and log agree."""

    compared: int = 0
    agreed: int = 0

    def __add__(self, other: "Fidelity") -> "Fidelity":
        return Fidelity(self.compared + other.compared, self.agreed + other.agreed)


def fidelity(flows: Iterable[SampledFlow], timeline: Timeline, interface_id: str) -> Fidelity:
    """Of flows of one interface. Those whose verdict is not known are not compared."""
    changes = [change.event_time for change in timeline.changes]
    total = Fidelity()
    for flow in flows:
        after = bisect_left(changes, flow.start - NEAR_CHANGE)
        if after < len(changes) and changes[after] <= flow.start + NEAR_CHANGE:
            continue
        verdict = explain(packet_of(flow.conversation), timeline.at(flow.start), interface_id)
        says = verdict.action if flow.of_request else {"LOST": "ACCEPT"}.get(verdict.reply, verdict.reply)
        if says in ("ACCEPT", "REJECT"):
            total += Fidelity(1, int(says == flow.action))
    return total
