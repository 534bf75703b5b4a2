"""Whether one end reaches another: one of five verdicts, from the walk of every pair of interfaces that may be meant.

An end is asked for by its address, or by the id of an interface or an instance. Interfaces that have the same address,
in VPCs that do not know of each other, are alternatives: nobody said which is meant. Interfaces of one instance are
not: all of them are meant, as are all ports from which a client may open the connection.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from network.cidr import address_text, contains, is_ipv6
from network.verdict.acl import acl_of_subnet
from network.verdict.explain import Packet, Step, Verdict, explain
from schemas.configuration import Configuration, NetworkInterface
from schemas.protocols import PORTED

CLIENT_PORTS = (1024, 65535)
"""The ports that clients open connections from. Source: Amazon VPC user guide, "Network ACLs", ephemeral ports."""

TRANSLATION = "address-translation"
"""The layer of a step that cannot be taken: it is not known under which address the packets come back in."""


class Reach(StrEnum):
    """`REACHABLE`: the request and its reply are let through everywhere. `BLOCKED`: a rule or route stops it. `PARTLY`:
    the request gets there and its reply does not get back, or some of several ends or client ports get through.
    `AMBIGUOUS`: several interfaces have the address, and what becomes of the packets differs. `UNKNOWN`: nobody has the
    address, or a layer that decides is not known."""

    REACHABLE = "reachable"
    BLOCKED = "blocked"
    PARTLY = "partly"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Where:
    """An end: an address, or the id of a network interface or of an instance."""

    address: str = ""
    id: str = ""

    def __str__(self) -> str:
        return self.address or self.id

    def has(self, interface: NetworkInterface) -> bool:
        """Whether the interface may be meant."""
        if self.id:
            return self.id in (interface.id, interface.instance_id)
        return self.address in (*interface.addresses, *interface.public_addresses)


@dataclass(frozen=True)
class Question:
    """May `src` open a connection to `port` (0 for a protocol without ports) of `dst`? `src_port` is None for any of
    `CLIENT_PORTS`; with `vpc_id`, only interfaces of this VPC are meant."""

    src: Where
    dst: Where
    protocol: int
    port: int = 0
    src_port: int | None = None
    vpc_id: str = ""


@dataclass(frozen=True)
class End:
    """`address` is what the interface itself has and its flow log records, `far` what the other end sees. Without an
    interface it is outside of all VPCs that are known or, with `subnet_ids`, one in such a subnet that is not known."""

    address: str
    far: str
    interface: NetworkInterface | None = None
    subnet_ids: tuple[str, ...] = ()

    @property
    def interface_id(self) -> str:
        return self.interface.id if self.interface else ""


@dataclass(frozen=True)
class Expected:
    """What the flow log of an interface should record for the request and for the reply: ACCEPT or REJECT; NONE where
    there is nothing to record, "" where that is not known."""

    interface_id: str
    request: str
    reply: str


@dataclass(frozen=True)
class Walk:
    """The walk from one end to the other and back. `ports` are the client ports it holds for, as ranges; () for all.
    `decides` is the first step that stops it or, if none does, that is not known; `unknown` are all that are not known.
    `ways` are route targets behind which nothing is known, and which are assumed to deliver."""

    src: End
    dst: End
    ports: tuple[tuple[int, int], ...]
    reach: Reach
    steps: tuple[Step, ...]
    decides: Step | None
    unknown: tuple[Step, ...]
    expected: tuple[Expected, ...]
    ways: frozenset[str]


@dataclass(frozen=True)
class Reached:
    """The answer to a question. Without walks, nobody who is known has either end."""

    reach: Reach
    walks: tuple[Walk, ...]

    @property
    def decisive(self) -> Walk | None:
        """The walk to tell about first: one that decides the verdict."""
        wanted = (self.reach, Reach.BLOCKED, Reach.PARTLY, Reach.UNKNOWN)
        return next((w for reach in wanted for w in self.walks if w.reach is reach), next(iter(self.walks), None))


def reach(question: Question, configuration: Configuration) -> Reached:
    """The verdict and the walks, in order of the ids of the interfaces. Pure and total."""
    walks: list[Walk] = []
    meant: dict[tuple[str, str], list[Reach]] = {}
    for src, dst in _pairs(question, configuration):
        found = _walks(question, configuration, src, dst)
        told = {(w.src.interface_id, w.dst.interface_id, w.reach, w.decides, w.ports) for w in walks}
        walks += [w for w in found if (w.src.interface_id, w.dst.interface_id, w.reach, w.decides, w.ports) not in told]
        key = (src.interface_id if question.src.address else "", dst.interface_id if question.dst.address else "")
        meant.setdefault(key, []).append(_all_of({walk.reach for walk in found}))
    reaches = {_all_of(set(found)) for found in meant.values()}
    verdict = Reach.UNKNOWN if not reaches else next(iter(reaches)) if len(reaches) == 1 else Reach.AMBIGUOUS
    return Reached(verdict, tuple(walks))


def _all_of(reaches: set[Reach]) -> Reach:
    """The verdict on several that are all meant."""
    if len(reaches) == 1:
        return next(iter(reaches))
    if Reach.PARTLY in reaches or {Reach.REACHABLE, Reach.BLOCKED} <= reaches:
        return Reach.PARTLY
    return Reach.UNKNOWN


def _pairs(question: Question, configuration: Configuration) -> list[tuple[End, End]]:
    """The ends that may be meant, at least one of them known. Where both are in one VPC, they are not outside of it."""
    ends = [_ends(where, question.vpc_id, configuration) for where in (question.src, question.dst)]
    found = [
        (_placed(src, dst, configuration), _placed(dst, src, configuration))
        for src, dst in product(*ends)
        if (src.interface or dst.interface)
        and src.interface_id != dst.interface_id
        and is_ipv6(src.address) == is_ipv6(dst.address)
    ]
    return [pair for pair in found if _same_vpc(*pair)] or found


def _placed(end: End, other: End, configuration: Configuration) -> End:
    """An end without an interface that is known, with the subnets of the other one's VPC that it may be in."""
    if end.interface is not None or other.interface is None:
        return end
    subnets = (s for s in configuration.subnets.values() if s.vpc_id == other.interface.vpc_id)
    return replace(
        end, subnet_ids=tuple(sorted(s.id for s in subnets if any(contains(c, end.address) for c in s.cidrs)))
    )


