"""Each of the five verdicts by an example, what decides it, and which ends may be meant."""

from dataclasses import replace

import pytest

from network.verdict.reach import CLIENT_PORTS, Question, Reach, Reached, Where, reach
from schemas.configuration import (
    UNKNOWN,
    AclEntry,
    Configuration,
    NetworkAcl,
    NetworkInterface,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
    configuration,
)
from tests.correlate_lab import DB, ENI, WEB, resources

CLIENT = "192.0.2.9"
PUBLIC = "198.51.100.10"


def changed(resource_id: str, **members: object) -> list[Resource]:
    """The lab's VPC with one resource replaced."""
    assert any(r.id == resource_id for r in resources())
    return [replace(r, **members) if r.id == resource_id else r for r in resources()]  # type: ignore[arg-type]


def ask(src: str, dst: str, port: int, *, of: list[Resource] | Configuration | None = None, **more: object) -> Reached:
    """An end that looks like an id is one."""
    ends = [Where(id=name) if name.startswith(("eni-", "i-")) else Where(name) for name in (src, dst)]
    where = of if isinstance(of, Configuration) else configuration(of or resources())
    return reach(Question(*ends, 6, port, **more), where)  # type: ignore[arg-type]


def decided(found: Reached) -> tuple[str, str, str]:
    """Component, packet and code of the step that decides."""
    step = found.decisive.decides if found.decisive else None
    assert step is not None
    return step.resource, step.of, step.code


def test_reachable_there_and_back() -> None:
    found = ask(CLIENT, WEB, 22)
    assert found.reach is Reach.REACHABLE
    [walk] = found.walks
    assert (walk.ports, walk.decides, walk.unknown) == ((), None, ())
    assert [(s.of, s.layer) for s in walk.steps] == [
        ("request", "network-acl"),
        ("request", "security-group"),
        ("reply", "network-acl"),
        ("reply", "route"),
        ("reply", "internet-gateway"),
    ]
    [expected] = walk.expected
    assert (expected.interface_id, expected.request, expected.reply) == (ENI, "ACCEPT", "ACCEPT")


def test_within_a_vpc_the_walk_has_both_ends() -> None:
    found = ask(WEB, DB, 5432)
    [walk] = found.walks
    assert found.reach is Reach.REACHABLE
    assert [s.resource for s in walk.steps] == [
        *("sg-web", "acl-pub", "rtb-pub", "acl-prv", "sg-db"),
        *("acl-prv", "rtb-main", "acl-pub"),
    ]
    assert [each.interface_id for each in walk.expected] == [ENI, "eni-db"]
    assert decided(ask(WEB, DB, 22)) == ("sg-db", "request", "ENI_SG_RULES_MISMATCH")


def test_blocked_by_the_rule_that_never_was_there() -> None:
    found = ask(CLIENT, WEB, 443)
    assert found.reach is Reach.BLOCKED
    assert decided(found) == ("sg-web", "request", "ENI_SG_RULES_MISMATCH")
    [expected] = found.walks[0].expected
    assert (expected.request, expected.reply) == ("REJECT", "NONE")


def test_partly_where_the_reply_does_not_get_back() -> None:
    local = Route("10.0.0.0/16", "local", origin="CreateRouteTable")
    found = ask(CLIENT, WEB, 22, of=changed("rtb-pub", routes=(local,)))
    assert found.reach is Reach.PARTLY
    assert decided(found) == ("rtb-pub", "reply", "NO_ROUTE_TO_DESTINATION")


def test_partly_where_it_depends_on_the_client_port() -> None:
    entries = (
        AclEntry(100, False, "allow", cidr="0.0.0.0/0"),
        AclEntry(100, True, "allow", 6, "0.0.0.0/0", 32768, 60999),
    )
    linux = changed("acl-pub", entries=entries)
    found = ask(CLIENT, WEB, 22, of=linux)
    assert found.reach is Reach.PARTLY
    assert {walk.reach: walk.ports for walk in found.walks} == {
        Reach.PARTLY: ((CLIENT_PORTS[0], 32767), (61000, CLIENT_PORTS[1])),
        Reach.REACHABLE: ((32768, 60999),),
    }
    assert decided(found) == ("acl-pub", "reply", "SUBNET_ACL_RESTRICTION")
    assert {e.reply for walk in found.walks for e in walk.expected} == {""}, "the log may have either"
    assert ask(CLIENT, WEB, 22, of=linux, src_port=40000).reach is Reach.REACHABLE
    assert ask(CLIENT, WEB, 22, of=linux, src_port=2000).reach is Reach.PARTLY


