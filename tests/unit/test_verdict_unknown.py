"""Proves that what cannot be evaluated is unknown, and only where it can decide: prefix lists, groups whose members are
not all known, ICMP types, interfaces without groups, and what lies behind gateways."""

from dataclasses import replace

import pytest

from network.aws.describe import resources_from_describe
from network.history.timeline import Timeline
from network.verdict.explain import Packet, Verdict, explain
from schemas.configuration import (
    AclAssociation,
    AclEntry,
    Configuration,
    NatGateway,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Route,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    configuration,
)
from schemas.snapshot import Snapshot
from tests.correlate_lab import call, clock
from tests.unit.vpc import web_answers

WEB = configuration(resources_from_describe(web_answers()))
CLIENT, NEIGHBOUR, PEERED = "203.0.113.9", "10.0.1.77", "10.8.0.5"
ANYWHERE = SecurityGroupRule(False, 6, "0.0.0.0/0", 443, 443)


def https(src: str = CLIENT) -> Packet:
    return Packet(src, "10.0.1.10", 6, 40000, 443)


def ping(src: str = CLIENT) -> Packet:
    return Packet(src, "10.0.1.10", 1, 0, 0)


def with_rules(*rules: SecurityGroupRule) -> Configuration:
    return replace(WEB, security_groups={"sg-1": SecurityGroup("sg-1", "vpc-1", "web", rules)})


def action(known: Configuration, packet: Packet) -> str:
    return explain(packet, known, "eni-1").action


def call_out(known: Configuration, to: str = CLIENT) -> Verdict:
    return explain(Packet("10.0.1.10", to, 6, 40000, 443), known, "eni-1")


def test_a_rule_for_a_prefix_list_is_unknown_until_its_entries_are_known() -> None:
    known = with_rules(SecurityGroupRule(False, 6, "pl-1", 443, 443))
    assert action(known, https()) == "UNKNOWN"
    assert action(replace(known, prefix_lists={"pl-1": PrefixList("pl-1", ("203.0.113.0/24",))}), https()) == "ACCEPT"
    assert action(replace(known, prefix_lists={"pl-1": PrefixList("pl-1", ("192.0.2.0/24",))}), https()) == "REJECT"
    assert action(known, replace(https(), dst_port=80)) == "REJECT"  # the rule is for another port
    assert action(with_rules(ANYWHERE, SecurityGroupRule(False, 6, "pl-1", 443, 443)), https()) == "ACCEPT"


@pytest.mark.parametrize(("src", "expected"), [(NEIGHBOUR, "UNKNOWN"), (PEERED, "UNKNOWN"), (CLIENT, "REJECT")])
def test_a_group_that_is_not_in_the_snapshot_may_have_any_member_with_a_private_address(
    src: str, expected: str
) -> None:
    assert action(with_rules(SecurityGroupRule(False, 6, "sg-elsewhere", 443, 443)), https(src)) == expected


def test_a_member_that_came_after_the_snapshot_may_have_any_groups() -> None:
    known = with_rules(SecurityGroupRule(False, 6, "sg-1", 443, 443))
    assert action(known, https(NEIGHBOUR)) == "UNKNOWN"
    neighbour = NetworkInterface("eni-2", "vpc-1", "subnet-1", (NEIGHBOUR,), group_ids=("sg-1",))
    seen = replace(known, interfaces={**known.interfaces, "eni-2": neighbour})
    assert action(seen, https(NEIGHBOUR)) == "ACCEPT"
    others = replace(neighbour, group_ids=("sg-other",))
    assert action(replace(known, interfaces={**known.interfaces, "eni-2": others}), https(NEIGHBOUR)) == "REJECT"


def test_icmp_types_are_not_logged() -> None:
    echo = SecurityGroupRule(False, 1, "0.0.0.0/0", 8, None)
    assert action(with_rules(echo), ping()) == "UNKNOWN"
    assert action(with_rules(replace(echo, port_from=None)), ping()) == "ACCEPT"
    allowed = with_rules(SecurityGroupRule(False, -1, "0.0.0.0/0"))
    acl = WEB.network_acls["acl-1"]
    typed = AclEntry(50, False, "deny", 1, "0.0.0.0/0", icmp_type=8)
    assert (
        action(replace(allowed, network_acls={"acl-1": replace(acl, entries=(*acl.entries, typed))}), ping())
        == "UNKNOWN"
    )
    same = replace(typed, action="allow")  # whether it matches or not, the packet is allowed
    assert (
        action(replace(allowed, network_acls={"acl-1": replace(acl, entries=(*acl.entries, same))}), ping()) == "ACCEPT"
    )


def test_an_interface_without_groups_is_filtered_by_none() -> None:
    bare = replace(WEB, interfaces={"eni-1": replace(WEB.interfaces["eni-1"], group_ids=())})
    assert action(bare, https()) == "ACCEPT"


def with_route(destination: str, target: str, known: Configuration = WEB) -> Configuration:
    table = known.route_tables["rtb-1"]
    local = next(r for r in table.routes if r.target == "local")
    return replace(known, route_tables={"rtb-1": replace(table, routes=(local, Route(destination, target)))})


def test_an_internet_gateway_carries_public_addresses_only() -> None:
    assert call_out(WEB).outcome == "completes"
    assert call_out(WEB, "10.8.0.5").outcome == "lost"