def _ends(where: Where, vpc_id: str, configuration: Configuration) -> list[End]:
    holders = [configuration.interfaces[key] for key in sorted(configuration.interfaces)]
    holders = [i for i in holders if where.has(i) and vpc_id in ("", i.vpc_id)]
    if where.id:
        return [End(address, address, i) for i in holders for address in i.addresses]
    address = address_text(where.address)
    if not holders:
        return [End(address, address)]
    return [End(address if address in i.addresses else _primary(i), address, i) for i in holders]


def _primary(interface: NetworkInterface) -> str:
    """The private address that a public one is taken to belong to. Nothing that is examined depends on which it is."""
    return next((a for a in interface.addresses if not is_ipv6(a)), "")


def _same_vpc(src: End, dst: End) -> bool:
    return bool(src.interface and dst.interface and src.interface.vpc_id == dst.interface.vpc_id)


def _walks(question: Question, configuration: Configuration, src: End, dst: End) -> list[Walk]:
    """One walk for all client ports or, where they differ, one for each kind."""
    found: dict[tuple[Reach, Step | None], list[tuple[int, int, Walk]]] = {}
    for first, last in _port_ranges(question, configuration, src, dst):
        walk = _walk(configuration, src, dst, (question.protocol, first, question.port))
        found.setdefault((walk.reach, walk.decides), []).append((first, last, walk))
    if len(found) == 1:
        return [next(iter(found.values()))[0][2]]
    expected = _expected_of_any([walk.expected for group in found.values() for _, _, walk in group])
    return [
        replace(group[0][2], ports=tuple(_joined((f, t) for f, t, _ in group)), expected=expected)
        for group in found.values()
    ]


