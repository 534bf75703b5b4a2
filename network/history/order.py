"""The order of calls within one second. CloudTrail's times are whole seconds and its files have no order, so it is
derived: what exists cannot be created, and what does not exist cannot be deleted.

Whether an entry existed before the second is known from the latest earlier call that names it or from the latest
snapshot before it; failing both, from the next call or snapshot after it. Calls that concern different entries may be
taken in any order.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from network.aws import group_rules
from network.aws.call import Call, call_of
from network.aws.shapes import destination
from schemas.change import ChangeEvent
from schemas.configuration import NetworkAcl, RouteTable, SecurityGroup, SecurityGroupRule
from schemas.snapshot import Snapshot

Entry = tuple[object, ...]
"""A route, a network ACL entry or a security group rule, by its resource and its place in it."""

ADDS = ("CreateRoute", "CreateNetworkAclEntry", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
REMOVES = ("DeleteRoute", "DeleteNetworkAclEntry", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress")


def in_order(changes: Sequence[ChangeEvent], snapshots: Sequence[Snapshot]) -> list[Call]:
    """The calls in order; `changes` are in order of time. Where nothing tells, that of `changes` is kept."""
    calls = [call_of(change) for change in changes]
    seconds = [list(group) for _, group in groupby(calls, key=lambda call: call.event.event_time)]
    if all(len(second) == 1 for second in seconds):
        return calls
    known = _Known(calls, snapshots)
    return [call for second in seconds for call in (known.ordered(second) if len(second) > 1 else second)]


class _Known:
    def __init__(self, calls: Sequence[Call], snapshots: Sequence[Snapshot]) -> None:
        self._calls: dict[Entry, list[Call]] = defaultdict(list)
        for call in calls:
            for entry in _entries(call):
                self._calls[entry].append(call)
        self._snapshots = sorted(snapshots, key=lambda s: s.as_of)

    def ordered(self, second: list[Call]) -> list[Call]:
        follows: dict[int, set[int]] = {index: set() for index in range(len(second))}
        for later, other in _pairs(second):
            first, then = second[later], second[other]
            if self._goes_first(then, first):
                follows[later].add(other)
            elif self._goes_first(first, then):
                follows[other].add(later)
        found: list[int] = []
        while len(found) < len(second):
            rest = [index for index in follows if index not in found]
            found.append(next((index for index in rest if follows[index] <= set(found)), rest[0]))
        return [second[index] for index in found]

    def _goes_first(self, one: Call, other: Call) -> bool:
        """Whether `one` must have come before `other`."""
        made = one.response.text("newAssociationId", "associationId")
        if made and made == other.request.text("associationId"):
            return True
        both = set(_entries(one)) & set(_entries(other))
        if not both or {one.name in ADDS, other.name in ADDS} != {True, False}:
            return False
        existed = [self._existed(entry, one) for entry in both]
        wanted = one.name in REMOVES
        return all(known is wanted for known in existed)

    def _existed(self, entry: Entry, at: Call) -> bool | None:
        """Whether the entry existed before the second of the call; None if nothing tells."""
        time = at.event.event_time
        calls = self._calls[entry]
        earlier = next((c for c in reversed(calls) if c.event.event_time < time), None)
        before = next((s for s in reversed(self._snapshots) if s.as_of < time and _shows(s, entry) is not None), None)
        if before is not None and (earlier is None or before.as_of >= earlier.event.event_time):
            return _shows(before, entry)
        if earlier is not None:
            return earlier.name not in REMOVES
        later = next((c for c in calls if c.event.event_time > time), None)
        after = next((s for s in self._snapshots if s.as_of >= time and _shows(s, entry) is not None), None)
        if after is not None and (later is None or after.as_of <= later.event.event_time):
            return _shows(after, entry)
        return None if later is None else later.name not in ADDS


def _pairs(second: Sequence[Call]) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(len(second)) for j in range(i + 1, len(second)))


def _entries(call: Call) -> list[Entry]:
    """The entries that a call adds, removes or replaces, as far as it names them."""
    request = call.request
    if call.name.endswith("Route"):
        return [("route", request.text("routeTableId"), destination(request))]
    if call.name.endswith("NetworkAclEntry"):
        return [("entry", request.text("networkAclId"), request.flag("egress"), request.number("ruleNumber"))]
    if "SecurityGroup" in call.name and (call.name in ADDS or call.name in REMOVES):
        group = request.text("groupId")
        try:
            rules = group_rules.authorized(call) if call.name in ADDS else group_rules.revoked(call)
        except ValueError:
            return []
        return [_rule(group, rule) for rule in rules]
    return []


def _rule(group: str, rule: SecurityGroupRule) -> Entry:
    return ("rule", group, replace(rule, id=""))


def _shows(snapshot: Snapshot, entry: Entry) -> bool | None:
    """Whether the snapshot shows the entry; None if it does not show its resource."""
    kind, resource_id, *place = entry
    resource = next((r for r in snapshot.resources if r.id == resource_id), None)
    if kind == "route" and isinstance(resource, RouteTable):
        return any(r.destination == place[0] and not r.propagated for r in resource.routes)
    if kind == "entry" and isinstance(resource, NetworkAcl):
        return any([e.egress, e.number] == place for e in resource.entries)
    if kind == "rule" and isinstance(resource, SecurityGroup):
        return any(replace(r, id="") == place[0] for r in resource.rules)
    return None
