"""Passage: what a configuration does with a conversation, in the words of the signal that asks."""

from enum import StrEnum

from pipelines.correlate.signals import Conversation, Signal
from pipelines.network.verdict import Packet, Verdict
from schemas.incident import Kind


class Passage(StrEnum):
    """What a configuration does with a conversation, as far as the signal at hand would show it. `other`: something
    else that this signal does not speak of."""

    GOOD = "good"
    BAD = "bad"
    OTHER = "other"
    UNKNOWN = "unknown"


def packet_of(conversation: Conversation) -> Packet:
    """The packet that opens it."""
    c = conversation
    ends = (c.peer, c.local, c.protocol, c.peer_port, c.local_port)
    return Packet(*ends) if c.server else Packet(c.local, c.peer, c.protocol, c.local_port, c.peer_port)


def passage(signal: Signal, verdict: Verdict) -> Passage:
    """Rejects are judged by what the flow log says, whether or not the conversation then gets anywhere: two faults may
    overlap. Lost traffic is judged by its end."""
    if signal.kind is Kind.REJECTS and not signal.reply:
        return {"ACCEPT": Passage.GOOD, "REJECT": Passage.BAD}.get(verdict.action, Passage.UNKNOWN)
    if signal.kind is Kind.REJECTS:
        by_reply = {"ACCEPT": Passage.GOOD, "LOST": Passage.GOOD, "REJECT": Passage.BAD, "NONE": Passage.OTHER}
        return by_reply.get(verdict.reply, Passage.UNKNOWN)
    if verdict.outcome == "unknown":
        return Passage.UNKNOWN
    if verdict.outcome == "completes":
        return Passage.GOOD
    stopped_beyond = verdict.action == "ACCEPT" and verdict.reply in ("NONE", "ACCEPT")
    return Passage.BAD if verdict.outcome == "lost" or stopped_beyond else Passage.OTHER
