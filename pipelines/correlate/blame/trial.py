"""Trial: what a configuration does with a conversation, and how often the verdict agrees with the flow log. Pure."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from network.history.timeline import Timeline
from network.verdict.explain import Packet, Verdict, explain
from pipelines.correlate.detect.signals import Conversation, Signal
from schemas.incident import Kind

NEAR_CHANGE = timedelta(minutes=2)
"""Flows this close to a change are not compared: their times do not show whether they came before or after it."""


class Effect(StrEnum):
    """What a configuration does with a conversation, in terms of the signal: it gets through (`good`), it shows the
    signal (`bad`), or something else happens to it that the signal would not show (`other`)."""

    GOOD = "good"
    BAD = "bad"
    OTHER = "other"
    UNKNOWN = "unknown"


def packet_of(conversation: Conversation) -> Packet:
    """The packet that opens the conversation."""
    c = conversation
    ends = (c.peer, c.local, c.protocol, c.peer_port, c.local_port)
    return Packet(*ends) if c.server else Packet(c.local, c.peer, c.protocol, c.local_port, c.peer_port)


def effect(signal: Signal, verdict: Verdict) -> Effect:
    """The effect of a verdict on the signal's conversations. Rejects are judged by the action that the flow log would
    record, whether or not the conversation then completes, since two faults may overlap. Lost traffic is judged by the
    outcome; a reject would show as one, unless the log has no rejects at all."""
    if signal.kind is Kind.REJECTS and not signal.reply:
        return {"ACCEPT": Effect.GOOD, "REJECT": Effect.BAD}.get(verdict.action, Effect.UNKNOWN)
    if signal.kind is Kind.REJECTS:
        by_reply = {"ACCEPT": Effect.GOOD, "LOST": Effect.GOOD, "REJECT": Effect.BAD, "NONE": Effect.OTHER}
        return by_reply.get(verdict.reply, Effect.UNKNOWN)
    if verdict.outcome == "unknown":
        return Effect.UNKNOWN
    if verdict.outcome == "completes":
        return Effect.GOOD
    stopped_beyond = verdict.action == "ACCEPT" and verdict.reply in ("NONE", "ACCEPT")
    if verdict.outcome == "lost" or stopped_beyond:
        return Effect.BAD
    return Effect.OTHER if signal.rejects_logged else Effect.UNKNOWN


@dataclass(frozen=True)
class SampledFlow:
    """A flow record to compare with the verdict. `of_request`: it has the direction of the conversation's opening
    packet. `action`: as logged."""

    start: datetime
    conversation: Conversation
    of_request: bool
    action: str


@dataclass(frozen=True)
class Fidelity:
    """How many sampled flows could be compared, and on how many of them verdict and log agree."""

    compared: int = 0
    agreed: int = 0

    def __add__(self, other: "Fidelity") -> "Fidelity":
        return Fidelity(self.compared + other.compared, self.agreed + other.agreed)


def fidelity(flows: Iterable[SampledFlow], timeline: Timeline, interface_id: str) -> Fidelity:
    """The fidelity of the verdict for flows of one interface. Flows with an unknown verdict are not compared."""
    changes = [change.event_time for change in timeline.changes]
    total = Fidelity()
    for flow in flows:
        after = bisect_left(changes, flow.start - NEAR_CHANGE)
        if after < len(changes) and changes[after] <= flow.start + NEAR_CHANGE:
            continue
        verdict = explain(packet_of(flow.conversation), timeline.at(flow.start), interface_id)
        expected = verdict.action if flow.of_request else {"LOST": "ACCEPT"}.get(verdict.reply, verdict.reply)
        if expected in ("ACCEPT", "REJECT"):
            total += Fidelity(1, int(expected == flow.action))
    return total
