"""REJECT flips: peers that a service let in, and now refuses.

Scanners are refused all day and were never let in: they are noise, whatever their number. What counts is the peer that
was served before. One reject proves little (a packet that comes after the close of its connection is rejected too), so a
stretch of rejects must last, or several peers must be refused together while none is let in.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.correlate.cells import Bools, Cells, Ints
from pipelines.correlate.signals import Conversation, Run, Signal, address, moment, pointer
from pipelines.correlate.stretches import Stretches, stretches, together
from pipelines.correlate.talks import SYN, TCP, Talks
from schemas.incident import Kind

ENOUGH_FLOWS = 3
ENOUGH_MINUTES = 2
"""A client that is refused tries again and again; late packets of a closed connection are one row, rarely two."""
REGULAR_MINUTES = 30
"""A peer whose talks never go beyond a handshake (a TCP health check) is known after so many minutes of being let in; a
scanner that likes an open port does not come that often."""
LATE = 300
"""Seconds after the last accepted row in which rejects without any SYN are packets of the connection that ended."""
TOGETHER = 600
"""Seconds between rejects of a service up to which they belong together; a client may retry that rarely."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Refusal:
    """A stretch of rejects of one peer, one direction. Times in Unix seconds."""

    pair: int
    service: int
    ingress: int
    first: int
    last: int
    minutes: int
    strong: bool
    run: Run


def refusals(c: Cells, t: Talks) -> list[Refusal]:
    """Stretches of rejects of known peers, in order of service, peer, time and direction; where both directions of a
    conversation are rejected, the direction of the request alone is told."""
    known_since = _known_since(c, t)
    found = [r for ingress in (1, 0) for r in _one_way(c, np.flatnonzero(c["ingress"] == ingress), known_since)]
    asked: dict[int, list[Refusal]] = {}
    for r in found:
        if _of_request(r):
            asked.setdefault(r.pair, []).append(r)
    kept = [r for r in found if _of_request(r) or not any(_meet(r, other) for other in asked.get(r.pair, ()))]
    return sorted(kept, key=lambda r: (r.service, r.pair, r.first, r.ingress))


def reject_signals(c: Cells, t: Talks, found: list[Refusal], start: int) -> list[Signal]:
    """One per service, direction and time. Those that were over before `start` (Unix seconds) are left out."""
    live = [r for r in found if r.last >= start or (r.run.recovered and r.run.recovered >= moment(start))]
    signals = []
    for key in sorted({(r.service, r.ingress) for r in live}):
        mine = [r for r in live if (r.service, r.ingress) == key]
        for group in together([(r.first, r.last) for r in mine], TOGETHER):
            signals.append(_signal(c, t, [mine[i] for i in group]))
    return signals


def _known_since(c: Cells, t: Talks) -> Ints:
    """By pair the minute since which the peer counts as known; NEVER for those who were never served."""
    since = np.full(int(c.pair[-1]) + 1 if len(c) else 0, NEVER, dtype=np.int64)
    np.minimum.at(since, t.pair[t.completed], t.minute[t.completed])
    let_in = np.flatnonzero(c.request & (c["accept_flows"] > 0))
    rank = np.arange(len(let_in)) - np.searchsorted(c.pair[let_in], c.pair[let_in])
    regular = let_in[rank == REGULAR_MINUTES - 1]
    np.minimum.at(since, c.pair[regular], c["minute"][regular])
    return since


def _one_way(c: Cells, rows: Ints, known_since: Ints) -> list[Refusal]:
    if not len(rows):
        return []
    col = {name: values[rows] for name, values in c.columns.items()}
    pair = c.pair[rows]
    # A security group that no longer lets new connections in keeps the old ones: a SYN refused among old packets let by.
    only_old = (
        (col["protocol"] == TCP)
        & (col["flagged"] > 0)
        & (col["reject_flags"] & SYN > 0)
        & (col["accept_flags"] & SYN == 0)
    )
    refused = (col["reject_flows"] > 0) & ((col["accept_flows"] == 0) | only_old)
    s = stretches(pair, refused)
    s = s.select((s.before >= 0) & (known_since[pair[s.begin]] <= col["minute"][s.begin]))
    flows = s.sums(col["reject_flows"])
    late = _late(col, s)
    return [_refusal(c, rows, col, s, i, int(flows[i]), bool(late[i])) for i in range(len(s))]


