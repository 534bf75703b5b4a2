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

    `completed`: answered, and something was said. `unanswered`: asked, and nothing came back, or (TCP) nothing but
    packets of handshake size, both ways. `plain`: unanswered beyond doubt, while such handshakes without flags may also
    be packets that keep an idle connection alive. `first` and `last`: rows of `cells` that hold the first
    and the last record in which something was said, -1 where nothing was.
    """

    pair: Ints
    service: Ints
    minute: Ints
    request: Ints
    answer: Ints
    completed: Bools
    unanswered: Bools
    plain: Bools
    first: Ints
    last: Ints


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
    tcp = c["protocol"][rows] == TCP
    handshake = asked & both & tcp & small(request) & small(answer) & (~flagged | opening)
    asked_at, asked_until = of(request, "accept_first"), of(request, "accept_end")
    before, after = of(answer, "accept_end", -1), of(answer, "accept_first", NEVER)
    alone = asked & (of(answer, "accept_flows") == 0) & ~_answered_apart(pair, (asked_at, asked_until), (after, before))
    return Talks(
        pair,
        c.service[rows],
        minute,
        request,
        answer,
        both & spoken,
        alone | handshake,
        alone | (handshake & flagged),
        np.where(spoken, np.where(earlier, request, answer), -1),
        np.where(spoken, np.where(later, request, answer), -1),
    )


def _rows(number: Ints, side: Bools, size: int) -> Ints:
    found = np.full(size, -1, dtype=np.int64)
    found[number[side]] = np.flatnonzero(side)
    return found


def _answered_apart(pair: Ints, asked: tuple[Ints, Ints], answered: tuple[Ints, Ints]) -> Bools:
    """Whether a request (begin, end) has its answer (begin, end) in the talk of the same pair before or after it: still
    going on when it was asked, or beginning soon after."""
    apart: Bools = np.zeros(len(pair), dtype=np.bool_)
    same = pair[1:] == pair[:-1]
    apart[1:] |= same & (answered[1][:-1] >= asked[0][1:])
    apart[:-1] |= same & (answered[0][1:] <= asked[1][:-1] + NEIGHBOUR)
    return apart
