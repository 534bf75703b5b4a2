"""Proves that the five verdicts agree with the simulation's own walk, which reads the raw answers and shares no code,
on random configurations and packets, for each client port that a walk is said to hold for.

As in `test_verdict`, the walk is told what nobody can know, in every way in which it can be: the verdict may only say
what is the same in all of them.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.aws.describe import resources_from_describe
from network.verdict.reach import CLIENT_PORTS, Question, Reach, Where, reach
from network.verdict.reach import Walk as Told
from schemas.configuration import Configuration, configuration
from simulation.walk import PREFIX_LISTS, Unseen, Walk, addresses_of, interfaces, walk
from tests.properties.random_vpc import ACTIONS, EITHER, answers, conversation
from tests.properties.test_verdict import NAT_PORTS, possible

EXAMPLES = 600
ANSWERS, NUMBERS = answers(), st.integers(0, 2**32)
UNTOLD = "blocked or partly"
"""The walk does not tell whether the request or its reply is stopped beyond its interface."""

Json = Mapping[str, Any]


def worlds(described: Json, src: str, dst: str) -> Iterator[Json]:
    """The answers with everything that they do not show, each time otherwise: what the prefix list contains, and which
    groups an interface has that came later."""
    one = [f"{a}/{128 if ':' in a else 32}" for a in (src, dst)]
    lists = [[], one[:1], one[1:], one] if "pl-1" in str(described) else [[]]
    known = {a for eni in interfaces(described) for a in addresses_of(eni)}
    far = dst if src in known else src
    for world, entries in product(possible(described, far), lists):
        yield {**world, PREFIX_LISTS: {"pl-1": entries}}


def fates(described: Json, *packet: Any) -> set[str]:
    """What can become of the conversation that opens with this packet (its 5-tuple in the usual order), as far as can
    be known."""
    src, dst, protocol = packet[:3]
    ends = [eni["NetworkInterfaceId"] for a in (src, dst) for eni in interfaces(described) if a in addresses_of(eni)]
    ports = NAT_PORTS if "nat-1" in str(described["describe-route-tables"]) else NAT_PORTS[:1]
    types = [(8, 0), (8, 8), (0, 8), (3, 3)] if protocol in (1, 58) else [(8, 0)]
    unseen = [Unseen(request, answer, port) for request, answer in types for port in ports]
    at_dst = len(ends) == 2 or dst in {a for eni in interfaces(described) for a in addresses_of(eni)}
    return {
        fate([walk(world, end, *packet, each) for end in ends], at_dst)
        for world in worlds(described, src, dst)
        for each in unseen
    }


def fate(walked: list[Walk], at_dst: bool) -> str:
    """The verdict on what both ends see; `at_dst`: the last is seen at the destination."""
    if all(each.outcome == "completes" for each in walked):
        return Reach.REACHABLE
    if any(each.action == "REJECT" for each in walked):
        return Reach.BLOCKED
    last = walked[-1]
    if at_dst:
        return UNTOLD if last.outcome == "completes" else Reach.BLOCKED if last.reply == "NONE" else Reach.PARTLY
    return Reach.PARTLY if last.reply == "REJECT" else UNTOLD


def agrees(told: Told, can: set[str]) -> None:
    if told.reach is Reach.REACHABLE:
        assert can == {Reach.REACHABLE}, (told, can)
    if told.reach in (Reach.BLOCKED, Reach.PARTLY):
        assert Reach.REACHABLE not in can, (told, can)
        assert told.decides is not None
    if told.reach is Reach.PARTLY:
        assert Reach.BLOCKED not in can, (told, can)
    if told.reach is Reach.BLOCKED:
        assert can != {Reach.PARTLY} or told.unknown, (told, can)


def test_the_five_verdicts_are_those_of_the_walk() -> None:
    reached: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        described = data.draw(ANSWERS)
        if data.draw(EITHER):
            divide(described, data.draw(ACTIONS), data.draw(EITHER))
        known = configuration(resources_from_describe(described))
        _, src, dst, protocol, src_port, dst_port = conversation(random.Random(data.draw(NUMBERS)).choice, described)
        asked = Question(Where(src), Where(dst), protocol, dst_port, src_port or None)
        can = fates(described, src, dst, protocol, src_port, dst_port)
        found = reach(asked, known)
        [told] = found.walks
        assert found.reach is told.reach
        agrees(told, can)
        routes = str(described["describe-route-tables"])
        forks = "pl-1" in routes or "nat-2" in routes
        sharp = told.reach is not Reach.UNKNOWN or len(can) > 1 or forks
        reached[told.reach if sharp else "blunt"] += 1
        if src_port:
            every_port(described, known, Question(Where(src), Where(dst), protocol, dst_port), reached)

    compare()
    print(reached)
    assert all(reached[each] >= 10 for each in Reach if each is not Reach.AMBIGUOUS), reached
    assert reached["by port"] >= 5, reached
    assert reached["blunt"] * 100 < sum(reached.values()), "too often unknown, though every possibility ends alike"


def divide(described: Json, action: str, egress: bool) -> None:
    """Put an entry into the network ACLs that tells client ports apart."""
    entry = {"RuleNumber": 5, "Protocol": "6", "RuleAction": action, "Egress": egress, "CidrBlock": "0.0.0.0/0"}
    for acl in described["describe-network-acls"]["NetworkAcls"]:
        acl["Entries"].append({**entry, "PortRange": {"From": 32768, "To": 60999}})


def every_port(described: Json, known: Configuration, asked: Question, reached: Counter[str]) -> None:
    """Each walk holds at the first and the last of its client ports, and every port has its walk."""
    found = reach(asked, known)
    ranges = [(r, told) for told in found.walks for r in (told.ports or (CLIENT_PORTS,))]
    ranges.sort(key=lambda each: each[0])
    assert [first for (first, _), _ in ranges[1:]] == [last + 1 for (_, last), _ in ranges[:-1]]
    assert (ranges[0][0][0], ranges[-1][0][1]) == CLIENT_PORTS
    for (first, last), told in ranges:
        for port in {first, last, 40000 if first <= 40000 <= last else last}:
            agrees(told, fates(described, asked.src.address, asked.dst.address, asked.protocol, port, asked.port))
    reached["by port"] += len(ranges) > 1
    reaches = {told.reach for told in found.walks}
    assert (found.reach is Reach.REACHABLE) == (reaches == {Reach.REACHABLE})
    assert found.reach is not Reach.BLOCKED or reaches == {Reach.BLOCKED}