def _late(col: dict[str, Ints], s: Stretches) -> Bools:
    """Whether a stretch may be no more than late packets: flags are logged, none is a SYN, and an accepted row is near."""
    silent = (s.sums((col["flagged"] > 0).astype(np.int64)) > 0) & (s.sums(col["reject_flags"] & SYN) == 0)
    near = col["reject_first"][s.begin] - col["accept_last"][s.before] <= LATE
    tcp: Bools = (col["protocol"][s.begin] == TCP) & silent & near
    return tcp


def _refusal(c: Cells, rows: Ints, col: dict[str, Ints], s: Stretches, i: int, flows: int, late: bool) -> Refusal:
    begin, last_row, before, after = int(s.begin[i]), int(s.end[i]) - 1, int(s.before[i]), int(s.after[i])
    head, tail = begin, last_row
    # Rows of both actions in the minute in which it turned: the rejects after the last accept belong to the stretch.
    if col["reject_flows"][before] and col["reject_first"][before] > col["accept_last"][before]:
        head, flows = before, flows + int(col["reject_flows"][before])
    if after >= 0 and col["reject_flows"][after] and col["reject_last"][after] < col["accept_first"][after]:
        tail, flows = after, flows + int(col["reject_flows"][after])
    minutes = last_row + 1 - begin + (head != begin) + (tail != last_row)
    back = after if after >= 0 else None
    run = Run(
        conversation=conversation(c, int(rows[head]), "reject"),
        last_good=moment(col["accept_last"][before]),
        good_row=pointer(col["accept_last_object"][before], col["accept_last_row"][before]),
        first_bad=moment(col["reject_first"][head]),
        last_bad=moment(col["reject_last"][tail]),
        first_row=pointer(col["reject_first_object"][head], col["reject_first_row"][head]),
        last_row=pointer(col["reject_last_object"][tail], col["reject_last_row"][tail]),
        recovered=None if back is None else moment(col["accept_first"][back]),
        recovered_row=None
        if back is None
        else pointer(col["accept_first_object"][back], col["accept_first_row"][back]),
        flows=flows,
    )
    return Refusal(
        int(c.pair[rows[begin]]),
        int(c.service[rows[begin]]),
        int(col["ingress"][begin]),
        int(col["reject_first"][head]),
        int(col["reject_last"][tail]),
        minutes,
        flows >= ENOUGH_FLOWS and minutes >= ENOUGH_MINUTES and not late,
        run,
    )


def conversation(c: Cells, row: int, action: str) -> Conversation:
    """That of the first row with this action of a cell."""
    return Conversation(
        address(c.local[row].tobytes()),
        address(c.peer[row].tobytes()),
        int(c["protocol"][row]),
        int(c[f"{action}_local_port"][row]),
        int(c[f"{action}_peer_port"][row]),
        bool(c["server"][row]),
    )


def _of_request(r: Refusal) -> bool:
    return r.ingress == r.service & 1


def _meet(one: Refusal, other: Refusal) -> bool:
    return one.first <= other.last + TOGETHER and other.first <= one.last + TOGETHER


def _signal(c: Cells, t: Talks, group: list[Refusal]) -> Signal:
    head = group[0]
    runs = tuple(r.run for r in group)
    last = max(r.last for r in group)
    answered = [run for run in runs if run.recovered and run.recovered >= moment(last)]
    back = min(answered, key=lambda run: (run.recovered, run.recovered_row), default=None)  # type: ignore[arg-type, return-value]
    return Signal(
        Kind.REJECTS,
        c.interface_id,
        head.service >> 17,
        head.service >> 1 & 0xFFFF,
        bool(head.service & 1),
        not _of_request(head),
        any(r.strong for r in group) or _all_at_once(c, t, group),
        False,
        max(run.last_good for run in runs),
        moment(last),
        back.recovered if back else None,
        runs,
        back.recovered_row if back else None,
    )


def _all_at_once(c: Cells, t: Talks, group: list[Refusal]) -> bool:
    """Several known peers refused together, for longer than a moment, and no peer that was ever served let in."""
    first, last = min(r.first for r in group), max(r.last for r in group)
    if len({r.pair for r in group}) < 2 or sum(r.run.flows for r in group) < ENOUGH_FLOWS or last - first < 60:
        return False
    served = np.unique(t.pair[t.completed])
    let_in = (c.service == group[0].service) & (c["ingress"] == group[0].ingress) & (c["accept_flows"] > 0)
    during = (c["accept_last"] > first) & (c["accept_first"] < last)
    return not bool(np.isin(c.pair[let_in & during], served).any())
