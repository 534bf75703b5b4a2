"""Stretches: rows of one key that are bad without interruption, and the good rows before and after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.correlate.cells import Bools, Ints, starts


@dataclass(frozen=True)
class Stretches:
    """Each stretch is rows `begin` to `end` (exclusive). `before` and `after` are the good rows of the same key next
    to it, -1 where there is none."""

    begin: Ints
    end: Ints
    before: Ints
    after: Ints

    def __len__(self) -> int:
        return len(self.begin)

    def sums(self, values: npt.NDArray[np.int64]) -> Ints:
        """The sum of a column over each stretch."""
        total = np.concatenate(([0], np.cumsum(values)))
        return total[self.end] - total[self.begin]

    def rows(self) -> Ints:
        """The rows of all stretches, ascending."""
        counts = self.end - self.begin
        skipped = self.begin - (np.cumsum(counts) - counts)
        return np.repeat(skipped, counts) + np.arange(counts.sum())

    def select(self, keep: Bools) -> "Stretches":
        return Stretches(self.begin[keep], self.end[keep], self.before[keep], self.after[keep])


def stretches(key: Ints, bad: Bools) -> Stretches:
    """Of rows that are ordered by key, then time. Rows that are not bad are good."""
    if not len(key):
        none = np.zeros(0, dtype=np.int64)
        return Stretches(none, none, none, none)
    begin = np.flatnonzero(starts(key, bad)).astype(np.int64)
    end = np.append(begin[1:], len(key)).astype(np.int64)
    begin, end = begin[bad[begin]], end[bad[begin]]
    last = len(key) - 1
    before = np.where((begin > 0) & (key[np.maximum(begin - 1, 0)] == key[begin]), begin - 1, -1)
    after = np.where((end <= last) & (key[np.minimum(end, last)] == key[begin]), end, -1)
    return Stretches(begin, end, before, after)


def together(spans: Sequence[tuple[int, int]], apart: int) -> list[list[int]]:
    """Indices of spans (first, last) in groups, in order of time: a new group begins after `apart` without any."""
    groups: list[list[int]] = []
    end = 0
    for i in sorted(range(len(spans)), key=lambda i: (spans[i], i)):
        if not groups or spans[i][0] - end > apart:
            groups.append([])
            end = spans[i][1]
        groups[-1].append(i)
        end = max(end, spans[i][1])
    return groups
