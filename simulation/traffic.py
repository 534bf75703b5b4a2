"""The flow logs of a period: conversations cut into records, each with the fate that the walk gives it at that time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.fates import Fates, Ints
from simulation.network import Endpoint, Network, Phase
from simulation.rows import Reading, Rows, rows_of
from simulation.segments import cut, window_begins
from simulation.talks import Talks
from simulation.views import view

SETTLES = 2
"""Seconds from a call until it affects packets: AWS says "a short period"."""

WINDOW_OFFSETS = (23, 41)
"""Second of the minute at which the windows of web-1 and db-1 start: windows are not aligned to minutes."""


@dataclass(frozen=True)
class Logged:
    """All records in an interface's flow log; `idle` are the start times of windows without any record."""

    endpoint: Endpoint
    addresses: tuple[str, ...]
    rows: Rows
    idle: Ints


def flow_logs(
    talks: Talks, network: Network, phases: Sequence[Phase], reading: Reading, period: tuple[int, int]
) -> tuple[Logged, Logged]:
    """The flow logs of web-1 and db-1 in the period, `[begin, end)` in whole seconds since 1970. The first phase also
    covers all the time before it."""
    fates = [Fates(phase.answers, talks.addresses) for phase in phases]
    effects = [int(phase.at.timestamp()) + SETTLES for phase in phases[1:]]

    def at(here: Endpoint, offset: int) -> Logged:
        number = talks.addresses.index(here.address)
        mine = np.flatnonzero((talks.src == number) | (talks.dst == number))
        seen = view(here, network.web, talks, cut(talks, mine, offset, effects, period), fates)
        rows = rows_of(seen, reading, period[1])
        windows = window_begins(offset, *period)
        busy = np.unique(np.searchsorted(windows, rows.begin, side="right") - 1)
        return Logged(here, talks.addresses, rows, np.delete(windows, busy))

    return at(network.web, WINDOW_OFFSETS[0]), at(network.db, WINDOW_OFFSETS[1])
