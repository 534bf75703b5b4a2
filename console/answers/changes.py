"""Changes: who changed what, from where and with which tool, by CloudTrail; found by what they concern as well."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store import configuration
from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.history import known_timeline
from console.answers.words import told
from network.aws.call import ids_in
from network.aws.fields import unwrap
from network.history.timeline import Effect, Timeline, vpcs_of
from network.history.unmodelled import HARMLESS, is_modelled
from schemas.change import ChangeEvent
from schemas.configuration import NatGateway, NetworkAcl, NetworkInterface, Resource, RouteTable, Subnet
from schemas.errors import FlowtrailError
from schemas.times import BEGINNING, END

COLUMNS = (
    "time",
    "event_name",
    "actor",
    "source_ip",
    "user_agent",
    "what",
    "event_id",
    "resources",
    "vpcs",
    "subnets",
    "actor_type",
    "account_id",
    "region",
)
"""The fields of a change in JSON and CSV."""

IN_SUBNET = (Subnet, NetworkInterface, NatGateway)
OF_SUBNET = (NetworkAcl, RouteTable)

FAILED = "failed-call"
LONGEST_REQUEST = 300


@dataclass(frozen=True)
class Filters:
    """A filter that is not set matches everything. `actor` is a part of its name; `resource` is the id of what was
    changed or, for a VPC, subnet, interface or instance, of what the change concerned. Calls on the whole account
    concern everything."""

    vpc: str = ""
    resource: str = ""
    actor: str = ""
    start: datetime = BEGINNING
    end: datetime = END
    limit: int = 100


@dataclass(frozen=True)
class Change:
    """A CloudTrail call. `what` says in words what it did. `resources` are the ids that it names and that it changed,
    `vpcs` and `subnets` where they are."""

    time: datetime
    event_name: str
    actor: str
    source_ip: str
    user_agent: str
    what: tuple[str, ...]
    event_id: str
    resources: tuple[str, ...]
    vpcs: tuple[str, ...]
    subnets: tuple[str, ...]
    actor_type: str
    account_id: str
    region: str

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in COLUMNS}


@dataclass(frozen=True)
class Changes:
    """`changes` are newest first; `more`: the limit cut off others. `not_kept` counts the CloudTrail records that were
    read and not kept, by reason."""

    changes: tuple[Change, ...]
    more: bool
    not_kept: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "changes": [change.to_json() for change in self.changes],
            "more": self.more,
            "not_kept": dict(self.not_kept),
        }


def changes(store: Store, filters: Filters) -> Changes:
    """The newest changes that match. Raises FlowtrailError when the store cannot be read."""
    timeline = known_timeline(store)
    scene = _Scene(timeline)
    found: list[Change] = []
    for event in reversed(timeline.changes if timeline else configuration.load_changes(store.reader())):
        if not filters.start <= event.event_time < filters.end or filters.actor.lower() not in event.actor.lower():
            continue
        change = scene.change(event)
        everywhere = not (change.resources or change.vpcs or change.subnets)  # a call on the whole account
        in_vpc = not filters.vpc or filters.vpc in change.vpcs
        if everywhere or (in_vpc and (not filters.resource or scene.concerns(change, filters.resource))):
            found.append(change)
        if len(found) > filters.limit:
            break
    return Changes(tuple(found[: filters.limit]), len(found) > filters.limit, not_kept(store))


def not_kept(store: Store) -> dict[str, int]:
    """How many CloudTrail records were read and not kept, by reason."""
    return {row["reason"]: row["records"] for row in ask(store, "not_kept")}


def refused(store: Store) -> FlowtrailError:
    """Why calls that AWS refused cannot be shown."""
    number = not_kept(store).get(FAILED, 0)
    return FlowtrailError(
        f"Calls that AWS refused are not stored, as they change nothing: {number} of them were read and only counted.",
        "Look for errorCode in the CloudTrail objects themselves, or use `aws cloudtrail lookup-events`.",
    )


class _Scene:
    """What the timeline knows of the resources that calls name; nothing without any snapshot."""

    def __init__(self, timeline: Timeline | None) -> None:
        self.timeline = timeline
        self.effects = timeline.effects() if timeline else {}
        self._known: dict[str, list[Resource]] = {}
        for version in timeline.versions() if timeline else ():
            resource = version.resource
            self._known.setdefault(resource.id, []).append(resource)
            if isinstance(resource, NetworkInterface) and resource.instance_id:
                self._known.setdefault(resource.instance_id, []).append(resource)

    def concerns(self, change: Change, resource_id: str) -> bool:
        """Whether the change is one of the resource or, for an interface or an instance, of its security groups, or of
        the network ACL or the route table of its subnet."""
        if resource_id in (*change.resources, *change.vpcs, *change.subnets):
            return True
        own = [r for r in self._known.get(resource_id, ()) if isinstance(r, NetworkInterface)]
        parts = {part for interface in own for part in (interface.id, *interface.group_ids)}
        if not parts.isdisjoint(change.resources):
            return True
        linked = {i.subnet_id for i in own} & set(change.subnets)
        return bool(linked and linked & self._linked(change.event_id, change.resources))

    def _linked(self, event_id: str, resource_ids: Iterable[str]) -> set[str]:
        """The subnets that had one of these as their network ACL or route table at the change."""
        return self.timeline.subnets_of(event_id, set(resource_ids)) if self.timeline else set()

    def change(self, event: ChangeEvent) -> Change:
        effects = self.effects.get(event.event_id, [])
        edited = [resource for e in effects for resource in (e.before, e.after) if resource is not None]
        named = {*event.resources, *ids_in(event.request, event.response)}
        touched = [*edited, *(r for name in named for r in self._known.get(name, ()))]
        return Change(
            event.event_time,
            event.event_name,
            event.actor,
            event.source_ip,
            event.user_agent,
            tuple(_what(event, effects)),
            event.event_id,
            tuple(sorted(named | {resource.id for resource in edited})),
            tuple(sorted({v for r in touched for v in vpcs_of(r)} | {n for n in named if n.startswith("vpc-")})),
            tuple(sorted(self._subnets(event, touched) | {n for n in named if n.startswith("subnet-")})),
            event.actor_type,
            event.account_id,
            event.region,
        )

    def _subnets(self, event: ChangeEvent, touched: Sequence[Resource]) -> set[str]:
        """The subnets of these resources, and those that have one of them as their network ACL or route table."""
        own = {r.id if isinstance(r, Subnet) else r.subnet_id for r in touched if isinstance(r, IN_SUBNET)}
        ids = {r.id for r in touched if isinstance(r, OF_SUBNET)}
        return own | (self._linked(event.event_id, ids) if ids else set())


def _what(event: ChangeEvent, effects: Iterable[Effect]) -> Iterator[str]:
    """What the call did, as far as the model contains it; otherwise what was asked for."""
    known = [text for effect in effects for text in in_words(effect) if text]
    if known:
        yield from known
    elif event.event_name in HARMLESS:
        yield f"does nothing to packets of what exists ({request_text(event.request)})"
    elif is_modelled(event):
        yield f"changed nothing that is known ({request_text(event.request)})"
    else:
        yield f"its effect is not in the model ({request_text(event.request)})"


def in_words(effect: Effect) -> Iterator[str]:
    """What a change did to one resource; "" for what does not show."""
    yield told(effect.before, effect.after)
    if effect.after is not None and effect.doubts:
        kinds = " and ".join(
            sorted(kind.replace("network-acl", "network ACL").replace("-", " ") for kind in effect.doubts)
        )
        yield f"subnet {effect.after.id}: its {kinds} can no longer be known"


def request_text(request: Mapping[str, Any]) -> str:
    """`networkAclId: acl-1, ruleNumber: 90, portRange.from: 22`, as it was logged; cut where it is long."""
    text = ", ".join(f"{name}: {value}" for name, value in _flat(unwrap(request)))
    return text if len(text) <= LONGEST_REQUEST else f"{text[:LONGEST_REQUEST]}..."


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name and key not in ("items", "content") else name or str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, name)
    elif value not in (None, ""):
        yield name, value if isinstance(value, str) else json.dumps(value)
