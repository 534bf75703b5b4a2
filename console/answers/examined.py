"""What has been examined: the ranges that `correlate` ran over, and how complete the logs of that time are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.store.clickhouse import Store
from connectors.store.trail import Trail, sentence, trails
from console.answers.ask import ask
from console.answers.coverage import Coverage, coverage
from console.answers.text import utc

MOST = 5
"""The most ranges that are named, the latest ones."""


@dataclass(frozen=True)
class Range:
    """A period that `correlate` ran over without a break, in one run or several."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Examined:
    """`ranges` in order of time. `interfaces` and `records` are those of the largest run. `logs` and `calls` are of the
    latest range; None and () if `correlate` never ran."""

    ranges: Sequence[Range]
    interfaces: int = 0
    records: int = 0
    logs: Coverage | None = None
    calls: Sequence[Trail] = ()

    def in_short(self) -> str:
        """The ranges, in a sentence."""
        if not self.ranges:
            return "Nothing has been examined: `flowtrail correlate` has not run yet."
        spans = ", ".join(f"{utc(each.start)} to {utc(each.end)}" for each in self.ranges[-MOST:])
        earlier = f" and {len(self.ranges) - MOST} earlier ranges" if len(self.ranges) > MOST else ""
        interfaces = f"{self.interfaces} interface{'s' * (self.interfaces != 1)}"
        return f"Examined: {spans}{earlier}; in the largest run {interfaces} and {self.records} records."

    def sentences(self) -> list[str]:
        """For people; the first says what "no incidents" is worth."""
        if not self.ranges or self.logs is None:
            return [self.in_short()]
        last = self.ranges[-1]
        return [
            self.in_short(),
            *self.logs.sentences(),
            sentence(self.calls, last.start, last.end),
        ]


def examined(store: Store) -> Examined:
    """What has been examined so far. Raises FlowtrailError when the store cannot be read."""
    found = _ranges(store)
    if not found.ranges:
        return found
    last = found.ranges[-1]
    logs, calls = coverage(store, last.start, last.end), trails(store.reader(), last.start, last.end)
    return replace(found, logs=logs, calls=calls)


def examined_ranges(store: Store) -> str:
    """Which ranges were examined, in a sentence, without how complete they are. Raises as `examined`."""
    return _ranges(store).in_short()


def _ranges(store: Store) -> Examined:
    runs = ask(store, "examined")
    found = joined([Range(run["begin"], run["finish"]) for run in runs])
    if not found:
        return Examined(())
    return Examined(found, max(run["interfaces"] for run in runs), max(run["records"] for run in runs))


def joined(ranges: Sequence[Range]) -> list[Range]:
    """Ranges that touch or overlap as one.

    >>> [(r.start.hour, r.end.hour) for r in joined([
    ...     Range(datetime(2026, 1, 1, a), datetime(2026, 1, 1, b)) for a, b in ((5, 6), (1, 3), (2, 4))])]
    [(1, 4), (5, 6)]
    """
    found: list[Range] = []
    for each in sorted(ranges, key=lambda r: (r.start, r.end)):
        if found and each.start <= found[-1].end:
            found[-1] = Range(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found
