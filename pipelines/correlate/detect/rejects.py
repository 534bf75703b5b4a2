"""Rejects: peers that were accepted by a service, and are now rejected.

Scanners are rejected all day and were never accepted: they are noise, however many there are. Only peers that were
served before count. One reject proves little (a packet that arrives after its connection was closed is rejected too),
so rejects must go on for some time, or several peers must be rejected together while none is accepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.correlate.detect.conversations import NEVER, Conversations
from pipelines.correlate.detect.minutes import Bools, Ints, Minutes, service_of
from pipelines.correlate.detect.one_way import OneWay
from pipelines.correlate.detect.partial import Partial, partial_rejects
from pipelines.correlate.detect.signals import Pointer, Run, Signal, moment
from pipelines.correlate.detect.stretches import Stretches, stretches, together
from schemas.incident import Kind
from schemas.protocols import TCP

ENOUGH_FLOWS = 3
ENOUGH_MINUTES = 2
"""A rejected client retries repeatedly; late packets of a closed connection are one row, rarely two."""
REGULAR_MINUTES, REGULAR_WITHIN = 30, 3600
"""A peer that never gets beyond a handshake (a TCP health check) is known once it was accepted in this many minutes
within this many seconds; scanners do not return to an open port that often."""
LATE = 900
"""Rejects that open no connection, for up to this many seconds, are packets of connections that had ended, or that the
security group no longer tracked: TCP gives up retransmitting after about 15 minutes."""
TOGETHER = 600
"""Rejects of a service up to this many seconds apart belong together; a client may retry that rarely."""
_NOT_YET: tuple[datetime | None, Pointer | None] = (None, None)


@dataclass(frozen=True)
class RejectedRun:
    """Consecutive rejects of one peer in one direction. Times are Unix seconds. `late`: they may be packets of
    connections that had ended."""

    pair: int
    service: int
    ingress: int
    first: int
    last: int
    strong: bool
    late: bool
    run: Run


def rejected_runs(c: Minutes, t: Conversations) -> list[RejectedRun]:
    """The runs of rejects of known peers, in order of service, peer, time and direction. Where both directions of a
    conversation are rejected, only the direction of the request is reported."""
    known_since = _known_since(c, t)
    found = [r for ingress in (1, 0) for r in _of_direction(c, np.flatnonzero(c["ingress"] == ingress), known_since)]
    requests: dict[int, list[RejectedRun]] = {}
    for r in found:
        if _of_request(r):
            requests.setdefault(r.pair, []).append(r)
    kept = [r for r in found if _of_request(r) or not any(_meet(r, other) for other in requests.get(r.pair, ()))]
    return sorted(kept, key=lambda r: (r.service, r.pair, r.first, r.ingress))


def _of_direction(c: Minutes, rows: Ints, known_since: Ints) -> Iterator[RejectedRun]:
    """The runs of rejects in one direction: first those of peers of which some connections are still accepted."""
    w = OneWay(c, rows)
    mixed: Bools = np.zeros(len(w), dtype=np.bool_)
    for partial in partial_rejects(w, known_since):
        mixed[partial.begin : partial.end] = True
        yield _partial(w, partial)
    yield from _whole(OneWay(c, rows[~mixed]) if mixed.any() else w, known_since)


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


def _partial(w: OneWay, p: Partial) -> RejectedRun:
    first, last = int(w.col["reject_first"][p.begin]), int(w.col["reject_last"][p.end - 1])
    pair, service = int(w.pair[p.begin]), int(w.c.service[w.rows[p.begin]])
    return RejectedRun(pair, service, int(w.col["ingress"][p.begin]), first, last, strong=True, late=False, run=p.run)


def _whole(w: OneWay, known_since: Ints) -> Iterator[RejectedRun]:
    """The runs of rejects of peers that were known before they were rejected."""
    col = w.col
    # A security group that accepts no new connections keeps the tracked ones: only those that open are rejected.
    only_old = (col["reject_opens"] > 0) & (col["accept_opens"] == 0)
    s = stretches(w.pair, (col["reject_flows"] > 0) & ((col["accept_flows"] == 0) | only_old))
    s = s.select((s.before >= 0) & (known_since[w.pair[s.begin]] <= col["minute"][s.begin]))
    flows, late = s.sums(col["reject_flows"]), _late(w, s)
    for i in range(len(s)):
        yield _rejected_run(w, s, i, int(flows[i]), late=bool(late[i]))


def _late(w: OneWay, s: Stretches) -> Bools:
    """Whether each stretch may consist only of packets of connections that are closed, or no longer tracked: TCP,
    nothing opens a connection, and it does not last."""
    lasts = w.col["reject_last"][s.end - 1] - w.col["reject_first"][s.begin]
    late: Bools = (w.col["protocol"][s.begin] == TCP) & (s.sums(w.col["reject_opens"]) == 0) & (lasts <= LATE)
    return late


def _rejected_run(w: OneWay, s: Stretches, i: int, flows: int, *, late: bool) -> RejectedRun:
    col = w.col
    begin, end, before, after = int(s.begin[i]), int(s.end[i]) - 1, int(s.before[i]), int(s.after[i])
    head, tail = begin, end
    # The minute of the change has both actions: the rejects after the last accept belong to this run.
    if col["reject_flows"][before] and col["reject_first"][before] > col["accept_last"][before]:
        head, flows = before, flows + int(col["reject_flows"][before])
    if after >= 0 and col["reject_flows"][after] and col["reject_last"][after] < col["accept_first"][after]:
        tail, flows = after, flows + int(col["reject_flows"][after])
    minutes = tail + 1 - head
    run = Run(
        conversation=w.conversation(head),
        last_good=moment(col["accept_last"][before]),
        good_row=w.pointer(before, "accept_last"),
        first_bad=moment(col["reject_first"][head]),
        last_bad=moment(col["reject_last"][tail]),
        first_row=w.pointer(head, "reject_first"),
        last_row=w.pointer(tail, "reject_last"),
        recovered=moment(col["accept_first"][after]) if after >= 0 else None,
        recovered_row=w.pointer(after, "accept_first") if after >= 0 else None,
        flows=flows,
        opened=w.opened(before),
    )
    return RejectedRun(
        pair=int(w.pair[begin]),
        service=int(w.c.service[w.rows[begin]]),
        ingress=int(col["ingress"][begin]),
        first=int(col["reject_first"][head]),
        last=int(col["reject_last"][tail]),
        strong=flows >= ENOUGH_FLOWS and minutes >= ENOUGH_MINUTES and not late,
        late=late,
        run=run,
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
    protocol, port, server = service_of(head.service)
    return Signal(
        kind=Kind.REJECTS,
        interface_id=c.interface_id,
        protocol=protocol,
        port=port,
        server=server,
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
    """Whether several known peers were rejected together for at least a minute, and not only in late packets, while no
    peer that was ever served was accepted."""
    group = [r for r in group if not r.late]
    if not group:
        return False
    first, last = min(r.first for r in group), max(r.last for r in group)
    if len({r.pair for r in group}) < 2 or sum(r.run.flows for r in group) < ENOUGH_FLOWS or last - first < 60:
        return False
    served = np.unique(t.pair[t.completed])
    accepted = (c.service == group[0].service) & (c["ingress"] == group[0].ingress) & (c["accept_flows"] > 0)
    during = (c["accept_last"] > first) & (c["accept_first"] < last)
    return not bool(np.isin(c.pair[accepted & during], served).any())