def test_partly_where_some_interfaces_of_an_instance_are_reached() -> None:
    shut = NetworkInterface("eni-2", "vpc-1", "subnet-pub", ("10.0.1.11",), ("198.51.100.11",), ("sg-none",), "i-web")
    two = configuration([*resources(), shut])
    found = ask(CLIENT, "i-web", 22, of=two)
    assert found.reach is Reach.PARTLY
    assert {w.dst.interface_id: w.reach for w in found.walks} == {"eni-2": Reach.BLOCKED, ENI: Reach.REACHABLE}
    assert decided(found)[0] == "sg-none"
    assert ask(CLIENT, "eni-2", 22, of=two).reach is Reach.BLOCKED
    assert ask(CLIENT, "i-web", 443, of=two).reach is Reach.BLOCKED


def twins() -> Configuration:
    """Another VPC, of which the first knows nothing, has the same addresses; there nothing is let in."""
    other = Vpc("vpc-2", ("10.0.0.0/16",))
    subnet = Subnet("subnet-2", "vpc-2", ("10.0.1.0/24",))
    acl = next(r for r in resources() if isinstance(r, NetworkAcl))
    main = (RouteTableAssociation("rtbassoc-2", main=True),)
    return configuration(
        [
            *resources(),
            *(other, subnet, SecurityGroup("sg-2", "vpc-2"), RouteTable("rtb-2", "vpc-2", (), main)),
            replace(
                acl, id="acl-2", vpc_id="vpc-2", associations=(replace(acl.associations[0], subnet_id="subnet-2"),)
            ),
            NetworkInterface("eni-twin", "vpc-2", "subnet-2", (WEB,), (), ("sg-2",)),
        ]
    )


def test_ambiguous_where_two_vpcs_have_the_address_and_differ() -> None:
    found = ask(CLIENT, WEB, 22, of=twins())
    assert found.reach is Reach.AMBIGUOUS
    assert {w.dst.interface_id: w.reach for w in found.walks} == {"eni-twin": Reach.BLOCKED, ENI: Reach.REACHABLE}
    assert ask(CLIENT, WEB, 22, of=twins(), vpc_id="vpc-1").reach is Reach.REACHABLE
    assert ask(CLIENT, ENI, 22, of=twins()).reach is Reach.REACHABLE
    assert ask(CLIENT, WEB, 443, of=twins()).reach is Reach.BLOCKED, "where both agree, it does not matter which"
    assert {w.src.interface_id for w in ask(WEB, DB, 5432, of=twins()).walks} == {ENI}, "in one VPC with the database"


DOUBTFUL = (
    AclEntry(90, False, known=False),
    AclEntry(100, False, "allow", cidr="0.0.0.0/0"),
    AclEntry(100, True, "allow", cidr="0.0.0.0/0"),
)


@pytest.mark.parametrize(
    ("known", "resource"),
    [
        (changed("sg-web", rules=(), known=False), "sg-web"),
        (changed("sg-web", rules=(SecurityGroupRule(False, 6, "pl-1", 22, 22),)), "sg-web"),
        (changed("acl-pub", entries=DOUBTFUL), "acl-pub"),
        (changed("rtb-pub", routes=(Route("0.0.0.0/0", UNKNOWN),)), "rtb-pub"),
        (changed(ENI, group_ids=(UNKNOWN,)), UNKNOWN),
    ],
    ids=["group", "prefix-list", "entry", "route", "groups-of-interface"],
)
def test_unknown_where_a_layer_that_decides_is_not_known(known: list[Resource], resource: str) -> None:
    found = ask(CLIENT, WEB, 22, of=known)
    assert found.reach is Reach.UNKNOWN
    [walk] = found.walks
    assert walk.decides is walk.unknown[0]
    assert walk.decides.resource == resource


