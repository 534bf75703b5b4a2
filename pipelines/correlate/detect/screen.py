"""Screen: which interfaces may have lost traffic at all, judged for all interfaces at once. Pure and columnar.

It knows whole minutes of a service and not its conversations: a minute in which somebody asked, somebody was answered
and data passed counts as one in which a conversation completed. Otherwise it errs on the side of a closer look, and a
test finds nothing that it leaves out to have a signal of a whole service (`lost.py`). Signals of single peers are
screened by `doubtful_peers.sql`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.correlate.detect.lost import CHANCE_PLAIN, ENOUGH_PAST, SHORTEST
from pipelines.correlate.detect.minutes import Bools, Ints, starts
from pipelines.correlate.detect.rejects import ENOUGH_MINUTES

LONGEST = timedelta(hours=6)
"""Longer ranges are not screened: hardly any interface is quiet for so long."""
AT_ONCE = 2_048
"""Services that are judged at once: a minute of each takes some bytes of memory."""

_TYPES: list[tuple[str, pa.DataType]] = [
    ("interface", pa.string()),
    ("service", pa.int64()),
    ("hour", pa.int64()),
    *((name, pa.uint64()) for name in ("requests", "answers", "data")),
]
HOURS = pa.schema(_TYPES)
"""The result of `hours.sql`: in order of interface, service and hour. `hour` is in hours since 1970; bit n of a mask is
minute n of the hour."""

Covered = Callable[[str], Ints]
Counts = npt.NDArray[np.int32]


def may_have_lost(table: pa.Table, covered: Covered, since: datetime, start: datetime, end: datetime) -> set[str]:
    """The interfaces that may have lost traffic in `[start, end)`. `table` has the schema `HOURS`;
    `covered` gives an interface's complete minutes, as `detect` takes them."""
    if not table.num_rows:
        return set()
    interfaces = table.column("interface").to_numpy()
    new = starts(interfaces, table.column("service").to_numpy())
    first = np.flatnonzero(new)
    number, names = new.cumsum() - 1, interfaces[first]
    origin, last = int(since.timestamp()) // 3600, -(-int(end.timestamp()) // 3600)
    hours = table.column("hour").to_numpy() - origin
    requests, answers, data = (table.column(name).to_numpy() for name in ("requests", "answers", "data"))
    known = {name: _minutes(covered(name), origin, last) for name in dict.fromkeys(names)}
    begin = int(start.timestamp()) // 60 - origin * 60
    outside = np.ones((last - origin) * 60, np.bool_)
    outside[int(since.timestamp()) // 60 - origin * 60 : -(-int(end.timestamp()) // 60) - origin * 60] = False
    found: set[str] = set()
    for low in range(0, len(first), AT_ONCE):
        high = min(low + AT_ONCE, len(first))
        rows = (number >= low) & (number < high)
        at = (number[rows] - low, hours[rows])
        shape = (high - low, last - origin)
        asked, done = (_bits(shape, at, masks[rows]) for masks in (requests, requests & answers & data))
        asked[outside] = done[outside] = False
        covers = np.stack([known[name] for name in names[low:high]], axis=1)
        found.update(names[low:high][_suspicious(asked, done, covers, begin)])
    return found


def _suspicious(asked: Bools, done: Bools, covers: Bools, begin: int) -> Bools:
    """For each service (column): whether a gap between minutes (rows) in which something completed may be a signal.
    Gaps that end before the minute `begin` do not count."""
    past, completed, inside, tried, before, of = np.zeros((6, done.shape[1]), np.int32)
    found: Bools = np.zeros(done.shape[1], np.bool_)
    for minute, here in enumerate(done):
        if minute >= begin:
            found |= here & _counts(inside, tried, before, of)
        past += covers[minute]
        completed += here
        inside = np.where(here, 0, inside + covers[minute])
        tried = np.where(here, 0, tried + asked[minute])
        before = np.where(here, completed, before)
        # The lookback of a gap begins as much later as the gap does.
        of = np.where(here, past - max(0, minute - begin), of)
    return found | _counts(inside, tried, before, of)


def _counts(inside: Counts, tried: Counts, before: Counts, of: Counts) -> Bools:
    """Whether a gap of so many covered minutes, in so many of which there were requests, may be a signal after so many
    minutes in which something completed, of at least so many that were covered."""
    chance = (1 - np.clip(before / np.maximum(of + 1, 1), 0, 1)) ** inside
    likely = (tried >= ENOUGH_MINUTES) | (chance <= CHANCE_PLAIN)
    worth: Bools = (inside >= SHORTEST) & (before >= ENOUGH_PAST) & likely
    return worth


def _bits(shape: tuple[int, int], at: tuple[Ints, Ints], masks: npt.NDArray[np.uint64]) -> Bools:
    """The minutes of masks that lie at (service, hour): shape (hours * 60, services)."""
    whole = np.zeros(shape, np.dtype("<u8"))
    whole[at] = masks
    bits = np.unpackbits(whole.view(np.uint8).reshape(*shape, 8), axis=2, bitorder="little")
    minutes = bits[:, :, :60].reshape(shape[0], -1)
    return np.ascontiguousarray(minutes.T).astype(np.bool_)


def _minutes(covered: Ints, origin: int, last: int) -> Bools:
    found: Bools = np.zeros((last - origin) * 60, np.bool_)
    at = covered // 60 - origin * 60
    found[at[(at >= 0) & (at < len(found))]] = True
    return found
