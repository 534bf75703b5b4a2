"""Rejects: peers that were accepted by a service, and are now rejected.

Scanners are rejected all day and were never accepted: they are noise, however many there are. Only peers that were
served before count. One reject proves little (a packet that arrives after its connection was closed is rejected too),
so rejects must go on for some time, or several peers must be rejected together while none is accepted.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.correlate.detect.conversations import NEVER, SYN, TCP, Conversations
from pipelines.correlate.detect.minutes import Bools, Ints, Minutes
from pipelines.correlate.detect.signals import Conversation, Pointer, Run, Signal, address, moment, pointer
from pipelines.correlate.detect.stretches import Stretches, stretches, together
from schemas.incident import Kind

ENOUGH_FLOWS = 3
ENOUGH_MINUTES = 2
"""A rejected client retries repeatedly; late packets of a closed connection are one row, rarely two."""
REGULAR_MINUTES, REGULAR_WITHIN = 30, 3600
"""A peer that never gets beyond a handshake (a TCP health check) is known once it was accepted in this many minutes
within this many seconds; scanners do not return to an open port that often."""
LATE = 300
"""Seconds after the last accepted row in which rejects without a SYN are packets of the connection that ended."""
TOGETHER = 600
"""Rejects of a service up to this many seconds apart belong together; a client may retry that rarely."""
_NOT_YET: tuple[datetime | None, Pointer | None] = (None, None)


@dataclass(frozen=True)
class RejectedRun:
    """Consecutive rejects of one peer in one direction. Times are Unix seconds."""

    pair: int
    service: int
    ingress: int
    first: int
    last: int
    strong: bool
    run: Run


def rejected_runs(c: Minutes, t: Conversations) -> list[RejectedRun]:
    """The runs of rejects of known peers, in order of service, peer, time and direction. Where both directions of a
    conversation are rejected, only the direction of the request is reported."""
    known_since = _known_since(c, t)
    found = [
        r for ingress in (1, 0) for r in _OneWay(c, np.flatnonzero(c["ingress"] == ingress)).rejected_runs(known_since)
    ]
    requests: dict[int, list[RejectedRun]] = {}
    for r in found:
        if _of_request(r):
            requests.setdefault(r.pair, []).append(r)
    kept = [r for r in found if _of_request(r) or not any(_meet(r, other) for other in requests.get(r.pair, ()))]
    return sorted(kept, key=lambda r: (r.service, r.pair, r.first, r.ingress))


def reject_signals(c: Minutes, t: Conversations, found: list[RejectedRun], start: int) -> list[Signal]:
    """The signals, one per service, direction and time. Runs that were over before `start` (Unix seconds) are left
    out."""
    live = [r for r in found if r.last >= start or (r.run.recovered and r.run.recovered >= moment(start))]
    signals = []
    for key in sorted({(r.service, r.ingress) for r in live}):
        same = [r for r in live if (r.service, r.ingress) == key]
        for group in together([(r.first, r.last) for r in same], TOGETHER):
            signals.append(_signal(c, t, [same[i] for i in group]))
    return signals


def _known_since(c: Minutes, t: Conversations) -> Ints:
    """For each pair, the minute since which the peer counts as known; NEVER for peers that were never served."""
    since = np.full(int(c.pair[-1]) + 1 if len(c) else 0, NEVER, dtype=np.int64)
    np.minimum.at(since, t.pair[t.completed], t.minute[t.completed])
    accepted = np.flatnonzero(c.request & (c["accept_flows"] > 0))
    first, regular = accepted[: 1 - REGULAR_MINUTES], accepted[REGULAR_MINUTES - 1 :]
    often = (c.pair[first] == c.pair[regular]) & (c["minute"][regular] - c["minute"][first] <= REGULAR_WITHIN)
    regular = regular[often]
    np.minimum.at(since, c.pair[regular], c["minute"][regular])
    return since


class _OneWay:
    """The cells of one direction (`rows` of `Minutes`), and the stretches of rejects among them."""

    def __init__(self, c: Minutes, rows: Ints) -> None:
        self.c, self.rows = c, rows
        self.col = {name: values[rows] for name, values in c.columns.items()}
        self.pair = c.pair[rows]

    def rejected_runs(self, known_since: Ints) -> list[RejectedRun]:
        """The runs of rejects of peers that were known before they were rejected."""
        col = self.col
        # A security group that accepts no new connections keeps the tracked ones: only SYNs are rejected.
        only_old = (
            (col["protocol"] == TCP)
            & (col["flagged"] > 0)
            & (col["reject_flags"] & SYN > 0)
            & (col["accept_flags"] & SYN == 0)
        )
        rejected = (col["reject_flows"] > 0) & ((col["accept_flows"] == 0) | only_old)
        s = stretches(self.pair, rejected)
        s = s.select((s.before >= 0) & (known_since[self.pair[s.begin]] <= col["minute"][s.begin]))
        flows, late = s.sums(col["reject_flows"]), self._late(s)
        return [self._rejected_run(s, i, int(flows[i]), bool(late[i])) for i in range(len(s))]

    def _late(self, s: Stretches) -> Bools:
        """Whether each stretch may consist only of late packets: flags are logged, none is a SYN, and it starts soon
        after an accepted row."""
        col = self.col
        no_syn = (s.sums((col["flagged"] > 0).astype(np.int64)) > 0) & (s.sums(col["reject_flags"] & SYN) == 0)
        near = col["reject_first"][s.begin] - col["accept_last"][s.before] <= LATE
        late: Bools = (col["protocol"][s.begin] == TCP) & no_syn & near
        return late

    def _rejected_run(self, s: Stretches, i: int, flows: int, late: bool) -> RejectedRun:
        col = self.col
        begin, end, before, after = int(s.begin[i]), int(s.end[i]) - 1, int(s.before[i]), int(s.after[i])
        head, tail = begin, end
        # The minute of the change has both actions: the rejects after the last accept belong to this run.
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
        return RejectedRun(
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


def conversation(c: Minutes, row: int, action: str) -> Conversation:
    """The conversation of the first flow record with this action in the cell `row`."""
    return Conversation(
        address(c.local[row].tobytes()),
        address(c.peer[row].tobytes()),
        int(c["protocol"][row]),
        int(c[f"{action}_local_port"][row]),
        int(c[f"{action}_peer_port"][row]),
        bool(c["server"][row]),
    )


def _of_request(r: RejectedRun) -> bool:
    return r.ingress == r.service & 1


def _meet(one: RejectedRun, other: RejectedRun) -> bool:
    return one.first <= other.last + TOGETHER and other.first <= one.last + TOGETHER


def _signal(c: Minutes, t: Conversations, group: list[RejectedRun]) -> Signal:
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


def _all_at_once(c: Minutes, t: Conversations, group: list[RejectedRun]) -> bool:
    """Whether several known peers were rejected together for at least a minute, while no peer that was ever served was
    accepted."""
    first, last = min(r.first for r in group), max(r.last for r in group)
    if len({r.pair for r in group}) < 2 or sum(r.run.flows for r in group) < ENOUGH_FLOWS or last - first < 60:
        return False
    served = np.unique(t.pair[t.completed])
    accepted = (c.service == group[0].service) & (c["ingress"] == group[0].ingress) & (c["accept_flows"] > 0)
    during = (c["accept_last"] > first) & (c["accept_first"] < last)
    return not bool(np.isin(c.pair[accepted & during], served).any())