def with_nat(*entries: AclEntry, routes: tuple[Route, ...] = (Route("0.0.0.0/0", "igw-1"),)) -> Configuration:
    """The web server's subnet reaches the internet through a NAT gateway in another subnet."""
    known = with_route("0.0.0.0/0", "nat-1")
    table = replace(known.route_tables["rtb-1"], id="rtb-nat", routes=routes, associations=())
    association = replace(
        WEB.route_tables["rtb-1"].associations[0], id="rtbassoc-nat", subnet_id="subnet-nat", main=False
    )
    allow = tuple(AclEntry(100, egress, "allow", cidr="0.0.0.0/0") for egress in (False, True))
    acl = NetworkAcl("acl-nat", "vpc-1", False, (*allow, *entries), (AclAssociation("aclassoc-nat", "subnet-nat"),))
    return replace(
        known,
        subnets={**known.subnets, "subnet-nat": Subnet("subnet-nat", "vpc-1", ("10.0.9.0/24",))},
        route_tables={**known.route_tables, "rtb-nat": replace(table, associations=(association,))},
        network_acls={**known.network_acls, "acl-nat": acl},
        nat_gateways={"nat-1": NatGateway("nat-1", "vpc-1", "subnet-nat")},
    )


def test_the_subnet_of_a_nat_gateway_is_part_of_the_way() -> None:
    assert call_out(with_nat()).outcome == "completes"
    assert call_out(with_nat(routes=())).outcome == "lost"
    assert call_out(with_nat(AclEntry(50, False, "deny", 6, "0.0.0.0/0", 1024, 65535))).outcome == "rejected"
    assert call_out(with_nat(AclEntry(50, False, "deny", 6, "0.0.0.0/0", 1024, 2000))).outcome == "unknown"
    assert call_out(with_nat(AclEntry(50, True, "deny", 6, "0.0.0.0/0", 443, 443))).outcome == "rejected"


def test_what_a_nat_gateway_sends_on_inside_the_vpc_is_not_followed() -> None:
    known = with_nat(routes=(Route("10.0.0.0/16", "local"),))
    there = NetworkInterface("eni-2", "vpc-1", "subnet-nat", ("10.0.9.5", "10.0.9.6"), group_ids=("sg-1",))
    known = replace(known, interfaces={**known.interfaces, "eni-2": there})
    table = known.route_tables["rtb-1"]
    more = replace(table, routes=(*table.routes, Route("10.0.9.0/24", "nat-1")))
    known = replace(known, route_tables={**known.route_tables, "rtb-1": more})
    assert call_out(known, "10.0.9.6").outcome == "unknown"
    assert call_out(replace(known, nat_gateways={}), "10.0.9.6").outcome == "unknown"


def test_a_nat_gateway_carries_no_answers_to_requests_from_outside() -> None:
    verdict = explain(replace(https(), dst_port=22), with_nat(), "eni-1")
    assert (verdict.action, verdict.reply, verdict.outcome) == ("ACCEPT", "LOST", "lost")


def test_a_target_outside_the_model_is_named_as_assumed() -> None:
    verdict = call_out(with_route("0.0.0.0/0", "tgw-1"))
    assert (verdict.outcome, verdict.ways) == ("completes", frozenset({"tgw-1"}))
    assert call_out(WEB).ways == frozenset()


def test_an_appliance_that_checks_source_and_destination_forwards_nothing() -> None:
    appliance = NetworkInterface("eni-nat", "vpc-1", "subnet-1", ("10.0.1.200",), source_dest_check=True)
    known = with_route("0.0.0.0/0", "eni-nat", replace(WEB, interfaces={**WEB.interfaces, "eni-nat": appliance}))
    assert call_out(known).outcome == "lost"
    off = replace(appliance, source_dest_check=False)
    assert call_out(replace(known, interfaces={**known.interfaces, "eni-nat": off})).outcome == "completes"


def test_a_route_to_a_prefix_list_that_is_not_known_may_be_the_one() -> None:
    table = WEB.route_tables["rtb-1"]
    local = tuple(r for r in table.routes if r.target == "local")
    known = replace(WEB, route_tables={"rtb-1": replace(table, routes=(*local, Route("pl-1", "vpce-1")))})
    assert call_out(known).outcome == "unknown"
    other = replace(known, prefix_lists={"pl-1": PrefixList("pl-1", ("192.0.2.0/24",))})
    assert call_out(other).outcome == "lost"
    both = replace(WEB, route_tables={"rtb-1": replace(table, routes=(*table.routes, Route("pl-1", "vpce-1")))})
    assert call_out(both).outcome == "completes"  # by either of them


def test_the_entries_of_prefix_lists_come_from_the_snapshot_and_are_forgotten_where_they_were_changed() -> None:
    described = web_answers()
    described["describe-prefix-lists"] = {"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["203.0.113.7/24"]}]}
    taken = Snapshot(clock("12:00"), "files", resources_from_describe(described))
    assert Timeline([taken], []).at(clock("09:00")).prefix_lists == {"pl-1": PrefixList("pl-1", ("203.0.113.0/24",))}
    request = {"ModifyManagedPrefixListRequest": {"PrefixListId": "pl-1", "AddEntry": {"Cidr": "192.0.2.0/24"}}}
    changed = Timeline([taken], [call(at, "ModifyManagedPrefixList", request) for at in ("10:00", "13:00")])
    known = [bool(changed.at(clock(at)).prefix_lists) for at in ("09:00", "11:00", "12:30", "14:00")]
    assert known == [False, True, True, False]
