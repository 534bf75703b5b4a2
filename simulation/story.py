"""The story: a lost route and a wrong network ACL rule, among harmless changes and noise, on 2026-11-20.

`tell` and `quiet_day` create the history of the configuration once, with the real `aws` command line; `logs` then
writes what AWS would have logged, for any seed, format and reading of a lost route.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np

from simulation.aws import AwsCli
from simulation.calls import split_line
from simulation.flow_log_objects import Stored, Version, flow_log_objects
from simulation.network import Network, Phase, build, client, describe
from simulation.recorder import Actor, Recorder, background
from simulation.rows import Reading
from simulation.talks import Talks, draw
from simulation.traffic import SETTLES, Logged, flow_logs
from simulation.trail_objects import trail_objects

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def clock(text: str) -> datetime:
    """A time on the day of the story, such as `14:32` or `15:04:30`."""
    return datetime.combine(DAY, time.fromisoformat(text), UTC)


BEGIN, NOW, FIXED, END = clock("12:00"), clock("15:45"), clock("15:50"), clock("16:15")
"""Traffic starts; the logs are read for the first time; the fixes are run; traffic ends."""

ALICE = Actor("alice", "198.51.100.23")
BOB = Actor("bob", "203.0.113.250", "NetworkAdmin")
CAROL = Actor("carol", "198.51.100.61")
DAVE = Actor("dave", "192.0.2.253", "NetworkAdmin")
ERIN = Actor("erin", "192.0.2.252")
ON_CALL = Actor("oncall", "198.51.100.90", "IncidentResponse")


@dataclass(frozen=True)
class Fault:
    """What a correct answer contains. `layer`, `rule` and `kind` are in the product's terms; `ports` are those it must
    name at least (a lost route also affects everything else that uses it)."""

    kind: str
    event_id: str
    event_name: str
    actor: str
    source_ip: str
    time: datetime
    layer: str
    resource: str
    rule: str
    ports: tuple[int, ...]

    def peers(self, talks: Talks) -> frozenset[str]:
        """The clients it affects: those that use its ports."""
        people = {80: talks.http_clients, 22: talks.ssh_admins}
        return frozenset(peer for port in self.ports for peer in people[port])


@dataclass(frozen=True)
class Story:
    """What happened to the configuration. `harmless` are eventIDs that must never be named as a cause."""

    network: Network
    phases: tuple[Phase, ...]
    records: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...]
    harmless: frozenset[str]
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Telling:
    """How a story is logged."""

    seed: int = 1
    version: Version = 5
    reading: Reading = Reading.ANSWERS_LOGGED


@dataclass
class Stage:
    """A simulated account in which a story takes place: the endpoint, the recorder and the phases so far.

    `announce` is called before every call of the story: when, who, and the words after `aws ec2`.
    """

    endpoint: str
    seed: int = 1
    announce: Callable[[datetime, Actor, str], None] = lambda at, actor, command: None
    network: Network = field(init=False)
    phases: list[Phase] = field(init=False)
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        aws = AwsCli(self.endpoint)
        self.network = build(aws)
        self.recorder = Recorder(aws, self.seed)
        self.phases = [Phase(BEGIN, describe(self.endpoint))]

    def call(self, command: str, at: datetime, actor: Actor) -> dict[str, Any]:
        """Really run a command, record it, and save the configuration that results from it."""
        self.announce(at, actor, command)
        record = self.recorder.run(command, at, actor)
        self.phases.append(Phase(at, describe(self.endpoint)))
        return record

    def tell(self) -> Story:
        """Two faults among harmless changes."""
        net = self.network
        harmless = [self._edit_a_tag()]
        route = self.call(
            f"delete-route --route-table-id {net.public_route_table_id} --destination-cidr-block 0.0.0.0/0",
            clock("14:32"),
            ALICE,
        )
        harmless += [self._deny_in_another_subnet(), self._fail()]
        rule = self.call(
            f"create-network-acl-entry --network-acl-id {net.public_acl_id} --ingress --rule-number 90 --protocol tcp "
            "--port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action deny",
            clock("15:05"),
            BOB,
        )
        faults = (
            _fault(
                route,
                kind="lost-traffic",
                layer="route",
                resource=net.public_route_table_id,
                rule=f"0.0.0.0/0 -> {net.internet_gateway_id}",
                ports=(80,),
            ),
            _fault(
                rule,
                kind="rejects",
                layer="network-acl",
                resource=net.public_acl_id,
                rule="ingress 90 deny tcp 22 from 0.0.0.0/0",
                ports=(22,),
            ),
        )
        return self._story(faults, harmless)

    def quiet_day(self) -> Story:
        """The same noise and harmless changes, and no fault."""
        return self._story((), [self._edit_a_tag(), self._deny_in_another_subnet(), self._fail()])

    def fix(self, story: Story, commands: Sequence[str], at: datetime = FIXED) -> Story:
        """The story after these `aws` command lines have really been run, twenty seconds apart, whatever their effect.

        Raises UnknownCall for a line that is not a supported `aws ec2` command, and AwsError if one fails.
        """
        single = [command for line in commands for command in split_line(line)]
        calls = [self.call(command, at + timedelta(seconds=20 * n), ON_CALL) for n, command in enumerate(single)]
        made = [_event(record) for record in calls]
        return replace(
            story, phases=tuple(self.phases), records=tuple(self.recorder.records), fixes=(*story.fixes, *made)
        )

    def _edit_a_tag(self) -> str:
        table = self.network.public_route_table_id
        return _event(self.call(f"create-tags --resources {table} --tags Key=Team,Value=web", clock("14:31"), CAROL))

    def _deny_in_another_subnet(self) -> str:
        acl = self.network.private_acl_id
        command = (
            f"create-network-acl-entry --network-acl-id {acl} --ingress --rule-number 90 --protocol tcp "
            "--port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action deny"
        )
        return _event(self.call(command, clock("15:04"), DAVE))

    def _fail(self) -> str:
        command = (
            f"create-network-acl-entry --network-acl-id {self.network.public_acl_id} --ingress --rule-number 80 "
            "--protocol tcp --port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action deny"
        )
        return _event(self.recorder.refuse(command, clock("15:04:30"), ERIN))

    def _story(self, faults: tuple[Fault, ...], harmless: Iterable[str]) -> Story:
        return Story(self.network, tuple(self.phases), tuple(self.recorder.records), faults, frozenset(harmless))


def population(story: Story, telling: Telling) -> Talks:
    """Who talks to whom, for the whole day at once: earlier traffic never depends on how much of the day is used."""
    return draw(telling.seed, story.network, BEGIN.timestamp(), END.timestamp())


def traffic(story: Story, telling: Telling) -> tuple[Logged, Logged]:
    """What web-1 and db-1 log during the whole day."""
    whole = int(BEGIN.timestamp()), int(END.timestamp())
    return flow_logs(population(story, telling), story.network, story.phases, telling.reading, whole)


def healed_at(story: Story, telling: Telling, fault: Fault) -> datetime | None:
    """When a working conversation on the fault's ports is first recorded after the fault; None if there is none."""
    rows = traffic(story, telling)[0].rows
    answers = rows.egress & (rows.path > 0) & np.isin(rows.src_port, fault.ports)
    after = rows.begin[answers & (rows.begin >= fault.time.timestamp() + SETTLES)]
    return datetime.fromtimestamp(int(after.min()), UTC) if len(after) else None


