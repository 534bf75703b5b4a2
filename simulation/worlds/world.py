"""A world from a seed: the account, what happened in it, the records that follow, and what is true."""

import bisect
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulation.calls import parse, request_parameters, split_line
from simulation.flow_log_objects import Version
from simulation.recorder import Actor, envelope
from simulation.worlds.account import Account
from simulation.worlds.effects import Refused, apply
from simulation.worlds.faults import FAULTS, Said
from simulation.worlds.harmless import EVENTS, Ending, decoys
from simulation.worlds.traffic import Conversation, Log, Packet, conversations, line, noise, records

Json = dict[str, Any]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEFORE, AFTER = timedelta(minutes=100), timedelta(minutes=45)
"""How long before and after the fault there is traffic."""


@dataclass(frozen=True)
class Made:
    """A call that was made: its time, its effect, and whether it stops traffic."""

    at: datetime
    name: str
    request: Json
    new_id: str
    event_id: str
    guilty: bool
    record: Json


class World:
    """World `number` of a batch. `kind` is a name of `FAULTS` for a fault, or of `EVENTS` for a clean window."""

    def __init__(self, number: int, kind: str, seed: int) -> None:
        self.number, self.kind, self.seed = number, kind, seed
        self.account = Account(number)
        self._dice = random.Random(f"{kind} {seed}")  # noqa: S311
        self.at = NOON + timedelta(seconds=self._dice.randint(0, 900))
        self.ending: Ending | None = None
        said = self._said()
        self.calls = self._made(said)
        self._phases = [self.account.answers()]
        for call in self.calls:
            self._phases.append(apply(self._phases[-1], call.name, call.request, new_id=call.new_id))
        self._times = [int(call.at.timestamp()) for call in self.calls]
        self.log = Log(self.account, self._answers_at)

    @property
    def clean(self) -> bool:
        return self.kind not in FAULTS

    @property
    def answers(self) -> Json:
        """What `describe-*` shows before anything has happened."""
        return self._phases[0]

    @property
    def guilty(self) -> frozenset[str]:
        """The ids of the calls that stopped traffic."""
        return frozenset(call.event_id for call in self.calls if call.guilty)

    @property
    def interfaces(self) -> frozenset[str]:
        return frozenset(self.account.id(f"eni-{name}") for name in ("web", "app", "db"))

    def lines(self, version: Version) -> Iterator[tuple[int, str]]:
        """(end, line) of every record."""
        for eni, packet in self._packets():
            yield packet.begin + 20, line(self.account, eni, packet, version)

    def is_restored_by(self, fix: str) -> bool:
        """Whether every conversation completes once the printed commands have been run. False if EC2 refuses one."""
        answers = self._phases[-1]
        try:
            for command in split_line(fix):
                call = parse(command)
                answers = apply(answers, call.event_name, request_parameters(call), new_id="assoc-fix")
        except (Refused, KeyError):
            return False
        log = Log(self.account, lambda _: (0, answers))
        return all(log.completes(c, client, 0) for c in conversations(self.account) for client in c.clients)

    def _said(self) -> list[Said]:
        if not self.clean:
            fault = FAULTS[self.kind](self.account, self._dice)
            return [*fault, *decoys(self.account, self._dice, self._dice.randint(1, 6))]
        self.ending = EVENTS[self.kind](self.account, self._dice)
        calls = self.ending.calls if self.ending else ()
        return [*calls, *decoys(self.account, self._dice, self._dice.randint(0, 8))]

    def _made(self, said: list[Said]) -> list[Made]:
        """The calls in order of time, as they were made; those that EC2 refuses are left out."""
        ordered = sorted(enumerate(said), key=lambda pair: (pair[1].after, pair[0]))
        answers, made = self.account.answers(), []
        for index, one in ordered:
            call = parse(one.line) if one.line else None
            name, request = (call.event_name, request_parameters(call)) if call else (one.name, dict(one.request))
            new_id = f"assoc-{self.number:03x}{index:03x}"
            try:
                answers = apply(answers, name, request, new_id=new_id)
            except Refused:
                continue
            at = self.at + timedelta(seconds=one.after)
            actor = Actor(one.actor, f"198.51.100.{1 + len(one.actor)}")
            record = envelope(name, at, actor, random.Random(f"{self.kind} {self.seed} {self.number} {index}"))  # noqa: S311
            record |= {
                "requestParameters": request,
                "responseElements": {"requestId": "r-1", "_return": True, "newAssociationId": new_id},
            }
            made.append(Made(at, name, request, new_id, record["eventID"], one.guilty, record))
        return made

    def _answers_at(self, moment: int) -> tuple[int, Json]:
        phase = bisect.bisect_right(self._times, moment)
        return phase, self._phases[phase]

    def _packets(self) -> Iterator[tuple[str, Packet]]:
        begin, end = int((self.at - BEFORE).timestamp()), int((self.at + AFTER).timestamp())
        yield from noise(self.account, self._dice, begin, end)
        for c in conversations(self.account):
            for client in c.clients:
                for moment in range(begin + self._dice.randrange(c.step), end, c.step):
                    yield from ((c.eni, packet) for packet in self._talk(c, client, moment))
        if self.ending and self.ending.what == "idle":
            yield from self._idle(begin, end)

    def _talk(self, c: Conversation, client: str, moment: int) -> Iterator[Packet]:
        wide = c.way == "igw-one"
        port = self._dice.randint(1024, 65535) if wide else self._dice.randint(32768, 60999)
        fate = self.log.fate(c, client, port, moment)
        if fate is None or self._is_over(c, client, moment):
            return
        found = records(c, client, port, moment, fate)
        if self._is_unanswered(c, moment):
            yield next(found)
        else:
            yield from found

    def _is_over(self, c: Conversation, client: str, moment: int) -> bool:
        e = self.ending
        if e is None or moment < self.at.timestamp():
            return False
        if e.what == "gone":
            return c.eni == f"eni-{e.conversation}"
        if e.what == "partly":
            return c.name == e.conversation and client == c.clients[0]
        return e.what == "silent" and e.conversation in (c.name, c.name.removeprefix("to-"))

    def _is_unanswered(self, c: Conversation, moment: int) -> bool:
        e = self.ending
        if e is None or e.what != "unanswered" or moment < self.at.timestamp():
            return False
        return e.conversation in (c.name, c.name.removeprefix("to-"))

    def _idle(self, begin: int, end: int) -> Iterator[tuple[str, Packet]]:
        """Pooled connections rest until they are no longer tracked; their next packets are rejected."""
        a = self.account
        for number, moment in enumerate(range(begin, end - 800, 1200)):
            ports = (41000 + number, 5432)
            yield "eni-db", Packet(moment, a.app, a.db, ports, 6, 8, 900, "ACCEPT", 2, egress=False)
            yield "eni-db", Packet(moment, a.db, a.app, ports[::-1], 6, 10, 6000, "ACCEPT", 18, egress=True)
            for late in (540, 570, 615, 680):
                yield "eni-db", Packet(moment + late, a.app, a.db, ports, 6, 1, 300, "REJECT", 0, egress=False)
