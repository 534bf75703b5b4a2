"""Candidates: changes that can have done it, as the units in which people make them.

One principal who edits several entries of one resource within a minute makes one change in several calls (the console
replaces a rule by deleting and creating it).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.correlate.edits import Edit, Part, edits
from pipelines.correlate.reach import reach
from pipelines.network.timeline import Timeline
from schemas.change import ChangeEvent
from schemas.network import Configuration

ONE_CHANGE = timedelta(seconds=60)
"""Calls of one principal on one resource, each so soon after the one before, belong together."""
AROUND = timedelta(minutes=5)
"""How far beyond a window calls are looked for that belong to one in it."""
BEFORE_ACL = timedelta(minutes=2)
"""A network ACL acts at once, on connections that are open too; rows of a flow log are late by up to a minute, and
cover up to one more."""
BEFORE_OTHER = timedelta(minutes=60)
"""A security group lets the connections that it tracks live on, and clients keep them for long; what a route did may
show only when somebody comes again."""
AFTER = timedelta(seconds=60)
"""Times in a flow log may be off by so much."""


@dataclass(frozen=True)
class Candidate:
    """Calls in their order, what they changed together, and the interfaces in reach of it."""

    events: tuple[ChangeEvent, ...]
    before: Configuration
    after: Configuration
    edits: tuple[Edit, ...]
    reach: frozenset[str]

    @property
    def time(self) -> datetime:
        return self.events[0].event_time

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(event.event_id for event in self.events)

    @property
    def slack(self) -> timedelta:
        """How long before the last good flow it may have happened."""
        acl = all(edit.part in (Part.ACL_ENTRY, Part.ACL_ASSOCIATION) for edit in self.edits)
        return BEFORE_ACL if acl else BEFORE_OTHER


class Candidates:
    """The changes of a timeline, worked out when they are asked for, once each."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._times = [change.event_time for change in timeline.changes]
        self._known: dict[tuple[str, ...], Candidate] = {}

    def between(self, first: datetime, last: datetime, near: frozenset[str]) -> list[Candidate]:
        """Of both times inclusive, with one of these interfaces in reach; in order of time."""
        low, high = bisect_left(self._times, first - AROUND), bisect_right(self._times, last + AROUND)
        groups = self._groups(self.timeline.changes[low:high])
        return [c for g in groups if first <= g[0].event_time <= last and (c := self.of(g)).reach & near]

    def of(self, events: Sequence[ChangeEvent]) -> Candidate:
        """These calls as one change."""
        ids = tuple(event.event_id for event in events)
        if ids not in self._known:
            before, after = self.timeline.around(ids)
            found = edits(before, after)
            if len(events) > 1:  # other people's calls in between are not theirs
                mine = {edit.place for event in events for edit in self.of([event]).edits}
                found = tuple(edit for edit in found if edit.place in mine)
            self._known[ids] = Candidate(tuple(events), before, after, found, reach(found, before, after))
        return self._known[ids]

    def _groups(self, events: Iterable[ChangeEvent]) -> list[list[ChangeEvent]]:
        groups: list[list[ChangeEvent]] = []
        latest: dict[tuple[str, str], list[ChangeEvent]] = {}
        for event in events:
            found = self.of([event]).edits
            if not found:
                continue
            key = (event.actor, found[0].resource)
            group = latest.get(key)
            if group is None or event.event_time - group[-1].event_time > ONE_CHANGE:
                group = latest[key] = []
                groups.append(group)
            group.append(event)
        return groups