def logs(
    story: Story, telling: Telling, begin: datetime = BEGIN, end: datetime = NOW, prefix: str = ""
) -> list[Stored]:
    """The objects that AWS would have written for `[begin, end)`: flow logs by their five minutes, CloudTrail events by
    their eventTime. The same arguments give the same bytes. `begin` and `end` are multiples of five minutes."""
    period = int(begin.timestamp()), int(end.timestamp())
    records = sorted([*story.records, *background(telling.seed, BEGIN, END)], key=lambda record: record["eventTime"])
    called = [r for r in records if begin <= datetime.fromisoformat(r["eventTime"]) < end]
    twice = [fault.event_id for fault in story.faults[:1]]
    return [
        *flow_log_objects(traffic(story, telling), telling.version, prefix, period),
        *trail_objects(called, twice, prefix),
    ]


def put(objects: Iterable[Stored], endpoint: str, bucket: str) -> int:
    """Put objects into a bucket, creating it if needed; returns how many."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=bucket)
    count = 0
    for count, stored in enumerate(objects, start=1):  # noqa: B007 - the count is the answer
        s3.put_object(Bucket=bucket, Key=stored.key, Body=stored.body)
    return count


def _event(record: dict[str, Any]) -> str:
    event_id: str = record["eventID"]
    return event_id


def _fault(record: dict[str, Any], *, kind: str, layer: str, resource: str, rule: str, ports: tuple[int, ...]) -> Fault:
    return Fault(
        kind=kind,
        event_id=record["eventID"],
        event_name=record["eventName"],
        actor=record["userIdentity"]["arn"],
        source_ip=record["sourceIPAddress"],
        time=datetime.fromisoformat(record["eventTime"]),
        layer=layer,
        resource=resource,
        rule=rule,
        ports=ports,
    )
