"""Which times are to be judged, given the loads that no turn has judged yet. Pure.

The cost of a turn follows what has come: a turn judges the time of the new records, whenever they were delivered. A
change concerns all that came after it, so the time from a change that comes late is judged again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from schemas.object_ref import ObjectKind
from schemas.watching import Due

MINUTE = timedelta(minutes=1)
TOGETHER = timedelta(minutes=10)
"""Times that are no further apart are judged as one."""

Range = tuple[datetime, datetime]


def ranges(due: Sequence[Due], newest: datetime, horizon: timedelta) -> list[Range]:
    """The ranges `[start, end)` to be judged, in whole minutes and in order; none overlaps another. `newest` is the
    time of the latest flow record in the store. What a change caused is looked for up to `horizon` after it.

    >>> at = datetime(2026, 11, 20, 12, 0, 20, tzinfo=UTC)
    >>> load = Due(1, ObjectKind.FLOW_LOG, at, at + MINUTE)
    >>> [(str(start.time()), str(end.time())) for start, end in ranges([load], at, timedelta(hours=1))]
    [('12:00:00', '12:02:00')]
    """
    wanted = sorted(filter(None, (_range(load, newest, horizon) for load in due)))
    found: list[Range] = []
    for start, end in wanted:
        if found and start <= found[-1][1] + TOGETHER:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def long_ago(due: Sequence[Due], newest: datetime, horizon: timedelta) -> list[Due]:
    """Those of the loads that are not judged when watching begins: a store may have months of records by then."""
    return [load for load in due if load.last < newest - horizon]


def _range(load: Due, newest: datetime, horizon: timedelta) -> Range | None:
    end = load.last
    if load.kind is ObjectKind.CLOUDTRAIL:
        end = min(newest, load.last + horizon)
    start, end = _minute(load.first), _minute(end) + MINUTE
    return (start, end) if start < end else None


def _minute(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(second=0, microsecond=0)