def _port_ranges(question: Question, configuration: Configuration, src: End, dst: End) -> Iterator[tuple[int, int]]:
    """The client ports, divided where an entry of a network ACL of their VPCs begins or ends."""
    if question.protocol not in PORTED or question.src_port is not None:
        yield question.src_port or 0, question.src_port or 0
        return
    first, last = CLIENT_PORTS
    vpcs = {end.interface.vpc_id for end in (src, dst) if end.interface}
    acls = (acl_of_subnet(configuration, s.id) for s in configuration.subnets.values() if s.vpc_id in vpcs)
    entries = [entry for acl in acls if acl is not None for entry in acl.entries if entry.port_from is not None]
    edges = {p for e in entries for p in (e.port_from or 0, (e.port_to or e.port_from or 0) + 1)}
    starts = sorted({first, *(p for p in edges if first < p <= last)})
    yield from zip(starts, [*(p - 1 for p in starts[1:]), last], strict=True)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def _expected_of_any(found: Sequence[tuple[Expected, ...]]) -> tuple[Expected, ...]:
    """What is to be expected whatever the client port: "" where it depends on it."""

    def same(values: set[str]) -> str:
        return values.pop() if len(values) == 1 else ""

    return tuple(
        Expected(each[0].interface_id, same({e.request for e in each}), same({e.reply for e in each}))
        for each in zip(*found, strict=True)
    )


def _walk(configuration: Configuration, src: End, dst: End, traffic: tuple[int, int, int]) -> Walk:
    """The walk as both ends that are known see it: a conversation needs both to let it through. Within a VPC each of
    them sees all of it, and that of the end that is reached is told where it can be."""
    local = _same_vpc(src, dst) and dst.far == dst.address
    seen_from, seen_to = _addresses(src, dst, local)
    protocol, src_port, dst_port = traffic
    verdicts = []
    if src.interface is not None:
        there = Packet(src.address, seen_to, protocol, src_port, dst_port)
        verdicts.append((src.interface_id, explain(there, configuration, src.interface_id)))
    if dst.interface is not None and seen_from:
        here = Packet(seen_from, dst.address, protocol, src_port, dst_port)
        verdicts.append((dst.interface_id, explain(here, configuration, dst.interface_id)))
    there_and_back = [
        *(step for _, v in verdicts for step in v.steps if step.of == "request"),
        *(step for _, v in reversed(verdicts) for step in v.steps if step.of == "reply"),
    ]
    if not seen_from:
        text = f"under which public address packets of {src.interface_id} come back in is not known"
        there_and_back.append(Step(TRANSLATION, "ingress", dst.interface_id, text, "unknown"))
    completes = bool(seen_from) and all(v.outcome == "completes" for _, v in verdicts)
    stops = [s for s in there_and_back if s.result not in ("allow", "unknown")]
    doubts = tuple(dict.fromkeys(s for s in there_and_back if s.result == "unknown"))
    verdict, decides = _judged(completes, stops, doubts)
    whole = (v.steps for _, v in reversed(verdicts) if local and (decides is None or decides in v.steps))
    return Walk(
        src,
        dst,
        (),
        verdict,
        next(whole, tuple(there_and_back)),
        decides,
        doubts,
        tuple(_expected(interface_id, v) for interface_id, v in verdicts),
        frozenset().union(*(v.ways for _, v in verdicts)),
    )


def _addresses(src: End, dst: End, local: bool) -> tuple[str, str]:
    """The address of the source as the destination sees it, "" if that is not known, and the other way round. Packets
    to a public address of the same VPC leave through the internet gateway, and come in again from a public one."""
    if local:
        return src.address, dst.address
    if _same_vpc(src, dst) and src.far == src.address and src.interface is not None:
        return next(iter(src.interface.public_addresses), ""), dst.far
    return src.far, dst.far


def _judged(completes: bool, stops: Sequence[Step], doubts: Sequence[Step]) -> tuple[Reach, Step | None]:
    if completes:
        return Reach.REACHABLE, None
    if not stops:
        return Reach.UNKNOWN, next(iter(doubts), None)
    first = next((s for s in stops if s.of == "request"), stops[0])
    arrives = first.of == "reply" and all(s.of == "reply" for s in doubts)
    return Reach.PARTLY if arrives else Reach.BLOCKED, first


def _expected(interface_id: str, verdict: Verdict) -> Expected:
    words = {"LOST": "ACCEPT", "UNKNOWN": ""}
    return Expected(interface_id, words.get(verdict.action, verdict.action), words.get(verdict.reply, verdict.reply))
