"""Lost traffic: a service that was regularly answered and no longer is, although nothing is rejected.

Any service is quiet now and then; its own past determines how much silence is more than chance. A gap between two
completed conversations is judged by what is in it. Requests without an answer weigh most. Handshakes without data weigh
less (idle connections look the same where flags are not logged). Silence alone weighs least: it must be both improbable
and longer than any silence before. Minutes for which the flow log delivered nothing prove nothing and do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.correlate.detect.conversations import Conversations
from pipelines.correlate.detect.minutes import Ints, Minutes, service_of
from pipelines.correlate.detect.one_way import conversation
from pipelines.correlate.detect.rejects import ENOUGH_FLOWS, ENOUGH_MINUTES, TOGETHER, RejectedRun
from pipelines.correlate.detect.signals import Pointer, Run, Signal, moment, pointer
from pipelines.correlate.detect.stretches import stretches, together
from schemas.incident import Kind

SHORTEST = 3
"""Minutes: nothing shorter counts as an outage."""
CHANCE_PLAIN, CHANCE_HANDSHAKE, CHANCE_SILENT = 0.05, 1e-3, 1e-6
"""The highest probability of a gap, given the share of earlier minutes with completed conversations, at which plainly
unanswered requests, handshakes or silence in it count."""
A_DAY = 1300
"""Minutes of past, nearly a day. With fewer, it is unknown when a service is normally quiet: its silence is then a weak
signal, reported only if a change is proven to have caused it."""
SILENCE_TIMES = 2
"""Silence alone must be at least this many times longer than any silence in the lookback."""
ENOUGH_PAST = 5
"""A service with fewer minutes with completed conversations has too little past to judge."""
RECENT = 3600
"""Seconds: peers that were answered this shortly before a service fell silent are assumed to miss it."""
MOST_PEERS = 500
"""At most this many of those peers, the latest ones."""


@dataclass(frozen=True)
class _Gap:
    """No conversation of the service completed strictly between the minutes `low` and `high` (Unix seconds). `again`:
    one completed at `high`."""

    low: int
    high: int
    again: bool


@dataclass(frozen=True)
class Past:
    """The time to examine. Signals that were over before `start` are left out; the `lookback` (seconds) before a gap
    shows what is normal. `covered` are the minutes (ascending) for which the interface's flow log delivered something.
    All are Unix seconds."""

    covered: Ints
    start: int
    lookback: int


def lost_signals(c: Minutes, t: Conversations, past: Past, rejected: list[RejectedRun]) -> list[Signal]:
    """The lost-traffic signals of an interface. Rejects explain a gap by themselves: the time between the first and the
    last of them does not count as lost."""
    if not len(past.covered) or not t.completed.any():
        return []
    losses = _LostTraffic(c, t, past)
    services = [int(service) for service in np.unique(t.service[t.completed])]
    whole = [(service, signal) for service in services for signal in losses.of_service(service, rejected)]
    return [signal for _, signal in whole] + losses.of_some_peers(whole)


class _LostTraffic:
    """The columns that all methods here need."""

    def __init__(self, c: Minutes, t: Conversations, past: Past) -> None:
        self.c, self.t, self.covered, self.past = c, t, past.covered, past
        self.rows = np.flatnonzero(t.completed | t.unanswered)
        found = stretches(t.pair[self.rows], t.unanswered[self.rows])
        self.stretches = found.select(found.before >= 0)
        self.service = t.service[self.rows[self.stretches.begin]]
        self.unanswered = self.rows[self.stretches.rows()]
        self.completed = np.flatnonzero(t.completed)

    def of_service(self, service: int, rejected: list[RejectedRun]) -> Iterator[Signal]:
        """Signals of a service that as a whole was no longer answered."""
        done = np.unique(self.t.minute[self._of(self.completed, service)])
        for gap in _gaps(done, int(self.covered[-1])):
            if gap.high < self.past.start:
                continue
            rejects = [r for r in rejected if r.service == service and gap.low <= r.last and r.first < gap.high + 60]
            for low, high in _pieces(gap, rejects):
                signal = self._judge(service, done[done <= gap.low], gap, low, high)
                if signal:
                    yield signal

    def of_some_peers(self, known: list[tuple[int, Signal]]) -> list[Signal]:
        """Signals of peers that are no longer answered while others are. They are weak: such a peer may have a problem
        of its own, unless a change is proven to separate it from the service. `known`: the signals of whole services,
        each with its service."""
        spans = [(signal.last_good, signal.until, service) for service, signal in known]
        found: dict[int, list[tuple[tuple[int, int], Run]]] = {}
        s = self.stretches
        for i in np.flatnonzero(s.end - s.begin >= max(ENOUGH_FLOWS, ENOUGH_MINUTES)):
            service, run = int(self.service[i]), self._run(int(i), 0, int(self.covered[-1]))
            if run is None or run.first_bad is None or run.last_bad is None or run.last_bad < moment(self.past.start):
                continue
            if not any(
                key == service and run.first_bad <= until and last <= run.last_bad for last, until, key in spans
            ):
                span = (int(run.first_bad.timestamp()), int(run.last_bad.timestamp()))
                found.setdefault(service, []).append((span, run))
        return [
            self._signal(service, [runs[i][1] for i in group], strong=False)
            for service, runs in sorted(found.items())
            for group in together([span for span, _ in runs], TOGETHER)
        ]

    def _judge(self, service: int, done: Ints, gap: _Gap, low: int, high: int) -> Signal | None:
        """The signal strictly between `low` and `high`, a piece of the gap; None if chance may explain it. `done` are
        the minutes with completed conversations up to the gap."""
        inside = self.covered[(self.covered > low) & (self.covered < high)]
        past = self.covered[(self.covered >= gap.low - self.past.lookback) & (self.covered <= gap.low)]
        if len(inside) < SHORTEST or not len(past):
            return None
        done = done[done >= past[0]]
        if len(done) < ENOUGH_PAST:
            return None
        chance = (1 - len(done) / (len(past) + 1)) ** len(inside)
        times = (len(inside) * 60) / max(60, int(np.diff(np.concatenate((past[:1], done))).max()))
        plain, either = self._unanswered(service, low, high)
        if not either and chance > CHANCE_PLAIN:
            return None
        unusual = len(past) >= A_DAY and times > 1
        strong = (
            (plain and chance <= CHANCE_PLAIN)
            or (either and unusual and chance <= CHANCE_HANDSHAKE)
            or (unusual and times >= SILENCE_TIMES and chance <= CHANCE_SILENT)
        )
        return self._signal(
            service,
            self._runs(service, low, high) if either else self._latest(service, gap),
            strong=strong,
            silent=not either,
            gap=gap,
            since=int(inside[0]),
            until=int(inside[-1]),
            busy=len(done) / (len(past) + 1),
        )

    def _unanswered(self, service: int, low: int, high: int) -> tuple[bool, bool]:
        """Whether there are enough plainly unanswered conversations strictly between `low` and `high`, and whether
        there are enough unanswered ones of either sort; both of peers that used to be answered."""
        t, found = self.t, self._of(self.unanswered, service)
        found = found[(t.minute[found] > low) & (t.minute[found] < high)]
        plain = found[t.plain[found]]
        return (
            len(plain) >= ENOUGH_FLOWS and len(np.unique(t.minute[plain])) >= ENOUGH_MINUTES,
            len(found) >= ENOUGH_FLOWS and len(np.unique(t.minute[found])) >= ENOUGH_MINUTES,
        )

    def _of(self, rows: Ints, service: int) -> Ints:
        """The rows of a service among `rows` of conversations, which are in order of service."""
        first, last = np.searchsorted(self.t.service[rows], [service, service + 1])
        return rows[first:last]

    def _runs(self, service: int, low: int, high: int) -> list[Run]:
        first, last = np.searchsorted(self.service, [service, service + 1])
        return [run for i in range(first, last) if (run := self._run(i, low, high))]

    def _run(self, i: int, low: int, high: int) -> Run | None:
        """The run of stretch `i`: the unanswered conversations of one peer in the minutes `[low, high)`. None without
        any."""
        t, s = self.t, self.stretches
        rows = self.rows[s.begin[i] : s.end[i]]
        rows = rows[(t.minute[rows] >= low) & (t.minute[rows] < high)]
        if not len(rows):
            return None
        before = int(self.rows[s.before[i]])
        after = int(self.rows[s.after[i]]) if s.after[i] >= 0 else -1
        requests = t.request[rows]
        last_good, good_row = self._last_data(before)
        recovered, recovered_row = self._first_data(after) if after >= 0 else (None, None)
        return Run(
            conversation=conversation(self.c, int(requests[0]), "accept"),
            last_good=last_good,
            good_row=good_row,
            first_bad=moment(self.c["accept_first"][requests[0]]),
            last_bad=moment(self.c["accept_last"][requests[-1]]),
            first_row=self._pointer(requests[0], "accept_first"),
            last_row=self._pointer(requests[-1], "accept_last"),
            recovered=recovered,
            recovered_row=recovered_row,
            flows=int(self.c["accept_flows"][requests].sum()),
        )

    def _latest(self, service: int, gap: _Gap) -> list[Run]:
        """A run for each peer that the service had shortly before it fell silent."""
        t = self.t
        found = self._of(self.completed, service)
        found = found[(t.minute[found] <= gap.low) & (t.minute[found] > gap.low - RECENT)]
        ends = found[np.append(t.pair[found[1:]] != t.pair[found[:-1]], True)]
        ends = ends[np.lexsort((t.pair[ends], -t.minute[ends]))][:MOST_PEERS]
        return [
            Run(conversation(self.c, int(t.request[row]), "accept"), *self._last_data(int(row)))
            for row in np.sort(ends)
        ]

    def _signal(
        self,
        service: int,
        runs: list[Run],
        *,
        strong: bool,
        silent: bool = False,
        gap: _Gap | None = None,
        since: int = 0,
        until: int = 0,
        busy: float = 0.0,
    ) -> Signal:
        known = ((run.recovered, run.recovered_row) for run in runs if run.recovered and run.recovered_row)
        back: tuple[datetime | None, Pointer | None] = min(known, default=(None, None))
        last_good = max(run.last_good for run in runs)
        if gap is not None:
            last_good = max(self._last_data(int(row))[0] for row in self._at(service, gap.low))
            back = (None, None)
        if gap is not None and gap.again:
            back = min(self._first_data(int(row)) for row in self._at(service, gap.high))
        seen = [run.last_bad for run in runs if run.last_bad]
        protocol, port, server = service_of(service)
        return Signal(
            kind=Kind.LOST_TRAFFIC,
            interface_id=self.c.interface_id,
            protocol=protocol,
            port=port,
            server=server,
            reply=False,
            strong=strong,
            silent=silent,
            last_good=last_good,
            until=max(seen) if seen else moment(until),
            recovered=back[0],
            recovered_row=back[1],
            runs=tuple(runs),
            since=moment(since) if since else None,
            busy=busy,
        )

    def _at(self, service: int, minute: int) -> Ints:
        """The completed conversations of a minute."""
        found = self._of(self.completed, service)
        at: Ints = found[self.t.minute[found] == minute]
        return at

    def _first_data(self, i: int) -> tuple[datetime, Pointer]:
        """Time and pointer of the first record of conversation `i` that carries data."""
        row = self.t.first[i]
        return moment(self.c["data_first"][row]), self._pointer(row, "data_first")

    def _last_data(self, i: int) -> tuple[datetime, Pointer]:
        """Time and pointer of the last record of conversation `i` that carries data."""
        row = self.t.last[i]
        return moment(self.c["data_last"][row]), self._pointer(row, "data_last")

    def _pointer(self, row: int, which: str) -> Pointer:
        return pointer(self.c[f"{which}_object"][row], self.c[f"{which}_row"][row])


def _gaps(done: Ints, last: int) -> list[_Gap]:
    """The gaps that are long enough, including one that goes on to the `last` covered minute."""
    edges = np.append(done, max(last, int(done[-1])))
    wide = np.flatnonzero(np.diff(edges) > SHORTEST * 60)
    return [_Gap(int(edges[i]), int(edges[i + 1]), bool(i + 1 < len(done))) for i in wide]


def _pieces(gap: _Gap, rejects: list[RejectedRun]) -> list[tuple[int, int]]:
    """The pieces of the gap before and after its rejects."""
    if not rejects:
        return [(gap.low, gap.high)]
    first, last = min(r.first for r in rejects) // 60 * 60, max(r.last for r in rejects) // 60 * 60
    return [(low, high) for low, high in ((gap.low, first), (last, gap.high)) if high - low > SHORTEST * 60]