def test_what_is_not_known_does_not_hide_what_certainly_stops_it() -> None:
    found = ask(CLIENT, WEB, 22, of=[*changed("rtb-pub", routes=()), SecurityGroup("sg-web", "vpc-1", known=False)])
    assert found.reach is Reach.BLOCKED, "whether the request gets there is not known, but no reply gets back"
    assert decided(found) == ("rtb-pub", "reply", "NO_ROUTE_TO_DESTINATION")
    assert [step.resource for step in found.walks[0].unknown] == ["sg-web"]


@pytest.mark.parametrize(
    ("src", "dst"), [(CLIENT, "203.0.113.1"), (CLIENT, "eni-none"), ("i-none", WEB), (CLIENT, "10.0.1.99"), ("x", "y")]
)
def test_unknown_where_nobody_has_the_address(src: str, dst: str) -> None:
    found = ask(src, dst, 22)
    assert (found.reach, found.walks) == (Reach.UNKNOWN, ())


def test_a_public_address_is_that_of_its_interface() -> None:
    found = ask(CLIENT, PUBLIC, 22)
    assert found.reach is Reach.REACHABLE
    assert (found.walks[0].dst.interface_id, found.walks[0].dst.address) == (ENI, WEB)
    out = ask(PUBLIC, CLIENT, 443)
    assert (out.reach, out.walks[0].src.address) == (Reach.REACHABLE, WEB)


def test_through_the_public_address_of_the_same_vpc_the_packets_come_back_in_from_a_public_one() -> None:
    rules = (SecurityGroupRule(False, 6, "198.51.100.11/32", 22, 22), SecurityGroupRule(True, -1, "0.0.0.0/0"))
    near = NetworkInterface("eni-2", "vpc-1", "subnet-pub", ("10.0.1.11",), ("198.51.100.11",), ("sg-2",), "i-2")
    known = [*changed("sg-web", rules=rules), near, SecurityGroup("sg-2", "vpc-1", rules=rules)]
    assert ask("10.0.1.11", PUBLIC, 22, of=known).reach is Reach.REACHABLE
    assert ask("10.0.1.11", WEB, 22, of=known).reach is Reach.BLOCKED, "the rule has the public address only"
    hidden = [replace(r, public_addresses=()) if r.id == "eni-2" else r for r in known]
    assert decided(ask("10.0.1.11", PUBLIC, 22, of=hidden))[2] == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"


def test_two_vpcs_both_have_to_let_it_through_and_what_is_between_is_assumed() -> None:
    peering = Route("10.9.0.0/16", "pcx-1")
    local = Route("10.0.0.0/16", "local")
    here = changed("rtb-pub", routes=(local, peering))
    acl = next(r for r in resources() if isinstance(r, NetworkAcl))
    there: list[Resource] = [
        Vpc("vpc-9", ("10.9.0.0/16",)),
        Subnet("subnet-9", "vpc-9", ("10.9.1.0/24",)),
        RouteTable("rtb-9", "vpc-9", (), (RouteTableAssociation("rtbassoc-9", main=True),)),
        replace(acl, id="acl-9", vpc_id="vpc-9", associations=(replace(acl.associations[0], subnet_id="subnet-9"),)),
        NetworkInterface("eni-9", "vpc-9", "subnet-9", ("10.9.1.9",)),
    ]
    found = ask(WEB, "10.9.1.9", 80, of=[*here, *there])
    assert found.reach is Reach.PARTLY
    assert decided(found) == ("rtb-9", "reply", "NO_ROUTE_TO_DESTINATION")
    there[2] = replace(there[2], routes=(Route("10.0.0.0/16", "pcx-1"),))  # type: ignore[call-arg]
    found = ask(WEB, "10.9.1.9", 80, of=[*here, *there])
    assert (found.reach, found.walks[0].ways) == (Reach.REACHABLE, frozenset({"pcx-1"}))
    assert [s.resource for s in found.walks[0].steps] == [
        *("sg-web", "acl-pub", "rtb-pub", "acl-9"),
        *("acl-9", "rtb-9", "acl-pub"),
    ]
