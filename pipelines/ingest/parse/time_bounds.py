"""The times that the records of an object may have: near the time in its key, else near its other records.

A line may hold any number where a time should be. One such line would claim that something happened in 2106, and each
day of the store that a record falls on costs a file per insert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.blocks import Block, Lines, Tokens
from pipelines.ingest.parse.fields import LARGEST_TIME
from pipelines.ingest.parse.log_format import BOM, TIME_FIELDS, Header
from pipelines.ingest.parse.named_time import span_of_key, span_of_name
from pipelines.ingest.parse.window import Window
from schemas.object_ref import ObjectRef
from schemas.times import TIME_BOUND

REASON = "time-out-of-range"

SAMPLE, SAMPLE_ROWS = 64 << 10, 1_000
"""Bytes and records of the beginning of a log without a time in its key that represent all of it. A fixed amount, so
that a log gets the same bounds whether it is read as a whole or piece by piece."""

AHEAD = timedelta(days=1)
"""How far after now a record may be: clocks differ, and local time may have been written as if it were UTC."""


@dataclass(frozen=True)
class TimeBounds:
    """The earliest and the latest time of a record, in seconds since 1970; both are allowed."""

    low: int = 0
    high: int = LARGEST_TIME


ANY = TimeBounds()


def periods(bounds: Sequence[TimeBounds]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For the kernel: where each period begins, and how long it is, in seconds."""
    lows = np.array([each.low for each in bounds], np.uint64)
    return lows, np.array([each.high for each in bounds], np.uint64) - lows


def spans(refs: Sequence[ObjectRef]) -> NDArray[np.uint64]:
    """For logs without times: the first and the last second of the five minutes that each object's name gives, shape
    (refs, 2); 0 where it gives none."""
    named = np.array([span_of_name(ref.key) or (0, 0) for ref in refs], np.int64).reshape(-1, 2)
    return named.clip(0, LARGEST_TIME).astype(np.uint64)


@dataclass(frozen=True)
class TimeRule:
    """`bound`: how far from what its object's key says a record may be. `now`: what an object without a time in its key
    cannot be later than, AHEAD aside."""

    now: datetime
    bound: timedelta = TIME_BOUND

    def of_key(self, key: str) -> TimeBounds | None:
        """The bounds by the time in a key; None when it has none."""
        span = span_of_key(key)
        return None if span is None else _bounds(span[0] - self._seconds, span[1] + self._seconds)

    def near(self, times: NDArray[np.uint64]) -> TimeBounds:
        """The bounds of an object without a time in its key: near the median of these times of its records, of those
        that may be true at all."""
        latest = _bounds(0, (self.now + AHEAD).timestamp()).high
        possible = np.sort(times[times <= latest])
        if not possible.size:
            return TimeBounds(high=latest)
        middle = int(possible[(possible.size - 1) // 2])
        return _bounds(middle - self._seconds, min(middle + self._seconds, latest))

    @property
    def until_now(self) -> TimeBounds:
        """The bounds where nothing else is known."""
        return self.near(np.empty(0, np.uint64))

    @property
    def _seconds(self) -> float:
        return self.bound.total_seconds()


def bounds_of_text(ref: ObjectRef, header: Header, text: bytes, rule: TimeRule | None) -> TimeBounds:
    """The bounds of a text log, of which `text` is the beginning: at least SAMPLE, or all of it."""
    if rule is None:
        return ANY
    return rule.of_key(ref.key) or rule.near(_sampled(header, text))


def bounds_of_blocks(
    ref: ObjectRef, fields: Sequence[str], blocks: Sequence[Block], rule: TimeRule | None
) -> TimeBounds:
    """The same for typed records; `blocks` have the first ones: at least SAMPLE_ROWS, or all of them."""
    if rule is None:
        return ANY
    if (named := rule.of_key(ref.key)) is not None:
        return named
    times, left = [np.empty(0, np.uint64)], SAMPLE_ROWS
    for block in blocks:
        times.append(_times_of(fields, block, left))
        left -= min(left, block.rows)
    return rule.near(np.concatenate(times))


def _sampled(header: Header, text: bytes) -> NDArray[np.uint64]:
    """The times of the first records, in seconds."""
    whole = len(text) < SAMPLE
    text = text[:SAMPLE].removeprefix(BOM)
    window = Window(len(text) + 2 * kernel.PADDING)
    window.begin()
    window.put(memoryview(text))
    if whole:
        window.end()
    if not window.complete():
        return np.empty(0, np.uint64)
    block = Lines(len(header.fields), min(SAMPLE_ROWS, text.count(b"\n") + 1))
    block.split(window, np.frombuffer(header.line, np.uint8))
    return _times_of(header.fields, block)


def _times_of(fields: Sequence[str], block: Block, most: int = SAMPLE_ROWS) -> NDArray[np.uint64]:
    """The times of the first `most` records of a block, in seconds, of those that can be read. Its faults stay as they
    are."""
    rows = min(block.rows, most)
    times, given, fault = np.zeros(rows, np.uint64), np.zeros(rows, np.bool_), block.fault[:rows].copy()
    rules = (rows, np.uint64(LARGEST_TIME), True, 0, times, given, fault)
    named = next((name for name in reversed(TIME_FIELDS) if name in fields), None)
    if named is None:
        return times[:0]
    source = block.source(list(fields).index(named))
    if isinstance(source, Tokens):
        kernel.numbers(*source, *rules)
    else:
        times[:] = source.values[:rows]
        kernel.integers(source.given, source.negative, *rules)
    found: NDArray[np.uint64] = times[fault == kernel.FINE]
    return found


def _bounds(low: float, high: float) -> TimeBounds:
    return TimeBounds(*(max(0, min(int(each), LARGEST_TIME)) for each in (low, high)))
