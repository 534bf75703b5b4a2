"""Conversations as one network interface sees them: the fate from the walk and the socket state, for each segment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulation.fates import ACTIONS, OUTCOMES, REPLIES, Fates, Ints
from simulation.network import Endpoint
from simulation.segments import Bools, Segments, rolls
from simulation.talks import Floats, Talks

Number = TypeVar("Number", np.int64, np.float64)

REJECT = ACTIONS.index("REJECT")
REPLY_ACCEPT, REPLY_REJECT, REPLY_LOST, REPLY_NONE = range(len(REPLIES))
COMPLETES, REJECTED, LOST = range(len(OUTCOMES))


@dataclass(frozen=True)
class View:
    """One element per segment. `works`: the conversation works; `breaks`: it worked before and breaks here; neither: an
    attempt to open it fails. `opens`: a new socket, and so a new source port. `arrives` is False where the opening
    packet never reaches this interface."""

    talks: Talks
    segments: Segments
    inbound: Bools
    action: Ints
    reply: Ints
    outcome: Ints
    arrives: Bools
    works: Bools
    breaks: Bools
    opens: Bools
    src_port: Ints

    def of_talk(self, column: NDArray[Number]) -> NDArray[Number]:
        """A column of the talks, with one element per segment."""
        return column[self.segments.talk]

    def roll(self, salt: int) -> Floats:
        """A draw in [0, 1) for each segment; a different salt gives a different draw."""
        return rolls(self.segments, self.talks.key, salt)

    def between(self, low: Floats | float, high: Floats | float, salt: int) -> Floats:
        """A draw between two bounds for each segment."""
        return low + (high - low) * self.roll(salt)


def view(here: Endpoint, sender: Endpoint, talks: Talks, segments: Segments, fates: Sequence[Fates]) -> View:
    """As `here` sees the segments; `fates` are by phase, `sender` is the one other interface that may open to it."""
    columns = np.zeros((len(segments.talk), 3), dtype=np.int64)
    kept_back = np.zeros(len(segments.talk), dtype=bool)
    outgoing = np.array([address == sender.address for address in talks.addresses])[talks.src]
    for phase, decide in enumerate(fates):
        chosen = np.flatnonzero(segments.phase == phase)
        fate = decide.of(here.interface_id, *_packets(talks, segments.talk[chosen]))
        columns[chosen] = np.stack([fate.action, fate.reply, fate.outcome], axis=1)
        internal = chosen[outgoing[segments.talk[chosen]]] if here is not sender else chosen[:0]
        kept_back[internal] = decide.of(sender.interface_id, *_packets(talks, segments.talk[internal])).action == REJECT
    action, reply, outcome = columns.T
    inbound = np.array([address == here.address for address in talks.addresses])[talks.dst][segments.talk]
    lost_before = inbound & (reply == REPLY_NONE) & ((action != REJECT) | (outcome == LOST))

    works = outcome == COMPLETES
    worked = np.concatenate(([False], works[:-1])) & ~segments.first
    return View(
        talks=talks,
        segments=segments,
        inbound=inbound,
        action=action,
        reply=reply,
        outcome=outcome,
        arrives=~(lost_before | kept_back),
        works=works,
        breaks=~works & worked,
        opens=~worked,
        src_port=_source_ports(talks, segments, ~worked),
    )


def _packets(talks: Talks, talk: Ints) -> tuple[Ints, Ints, Ints, tuple[Ints, Ints]]:
    return talks.src[talk], talks.dst[talk], talks.protocol[talk], (talks.src_port[talk], talks.dst_port[talk])


def _source_ports(talks: Talks, segments: Segments, opens: Bools) -> Ints:
    """Source port of each segment: each new socket of a conversation takes the next port."""
    sockets = np.cumsum(opens)
    before = np.maximum.accumulate(np.where(segments.first, sockets - 1, 0))
    port = talks.src_port[segments.talk]
    return np.where(port > 0, port + sockets - before - 1, 0)
