"""When the answer to a question turned, and by which change: over all of the history that is known."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from network.history.timeline import Moment, Timeline, vpcs_of
from network.history.unmodelled import HARMLESS, concerned, has_no_effect
from network.verdict.reach import Question, Reached, reach
from schemas.change import ChangeEvent
from schemas.configuration import Configuration, NetworkInterface, Resource, RouteTable, SecurityGroup, Vpc

MOST = 5000
"""The most moments that are examined, the latest ones: each takes a millisecond."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

NEVER_SHOWN = "BlockPublicAccess"
"""Part of the names of calls whose effect is in no snapshot."""


@dataclass(frozen=True)
class Turn:
    """At this moment the verdict, or what decides it, became another one."""

    moment: Moment
    before: Reached
    after: Reached

    @property
    def time(self) -> datetime:
        return self.moment.time

    @property
    def turned(self) -> bool:
        """Whether the verdict is another one, and not only what decides it."""
        return self.before.reach is not self.after.reach


@dataclass(frozen=True)
class Turns:
    """In order of time. `since` is the start of what was examined, None for all that is known."""

    turns: tuple[Turn, ...]
    since: datetime | None = None

    def last(self, moment: datetime) -> Turn | None:
        """The last one up to and including the moment."""
        return next((turn for turn in reversed(self.turns) if turn.time <= moment), None)

    def after(self, moment: datetime) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.time > moment)


def turns(question: Question, timeline: Timeline) -> Turns:
    """Every turn of the answer, as far as the timeline goes."""
    part = timeline.part(_matters(question, timeline))
    examined = part.moments[-MOST:]
    if not examined:
        return Turns(())
    found = []
    latest = reach(question, part.before(examined[0]))
    for moment in examined:
        now = reach(question, part.after(moment))
        if _essence(now) != _essence(latest):
            found.append(Turn(moment, latest, now))
        latest = now
    return Turns(tuple(found), examined[0].time if len(part.moments) > MOST else None)


def not_modelled(
    question: Question, timeline: Timeline, configuration: Configuration, span: tuple[datetime, datetime]
) -> tuple[ChangeEvent, ...]:
    """The changes after the first and up to the second of these times whose effect is not known, and that may concern
    an interface that is meant, by this configuration."""
    start, end = span
    effects = timeline.effects()
    meant = {i.id for i in configuration.interfaces.values() if _meant(question, i)}
    return tuple(
        event
        for event in timeline.changes
        if start < event.event_time <= end
        and event.event_name not in HARMLESS
        and event.event_id not in effects
        and not has_no_effect(event, timeline.around([event.event_id])[0])
        and not meant.isdisjoint(concerned(event, configuration))
    )


def unexamined(
    question: Question, timeline: Timeline, configuration: Configuration, moment: datetime
) -> tuple[ChangeEvent, ...]:
    """As `not_modelled`, those that the answer at the moment may be wrong for: the ones between the moment and the
    snapshot that its configuration is derived from, and what no snapshot shows, whenever it was."""
    before = [time for time in timeline.snapshots if time <= moment]
    span = (before[-1], moment) if before else (moment, timeline.snapshots[0])
    ever = not_modelled(question, timeline, configuration, (BEGINNING, max(span)))
    return tuple(
        event
        for event in ever
        if span[0] < event.event_time <= span[1] or (NEVER_SHOWN in event.event_name and event.event_time <= moment)
    )


def _essence(found: Reached) -> tuple[object, ...]:
    return found.reach, tuple((w.src.interface_id, w.dst.interface_id, w.ports, w.decides) for w in found.walks)


def _matters(question: Question, timeline: Timeline) -> Callable[[Resource], bool]:
    """Whether a resource may have a part in the answer. Of interfaces and groups, which are many, only those that are
    meant, that belong to those, or that routes lead to."""
    versions = timeline.versions()
    targets = {route.target for v in versions if isinstance(v.resource, RouteTable) for route in v.resource.routes}
    groups: set[str] = set()
    vpcs: set[str] = set()
    for version in versions:
        if isinstance(version.resource, NetworkInterface) and _meant(question, version.resource):
            groups.update(version.resource.group_ids)
            vpcs.add(version.resource.vpc_id)
    worn = [v.resource for v in versions if isinstance(v.resource, SecurityGroup) and v.resource.id in groups]
    groups.update(rule.peer for group in worn for rule in group.rules)

    def matters(resource: Resource) -> bool:
        if isinstance(resource, NetworkInterface):
            return _meant(question, resource) or resource.id in targets
        if isinstance(resource, SecurityGroup):
            return resource.id in groups
        return isinstance(resource, Vpc) or not vpcs_of(resource) or not vpcs_of(resource).isdisjoint(vpcs)

    return matters


def _meant(question: Question, interface: NetworkInterface) -> bool:
    return question.src.has(interface) or question.dst.has(interface)
