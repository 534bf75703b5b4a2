"""Talks: both directions of a peer and a service in one minute, and whether a conversation got anywhere.

How a lost route looks in a flow log is not documented: requests alone, requests and handshakes that are repeated
because nobody hears them, or nothing. So a talk says what was seen, and `losses.py` reads it.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.correlate.cells import HANDSHAKE_BYTES, Bools, Cells, Ints, starts

TCP = 6
NEIGHBOUR = 60
"""Seconds within which an answer may be logged apart from its request: rows are cut at intervals, not at talks."""
FIN, SYN, SYN_ACK = 1, 2, 18
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Talks:
    """Columns by (pair, minute), in that order. `request` and `answer` are rows of `cells`, -1 where there is none.

    `completed`: answered, and something was said. `one_sided`: asked, and nothing came back. `handshake`: both
    directions, TCP, and packets of handshake size on average. `first` and `last`: rows of `cells` that hold the first
    and the last record in which something was said, -1 where nothing was.
    """

    pair: Ints
    service: Ints
    minute: Ints
    request: Ints
    answer: Ints
    completed: Bools
    one_sided: Bools
    handshake: Bools
    first: Ints
    last: Ints

    @property
    def unanswered(self) -> Bools:
        return self.one_sided | self.handshake


def talks(c: Cells) -> Talks:
    """The talks of an interface."""
    new = starts(c.pair, c["minute"]) if len(c) else np.zeros(0, dtype=np.bool_)
    rows = np.flatnonzero(new)
    number = new.cumsum() - 1
    request, answer = (_rows(number, side, len(rows)) for side in (c.request, ~c.request))

    def of(side: Ints, name: str, none: int = 0) -> Ints:
        return np.where(side >= 0, c[name][side], none) if len(c) else side

    def either(name: str) -> Bools:
        return of(request, name) + of(answer, name) > 0

    def small(side: Ints) -> Bools:
        return of(side, "accept_bytes") <= HANDSHAKE_BYTES * of(side, "accept_packets")

    def said(side: Ints, name: str, none: int) -> Ints:
        return np.where(of(side, "said_flows") > 0, of(side, name), none)

    both = (of(request, "accept_flows") > 0) & (of(answer, "accept_flows") > 0)
    refused, spoken = either("reject_flows"), either("said_flows")
    flagged = (of(request, "flagged") > 0) & (of(answer, "flagged") > 0)
    ask_flags, answer_flags = of(request, "accept_flags"), of(answer, "accept_flags")
    opening = (ask_flags & SYN > 0) & (answer_flags & SYN_ACK == SYN_ACK) & ((ask_flags | answer_flags) & FIN == 0)
    pair, minute = c.pair[rows], c["minute"][rows]
    asked = (of(request, "accept_flows") > 0) & ~refused
    earlier = said(request, "said_first", NEVER) <= said(answer, "said_first", NEVER)
    later = said(request, "said_last", -1) > said(answer, "said_last", -1)
    return Talks(
        pair,
        c.service[rows],
        minute,
        request,
        answer,
        both & spoken,
        asked & ~_near(pair, minute, of(answer, "accept_flows") > 0),
        asked & both & (c["protocol"][rows] == TCP) & small(request) & small(answer) & (~flagged | opening),
        np.where(spoken, np.where(earlier, request, answer), -1),
        np.where(spoken, np.where(later, request, answer), -1),
    )


def _rows(number: Ints, side: Bools, size: int) -> Ints:
    found = np.full(size, -1, dtype=np.int64)
    found[number[side]] = np.flatnonzero(side)
    return found


def _near(pair: Ints, minute: Ints, mark: Bools) -> Bools:
    """Whether the mark is set on a row, or on one of the same pair in the minute before or after."""
    near = mark.copy()
    if len(pair) > 1:
        close = (pair[1:] == pair[:-1]) & (minute[1:] - minute[:-1] <= NEIGHBOUR)
        near[1:] |= mark[:-1] & close
        near[:-1] |= mark[1:] & close
    return near
