"""REJECT flips: peers that a service let in, and now refuses.

Scanners are refused all day and were never let in: they are noise, whatever their number. What counts is the peer that
was served before. One reject proves little (a packet that comes after the close of its connection is rejected too), so
a stretch of rejects must last, or several peers must be refused together while none is let in.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.correlate.cells import Bools, Cells, Ints
from pipelines.correlate.signals import Conversation, Pointer, Run, Signal, address, moment, pointer
from pipelines.correlate.stretches import Stretches, stretches, together
from pipelines.correlate.talks import NEVER, SYN, TCP, Talks
from schemas.incident import Kind

ENOUGH_FLOWS = 3
ENOUGH_MINUTES = 2
"""A client that is refused tries again and again; late packets of a closed connection are one row, rarely two."""
REGULAR_MINUTES, REGULAR_WITHIN = 30, 3600
"""A peer whose talks never go beyond a handshake (a TCP health check) is known after so many minutes of being let in,
within so many seconds; a scanner that likes an open port does not come that often."""
LATE = 300
"""Seconds after the last accepted row in which rejects without any SYN are packets of the connection that ended."""
TOGETHER = 600
"""Seconds between rejects of a service up to which they belong together; a client may retry that rarely."""
_NOT_YET: tuple[datetime | None, Pointer | None] = (None, None)


@dataclass(frozen=True)
class Refusal:
    """A stretch of rejects of one peer, one direction. Times in Unix seconds."""

    pair: int
    service: int
    ingress: int
    first: int
    last: int
    strong: bool
    run: Run


def refusals(c: Cells, t: Talks) -> list[Refusal]:
    """Stretches of rejects of known peers, in order of service, peer, time and direction; where both directions of a
    conversation are rejected, the direction of the request alone is told."""
    known_since = _known_since(c, t)
    found = [r for ingress in (1, 0) for r in _OneWay(c, np.flatnonzero(c["ingress"] == ingress)).refusals(known_since)]
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
    begun, regular = let_in[: 1 - REGULAR_MINUTES], let_in[REGULAR_MINUTES - 1 :]
    often = (c.pair[begun] == c.pair[regular]) & (c["minute"][regular] - c["minute"][begun] <= REGULAR_WITHIN)
    regular = regular[often]
    np.minimum.at(since, c.pair[regular], c["minute"][regular])
    return since


class _OneWay:
    """The cells of one direction that are rows of `cells`, with stretches of rejects among them."""

    def __init__(self, c: Cells, rows: Ints) -> None:
        self.c, self.rows = c, rows
        self.col = {name: values[rows] for name, values in c.columns.items()}
        self.pair = c.pair[rows]

    def refusals(self, known_since: Ints) -> list[Refusal]:
        """Of peers that were known before they were refused."""
        col = self.col
        # A security group that lets no new connection in keeps the old ones: a SYN is refused among old packets let by.
        only_old = (
            (col["protocol"] == TCP)
            & (col["flagged"] > 0)
            & (col["reject_flags"] & SYN > 0)
            & (col["accept_flags"] & SYN == 0)
        )
        refused = (col["reject_flows"] > 0) & ((col["accept_flows"] == 0) | only_old)
        s = stretches(self.pair, refused)
        s = s.select((s.before >= 0) & (known_since[self.pair[s.begin]] <= col["minute"][s.begin]))
        flows, late = s.sums(col["reject_flows"]), self._late(s)
        return [self._refusal(s, i, int(flows[i]), bool(late[i])) for i in range(len(s))]

    def _late(self, s: Stretches) -> Bools:
        """Whether a stretch may be no more than late packets: flags are logged, none is a SYN, and an accepted row is
        near."""
        col = self.col
        silent = (s.sums((col["flagged"] > 0).astype(np.int64)) > 0) & (s.sums(col["reject_flags"] & SYN) == 0)
        near = col["reject_first"][s.begin] - col["accept_last"][s.before] <= LATE
        late: Bools = (col["protocol"][s.begin] == TCP) & silent & near
        return late

    def _refusal(self, s: Stretches, i: int, flows: int, late: bool) -> Refusal:
        col = self.col
        begin, end, before, after = int(s.begin[i]), int(s.end[i]) - 1, int(s.before[i]), int(s.after[i])
        head, tail = begin, end
        # In the minute in which it turned both actions are logged: the rejects after the last accept belong here.
        if col["reject_flows"][before] and col["reject_first"][before] > col["accept_last"][before]:
            head, flows = before, flows + int(col["reject_flows"][before])
        if after >= 0 and col["reject_flows"][after] and col["reject_last"][after] < col["accept_first"][after]:
            tail, flows = after, flows + int(col["reject_flows"][after])
        minutes = tail + 1 - head
        run = Run(
            conversation=conversation(self.c, int(self.rows[head]), "reject"),
            last_good=moment(col["accept_last"][before]),
            good_row=self._pointer(before, "accept_last"),
            first_bad=moment(col["reject_first"][head]),
            last_bad=moment(col["reject_last"][tail]),
            first_row=self._pointer(head, "reject_first"),
            last_row=self._pointer(tail, "reject_last"),
            recovered=moment(col["accept_first"][after]) if after >= 0 else None,
            recovered_row=self._pointer(after, "accept_first") if after >= 0 else None,
            flows=flows,
        )
        return Refusal(
            pair=int(self.pair[begin]),
            service=int(self.c.service[self.rows[begin]]),
            ingress=int(col["ingress"][begin]),
            first=int(col["reject_first"][head]),
            last=int(col["reject_last"][tail]),
            strong=flows >= ENOUGH_FLOWS and minutes >= ENOUGH_MINUTES and not late,
            run=run,
        )

    def _pointer(self, row: int, which: str) -> Pointer:
        return pointer(self.col[f"{which}_object"][row], self.col[f"{which}_row"][row])


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
    last = moment(max(r.last for r in group))
    known = ((r.run.recovered, r.run.recovered_row) for r in group if r.run.recovered and r.run.recovered_row)
    back: tuple[datetime | None, Pointer | None] = min((found for found in known if found[0] >= last), default=_NOT_YET)
    return Signal(
        kind=Kind.REJECTS,
        interface_id=c.interface_id,
        protocol=head.service >> 17,
        port=head.service >> 1 & 0xFFFF,
        server=bool(head.service & 1),
        reply=not _of_request(head),
        strong=any(r.strong for r in group) or _all_at_once(c, t, group),
        silent=False,
        last_good=max(r.run.last_good for r in group),
        until=last,
        recovered=back[0],
        recovered_row=back[1],
        runs=tuple(r.run for r in group),
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
