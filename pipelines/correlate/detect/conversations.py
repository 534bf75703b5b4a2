"""Conversations: both directions of a peer and a service in one minute, and whether the conversation completed.

AWS does not document how a lost route looks in a flow log: requests alone, requests and handshakes that are
retransmitted because no answer arrives, or nothing. So a conversation records what was seen, and `lost.py` interprets
it.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.correlate.detect.minutes import Bools, Ints, Minutes, starts
from schemas.flow import HANDSHAKE_BYTES
from schemas.protocols import TCP

NEIGHBOUR = 60
"""Seconds within which an answer may be logged in another record than its request: records end at aggregation
intervals, not with conversations."""
FIN, SYN, SYN_ACK = 1, 2, 18
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Conversations:
    """Columns, one row per (pair, minute), in that order. `request` and `answer` are rows of `Minutes`, -1 for none.

    `completed`: answered, and data was exchanged. `unanswered`: requested, and nothing came back, or (TCP) only packets
    of handshake size, both ways. `plain`: certainly unanswered; handshakes without logged flags are not, as they may
    also be keepalives of an idle connection. `first` and `last`: rows of `Minutes` with the first and the last record
    that carries data, -1 for none.
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


def conversations(c: Minutes) -> Conversations:
    """The conversations of an interface."""
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

    def data(side: Ints, name: str, none: int) -> Ints:
        return np.where(of(side, "data_flows") > 0, of(side, name), none)

    both = (of(request, "accept_flows") > 0) & (of(answer, "accept_flows") > 0)
    rejected, has_data = either("reject_flows"), either("data_flows")
    flagged = (of(request, "flagged") > 0) & (of(answer, "flagged") > 0)
    request_flags, answer_flags = of(request, "accept_flags"), of(answer, "accept_flags")
    no_fin = (request_flags | answer_flags) & FIN == 0
    opening = (request_flags & SYN > 0) & (answer_flags & SYN_ACK == SYN_ACK) & no_fin
    pair, minute = c.pair[rows], c["minute"][rows]
    requested = (of(request, "accept_flows") > 0) & ~rejected
    earlier = data(request, "data_first", NEVER) <= data(answer, "data_first", NEVER)
    later = data(request, "data_last", -1) > data(answer, "data_last", -1)
    tcp = c["protocol"][rows] == TCP
    handshake = requested & both & tcp & small(request) & small(answer) & (~flagged | opening)
    requests = of(request, "accept_first"), of(request, "accept_end")
    answers = of(answer, "accept_first", NEVER), of(answer, "accept_end", -1)
    alone = requested & (of(answer, "accept_flows") == 0) & ~_answered_nearby(pair, requests, answers)
    return Conversations(
        pair,
        c.service[rows],
        minute,
        request,
        answer,
        both & has_data,
        alone | handshake,
        alone | (handshake & flagged),
        np.where(has_data, np.where(earlier, request, answer), -1),
        np.where(has_data, np.where(later, request, answer), -1),
    )


def _rows(number: Ints, side: Bools, size: int) -> Ints:
    found = np.full(size, -1, dtype=np.int64)
    found[number[side]] = np.flatnonzero(side)
    return found


def _answered_nearby(pair: Ints, requests: tuple[Ints, Ints], answers: tuple[Ints, Ints]) -> Bools:
    """Whether a request (start, end) has its answer (start, end) in the pair's previous or next conversation: an answer
    that still goes on when the request starts, or starts soon after it ends."""
    nearby: Bools = np.zeros(len(pair), dtype=np.bool_)
    same = pair[1:] == pair[:-1]
    nearby[1:] |= same & (answers[1][:-1] >= requests[0][1:])
    nearby[:-1] |= same & (answers[0][1:] <= requests[1][:-1] + NEIGHBOUR)
    return nearby
