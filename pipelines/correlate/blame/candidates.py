"""Candidates: changes that may be the cause, with the API calls of one change grouped.

Calls by one principal on one resource, each within a minute of the previous one, are one change (the AWS console
replaces a rule by deleting it and creating a new one).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from network.history.timeline import Timeline
from network.history.unmodelled import concerned, has_no_effect
from pipelines.correlate.blame.blast_radius import reach
from pipelines.correlate.blame.edits import Edit, Part, edits
from schemas.change import ChangeEvent
from schemas.configuration import Configuration

ONE_CHANGE = timedelta(seconds=60)
"""The longest time between two consecutive calls of one change."""
AROUND = timedelta(minutes=5)
"""How far outside a window to look for calls that belong to the same change as one in it."""
BEFORE_ACL = timedelta(minutes=2)
"""A network ACL takes effect immediately, also on open connections; flow log records are up to a minute late, and
cover up to one more."""
BEFORE_OTHER = timedelta(minutes=60)
"""The effect of a route may show only when the next client connects. A security group leaves the connections that it
tracks open, for days; there the last connection counts that was opened and accepted."""
ACLS = frozenset({Part.ACL_ENTRY, Part.ACL_ASSOCIATION})
GROUPS = frozenset({Part.GROUP_RULE, Part.INTERFACE_GROUPS})
AFTER = timedelta(seconds=60)
"""Times in a flow log may be off by this much."""


@dataclass(frozen=True)
class Candidate:
    """One change: its calls in order, the configurations before and after them, their combined edits, and the ids of
    the interfaces that they can affect (`reach`). `modelled` is false for a call whose effect the model does not
    contain; it has no edits."""

    events: tuple[ChangeEvent, ...]
    before: Configuration
    after: Configuration
    edits: tuple[Edit, ...]
    reach: frozenset[str]
    modelled: bool = True

    @property
    def time(self) -> datetime:
        return self.events[0].event_time

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(event.event_id for event in self.events)

    def earliest(self, last_good: datetime, opened: datetime | None) -> datetime:
        """When the change may have been made at the earliest, by the last good flow and, if it is known, the last
        connection that was opened and accepted."""
        parts = {edit.part for edit in self.edits} if self.modelled else set()
        if parts and parts <= ACLS:
            return last_good - BEFORE_ACL
        if parts and parts <= GROUPS and opened is not None:
            return opened - BEFORE_ACL
        return last_good - BEFORE_OTHER


class Candidates:
    """The changes of a timeline, each computed once, when first needed."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._times = [change.event_time for change in timeline.changes]
        self._known: dict[tuple[str, ...], Candidate] = {}

    def between(self, first: datetime, last: datetime, near: frozenset[str]) -> list[Candidate]:
        """Changes from `first` to `last`, both inclusive, that can affect one of the interfaces `near`; in time
        order."""
        low, high = bisect_left(self._times, first - AROUND), bisect_right(self._times, last + AROUND)
        groups = self._groups(self.timeline.changes[low:high])
        return [c for g in groups if first <= g[0].event_time <= last and (c := self.of(g)).reach & near]

    def of(self, events: Sequence[ChangeEvent]) -> Candidate:
        """These calls as one change."""
        ids = tuple(event.event_id for event in events)
        if ids not in self._known:
            before, after = self.timeline.around(ids)
            found = edits(before, after)
            if len(events) > 1:  # leave out edits by other principals in between
                own = {edit.place for event in events for edit in self.of([event]).edits}
                found = tuple(edit for edit in found if edit.place in own)
            modelled = bool(found) or all(has_no_effect(event, before) for event in events)
            near = reach(found, before, after) if modelled else concerned(events[0], before)
            self._known[ids] = Candidate(tuple(events), before, after, found, near, modelled)
        return self._known[ids]

    def _groups(self, events: Iterable[ChangeEvent]) -> list[list[ChangeEvent]]:
        groups: list[list[ChangeEvent]] = []
        latest: dict[tuple[str, str], list[ChangeEvent]] = {}
        for event in events:
            single = self.of([event])
            if not single.edits and single.modelled:
                continue
            key = (event.actor, single.edits[0].resource if single.edits else event.event_id)
            group = latest.get(key)
            if group is None or event.event_time - group[-1].event_time > ONE_CHANGE:
                group = latest[key] = []
                groups.append(group)
            group.append(event)
        return groups
