"""What a resource was at some time, since when, and what was changed between two times."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.history import Call, timeline_of
from console.answers.words import Line, difference, lines, title, told
from network.history.timeline import Timeline
from network.verdict.acl import acl_of_subnet
from network.verdict.routing import table_of_subnet
from schemas.configuration import TYPE_NAMES, Configuration, NetworkInterface, Resource, Subnet
from schemas.errors import FlowtrailError
from schemas.snapshot import ConfigVersion

VERSION_COLUMNS = ("resource", "type", "valid_from", "valid_to", "exact", "begun_by", "ended_by", "what")
DIFFERENCE_COLUMNS = ("resource", "change", "before", "after")


@dataclass(frozen=True)
class Version:
    """The resource in `[valid_from, valid_to)`; None is open-ended: without `valid_from` its history before what is
    stored is not known. `begun_by` and `ended_by` are the calls that did it, None where only a snapshot shows it.
    `exact` is false where part of the content is not known. `lines` is the content in words."""

    resource: Resource
    valid_from: datetime | None
    valid_to: datetime | None
    begun_by: Call | None
    ended_by: Call | None
    exact: bool
    lines: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "begun_by": self.begun_by and self.begun_by.to_json(),
            "ended_by": self.ended_by and self.ended_by.to_json(),
            "exact": self.exact,
            "what": list(self.lines),
            "content": asdict(self.resource),
        }


@dataclass(frozen=True)
class Shown:
    """The resource at `at`: `version` is None where it does not exist then. `versions` are all that are known."""

    resource_id: str
    at: datetime
    version: Version | None
    versions: tuple[Version, ...]

    @property
    def type(self) -> str:
        return TYPE_NAMES[type(self.versions[0].resource)]

    @property
    def title(self) -> str:
        return title((self.version or self.versions[-1]).resource)

    def to_json(self) -> dict[str, Any]:
        return {
            "resource": self.resource_id,
            "type": self.type,
            "at": self.at,
            "version": self.version and self.version.to_json(),
            "versions": [version.to_json() for version in self.versions],
        }

    def records(self) -> list[dict[str, Any]]:
        """One for each version."""
        return [
            {
                "resource": self.resource_id,
                "type": self.type,
                "valid_from": v.valid_from,
                "valid_to": v.valid_to,
                "exact": v.exact,
                "begun_by": v.begun_by.event_id if v.begun_by else "",
                "ended_by": v.ended_by.event_id if v.ended_by else "",
                "what": "; ".join(v.lines),
            }
            for v in self.versions
        ]


@dataclass(frozen=True)
class Step:
    """What one call did to the resource."""

    call: Call
    what: str

    def to_json(self) -> dict[str, Any]:
        return {"call": self.call.to_json(), "what": self.what}


@dataclass(frozen=True)
class Difference:
    """How the resource differs between two times; `before` and `after` are None where it does not exist. `calls` are
    those that changed it in between. `unknown_at`: those of the two times whose version is not known exactly."""

    resource_id: str
    start: datetime
    end: datetime
    before: Version | None
    after: Version | None
    lines: tuple[Line, ...]
    calls: tuple[Step, ...]
    unknown_at: tuple[datetime, ...]

    @property
    def title(self) -> str:
        version = self.after or self.before
        return title(version.resource) if version else self.resource_id

    def to_json(self) -> dict[str, Any]:
        return {
            "resource": self.resource_id,
            "from": self.start,
            "to": self.end,
            "before": self.before and self.before.to_json(),
            "after": self.after and self.after.to_json(),
            "differences": [vars(line) for line in self.lines],
            "calls": [step.to_json() for step in self.calls],
            "unknown_at": list(self.unknown_at),
        }

    def records(self) -> list[dict[str, Any]]:
        """One for each difference."""
        return [{"resource": self.resource_id, **vars(line)} for line in self.lines]


def show(store: Store, resource_id: str, at: datetime) -> Shown:
    """The resource at this time. Raises FlowtrailError for a resource that was never known."""
    book = _Book(timeline_of(store), resource_id)
    return Shown(resource_id, at, book.at(at), book.versions)


def diff(store: Store, resource_id: str, start: datetime, end: datetime) -> Difference:
    """How the resource at `end` differs from what it was at `start`. Raises FlowtrailError for a resource that was
    never known."""
    book = _Book(timeline_of(store), resource_id)
    before, after = book.at(start), book.at(end)
    found = difference(before.resource if before else None, after.resource if after else None)
    was, now = (book.links(moment) for moment in (start, end))
    found += [
        Line("changed" if was.get(kind) and now.get(kind) else "added" if kind in now else "removed", old, new)
        for kind in dict.fromkeys([*was, *now])
        if (old := was.get(kind, "")) != (new := now.get(kind, ""))
    ]
    unknown = (m for m, version in ((start, before), (end, after)) if version and not version.exact)
    return Difference(resource_id, start, end, before, after, tuple(found), book.calls(start, end), tuple(unknown))


class _Book:
    """All versions of one resource."""

    def __init__(self, timeline: Timeline, resource_id: str) -> None:
        self.timeline = timeline
        self.resource_id = resource_id
        self._calls = {event.event_id: Call.of(event) for event in timeline.changes}
        everything = timeline.versions()
        self.versions = tuple(self._version(v) for v in everything if v.resource.id == resource_id)
        if not self.versions:
            raise _never_known(resource_id, everything)

    def _version(self, found: ConfigVersion) -> Version:
        begun, ended = self._calls.get(found.begun_by), self._calls.get(found.ended_by)
        content = tuple(lines(found.resource))
        return Version(found.resource, found.valid_from, found.valid_to, begun, ended, found.exact, content)

    def at(self, moment: datetime) -> Version | None:
        """The version at this time, with what the subnet has at this time where it is one."""
        found = next((v for v in self.versions if _covers(v, moment)), None)
        return found and replace(found, lines=(*found.lines, *self.links(moment).values()))

    def links(self, moment: datetime) -> dict[str, str]:
        """Of a subnet: its network ACL and route table, which are not part of its versions."""
        configuration = self.timeline.at(moment)
        if not isinstance(configuration.subnets.get(self.resource_id), Subnet):
            return {}
        return _links(configuration, self.resource_id)

    def calls(self, start: datetime, end: datetime) -> tuple[Step, ...]:
        """The calls in `(start, end]` that changed the resource."""
        effects = self.timeline.effects()
        return tuple(
            Step(self._calls[event.event_id], text)
            for event in self.timeline.changes
            if start < event.event_time <= end
            for effect in effects.get(event.event_id, ())
            if self.resource_id in _ids(effect.before, effect.after)
            if (text := told(effect.before, effect.after))
        )


def _ids(*resources: Resource | None) -> set[str]:
    return {resource.id for resource in resources if resource is not None}


def _covers(version: Version, moment: datetime) -> bool:
    begun = version.valid_from is None or version.valid_from <= moment
    return begun and (version.valid_to is None or moment < version.valid_to)


def _links(configuration: Configuration, subnet_id: str) -> dict[str, str]:
    acl, table = acl_of_subnet(configuration, subnet_id), table_of_subnet(configuration, subnet_id)
    main = table is not None and not any(a.subnet_id == subnet_id for a in table.associations)
    suffix = " (main)" if main else ""
    return {
        "network-acl": f"network ACL {acl.id}" if acl else "its network ACL is not known",
        "route-table": f"route table {table.id}{suffix}" if table else "its route table is not known",
    }


def _never_known(resource_id: str, everything: list[ConfigVersion]) -> FlowtrailError:
    own = {
        v.resource.id
        for v in everything
        if isinstance(v.resource, NetworkInterface) and v.resource.instance_id == resource_id
    }
    if resource_id.startswith("i-") and own:
        return FlowtrailError(
            f"{resource_id} is an instance: what is known of it are its network interfaces.",
            f"Ask for one of them: {', '.join(sorted(own))}.",
        )
    return FlowtrailError(
        f"{resource_id} is in no snapshot, and no change that has been loaded created it.",
        "Check the ID, take a snapshot of its VPC (`flowtrail snapshot`), or list changes that name it with"
        f" `flowtrail changes --resource {resource_id}`.",
    )
