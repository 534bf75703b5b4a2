"""A world: what happened in a VPC, what the logs say of it, and the truth."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulation.aws import ACCOUNT
from simulation.calls import Json, parse, request_parameters, response_elements
from simulation.recorder import Actor, envelope
from simulation.traffic import SETTLES
from simulation.walk import Unseen, Walk, walk
from simulation.worlds import ec2
from simulation.worlds.vpc import APP, DB, WEB, WEB6, Ids, answers

DAY = datetime(2026, 11, 20, tzinfo=UTC)
BEGIN, START, END = (DAY + timedelta(hours=h) for h in (10, 12, 13.5))
"""Traffic begins; the range that is judged starts; both end."""
SAVED_BEFORE, SAVED_AFTER = BEGIN - timedelta(hours=1), END + timedelta(minutes=30)
"""When the configuration is saved: before anything happens, or after all of it."""
CLEAN_END = DAY + timedelta(hours=13)

PEOPLE = tuple(f"192.0.2.{n}" for n in (11, 12, 13)) + tuple(f"203.0.113.{n}" for n in (14, 15, 16))
OUTSIDE = ("198.51.100.131", "198.51.100.132")
SIX = ("2001:db8:f::1", "2001:db8:f::2", "2001:db8:f::3")
ACTORS = tuple(Actor(name, f"198.51.100.{n}") for n, name in enumerate(("alice", "bob", "carol", "dave", "erin"), 201))
OWN = {"web": (WEB, WEB6), "app": (APP,), "db": (DB,)}
SYN, SYN_ACK, ALL, ASKED = 2, 18, 19, 3

Row = tuple[str, str, str, int, int, int, int, int, int, int, str, int, bool]
"""Interface, source, destination, ports, protocol, packets, bytes, start, end, action, flags, egress."""


@dataclass(frozen=True)
class Probe:
    """A conversation that must work again once the fixes were run, as seen at an interface."""

    eni: str
    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int


@dataclass(frozen=True)
class World:
    """`saved` is what `describe-*` returned at `saved_at`. `guilty` are all the calls that must be named, together;
    `may` be named as well; `demanded` is the certainty that is demanded (`proven`, or `suspected` where the data cannot
    prove it, which allows either)."""

    kind: str
    seed: int
    number: int
    saved: dict[str, Any]
    saved_at: datetime
    states: tuple[tuple[datetime, dict[str, Any]], ...]
    records: tuple[Json, ...]
    rows: tuple[Row, ...]
    probes: tuple[Probe, ...]
    guilty: frozenset[str]
    may: frozenset[str]
    demanded: str
    interfaces: frozenset[str]

    def state_at(self, at: datetime) -> dict[str, Any]:
        """A copy of the configuration at a time."""
        return copy.deepcopy([state for since, state in self.states if since <= at][-1])


@dataclass
class Maker:
    """Plays calls first, then traffic."""

    kind: str
    seed: int
    number: int
    end: datetime = END
    demanded: str = "proven"
    may: set[str] = field(default_factory=set)
    late: Sequence[tuple[str, str, int, tuple[str, ...], int]] = ()
    held: Sequence[tuple[str, str, int, tuple[str, ...]]] = ()
    hidden: tuple[str, ...] = ()
    """Commands that were not run when the configuration was saved, and interfaces that it lacks, by name."""
    saved_at: datetime = SAVED_BEFORE

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.kind} {self.seed}")
        self.ids = Ids(self.number)
        self.states: list[tuple[datetime, dict[str, Any]]] = [(DAY, answers(self.ids))]
        self.records: list[Json] = []
        self.guilty: set[str] = set()
        self.rows: list[Row] = []
        self.broken: dict[Probe, None] = {}
        self.at = START + timedelta(seconds=self.rng.randrange(600, 2400))
        self.who, self.other = self.rng.sample(ACTORS, 2)
        self._fates: dict[tuple[Any, ...], Walk] = {}
        self._live: dict[tuple[Any, ...], bool] = {}

    def id(self, prefix: str, name: str) -> str:
        return self.ids(prefix, name)

    def after(self, seconds: float) -> datetime:
        """A time after the fault."""
        return self.at + timedelta(seconds=seconds)

    def call(self, command: str, at: datetime | None = None, who: Actor | None = None, *, guilty: bool = False) -> str:
        """Make a call; returns its event id. Calls are made in order of time."""
        at = at or self.at
        state, call = copy.deepcopy(self.states[-1][1]), parse(command)
        answer = ec2.run(state, call)
        self.states.append((at, state))
        record = envelope(call.event_name, at, who or self.who, self.rng)
        record["requestParameters"] = request_parameters(call)
        record["responseElements"] = response_elements(call, answer, record["requestID"], ACCOUNT)
        self.records.append(record)
        event_id: str = record["eventID"]
        if guilty:
            self.guilty.add(event_id)
        return event_id

    def fail(self, command: str, at: datetime) -> None:
        """A call that is refused."""
        call = parse(command)
        record = envelope(call.event_name, at, self.other, self.rng)
        record |= {"errorCode": "Client.UnauthorizedOperation", "errorMessage": "You are not authorized."}
        self.records.append(record | {"requestParameters": request_parameters(call)})

    def talk(  # noqa: PLR0917 - the ends of a conversation in their usual order
        self,
        src: str,
        dst: str,
        port: int,
        seen_at: Sequence[str],
        protocol: int = 6,
        every: float = 45,
        begin: datetime = BEGIN,
        end: datetime | None = None,
        ports: tuple[int, int] = (32768, 60900),
    ) -> None:
        """A peer that opens conversations again and again, as logged at these interfaces (by name)."""
        at = begin + timedelta(seconds=self.rng.uniform(1, every))
        until = min(end or self.end, self.end) - timedelta(seconds=70)
        while at < until:
            self._once(Probe("", src, dst, protocol, self.rng.randint(*ports), port), seen_at, at)
            pause = self.rng.uniform(0.7, 1.3) * every
            at += timedelta(seconds=pause)

    def hold(self, src: str, dst: str, port: int, seen_at: Sequence[str]) -> None:
        """A peer that keeps a connection for many minutes, then opens the next one, with a record a minute. A security
        group lets a connection live that it tracks; only opening the next one fails."""
        at, protocol = BEGIN + timedelta(seconds=self.rng.uniform(1, 60)), 6
        while at < self.end - timedelta(seconds=130):
            opening = Probe("", src, dst, protocol, self.rng.randint(32768, 60900), port)
            minutes = self.rng.randint(12, 30)
            if not self._once(opening, seen_at, at):
                at += timedelta(seconds=self.rng.uniform(20, 60))
                continue
            for n in range(1, minutes):
                for name in seen_at if at + timedelta(seconds=60 * n + 70) < self.end else ():
                    begin = int(at.timestamp()) + 60 * n
                    ends, volume = (src, dst, opening.src_port, port), (9, 2100, begin, begin + 50)
                    back = (dst, src, port, opening.src_port)
                    inward = dst in OWN[name]
                    self.rows.append((self.id("eni", name), *ends, protocol, *volume, "ACCEPT", 0, not inward))
                    self.rows.append((self.id("eni", name), *back, protocol, *volume, "ACCEPT", 0, inward))
            at += timedelta(minutes=minutes)

    def _once(self, opening: Probe, seen_at: Sequence[str], at: datetime) -> bool:
        """Log a conversation; whether it completes."""
        completes = True
        phase = sum(since + timedelta(seconds=SETTLES) <= at for since, _ in self.states[1:])
        for name in seen_at:
            probe = Probe(self.id("eni", name), *list(vars(opening).values())[1:])
            fate = self._fate(phase, probe)
            if fate.outcome != "completes" and self._fate(0, probe).outcome == "completes":
                self.broken[probe] = None
            completes &= fate.outcome == "completes"
            self.log(probe, int(at.timestamp()), fate, name)
        return completes

    def _fate(self, phase: int, probe: Probe) -> Walk:
        port = probe.src_port if len(self.states) > 1 else 0
        key = (phase, probe.eni, probe.src, probe.dst, probe.protocol, port, probe.dst_port)
        if key not in self._fates:
            ends = (probe.eni, probe.src, probe.dst, probe.protocol, probe.src_port, probe.dst_port)
            self._fates[key] = walk(self.states[phase][1], *ends, Unseen(nat_port=probe.src_port))
        return self._fates[key]

    def log(self, probe: Probe, at: int, fate: Walk, name: str) -> None:
        """The records of a conversation with this fate."""
        inward = probe.dst in OWN[name]
        works = fate.outcome == "completes"
        if inward and not works and fate.reply == "NONE" and fate.action == "ACCEPT":
            return  # stopped before it arrives
        lasts = self.rng.randint(1, 40) if works else 3
        asked, answered = (ASKED, ALL) if works else (SYN, SYN_ACK)
        if probe.protocol != 6:
            asked = answered = 0
        packets = (self.rng.randint(6, 12), self.rng.randint(8, 20)) if works else (3, 3)
        size = (self.rng.randint(90, 140), self.rng.randint(300, 900)) if works else (60, 60)
        ends = (probe.src, probe.dst, probe.src_port, probe.dst_port)
        back = (probe.dst, probe.src, probe.dst_port, probe.src_port)
        volume = (packets[0], packets[0] * size[0], at, at + lasts)
        self.rows.append((probe.eni, *ends, probe.protocol, *volume, fate.action, asked, not inward))
        if fate.action == "ACCEPT" and fate.reply in ("ACCEPT", "REJECT"):
            action = "ACCEPT" if works else fate.reply
            volume = (packets[1], packets[1] * size[1], at, at + lasts)
            self.rows.append((probe.eni, *back, probe.protocol, *volume, action, answered, inward))

    def usual(self) -> None:
        """The traffic that every world has."""
        ways: list[tuple[str, str, int, tuple[str, ...]]] = [(p, WEB, 443, ("web",)) for p in PEOPLE]
        ways += [(p, WEB, 22, ("web",)) for p in PEOPLE[:3]]
        ways += [(APP, o, 443, ("app",)) for o in OUTSIDE]
        ways += [(APP, DB, 5432, ("app", "db")), (WEB, DB, 3306, ("web", "db"))]
        for src, dst, port, seen in ways:
            self.talk(src, dst, port, seen, every=self.rng.uniform(35, 60))

    def world(self) -> World:
        names = ("web", "app", "db", "nat")
        return World(
            self.kind,
            self.seed,
            self.number,
            self._saved(),
            self.saved_at,
            tuple(self.states),
            tuple(self.records),
            tuple(self.rows),
            tuple(self.broken),
            frozenset(self.guilty),
            frozenset(self.may),
            self.demanded,
            frozenset(self.id("eni", name) for name in names),
        )

    def _saved(self) -> dict[str, Any]:
        """The configuration that was saved, without what is hidden."""
        state = [state for since, state in self.states if since <= self.saved_at or since == DAY][-1]
        saved = {name: answer for name, answer in state.items() if name not in self.hidden}
        gone = {self.id("eni", name) for name in self.hidden}
        command, member = "describe-network-interfaces", "NetworkInterfaces"
        saved[command] = {member: [eni for eni in saved[command][member] if eni["NetworkInterfaceId"] not in gone]}
        return saved
