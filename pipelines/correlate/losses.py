"""Lost traffic: a service that was answered all the time, and is no more, though nothing is rejected.

A service is quiet for a while every so often; how much silence is beyond chance, its own past says. A gap between two
completed talks is read by what is in it: requests that nothing answers weigh most, handshakes that lead to nothing less
(idle connections look alike where flags are not logged), silence alone least: it must be both improbable and longer
than any silence before. Minutes of which the flow log delivered nothing at all say nothing and do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.correlate.cells import Cells, Ints
from pipelines.correlate.flips import ENOUGH_FLOWS, ENOUGH_MINUTES, TOGETHER, Refusal, conversation
from pipelines.correlate.signals import Pointer, Run, Signal, moment, pointer
from pipelines.correlate.stretches import stretches, together
from pipelines.correlate.talks import Talks
from schemas.incident import Kind

SHORTEST = 3
"""Minutes: nothing shorter is called an outage."""
CHANCE_PLAIN, CHANCE_HANDSHAKE, CHANCE_SILENT = 0.05, 1e-3, 1e-6
"""How improbable the gap must be, by the share of minutes with completed talks before it, for each thing seen in it."""
A_DAY = 1300
"""Minutes of past, nearly a day of them, without which nobody knows when a service rests: its silence is a weak signal
then, told only if a change is proven to have caused it."""
SILENCE_TIMES = 2
"""Silence alone must be so many times longer than any silence in the past that is looked back on."""
ENOUGH_PAST = 5
"""Minutes with completed talks without which a service has no past to speak of."""
RECENT = 3600
"""Seconds: who was answered so shortly before a service fell silent is taken to be missing it."""
MOST_PEERS = 500
"""And so many of those at most, the latest ones."""


@dataclass(frozen=True)
class _Gap:
    """No talk of the service completed strictly between two minutes (Unix seconds). `again`: at `high` one did."""

    low: int
    high: int
    again: bool


@dataclass(frozen=True)
class Past:
    """How far to look: signals that were over before `start` are left out; `lookback` seconds tell what is normal.
    `covered` are the minutes (ascending) of which the interface's flow log delivered something. Unix seconds all."""

    covered: Ints
    start: int
    lookback: int


def loss_signals(c: Cells, t: Talks, past: Past, refused: list[Refusal]) -> list[Signal]:
    """Signals of an interface. Rejects explain a gap by themselves: what lies between the first and the last of them is
    not called lost."""
    if not len(past.covered) or not t.completed.any():
        return []
    losses = _Losses(c, t, past)
    whole = [s for service in np.unique(t.service[t.completed]) for s in losses.of_service(int(service), refused)]
    return whole + losses.of_some_peers(whole)


