"""Stretches: consecutive bad rows of one key, and the good rows before and after them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.correlate.detect.minutes import Bools, Ints, starts


@dataclass(frozen=True)
class Stretches:
    """Columns, one entry per stretch, which consists of the rows `begin` to `end` (exclusive). `before` and `after` are
    the adjacent good rows of the same key, -1 for none."""

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
    """The stretches of rows that are ordered by key, then time. Rows that are not bad are good.

    >>> found = stretches(np.array([1, 1, 1, 2]), np.array([False, True, True, True]))
    >>> found.begin.tolist(), found.end.tolist(), found.before.tolist(), found.after.tolist()
    ([1, 3], [3, 4], [0, -1], [-1, -1])
    """
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
    """Indices of the spans (first, last) in groups, in time order: a span that starts more than `apart` after the end
    of all earlier ones starts a new group.

    >>> together([(0, 10), (100, 110), (15, 20)], apart=60)
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    end = 0
    for i in sorted(range(len(spans)), key=lambda i: (spans[i], i)):
        if not groups or spans[i][0] - end > apart:
            groups.append([])
            end = spans[i][1]
        groups[-1].append(i)
        end = max(end, spans[i][1])
    return groups
