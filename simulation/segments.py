"""Conversations cut into pieces that fit one flow log record: one aggregation interval, one configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.fates import Ints
from simulation.talks import Floats, Talks

Bools = NDArray[np.bool_]

WINDOW = 60


@dataclass(frozen=True)
class Segments:
    """Parts of conversations, ordered by conversation and time. `talk` indexes the talks, `limit` is the end of the
    window or configuration that the part is in, `phase` the number of changes in effect before it."""

    talk: Ints
    begin: Floats
    end: Floats
    limit: Ints
    first: Bools
    last: Bools
    phase: Ints


def window_begins(offset: int, begin: int, end: int) -> Ints:
    """Start times of the windows that are in `[begin, end)`, in whole or in part."""
    return np.arange(begin - (begin - offset) % WINDOW, end, WINDOW)


def cut(talks: Talks, chosen: Ints, offset: int, effects: Sequence[int], period: tuple[int, int]) -> Segments:
    """The chosen talks, cut where a window of the interface starts or a change takes effect; parts outside the period
    are left out. All bounds are whole seconds since 1970."""
    bounds = np.union1d(window_begins(offset, *period), np.array([*effects, period[1]], dtype=np.int64))
    begin, end = talks.begin[chosen], talks.begin[chosen] + talks.length[chosen]
    from_cell = np.searchsorted(bounds, begin, side="right")
    cells = np.searchsorted(bounds, end, side="left") - from_cell + 1
    owner = np.repeat(np.arange(len(chosen)), cells)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(cells) - cells, cells)
    cell = from_cell[owner] + ordinal
    inside = (cell > 0) & (cell < len(bounds))
    owner, ordinal, cell = owner[inside], ordinal[inside], cell[inside]
    return Segments(
        talk=chosen[owner],
        begin=np.maximum(begin[owner], bounds[cell - 1]),
        end=np.minimum(end[owner], bounds[cell]),
        limit=bounds[cell],
        first=ordinal == 0,
        last=ordinal == cells[owner] - 1,
        phase=np.searchsorted(np.array(effects, dtype=np.int64), bounds[cell - 1], side="right"),
    )


def rolls(segments: Segments, keys: NDArray[np.uint64], salt: int) -> Floats:
    """A number in [0, 1) for each segment, from only its conversation's key, its start time and the salt: the draw for
    one segment never depends on what happened to another. (The mixing function is that of SplitMix64.)"""
    at = (segments.begin * 1000).astype(np.uint64)
    mixed = keys[segments.talk] ^ (at * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(salt * 0xD1B54A32D192ED03 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
