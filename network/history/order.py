"""The order of calls within one second. CloudTrail's times are whole seconds and its files have no order, so it is
derived: what exists cannot be created, and what does not exist cannot be deleted.

Whether an entry existed before the second is known from the latest earlier call that names it or from the latest
snapshot before it; failing both, from the next call or snapshot after it. Calls that concern different entries may be
taken in any order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from network.aws import group_rules
from network.aws.call import Call, call_of, ids_in
from network.aws.shapes import destination
from schemas.change import ChangeEvent
from schemas.configuration import (
    Configuration,
    NetworkAcl,
    Resource,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
)
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
        self._vague: dict[str, list[datetime]] = defaultdict(list)  # calls that do not say which entries they change
        for call in calls:
            entries = _entries(call)
            for entry in entries:
                self._calls[entry].append(call)
            if not entries:
                for resource in ids_in(call.event.request):
                    self._vague[resource].append(call.event.event_time)
        self._snapshots = sorted(snapshots, key=lambda s: s.as_of)

    def ordered(self, second: list[Call]) -> list[Call]:
        """One after the other, the first call that was possible then."""
        exists = {entry: self._existed(entry, call) for call in second for entry in _entries(call)}
        rest, found = list(second), []
        while rest:
            call = next((call for call in rest if _possible(call, rest, exists)), rest[0])
            rest.remove(call)
            found.append(call)
            exists.update(dict.fromkeys(_entries(call), call.name not in REMOVES))
        return found

    def _existed(self, entry: Entry, at: Call) -> bool | None:
        """Whether the entry existed before the second of the call; None if nothing tells."""
        time = at.event.event_time
        calls = self._calls[entry]
        earlier = next((c for c in reversed(calls) if c.event.event_time < time), None)
        before = next((s for s in reversed(self._snapshots) if s.as_of < time and _in(s, entry) is not None), None)
        if before is not None and (earlier is None or before.as_of >= earlier.event.event_time):
            return _in(before, entry) if self._certain(entry, before.as_of, time) else None
        if earlier is not None:
            return earlier.name not in REMOVES if self._certain(entry, earlier.event.event_time, time) else None
        later = next((c for c in calls if c.event.event_time > time), None)
        after = next((s for s in self._snapshots if s.as_of >= time and _in(s, entry) is not None), None)
        flips = sum(c.event.event_time == time and c.name in (*ADDS, *REMOVES) for c in calls)
        if after is not None and (later is None or after.as_of <= later.event.event_time):
            return (_in(after, entry) is True) is (flips % 2 == 0) if self._certain(entry, time, after.as_of) else None
        if later is None or not self._certain(entry, time, later.event.event_time):
            return None
        return (later.name not in ADDS) is (flips % 2 == 0)

    def _certain(self, entry: Entry, since: datetime, until: datetime) -> bool:
        """Whether no call in between may have changed the entry without saying so."""
        return not any(since <= time <= until for time in self._vague[str(entry[1])])


def _possible(call: Call, rest: Sequence[Call], exists: Mapping[Entry, bool | None]) -> bool:
    association = call.request.text("associationId")
    if association and any(association == _made(other) for other in rest if other is not call):
        return False
    return all(exists[entry] in (None, call.name not in ADDS) for entry in _entries(call))


def is_refused(call: Call, known: Configuration) -> bool:
    """Whether EC2 refuses the call: it adds an entry that is there, or removes or replaces one that is not. False where
    that is not known."""
    kinds: dict[str, Mapping[str, Resource]] = {
        "route": known.route_tables,
        "entry": known.network_acls,
        "rule": known.security_groups,
    }
    shown = (_shows(kinds[str(kind)].get(str(name)), (kind, name, *place)) for kind, name, *place in _entries(call))
    return any(there not in (None, call.name not in ADDS) for there in shown)


def _made(call: Call) -> str:
    return call.response.text("newAssociationId", "associationId")


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


def _in(snapshot: Snapshot, entry: Entry) -> bool | None:
    """Whether the snapshot shows the entry; None if it does not show its resource."""
    return _shows(next((r for r in snapshot.resources if r.id == entry[1]), None), entry)


def _shows(resource: Resource | None, entry: Entry) -> bool | None:
    """Whether the resource of an entry has it; None if the resource or its content is not known."""
    kind, _, *place = entry
    if kind == "route" and isinstance(resource, RouteTable):
        return any(r.destination == place[0] and not r.propagated for r in resource.routes)
    if kind == "entry" and isinstance(resource, NetworkAcl):
        return any([e.egress, e.number] == place for e in resource.entries)
    if kind == "rule" and isinstance(resource, SecurityGroup) and resource.known:
        return any(replace(r, id="") == place[0] for r in resource.rules)
    return None
