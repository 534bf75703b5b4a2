"""What a change of the configuration does to a conversation that was observed. Pure."""

from enum import StrEnum

from network.verdict.explain import Verdict, explain
from network.verdict.packet import Packet
from schemas.configuration import Configuration


class Fate(StrEnum):
    """`CUT_OFF`: it completes before the change and not after it. `OPENED`: the reverse. `UNKNOWN`: the change alters
    its way, and what that does is not known. `SAME`: neither."""

    CUT_OFF = "cut off"
    OPENED = "opened"
    UNKNOWN = "unknown"
    SAME = "same"


def foresee(
    packet: Packet, interface_id: str, before: Configuration, after: Configuration
) -> tuple[Fate, Verdict, Verdict]:
    """The fate of the conversation that the packet opens, as seen at an interface, and both verdicts."""
    was, will = (explain(packet, each, interface_id) for each in (before, after))
    if was.outcome == will.outcome and was.outcome != "unknown" and not (will.ways - was.ways):
        return Fate.SAME, was, will
    if was == will:
        return Fate.SAME, was, will
    if "unknown" in (was.outcome, will.outcome) or (will.outcome == "completes" and will.ways - was.ways):
        return Fate.UNKNOWN, was, will
    if was.outcome == "completes":
        return Fate.CUT_OFF, was, will
    return (Fate.OPENED if will.outcome == "completes" else Fate.SAME), was, will
