"""Proves that the verdict agrees with the simulation's own walk, which reads the raw answers and shares no code, on
random configurations and packets; and that these cover every outcome that a conversation can have.

The walk is told what nobody can know from flow logs and `describe-*` answers, in every way in which it can be: then
the verdict may only say what is the same in all of them, and `unknown` only where they differ.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from network.aws.describe import resources_from_describe
from network.verdict.explain import Packet, explain
from schemas.configuration import configuration
from simulation.walk import PREFIX_LISTS, Unseen, Walk, addresses_of, interface, walk
from tests.properties.random_vpc import GROUPS, UNSEEN, VPC, answers, conversation

EXAMPLES, PACKETS = 1250, 16
"""Configurations, and packets of each: 20,000 cases."""
ANSWERS = answers()
ENDS = {
    ("REJECT", "NONE", "rejected"),
    ("REJECT", "NONE", "lost"),
    ("ACCEPT", "NONE", "rejected"),
    ("ACCEPT", "NONE", "lost"),
    ("ACCEPT", "REJECT", "rejected"),
    ("ACCEPT", "LOST", "lost"),
    ("ACCEPT", "ACCEPT", "rejected"),
    ("ACCEPT", "ACCEPT", "completes"),
}
"""Every possible combination of action, reply and outcome."""
NAT_PORTS = (1024, 1025, 40000, 40001, 65535)
"""One of each range that the network ACLs of `random_vpc` tell apart, and the edges."""

Json = Mapping[str, Any]


def possible(described: Json, far: str) -> Iterator[Json]:
    """The answers with everything that they do not show of `far`, each time otherwise: whether the prefix list contains
    it, and for an address that nobody has in the answers, which groups the interface has that came later."""
    lists: list[Json] = [{"pl-1": []}]
    if "pl-1" in str(described):
        lists.append({"pl-1": [f"{far}/{128 if ':' in far else 32}"]})
    enis = described["describe-network-interfaces"]["NetworkInterfaces"]
    more: list[list[Json]] = [[]]
    if far in UNSEEN:
        wears = [[], ["sg-new"], *([group] for group in GROUPS), list(GROUPS)]
        subnet = f"subnet-{'abc'[int(far.split('.')[2]) - 1]}"
        more = [
            [
                {
                    "NetworkInterfaceId": "eni-new",
                    "VpcId": VPC,
                    "SubnetId": subnet,
                    "PrivateIpAddress": far,
                    "Groups": [{"GroupId": group} for group in groups],
                }
            ]
            for groups in wears
        ]
    for entries, new in product(lists, more):
        yield {
            **described,
            PREFIX_LISTS: entries,
            "describe-network-interfaces": {"NetworkInterfaces": [*enis, *new]},
        }


def walks(described: Json, interface_id: str, *parts: Any) -> set[Walk]:
    """What can become of the conversation, as far as can be known."""
    src, dst, protocol = parts[:3]
    far = dst if src in addresses_of(interface(described, interface_id)) else src
    icmp = [(8, 0), (8, 8), (0, 8), (3, 3)] if protocol in (1, 58) else [(8, 0)]
    ports = NAT_PORTS if "nat-1" in str(described["describe-route-tables"]) and far == dst else NAT_PORTS[:1]
    unseen = [Unseen(request, answer, port) for request, answer in icmp for port in ports]
    return {walk(world, interface_id, *parts, each) for world in possible(described, far) for each in unseen}


def compare(described: Json, chance: random.Random, reached: Counter[tuple[str, ...]]) -> None:
    """Compare verdict and walk on packets of one configuration, and count what became of them."""
    known = configuration(resources_from_describe(described))
    routes = str(described["describe-route-tables"])
    forks = "pl-1" in routes or "nat-2" in routes  # the verdict does not follow every way that is possible
    for _ in range(PACKETS):
        interface_id, *parts = conversation(chance.choice, described)
        walked = walks(described, interface_id, *parts)
        verdict = explain(Packet(*parts), known, interface_id)
        side = "ingress" if parts[1] in known.interfaces[interface_id].addresses else "egress"
        for name in ("action", "reply", "outcome"):
            said, can = getattr(verdict, name), {getattr(each, name) for each in walked}
            if said.lower() != "unknown":
                assert can == {said}, (name, interface_id, parts, verdict, walked)
            else:
                reached["unknown", "sharp" if len(can) > 1 or forks else "blunt", name, side] += 1
        assert verdict.outcome != "completes" or verdict.blocker is None
        if len(walked) == 1:
            [only] = walked
            reached[only.action, only.reply, only.outcome, side] += 1


def compare_many(configurations: int, run: int | None = None) -> Counter[tuple[str, ...]]:
    """What became of the packets of this many random configurations: always the same ones, or those of a run."""
    reached: Counter[tuple[str, ...]] = Counter()

    @settings(
        max_examples=configurations,
        deadline=None,
        derandomize=run is None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(described=ANSWERS, number=st.integers(0, 2**32))
    def each(described: Json, number: int) -> None:
        compare(described, random.Random(number), reached)

    (each if run is None else seed(run)(each))()
    return reached


def test_the_verdict_says_what_is_certain_and_no_more() -> None:
    reached = compare_many(EXAMPLES)
    print(*sorted(reached.items()), sep="\n")
    assert {end[:3] for end in reached if end[0] != "unknown"} == ENDS
    assert all(count >= 3 for end, count in reached.items() if end[0] != "unknown")
    # Of two layers that are not known, each is judged by itself, though one of them would always stop the packet.
    blunt = sum(count for end, count in reached.items() if end[1] == "blunt")
    assert blunt * 100 < sum(reached.values()), "too often unknown, though every possibility ends alike"
