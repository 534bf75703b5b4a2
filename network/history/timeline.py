"""The configuration at any instant, from snapshots and change events.

Between two snapshots, the changes are applied to the earlier one; where the later one disagrees, a new version starts
there. Before the first snapshot of a VPC, its changes are undone, newest first. A resource that a snapshot shows, but
no earlier snapshot of the same VPC did and no change created, is assumed to exist since right after the earlier
snapshot or, without one, since always. This is so for VPCs, subnets and interfaces, whose creation is not among the
stored change events. A resource that a snapshot of its VPC no longer shows ends there.

A snapshot includes a change if the change's time is not later; CloudTrail times are whole seconds.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from network.aws.call import Call, History
from network.history.apply import apply
from network.history.order import in_order
from network.history.periods import Associations, InterfacePeriod, interface_periods
from network.history.rewind import undo
from network.history.state import Key, State, key_of
from network.history.values import Backward, Values
from schemas.change import ChangeEvent
from schemas.configuration import (
    TYPE_NAMES,
    UNKNOWN,
    Configuration,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Resource,
    RouteTable,
    SecurityGroup,
    Vpc,
    configuration,
)
from schemas.errors import FlowtrailError
from schemas.snapshot import ConfigVersion, Snapshot

__all__ = ["Effect", "InterfacePeriod", "Moment", "Part", "Timeline"]

TICK = timedelta(milliseconds=1)
KEPT = 256
"""Maximum number of configurations in the cache."""
AFTER_SNAPSHOT, CHANGE, SNAPSHOT = range(3)


@dataclass(frozen=True)
class _Boundary:
    """An instant at which something may change; `kind` orders boundaries at the same time."""

    time: datetime
    kind: int
    order: int
    call: Call | None = None
    resources: tuple[Resource, ...] = ()


@dataclass(frozen=True)
class Effect:
    """What one change did to one resource; None where it did not exist. `doubts`: of a subnet, which of its
    associations cannot be known afterwards."""

    before: Resource | None
    after: Resource | None
    doubts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Moment:
    """When something changed: by the change `event`, or None if a snapshot shows it and no change in the store did."""

    time: datetime
    event: ChangeEvent | None
    position: int


@dataclass(frozen=True)
class Part:
    """The history of some resources: when one of them became another one, in order. In a large VPC it takes far less
    time to look at than all of them."""

    moments: tuple[Moment, ...]
    _at: Callable[[int], Configuration]

    def before(self, moment: Moment) -> Configuration:
        """These resources just before the moment."""
        return self._at(moment.position - 1)

    def after(self, moment: Moment) -> Configuration:
        """These resources just after the moment."""
        return self._at(moment.position)


class Timeline:
    """The configuration over time. Pure and picklable. `changes` are in order, each eventID once."""

    def __init__(
        self, snapshots: Sequence[Snapshot], changes: Sequence[ChangeEvent], latest: datetime | None = None
    ) -> None:
        """Snapshots and changes in any order; changes may repeat. `latest`: the time of the latest of all snapshots and
        changes, if these are not all. Raises FlowtrailError without any snapshot."""
        if not snapshots:
            raise FlowtrailError(
                "There is no snapshot of the VPC configuration yet.",
                "Take one with: flowtrail snapshot (or flowtrail snapshot --from-files DIR --as-of TIME).",
            )
        calls = in_order(_unique(changes), snapshots)
        self.changes = tuple(call.event for call in calls)
        self._boundaries = _boundaries(snapshots, calls)
        self._times = [boundary.time for boundary in self._boundaries]
        self._position = {
            boundary.call.event.event_id: index
            for index, boundary in enumerate(self._boundaries)
            if boundary.call is not None
        }
        self._latest = latest
        self._values = Values()
        self._build(History(calls))
        self._associations: Associations | None = None
        self._made: dict[int, Configuration] = {}

    def at(self, moment: datetime) -> Configuration:
        """The configuration with every change up to and including the moment."""
        return self._at(bisect_right(self._times, moment))

    def around(self, event_ids: Collection[str]) -> tuple[Configuration, Configuration]:
        """The configurations just before the first and just after the last of these changes. Raises KeyError for an
        unknown change or without any."""
        positions = sorted(self._position[event_id] for event_id in event_ids)
        if not positions:
            raise KeyError("no change is named")
        return self._at(positions[0]), self._at(positions[-1] + 1)

    def versions(self) -> list[ConfigVersion]:
        """Every version of every resource, by type, id and time."""
        found = []
        for key in sorted(self._values, key=lambda k: (TYPE_NAMES[k[0]], k[1])):
            entries = self._values.entries(key)
            for (start, value, begun_by), (end, _, ended_by) in zip(
                entries, [*entries[1:], (None, None, "")], strict=True
            ):
                begin, finish = self.time_of(start), None if end is None else self.time_of(end)
                resource, doubts = value
                if resource is not None and (begin is None or begin != finish):
                    exact = not doubts and is_exact(resource)
                    name = TYPE_NAMES[key[0]]
                    found.append(ConfigVersion(name, resource, begin, finish, begun_by, ended_by, exact))
        return found

    @property
    def snapshots(self) -> list[datetime]:
        """The times of the snapshots, in order."""
        return [boundary.time for boundary in self._boundaries if boundary.kind == SNAPSHOT]

    @property
    def latest(self) -> datetime:
        """The time of the latest snapshot or change."""
        return self._latest or max(boundary.time for boundary in self._boundaries if boundary.kind != AFTER_SNAPSHOT)

    def effects(self) -> dict[str, list[Effect]]:
        """What every change did, by its eventID; one that changed nothing that is known is left out."""
        found: dict[str, list[Effect]] = {}
        for key in sorted(self._values, key=lambda k: (TYPE_NAMES[k[0]], k[1])):
            before: Resource | None = None
            for _, (resource, doubts), event_id in self._values.entries(key):
                if event_id:
                    found.setdefault(event_id, []).append(Effect(before, resource, doubts))
                before = resource
        return found

    def part(self, wanted: Callable[[Resource], bool]) -> "Part":
        """The history of the resources that are, or at any time were, wanted."""
        keys = [
            key
            for key in self._values
            if any(resource is not None and wanted(resource) for _, (resource, _), _ in self._values.entries(key))
        ]
        found = {position: event_id for key in keys for position, _, event_id in self._values.entries(key) if position}
        events = {change.event_id: change for change in self.changes}
        moments = [Moment(self._times[p - 1], events.get(event_id), p) for p, event_id in sorted(found.items())]
        return Part(tuple(moments), lambda position: self._make(position, keys))

    def subnets_of(self, event_id: str, resource_ids: Collection[str]) -> set[str]:
        """The subnets that had one of these network ACLs or route tables just before or just after the change."""
        position = self._position[event_id]
        found = self._links()
        return {
            subnet_id
            for subnet_id in found.subnets
            if not {*found.at(subnet_id, position), *found.at(subnet_id, position + 1)}.isdisjoint(resource_ids)
        }

    def interface_periods(self, interface_id: str) -> tuple[InterfacePeriod, ...]:
        """The interface, with the network ACL and route table of its subnet, over time: without overlap and in time
        order; () if it was never known."""
        return interface_periods(self._values, self._links(), interface_id, self.time_of)

    def time_of(self, position: int) -> datetime | None:
        """When a position starts; None for the first, which has no start."""
        return self._times[position - 1] if position else None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": {}, "_associations": None}

    def _links(self) -> Associations:
        if self._associations is None:
            self._associations = Associations(self._values)
        return self._associations

    def _at(self, position: int) -> Configuration:
        if position not in self._made:
            if len(self._made) >= KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[position] = self._make(position, self._values)
        return self._made[position]

    def _make(self, position: int, keys: Iterable[Key]) -> Configuration:
        resources, unknown = [], []
        for key in keys:
            resource, doubts = self._values.at(key, position)
            if resource is not None:
                resources.append(resource)
                unknown += [(kind, key[1]) for kind in doubts]
        return replace(configuration(resources), unknown_associations=frozenset(unknown))

    def _build(self, history: History) -> None:
        state = State()
        seen: dict[str, int] = {}
        for index, boundary in enumerate(self._boundaries):
            if boundary.call is not None:
                apply(boundary.call, state)
                self._values.note(state, index + 1, boundary.call.event.event_id)
            elif boundary.kind == SNAPSHOT:
                self._fill(boundary.resources, state, seen, index, history)
                _show(boundary.resources, state)
                self._values.note(state, index + 1, "")
                seen.update((r.id, index + 2) for r in boundary.resources if isinstance(r, Vpc))

    def _fill(
        self, resources: tuple[Resource, ...], state: State, seen: dict[str, int], index: int, history: History
    ) -> None:
        """Move what this snapshot shows for the first time back to the snapshot before it, or to the start. `seen`: by
        VPC, the first position after its latest snapshot."""
        found: dict[int, list[Resource]] = {}
        for resource in resources:
            begin = min((seen.get(vpc_id, 0) for vpc_id in vpcs_of(resource)), default=max(seen.values(), default=0))
            position, (latest, _) = self._values.latest(key_of(resource))
            if state.value(key_of(resource))[0] is None and latest is None and position <= begin <= index:
                found.setdefault(begin, []).append(resource)
        for begin, group in sorted(found.items()):
            past = State(group)
            backward = Backward(past)
            for position in range(index - 1, begin - 1, -1):
                call = self._boundaries[position].call
                if call is not None:
                    undo(call, past, history)
                    backward.note(past, position + 1, call.event.event_id)
            backward.put_into(self._values, {key_of(resource) for resource in group}, begin)


def _unique(changes: Iterable[ChangeEvent]) -> tuple[ChangeEvent, ...]:
    found: dict[str, ChangeEvent] = {}
    for change in sorted(changes, key=lambda c: (c.event_time, c.object_id, c.row_no), reverse=True):
        found[change.event_id] = change
    return tuple(sorted(found.values(), key=lambda c: c.order))


def _boundaries(snapshots: Sequence[Snapshot], calls: list[Call]) -> list[_Boundary]:
    by_time: dict[datetime, dict[Key, Resource]] = {}
    for snapshot in sorted(snapshots, key=lambda s: (s.as_of, s.source, s.account_id, s.region)):
        as_of = snapshot.as_of.astimezone(UTC)
        as_of = as_of.replace(microsecond=as_of.microsecond // 1000 * 1000)
        by_time.setdefault(as_of, {}).update((key_of(resource), resource) for resource in snapshot.resources)
    found = [_Boundary(call.event.event_time, CHANGE, order, call) for order, call in enumerate(calls)]
    for as_of, resources in by_time.items():
        found.append(_Boundary(as_of, SNAPSHOT, 0, resources=tuple(resources.values())))
        found.append(_Boundary(as_of + TICK, AFTER_SNAPSHOT, 0))
    return sorted(found, key=lambda b: (b.time, b.kind, b.order))


def _show(resources: tuple[Resource, ...], state: State) -> None:
    """Set the state of every VPC that the snapshot covers to what the snapshot shows."""
    shown = {key_of(resource) for resource in resources}
    covered = {resource.id for resource in resources if isinstance(resource, Vpc)}
    for key in list(state):
        resource, doubts = state.value(key)
        if resource is None or not vpcs_of(resource) <= covered:
            continue
        if key not in shown and vpcs_of(resource):
            state.remove(*key)
        for kind in doubts:
            state.doubt(kind, key[1], False)
    for resource in resources:
        if state.value(key_of(resource))[0] != resource:
            state.put(resource)


def vpcs_of(resource: Resource) -> set[str]:
    """The VPCs that a resource belongs to; empty for a gateway that is not attached and for a prefix list."""
    if isinstance(resource, Vpc):
        return {resource.id}
    if isinstance(resource, InternetGateway):
        return set(resource.vpc_ids)
    if isinstance(resource, PrefixList):
        return set()
    return {resource.vpc_id}


def is_exact(resource: Resource) -> bool:
    """Whether all of its content is known."""
    if isinstance(resource, RouteTable):
        return all(route.target != UNKNOWN for route in resource.routes)
    if isinstance(resource, NetworkAcl):
        return all(entry.known for entry in resource.entries)
    if isinstance(resource, SecurityGroup):
        return resource.known
    return not isinstance(resource, NetworkInterface) or UNKNOWN not in resource.group_ids
