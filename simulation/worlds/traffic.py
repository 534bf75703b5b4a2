"""The flow records of a world: every conversation is asked of the packet walk, by the answers of its moment."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simulation.aws import ACCOUNT, REGION
from simulation.flow_log_objects import Version
from simulation.walk import Walk, gateway_attached, walk
from simulation.worlds.account import CLIENTS, PARTNER, SERVERS, SIX, Account

Json = dict[str, Any]
SYN, SYN_ACK, WHOLE, ANSWERED = 2, 18, 3, 19
TCP, UDP, ICMP = 6, 17, 1


@dataclass(frozen=True)
class Conversation:
    """Clients that open a connection every `step` seconds. `eni` is the interface whose log it is in; `way` is how the
    opening packet gets there: from the internet (`igw-one`), a peering connection (`pcx-one`), or from within ("")."""

    name: str
    eni: str
    clients: tuple[str, ...]
    server: str
    port: int
    protocol: int = TCP
    step: int = 45
    way: str = ""
    sender: str = ""


def conversations(a: Account) -> list[Conversation]:
    """All that goes on in a world."""
    return [
        Conversation("https", "eni-web", CLIENTS, a.web, 443, way="igw-one", step=30),
        Conversation("admin", "eni-web", CLIENTS, a.web, 8443, way="igw-one", step=60),
        Conversation("https6", "eni-web", SIX, a.web6, 443, way="igw-one", step=40),
        Conversation("resolver", "eni-web", CLIENTS[:2], a.web, 53, UDP, way="igw-one"),
        Conversation("ping", "eni-web", CLIENTS[:1], a.web, 0, ICMP, way="igw-one", step=60),
        Conversation("web-out", "eni-web", (a.web,), SERVERS[0], 443),
        Conversation("out", "eni-app", (a.app,), SERVERS[1], 443, step=30),
        Conversation("to-database", "eni-app", (a.app,), a.db, 5432, step=30),
        Conversation("database", "eni-db", (a.app,), a.db, 5432, step=30, sender="eni-app"),
        Conversation("partner", "eni-db", (PARTNER,), a.db, 5432, way="pcx-one"),
    ]


@dataclass(frozen=True)
class Packet:
    """One record, before it is written as a line."""

    begin: int
    src: str
    dst: str
    ports: tuple[int, int]
    protocol: int
    packets: int
    size: int
    action: str
    flags: int
    egress: bool


class Log:
    """Asks the walk, and remembers its answers: the same phase, conversation and client port have the same fate."""

    def __init__(self, account: Account, answers_at: Callable[[int], tuple[int, Json]]) -> None:
        self._account, self._at = account, answers_at
        self._known: dict[tuple[Any, ...], Walk | None] = {}

    def fate(self, c: Conversation, client: str, port: int, moment: int) -> Walk | None:
        """What becomes of the conversation at its interface; None if its opening packet does not get there."""
        phase, answers = self._at(moment)
        key = (phase, c.name, client, port if c.way == "igw-one" else 40000)
        if key not in self._known:
            self._known[key] = self._fate(c, client, port, answers)
        return self._known[key]

    def _fate(self, c: Conversation, client: str, port: int, answers: Json) -> Walk | None:
        of = self._account.id
        packet = (client, c.server, c.protocol, port if c.protocol != ICMP else 0, c.port)
        if c.way == "igw-one" and not gateway_attached(answers, of("igw-one"), of("vpc-one")):
            return None
        if c.way == "pcx-one" and _is_dead(answers, of("pcx-one")):
            return None
        if c.sender and walk(answers, of(c.sender), *packet).action == "REJECT":
            return None
        return walk(answers, of(c.eni), *packet)

    def completes(self, c: Conversation, client: str, moment: int) -> bool:
        """Whether every conversation of the client completes, for some ports of each range."""
        fates = (self.fate(c, client, port, moment) for port in (1024, 30001, 40000, 50000, 65535))
        return all(fate is not None and fate.outcome == "completes" for fate in fates)


def records(c: Conversation, client: str, port: int, begin: int, fate: Walk) -> Iterator[Packet]:
    """The records of one conversation at its interface."""
    inward = client != c.clients[0] or bool(c.way or c.sender)
    there, back = (client, c.server), (c.server, client)
    ports = (port, c.port) if c.protocol != ICMP else (0, 0)
    whole = {TCP: (8, 900, 10, 6000), UDP: (1, 80, 1, 210), ICMP: (4, 336, 4, 336)}[c.protocol]
    tcp = c.protocol == TCP
    tries = (3, 180) if tcp else whole[:2]

    def request(packets: int, size: int, flags: int, action: str = "ACCEPT") -> Packet:
        return Packet(begin, *there, ports, c.protocol, packets, size, action, flags * tcp, not inward)

    def reply(packets: int, size: int, flags: int, action: str = "ACCEPT") -> Packet:
        return Packet(begin, *back, ports[::-1], c.protocol, packets, size, action, flags * tcp, inward)

    if fate.outcome == "completes":
        yield request(*whole[:2], WHOLE)
        yield reply(*whole[2:], ANSWERED)
        return
    if not inward or fate.action == "REJECT" or fate.reply != "NONE":
        yield request(*tries, SYN, fate.action)
    if fate.action == "ACCEPT" and fate.reply in ("REJECT", "LOST", "ACCEPT"):
        yield reply(*tries, SYN_ACK, "REJECT" if fate.reply == "REJECT" else "ACCEPT")


def noise(a: Account, dice: random.Random, begin: int, end: int) -> Iterator[tuple[str, Packet]]:
    """Scans of closed ports of the web server, each with its interface."""
    for moment in range(begin + dice.randrange(20), end, 25):
        scanner = f"45.{dice.randrange(200)}.{dice.randrange(200)}.{dice.randrange(1, 250)}"
        port = dice.choice((23, 3389, 445, 8080, 6379))
        ports = (dice.randint(1024, 65535), port)
        yield "eni-web", Packet(moment, scanner, a.web, ports, TCP, 1, 44, "REJECT", SYN, egress=False)


def line(a: Account, eni: str, p: Packet, version: Version) -> str:
    """A record as a line of a flow log."""
    start = (
        f"{version} {ACCOUNT} {a.id(eni)} {p.src} {p.dst} {p.ports[0]} {p.ports[1]} {p.protocol} {p.packets} {p.size}"
    )
    start += f" {p.begin} {p.begin + 20} {p.action} OK"
    if version == 2:  # noqa: PLR2004 - the version
        return start
    kind = "IPv6" if ":" in p.src else "IPv4"
    subnet = a.id("subnet-pub" if eni == "eni-web" else "subnet-prv")
    flags = p.flags if p.protocol == TCP else 0
    return (
        f"{start} {a.id('vpc-one')} {subnet} {a.id('i-' + eni[4:])} {flags} {kind} {p.src} {p.dst} {REGION}"
        f" eu-central-1a - - - - {'egress' if p.egress else 'ingress'} -"
    )


def _is_dead(answers: Json, target: str) -> bool:
    tables = answers["describe-route-tables"]["RouteTables"]
    return any(target in r.values() and r["State"] == "blackhole" for table in tables for r in table["Routes"])