class _Losses:
    """The columns that every question here needs."""

    def __init__(self, c: Cells, t: Talks, past: Past) -> None:
        self.c, self.t, self.covered, self.past = c, t, past.covered, past
        self.rows = np.flatnonzero(t.completed | t.unanswered)
        found = stretches(t.pair[self.rows], t.unanswered[self.rows])
        self.stretches = found.select(found.before >= 0)
        self.service = t.service[self.rows[self.stretches.begin]]
        self.unanswered = self.rows[self.stretches.rows()]
        self.completed = np.flatnonzero(t.completed)

    def of_service(self, service: int, refused: list[Refusal]) -> Iterator[Signal]:
        """Where the service as a whole was not answered any more."""
        done = np.unique(self.t.minute[self._of(self.completed, service)])
        for gap in _gaps(done, int(self.covered[-1])):
            if gap.high < self.past.start:
                continue
            rejects = [r for r in refused if r.service == service and gap.low <= r.last and r.first < gap.high + 60]
            for low, high in _pieces(gap, rejects):
                signal = self._read(service, done[done <= gap.low], gap, low, high)
                if signal:
                    yield signal

    def of_some_peers(self, known: list[Signal]) -> list[Signal]:
        """Peers that are no longer answered while the service goes on for others: weak, since only a change that is
        proven to part them from it makes them more than peers with troubles of their own."""
        spans = [(s.last_good, s.until, s.protocol << 17 | s.port << 1 | s.server) for s in known]
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
            self._signal(service, [mine[i][1] for i in group], strong=False)
            for service, mine in sorted(found.items())
            for group in together([span for span, _ in mine], TOGETHER)
        ]

    def _read(self, service: int, done: Ints, gap: _Gap, low: int, high: int) -> Signal | None:
        """The signal strictly between `low` and `high`, a piece of the gap; `done` are the completed minutes before."""
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
        rests = len(past) >= A_DAY and times > 1
        strong = (
            (plain and chance <= CHANCE_PLAIN)
            or (either and rests and chance <= CHANCE_HANDSHAKE)
            or (rests and times >= SILENCE_TIMES and chance <= CHANCE_SILENT)
        )
        return self._signal(
            service,
            self._runs(service, low, high) if either else self._latest(service, gap),
            strong=strong,
            silent=not either,
            gap=gap,
            until=int(inside[-1]),
        )

    def _unanswered(self, service: int, low: int, high: int) -> tuple[bool, bool]:
        """Whether enough plainly unanswered talks, or enough unanswered ones of either sort, of peers that used to be
        answered, lie strictly between."""
        t, mine = self.t, self._of(self.unanswered, service)
        mine = mine[(t.minute[mine] > low) & (t.minute[mine] < high)]
        alone = mine[t.plain[mine]]
        return (
            len(alone) >= ENOUGH_FLOWS and len(np.unique(t.minute[alone])) >= ENOUGH_MINUTES,
            len(mine) >= ENOUGH_FLOWS and len(np.unique(t.minute[mine])) >= ENOUGH_MINUTES,
        )

    def _of(self, rows: Ints, service: int) -> Ints:
        """Those of a service among rows of talks; talks are in order of service."""
        first, last = np.searchsorted(self.t.service[rows], [service, service + 1])
        return rows[first:last]

    def _runs(self, service: int, low: int, high: int) -> list[Run]:
        first, last = np.searchsorted(self.service, [service, service + 1])
        return [run for i in range(first, last) if (run := self._run(i, low, high))]

    def _run(self, i: int, low: int, high: int) -> Run | None:
        """Of the unanswered talks of one peer in the minutes `low` to `high`."""
        t, s = self.t, self.stretches
        rows = self.rows[s.begin[i] : s.end[i]]
        rows = rows[(t.minute[rows] >= low) & (t.minute[rows] < high)]
        if not len(rows):
            return None
        before = int(self.rows[s.before[i]])
        after = int(self.rows[s.after[i]]) if s.after[i] >= 0 else -1
        asked = t.request[rows]
        last_good, good_row = self._last_said(before)
        recovered, recovered_row = self._first_said(after) if after >= 0 else (None, None)
        return Run(
            conversation=conversation(self.c, int(asked[0]), "accept"),
            last_good=last_good,
            good_row=good_row,
            first_bad=moment(self.c["accept_first"][asked[0]]),
            last_bad=moment(self.c["accept_last"][asked[-1]]),
            first_row=self._pointer(asked[0], "accept_first"),
            last_row=self._pointer(asked[-1], "accept_last"),
            recovered=recovered,
            recovered_row=recovered_row,
            flows=int(self.c["accept_flows"][asked].sum()),
        )

    def _latest(self, service: int, gap: _Gap) -> list[Run]:
        """The peers that the service had shortly before it fell silent."""
        t = self.t
        mine = self._of(self.completed, service)
        mine = mine[(t.minute[mine] <= gap.low) & (t.minute[mine] > gap.low - RECENT)]
        ends = mine[np.append(t.pair[mine[1:]] != t.pair[mine[:-1]], True)]
        ends = ends[np.lexsort((t.pair[ends], -t.minute[ends]))][:MOST_PEERS]
        return [
            Run(conversation(self.c, int(t.request[row]), "accept"), *self._last_said(int(row)))
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
        until: int = 0,
    ) -> Signal:
        known = ((run.recovered, run.recovered_row) for run in runs if run.recovered and run.recovered_row)
        back: tuple[datetime | None, Pointer | None] = min(known, default=(None, None))
        last_good = max(run.last_good for run in runs)
        if gap is not None:
            last_good = max(self._last_said(int(row))[0] for row in self._at(service, gap.low))
            back = (None, None)
        if gap is not None and gap.again:
            back = min(self._first_said(int(row)) for row in self._at(service, gap.high))
        seen = [run.last_bad for run in runs if run.last_bad]
        return Signal(
            kind=Kind.LOST_TRAFFIC,
            interface_id=self.c.interface_id,
            protocol=service >> 17,
            port=service >> 1 & 0xFFFF,
            server=bool(service & 1),
            reply=False,
            strong=strong,
            silent=silent,
            last_good=last_good,
            until=max(seen) if seen else moment(until),
            recovered=back[0],
            recovered_row=back[1],
            runs=tuple(runs),
        )

    def _at(self, service: int, minute: int) -> Ints:
        """The completed talks of a minute."""
        mine = self._of(self.completed, service)
        at: Ints = mine[self.t.minute[mine] == minute]
        return at

    def _first_said(self, talk: int) -> tuple[datetime, Pointer]:
        row = self.t.first[talk]
        return moment(self.c["said_first"][row]), self._pointer(row, "said_first")

    def _last_said(self, talk: int) -> tuple[datetime, Pointer]:
        row = self.t.last[talk]
        return moment(self.c["said_last"][row]), self._pointer(row, "said_last")

    def _pointer(self, row: int, which: str) -> Pointer:
        return pointer(self.c[f"{which}_object"][row], self.c[f"{which}_row"][row])


def _gaps(done: Ints, last: int) -> list[_Gap]:
    """The gaps that are long enough, the one that goes on to the `last` covered minute included."""
    edges = np.append(done, max(last, int(done[-1])))
    wide = np.flatnonzero(np.diff(edges) > SHORTEST * 60)
    return [_Gap(int(edges[i]), int(edges[i + 1]), bool(i + 1 < len(done))) for i in wide]


def _pieces(gap: _Gap, rejects: list[Refusal]) -> list[tuple[int, int]]:
    """The gap without the time of its rejects."""
    if not rejects:
        return [(gap.low, gap.high)]
    first, last = min(r.first for r in rejects) // 60 * 60, max(r.last for r in rejects) // 60 * 60
    return [(low, high) for low, high in ((gap.low, first), (last, gap.high)) if high - low > SHORTEST * 60]
