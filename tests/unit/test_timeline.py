"""Proves the timeline where the random histories of tests/properties do not reach: what history does not contain,
retired ids, other spellings of a call, several snapshots and VPCs, and calls that make no sense."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.aws.describe import resources_from_describe
from network.history.apply import EFFECTS
from network.history.timeline import InterfacePeriod, Timeline
from network.verdict.explain import Packet, explain
from schemas.change import ChangeEvent
from schemas.configuration import (
    UNKNOWN,
    AclEntry,
    InternetGateway,
    NetworkInterface,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroupRule,
    Subnet,
    Vpc,
    configuration,
)
from schemas.errors import FlowtrailError
from schemas.snapshot import Snapshot
from tests.unit.vpc import web_answers

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WEB = resources_from_describe(web_answers())
HTTP = Packet("203.0.113.9", "10.0.1.10", 6, 40000, 80)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def call(minutes: int, name: str, request: Any, response: Any = None) -> ChangeEvent:
    """A change `minutes` after noon (before, if negative); its id is the time and the name."""
    return ChangeEvent(
        at(minutes), f"{minutes:+05d} {name}", name, "arn", "IAMUser", "", "", "", "", (), request, response or {}
    )


def taken(minutes: int, *resources: Resource) -> Snapshot:
    return Snapshot(at(minutes), "files", resources or WEB)


def changed(resource: Resource, **members: Any) -> tuple[Resource, ...]:
    """The web VPC with one resource replaced."""
    new: Resource = replace(resource, **members)
    return tuple(new if (type(r), r.id) == (type(new), new.id) else r for r in WEB)


TABLE = configuration(WEB).route_tables["rtb-1"]
ACL = configuration(WEB).network_acls["acl-1"]
GROUP = configuration(WEB).security_groups["sg-1"]
DEFAULT = {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}


def test_no_snapshot_yet() -> None:
    with pytest.raises(FlowtrailError, match="There is no snapshot") as caught:
        Timeline([], [call(0, "DeleteRoute", DEFAULT)])
    assert "flowtrail snapshot" in caught.value.remedy


def test_a_route_that_was_deleted_before_any_snapshot_is_unknown_then() -> None:
    gone = changed(TABLE, routes=tuple(r for r in TABLE.routes if r.target == "local"))
    timeline = Timeline([taken(0, *gone)], [call(-30, "DeleteRoute", DEFAULT)])
    before, after = timeline.around(["-0030 DeleteRoute"])
    assert before.route_tables["rtb-1"].routes[0] == Route("0.0.0.0/0", UNKNOWN)
    assert explain(HTTP, before, "eni-1").outcome == "unknown"
    assert explain(HTTP, after, "eni-1").outcome == "lost"
    versions = [v for v in timeline.versions() if v.resource_type == "route-table"]
    assert [(v.valid_from, v.valid_to, v.exact) for v in versions] == [(None, at(-30), False), (at(-30), None, True)]


def test_an_earlier_creation_shows_what_was_deleted_and_with_which_state() -> None:
    gone = changed(TABLE, routes=tuple(r for r in TABLE.routes if r.target == "local"))
    changes = [
        call(-60, "CreateRoute", DEFAULT | {"gatewayId": "igw-1"}),
        call(-30, "DeleteRoute", DEFAULT),
    ]
    before, _ = Timeline([taken(0, *gone)], changes).around(["-0030 DeleteRoute"])
    assert before.route_tables["rtb-1"].routes[0] == Route("0.0.0.0/0", "igw-1")
    assert explain(HTTP, before, "eni-1").outcome == "completes"
    detached = tuple(InternetGateway("igw-1") if isinstance(r, InternetGateway) else r for r in gone)
    before, _ = Timeline([taken(0, *detached)], changes).around(["-0030 DeleteRoute"])
    assert before.route_tables["rtb-1"].routes[0].state == "blackhole"


def test_an_entry_that_was_deleted_before_any_snapshot_is_unknown_then() -> None:
    request = {"networkAclId": "acl-1", "egress": False, "ruleNumber": 90}
    before, after = Timeline([taken(0)], [call(-5, "DeleteNetworkAclEntry", request)]).around(
        ["-0005 DeleteNetworkAclEntry"]
    )
    assert before.network_acls["acl-1"].entries[0] == AclEntry(90, False, known=False)
    assert explain(HTTP, before, "eni-1").action == "UNKNOWN"
    assert explain(HTTP, after, "eni-1").action == "ACCEPT"


def test_an_association_that_was_replaced_before_any_snapshot_is_unknown_then() -> None:
    changes = [
        call(
            -20,
            "ReplaceNetworkAclAssociation",
            {"associationId": "aclassoc-0", "networkAclId": "acl-1"},
            {"newAssociationId": "aclassoc-1"},
        )
    ]
    timeline = Timeline([taken(0)], changes)
    before, after = timeline.around([c.event_id for c in changes])
    assert before.unknown_associations == {("network-acl", "subnet-1")}
    assert after == configuration(WEB)
    assert explain(HTTP, before, "eni-1").action == "UNKNOWN"
    subnets = [v for v in timeline.versions() if v.resource_type == "subnet"]
    assert [(v.valid_to, v.exact) for v in subnets] == [(at(-20), False), (None, True)]


def test_retired_association_ids_stay_resolvable_through_a_chain() -> None:
    """aclassoc-0 (acl-9) -> aclassoc-7 (acl-8) -> aclassoc-1 (acl-1); the snapshot shows only the last."""
    others = [replace(ACL, id=name, associations=()) for name in ("acl-8", "acl-9")]
    changes = [
        call(
            -40,
            "ReplaceNetworkAclAssociation",
            {"associationId": "aclassoc-x", "networkAclId": "acl-9"},
            {"newAssociationId": "aclassoc-0"},
        ),
        call(
            -30,
            "ReplaceNetworkAclAssociation",
            {"associationId": "aclassoc-0", "networkAclId": "acl-8"},
            {"newAssociationId": "aclassoc-7"},
        ),
        call(
            -20,
            "ReplaceNetworkAclAssociation",
            {"associationId": "aclassoc-7", "networkAclId": "acl-1"},
            {"newAssociationId": "aclassoc-1"},
        ),
    ]
    timeline = Timeline([taken(0, *WEB, *others)], changes)
    periods = timeline.interface_periods("eni-1")
    assert [p.network_acl_id for p in periods] == ["", "acl-9", "acl-8", "acl-1"]
    assert [p.valid_from for p in periods] == [None, at(-40), at(-30), at(-20)]
    assert [p.valid_to for p in periods] == [at(-40), at(-30), at(-20), None]


def test_a_main_table_that_was_swapped_before_any_snapshot() -> None:
    swap = call(-10, "ReplaceRouteTableAssociation", {"associationId": "rtbassoc-0", "routeTableId": "rtb-1"})
    swap = replace(swap, response={"newAssociationId": "rtbassoc-main"})
    before, after = Timeline([taken(0)], [swap]).around([swap.event_id])
    assert before.unknown_associations == {("route-table", "subnet-1")}
    assert not before.route_tables["rtb-1"].associations
    assert after == configuration(WEB)


def test_a_disassociation_of_an_unknown_association_may_be_any_subnet_of_a_main_table() -> None:
    explicit = RouteTableAssociation("rtbassoc-2", "subnet-2")
    more = (*changed(TABLE, associations=(explicit, *TABLE.associations)), Subnet("subnet-2", "vpc-1"))
    change = call(-10, "DisassociateRouteTable", {"associationId": "rtbassoc-lost"})
    before, after = Timeline([taken(0, *more)], [change]).around([change.event_id])
    assert before.unknown_associations == {("route-table", "subnet-1")}
    assert after.unknown_associations == frozenset()


def test_a_table_that_is_in_no_snapshot_makes_its_subnet_unknown() -> None:
    request = {"routeTableId": "rtb-never-seen", "subnetId": "subnet-1"}
    timeline = Timeline([taken(0)], [call(5, "AssociateRouteTable", request, {"associationId": "rtbassoc-5"})])
    assert timeline.at(at(5)).unknown_associations == {("route-table", "subnet-1")}
    assert [p.route_table_id for p in timeline.interface_periods("eni-1")] == ["rtb-1", ""]


def test_a_rule_revoked_by_id_is_found_by_id_or_leaves_only_what_is_certain() -> None:
    by_id = {"groupId": "sg-1", "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-22"}]}}
    after = Timeline([taken(0)], [call(5, "RevokeSecurityGroupIngress", by_id)]).at(at(5)).security_groups["sg-1"]
    assert (after.known, [r.port_from for r in after.rules if not r.egress]) == (True, [80])
    lost = by_id | {"securityGroupRuleIds": {"items": ["sgr-lost"]}}
    after = Timeline([taken(0)], [call(5, "RevokeSecurityGroupIngress", lost)]).at(at(5)).security_groups["sg-1"]
    assert (after.known, [r.port_from for r in after.rules if not r.egress]) == (False, [22])


def test_a_rule_revoked_by_id_before_any_snapshot() -> None:
    by_id = {"groupId": "sg-1", "securityGroupRuleIds": {"items": ["sgr-9"]}}
    revoke = call(-5, "RevokeSecurityGroupIngress", by_id)
    before, after = Timeline([taken(0)], [revoke]).around([revoke.event_id])
    assert (before.security_groups["sg-1"].known, after.security_groups["sg-1"].known) == (False, True)
    shown = {"securityGroupRuleId": "sgr-9", "isEgress": False, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    shown |= {"cidrIpv4": "0.0.0.0/0", "groupId": "sg-1"}
    told = replace(revoke, response={"_return": True, "revokedSecurityGroupRuleSet": {"items": [shown]}})
    before, _ = Timeline([taken(0)], [told]).around([revoke.event_id])
    assert SecurityGroupRule(False, 6, "0.0.0.0/0", 443, 443, "sgr-9") in before.security_groups["sg-1"].rules
    assert before.security_groups["sg-1"].known


def test_revoking_a_missing_rule_changes_nothing() -> None:
    permission = {"ipProtocol": "tcp", "fromPort": 80, "toPort": 80, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
    request = {"groupId": "sg-1", "ipPermissions": {"items": [permission]}}
    revoke = call(5, "RevokeSecurityGroupIngress", request)
    without = Timeline([taken(0)], [revoke]).at(at(5)).security_groups["sg-1"]
    assert [r.port_from for r in without.rules if not r.egress] == [22]
    untouched = replace(revoke, response={"unknownIpPermissionSet": {"items": [permission]}})
    assert Timeline([taken(0)], [untouched]).at(at(5)) == configuration(WEB)


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (
            {"groupName": "web", "ipProtocol": "tcp", "fromPort": 25, "toPort": 25, "cidrIp": "10.0.0.0/8"},
            SecurityGroupRule(False, 6, "10.0.0.0/8", 25, 25),
        ),
        (
            {"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "icmp", "fromPort": -1, "toPort": -1,
             "groups": {"items": [{"groupId": "sg-2", "userId": "1"}]}, "ipRanges": {}}]}},
            SecurityGroupRule(False, 1, "sg-2"),
        ),
        (
            {"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "-1", "fromPort": 0, "toPort": 0,
             "prefixListIds": {"items": [{"prefixListId": "pl-1"}]}}]}},
            SecurityGroupRule(False, -1, "pl-1"),
        ),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_rule(request_: Any, rule: SecurityGroupRule) -> None:
    timeline = Timeline([taken(0)], [call(5, "AuthorizeSecurityGroupIngress", request_)])
    assert set(timeline.at(at(5)).security_groups["sg-1"].rules) == {*GROUP.rules, rule}


def test_members_are_matched_whatever_their_case_and_wrapping() -> None:
    request = {"CreateRouteRequest": {"RouteTableId": "rtb-1", "DestinationIpv6CidrBlock": "::/0"}}
    request["CreateRouteRequest"] |= {"TransitGatewayId": {"tag": 1, "content": "tgw-1"}}
    timeline = Timeline([taken(0)], [call(5, "CreateRoute", request)])
    assert Route("::/0", "tgw-1") in timeline.at(at(5)).route_tables["rtb-1"].routes


def test_a_replaced_local_route_and_icmp_entries() -> None:
    replaced = {"routeTableId": "rtb-1", "destinationCidrBlock": "10.0.0.0/16", "networkInterfaceId": "eni-9"}
    back = {"routeTableId": "rtb-1", "destinationCidrBlock": "10.0.0.0/16", "localTarget": True}
    entry = {"networkAclId": "acl-1", "ruleNumber": 50, "egress": False, "ruleAction": "allow", "aclProtocol": "1"}
    entry |= {"cidrBlock": "100.68.0.18/18", "icmpTypeCode": {"code": -1, "type": 8}, "portRange": {}}
    changes = [
        call(1, "ReplaceRoute", replaced),
        call(2, "ReplaceRoute", back),
        call(3, "CreateNetworkAclEntry", entry),
    ]
    timeline = Timeline([taken(0)], changes)
    assert timeline.at(at(1)).route_tables["rtb-1"].routes[1].target == "eni-9"
    assert timeline.at(at(2)).route_tables == configuration(WEB).route_tables
    added = timeline.at(at(3)).network_acls["acl-1"].entries[0]
    assert added == AclEntry(50, False, "allow", 1, "100.68.0.0/18", icmp_type=8)


def test_deleted_targets_leave_blackholes() -> None:
    more = changed(TABLE, routes=(*TABLE.routes, Route("172.16.0.0/12", "pcx-1")))
    changes = [
        call(1, "DeleteVpcPeeringConnection", {"vpcPeeringConnectionId": "pcx-1"}),
        call(2, "DetachInternetGateway", {"internetGatewayId": "igw-1", "vpcId": "vpc-1"}),
        call(3, "DeleteInternetGateway", {"internetGatewayId": "igw-1"}),
    ]
    timeline = Timeline([taken(0, *more)], changes)

    def states(minutes: int) -> dict[str, str]:
        return {r.target: r.state for r in timeline.at(at(minutes)).route_tables["rtb-1"].routes}

    assert states(1) == {"local": "active", "igw-1": "active", "pcx-1": "blackhole"}
    assert states(2) == states(3) == {"local": "active", "igw-1": "blackhole", "pcx-1": "blackhole"}
    assert timeline.at(at(3)).internet_gateways == {}
    assert explain(HTTP, timeline.at(at(3)), "eni-1").outcome == "lost"
    backward = Timeline([Snapshot(at(9), "files", tuple(timeline.at(at(9)).resources()))], changes)
    assert backward.at(at(-1)) == timeline.at(at(-1))


def test_groups_of_an_interface_by_its_instance_and_before_any_snapshot() -> None:
    request = {"instanceId": "i-1", "groupSet": {"items": [{"groupId": "sg-2"}, {"groupId": "sg-1"}]}}
    change = call(5, "ModifyInstanceAttribute", request)
    assert Timeline([taken(0)], [change]).at(at(5)).interfaces["eni-1"].group_ids == ("sg-1", "sg-2")
    before, _ = Timeline([taken(9)], [change]).around([change.event_id])
    assert before.interfaces["eni-1"].group_ids == (UNKNOWN,)
    assert explain(HTTP, before, "eni-1").action == "UNKNOWN"
    other = call(5, "ModifyInstanceAttribute", {"instanceId": "i-1", "instanceType": {"value": "m5.large"}})
    assert Timeline([taken(9)], [other]).at(at(0)) == configuration(WEB)


NEW = NetworkInterface("eni-2", "vpc-1", "subnet-1", ("10.0.1.20",), (), ("sg-1",), "i-2", "web-2")


def test_an_interface_exists_from_the_snapshot_before_the_first_that_shows_it() -> None:
    gone = tuple(r for r in WEB if r.id != "eni-1")
    timeline = Timeline([taken(0), taken(60, *WEB, NEW), taken(120, *gone, NEW)], [])
    assert [(p.valid_from, p.valid_to) for p in timeline.interface_periods("eni-1")] == [(None, at(120))]
    (period,) = timeline.interface_periods("eni-2")
    assert period == InterfacePeriod(
        at(0) + timedelta(milliseconds=1),
        None,
        "vpc-1",
        "subnet-1",
        "i-2",
        "web-2",
        "acl-1",
        "rtb-1",
        ("10.0.1.20",),
    )
    assert timeline.at(at(0)) == configuration(WEB)
    assert "eni-1" not in timeline.at(at(120)).interfaces


def test_what_a_later_snapshot_first_shows_is_moved_back_to_the_earlier_one() -> None:
    table = RouteTable("rtb-2", "vpc-1", (Route("0.0.0.0/0", "nat-2"),))
    change = call(30, "ReplaceRoute", DEFAULT | {"routeTableId": "rtb-2", "natGatewayId": "nat-2"})
    timeline = Timeline([taken(0), taken(60, *WEB, table)], [change])
    versions = [v for v in timeline.versions() if v.resource.id == "rtb-2"]
    assert [(v.valid_from, v.valid_to, v.exact) for v in versions] == [
        (at(0) + timedelta(milliseconds=1), at(30), False),
        (at(30), None, True),
    ]


def test_a_snapshot_of_one_vpc_says_nothing_of_another() -> None:
    other = (
        Vpc("vpc-2"),
        Subnet("subnet-9", "vpc-2"),
        RouteTable("rtb-9", "vpc-2", (), (RouteTableAssociation("rtbassoc-9", main=True),)),
    )
    route = call(-5, "CreateRoute", DEFAULT | {"gatewayId": "igw-1"})
    timeline = Timeline([taken(0), taken(60, *other)], [route])
    assert set(timeline.at(at(-9)).vpcs) == set(timeline.at(at(99)).vpcs) == {"vpc-1", "vpc-2"}
    assert [r.target for r in timeline.at(at(-9)).route_tables["rtb-1"].routes] == ["local"]
    both = Timeline([taken(0), Snapshot(at(0), "endpoint", other)], [])
    assert set(both.at(at(0)).vpcs) == {"vpc-1", "vpc-2"}


def test_changes_of_one_second_each_have_their_own_before_and_after() -> None:
    first = replace(call(5, "DeleteRoute", DEFAULT), event_id="a")
    second = replace(call(5, "CreateRoute", DEFAULT | {"natGatewayId": "nat-1"}), event_id="b")
    timeline = Timeline([taken(0)], [second, first])
    before, after = timeline.around(["b"])
    assert [r.target for r in before.route_tables["rtb-1"].routes] == ["local"]
    assert [r.target for r in after.route_tables["rtb-1"].routes] == ["nat-1", "local"]
    assert timeline.around(["a", "b"]) == (timeline.at(at(4)), timeline.at(at(5)))
    assert len([v for v in timeline.versions() if v.resource_type == "route-table"]) == 2
    with pytest.raises(KeyError):
        timeline.around(["never seen"])
    with pytest.raises(KeyError):
        timeline.around([])


def test_it_can_be_pickled_at_any_time() -> None:
    timeline = Timeline([taken(0)], [call(5, "DeleteRoute", DEFAULT)])
    assert timeline.interface_periods("eni-1")
    again = pickle.loads(pickle.dumps(timeline))  # noqa: S301 - pickled just above
    assert again.at(at(5)) == timeline.at(at(5)) != again.at(at(4))
    assert again.interface_periods("eni-1") == timeline.interface_periods("eni-1")


NAMES = (
    "routeTableId",
    "destinationCidrBlock",
    "gatewayId",
    "natGatewayId",
    "associationId",
    "subnetId",
    "newAssociationId",
    "networkAclId",
    "ruleNumber",
    "egress",
    "aclProtocol",
    "cidrBlock",
    "portRange",
    "icmpTypeCode",
    "from",
    "to",
    "type",
    "code",
    "groupId",
    "ipPermissions",
    "items",
    "ipProtocol",
    "fromPort",
    "toPort",
    "ipRanges",
    "cidrIp",
    "groups",
    "securityGroupRuleIds",
    "securityGroupRuleSet",
    "instanceId",
    "groupSet",
    "networkInterfaceId",
    "internetGatewayId",
    "vpcId",
    "routeTable",
    "routeSet",
    "networkAcl",
    "entrySet",
    "natGateway",
    "natGatewayId",
    "SecurityGroupRule",
    "SecurityGroupRuleId",
    "ModifySecurityGroupRulesRequest",
    "content",
    "tag",
    "unknownIpPermissionSet",
)
IDS = (
    "rtb-1",
    "acl-1",
    "sg-1",
    "sgr-22",
    "eni-1",
    "igw-1",
    "nat-1",
    "subnet-1",
    "vpc-1",
    "aclassoc-1",
    "rtbassoc-main",
)
TEXTS = (*IDS, "tcp", "-1", "x", "", "0.0.0.0/0", "::/0", "1.2.3.4/99", "22", "true", "9" * 5000)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | st.floats() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=5)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(sorted(EFFECTS)), BODIES, BODIES), max_size=6))
def test_calls_that_make_no_sense_break_nothing(calls: list[tuple[str, Any, Any]]) -> None:
    changes = [replace(call(n, *c), event_id=str(n)) for n, c in enumerate(calls, -3)]
    timeline = Timeline([taken(0)], changes)
    assert timeline.at(NOON) == configuration(WEB)
    for version in timeline.versions():
        assert version.resource.id
    for moment in (-9, 9):
        explain(HTTP, timeline.at(at(moment)), "eni-1")
    timeline.interface_periods("eni-1")
