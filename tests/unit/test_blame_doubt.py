"""Proves that doubt is never turned into proof: calls outside the model, new targets, edits that have nothing to do
with the packets, silences that had begun before or went on after, and ends that left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from network.history.timeline import Timeline
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.blame.judge import blame
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.tell.undo_command import undo
from schemas.change import ChangeEvent
from schemas.configuration import (
    AclAssociation,
    AclEntry,
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
)
from schemas.incident import Certainty
from schemas.snapshot import Snapshot
from tests.correlate_lab import (
    ADMINS,
    DB,
    ENI,
    OUTSIDE,
    PEOPLE,
    Flow,
    attempt,
    call,
    clock,
    covered,
    create_route,
    delete_route,
    deny,
    every,
    minutes_table,
    outage,
    permission,
    refused,
    resources,
    service,
    timeline,
    usual,
)

PROVEN, SUSPECTED, UNEXPLAINED = Certainty.PROVEN, Certainty.SUSPECTED, Certainty.UNEXPLAINED


def findings(flows: Sequence[Flow], known: Timeline, last: str = "16:00") -> list[Finding]:
    signals = detect(ENI, minutes_table(flows), covered("12:00", last), clock("12:00"), timedelta(hours=24))
    return blame(signals, known, clock(last))


def lost(last: str = "15:30") -> list[Flow]:
    return usual("12:00", "14:32") + outage("14:32", last, "requests")


def ssh_refused() -> list[Flow]:
    flows = usual("12:00", "15:05") + service(80, PEOPLE, 45, "15:05", "16:00")
    return flows + service(443, OUTSIDE, 60, "15:05", "16:00", server=False) + refused("15:05", "15:50")


def said(found: Sequence[Finding]) -> set[tuple[Certainty, str]]:
    return {(f.certainty, f.cause.event_name if f.cause else "") for f in found}


def with_resources(*changes: ChangeEvent, extra: tuple[Resource, ...] = (), as_of: str = "08:00") -> Timeline:
    kept = {(type(r), r.id): r for r in (*resources(), *extra)}
    return Timeline([Snapshot(clock(as_of), "files", tuple(kept.values()))], changes)


def test_a_call_whose_effect_is_not_in_the_model_is_suspected_and_never_proven() -> None:
    released = call("14:32", "DisassociateAddress", {"associationId": "eipassoc-0a1"}, event_id="released")
    found = findings(lost(), timeline(released), "15:30")
    assert said(found) == {(SUSPECTED, "DisassociateAddress")}
    assert all("does not contain what this call does" in f.reason for f in found)


def test_a_call_that_only_moves_packets_is_not_suspected_of_rejects() -> None:
    released = call("15:05", "DisassociateAddress", {"associationId": "eipassoc-0a1"})
    assert said(findings(ssh_refused(), timeline(released))) == {(UNEXPLAINED, "")}
    blocked = call("15:05", "ModifyVpcBlockPublicAccessOptions", {"internetGatewayBlockMode": "block-bidirectional"})
    assert said(findings(ssh_refused(), timeline(blocked))) == {(SUSPECTED, "ModifyVpcBlockPublicAccessOptions")}


def test_a_proven_change_clears_those_that_cannot_be_tested() -> None:
    blocked = call("15:05", "ModifyVpcBlockPublicAccessOptions", {"internetGatewayBlockMode": "block-bidirectional"})
    assert said(findings(ssh_refused(), timeline(deny("15:05"), blocked))) == {(PROVEN, "CreateNetworkAclEntry")}


def test_of_a_new_target_outside_the_model_nothing_is_known() -> None:
    request = {"routeTableId": "rtb-pub", "destinationCidrBlock": "0.0.0.0/0", "transitGatewayId": "tgw-1"}
    found = findings(lost(), timeline(call("14:32", "ReplaceRoute", request)), "15:30")
    assert said(found) == {(SUSPECTED, "ReplaceRoute")}


def test_a_change_is_suspected_only_for_what_it_may_concern() -> None:
    """The configuration from before the change is not known, but the entry is for another port."""
    late = with_resources(deny("15:05", 8080, number=80, event_id="other"), as_of="15:58")
    assert said(findings(ssh_refused(), late)) == {(UNEXPLAINED, "")}


def test_a_route_that_was_back_at_once_is_not_the_cause_of_a_long_silence() -> None:
    away = timeline(delete_route("14:32"), create_route("14:32:35"))
    assert not any(f.certainty is PROVEN for f in findings(usual("12:00", "14:32"), away))
    assert said(findings(usual("12:00", "14:32"), timeline(delete_route("14:32")))) == {(PROVEN, "DeleteRoute")}


def test_a_change_half_an_hour_into_a_silence_is_not_its_cause() -> None:
    assert not any(f.certainty is PROVEN for f in findings(usual("12:00", "14:00"), timeline(delete_route("14:32"))))


def test_who_was_terminated_has_left() -> None:
    request = {"instancesSet": {"items": [{"instanceId": "i-web"}]}}
    gone = call("14:32", "TerminateInstances", request, resources=("i-web",))
    assert findings(lost(), timeline(gone, delete_route("14:40")), "15:30") == []


def test_an_appliance_that_was_terminated_is_the_cause() -> None:
    nat = NetworkInterface("eni-nat", "vpc-1", "subnet-prv", ("10.0.2.200",), ("198.51.100.99",), (), "i-nat")
    table = next(r for r in resources() if isinstance(r, RouteTable) and r.id == "rtb-pub")
    local = next(r for r in table.routes if r.target == "local")
    through = replace(table, routes=(Route("0.0.0.0/0", "eni-nat"), local))
    request = {"instancesSet": {"items": [{"instanceId": "i-nat"}]}}
    gone = call("14:32", "TerminateInstances", request, resources=("i-nat",))
    found = findings(lost(), with_resources(gone, extra=(nat, through)), "15:30")
    assert said(found) == {(PROVEN, "TerminateInstances")}


def test_a_route_behind_a_propagated_gateway_that_was_switched_off() -> None:
    table = next(r for r in resources() if isinstance(r, RouteTable) and r.id == "rtb-pub")
    local = next(r for r in table.routes if r.target == "local")
    propagated = Route("0.0.0.0/0", "vgw-1", origin="EnableVgwRoutePropagation")
    request = {"routeTableId": "rtb-pub", "gatewayId": "vgw-1"}
    off = call("14:32", "DisableVgwRoutePropagation", request)
    found = findings(lost(), with_resources(off, extra=(replace(table, routes=(propagated, local)),)), "15:30")
    assert said(found) == {(PROVEN, "DisableVgwRoutePropagation")}


def test_several_calls_that_each_stop_other_peers_are_named_together() -> None:
    shut = [
        replace(
            deny("15:05", number=90 + n), request=deny("15:05", number=90 + n).request | {"cidrBlock": f"{peer}/32"}
        )
        for n, peer in enumerate(ADMINS)
    ]
    calls = [replace(event, event_id=f"deny-{n}") for n, event in enumerate(shut)]
    (found,) = findings(ssh_refused(), timeline(*calls))
    assert found.cause is not None
    assert set(found.cause.event_ids) == {"deny-0", "deny-1", "deny-2"}
    fix = undo(found.to_undo.now, "").fix
    assert fix is not None
    assert fix.count("delete-network-acl-entry") == 3


def test_what_was_undone_since_is_not_undone_again() -> None:
    back = call("15:20", "DeleteNetworkAclEntry", {"networkAclId": "acl-pub", "ruleNumber": 90, "egress": False})
    (found,) = [f for f in findings(ssh_refused(), timeline(deny("15:05"), back)) if f.cause]
    assert found.to_undo.now == ()
    assert undo(found.to_undo.now, "").why == "Everything that this change did has been undone since."


def test_no_command_names_what_a_service_manages_or_what_is_gone() -> None:
    managed = next(r for r in resources() if isinstance(r, NetworkInterface) and r.id == ENI)
    request = {"networkInterfaceId": ENI, "groupSet": {"items": [{"groupId": "sg-none"}]}}
    change = call("15:05", "ModifyNetworkInterfaceAttribute", request)
    own = with_resources(change, extra=(replace(managed, managed_by="amazon-rds"),))
    (found,) = [f for f in findings(ssh_refused(), own) if f.signal.port == 22]
    assert found.certainty is PROVEN
    assert (found.cause.resource if found.cause else "") == ENI
    done = undo(found.to_undo.now, "", dict(found.to_undo.refused))
    assert (done.fix, done.why) == (None, f"{ENI} is managed by amazon-rds, which alone may change it.")
    deleted = call("15:06", "DeleteSecurityGroup", {"groupId": "sg-web"})
    (found,) = [f for f in findings(ssh_refused(), timeline(change, deleted)) if f.signal.port == 22]
    assert undo(found.to_undo.now, "", dict(found.to_undo.refused)).why == "sg-web no longer exists."


def test_a_call_of_another_service_is_suspected_for_the_interfaces_that_services_made() -> None:
    moved = call("15:05", "SetSecurityGroups", {"loadBalancerArn": "arn:1", "securityGroups": ["sg-none"]})
    own = next(r for r in resources() if isinstance(r, NetworkInterface) and r.id == ENI)
    made = with_resources(moved, extra=(replace(own, managed_by="amazon-elb"),))
    (found,) = [f for f in findings(ssh_refused(), made) if f.signal.port == 22]
    assert found.certainty is Certainty.SUSPECTED
    assert found.cause is not None
    assert found.cause.event_ids == (moved.event_id,)
    assert "does not contain what this call does" in found.reason
    assert [f.cause for f in findings(ssh_refused(), timeline(moved)) if f.signal.port == 22] == [None]


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ("answers", {"Requests still reach this interface", "Requests still leave this interface"}),
        ("nothing", {"No conversation is logged any more"}),
    ],
)
def test_without_a_cause_it_is_said_what_it_looks_like(reading: str, words: set[str]) -> None:
    flows = usual("12:00", "14:32", flagged=True) + outage("14:32", "15:30", reading, flagged=True)
    signals = detect(ENI, minutes_table(flows), covered("12:00", "15:30"), clock("12:00"), timedelta(hours=24))
    strong = [replace(signal, strong=True) for signal in signals]
    found = blame(strong, timeline(), clock("15:30"))
    assert {each.reason.partition(",")[0] for each in found} == words


def test_an_association_that_is_not_known_may_be_of_any_subnet() -> None:
    request = {"associationId": "rtbassoc-elsewhere", "routeTableId": "rtb-main"}
    moved = call("14:32", "ReplaceRouteTableAssociation", request, {"newAssociationId": "rtbassoc-new"})
    assert said(findings(lost(), timeline(moved), "15:30")) == {(SUSPECTED, "ReplaceRouteTableAssociation")}
    known = replace(moved, request={**request, "associationId": "rtbassoc-pub"})
    assert said(findings(lost(), timeline(known), "15:30")) == {(PROVEN, "ReplaceRouteTableAssociation")}


def test_the_same_address_in_another_vpc_is_not_the_other_end() -> None:
    """Its instance is terminated when the web server loses its route: the clients of the web server have not left."""
    twin = NetworkInterface("eni-twin", "vpc-2", "subnet-2", (DB,), (), (), "i-twin", "twin")
    gone = call(
        "14:59", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-twin"}]}}, resources=("i-twin",)
    )
    known = with_resources(
        gone, extra=(twin, Vpc("vpc-2", ("10.0.0.0/16",)), Subnet("subnet-2", "vpc-2", ("10.0.2.0/24",)))
    )
    flows = usual("12:00", "16:00") + database_away()
    signals = detect(ENI, minutes_table(flows), covered("12:00", "16:00"), clock("12:00"), timedelta(hours=24))
    strong = [replace(signal, strong=True) for signal in signals]
    assert [f.signal.port for f in blame(strong, known, clock("16:00"))] == [5432]
    own = with_resources(replace(gone, resources=("i-db",)))
    assert blame(strong, own, clock("16:00")) == []


def database_away() -> list[Flow]:
    """The web server's calls of the database, which stop being answered at 15:00."""
    tries = enumerate(every(30, "15:00", "15:30"))
    return service(5432, [DB], 45, "12:00", "15:00", server=False) + [
        f for n, at in tries for f in attempt(at, DB, 5432, n, answered=False, server=False)
    ]


def test_an_interface_that_is_not_known_may_be_in_any_of_several_vpcs() -> None:
    """Where only one has the peer's address a change there is suspected; where two have it, that would be a guess."""
    closed, known = deny("15:00", 5432, acl="acl-prv"), [r for r in resources() if r.id != ENI]
    twin = NetworkInterface("eni-twin", "vpc-2", "subnet-2", (DB,), (), (), "i-twin", "twin")
    second = (twin, Vpc("vpc-2", ("10.0.0.0/16",)), Subnet("subnet-2", "vpc-2", ("10.0.2.0/24",)))
    one, two = (Timeline([Snapshot(clock("08:00"), "files", (*known, *more))], [closed]) for more in ((), second))
    assert said(findings(database_away(), one, "15:30")) == {(SUSPECTED, "CreateNetworkAclEntry")}
    found = findings(database_away(), two, "15:30")
    assert said(found) == {(UNEXPLAINED, "")}
    assert f"it does not have the interface {ENI}; nor is it known which changes are in reach." in found[0].reason


FAR = "10.1.2.20"


def peered() -> tuple[Resource, ...]:
    """The web server's VPC with a route to another one, in which a database is."""
    everything = tuple(AclEntry(100, egress, "allow", cidr="0.0.0.0/0") for egress in (False, True))
    rules = (SecurityGroupRule(False, 6, "10.0.0.0/16", 5432, 5432), SecurityGroupRule(True, -1, "0.0.0.0/0"))
    back = (Route("10.1.0.0/16", "local", origin="CreateRouteTable"), Route("10.0.0.0/16", "pcx-1"))
    public = next(r for r in resources() if isinstance(r, RouteTable) and r.id == "rtb-pub")
    return (
        replace(public, routes=(*public.routes, Route("10.1.0.0/16", "pcx-1"))),
        Vpc("vpc-2", ("10.1.0.0/16",)),
        Subnet("subnet-2", "vpc-2", ("10.1.2.0/24",)),
        RouteTable("rtb-2", "vpc-2", back, (RouteTableAssociation("rtbassoc-2", "subnet-2"),)),
        NetworkAcl("acl-2", "vpc-2", True, everything, (AclAssociation("aclassoc-2", "subnet-2"),)),
        SecurityGroup("sg-2", "vpc-2", "db", rules),
        NetworkInterface("eni-far", "vpc-2", "subnet-2", (FAR,), (), ("sg-2",), "i-far", "far"),
    )


@pytest.mark.parametrize(
    ("name", "request_", "certainty"),
    [
        ("DeleteRoute", {"routeTableId": "rtb-2", "destinationCidrBlock": "10.0.0.0/16"}, SUSPECTED),
        (
            "RevokeSecurityGroupIngress",
            {"groupId": "sg-2", "ipPermissions": permission(5432, "10.0.0.0/16")},
            SUSPECTED,
        ),
        ("DeleteRoute", {"routeTableId": "rtb-2", "destinationCidrBlock": "10.9.0.0/16"}, UNEXPLAINED),
        ("DeleteRoute", {"routeTableId": "rtb-pub", "destinationCidrBlock": "10.1.0.0/16"}, PROVEN),
    ],
)
def test_a_change_in_a_peered_vpc_is_suspected(name: str, request_: dict[str, object], certainty: Certainty) -> None:
    """The way between two VPCs is not in the model; seen: such a change was said not to have caused it."""
    tries = enumerate(every(30, "15:00", "15:30"))
    flows = service(5432, [FAR], 45, "12:00", "15:00", server=False)
    flows += [f for n, at in tries for f in attempt(at, FAR, 5432, n, answered=False, server=False)]
    found = findings(flows, with_resources(call("15:00", name, request_), extra=peered()), "15:30")
    assert said(found) == {(certainty, name if certainty is not UNEXPLAINED else "")}
    assert ("stops these packets at eni-far" in found[0].reason) == (certainty is SUSPECTED)


def test_a_change_during_the_outage_is_not_suspected_where_one_before_it_is() -> None:
    known = [r for r in resources() if r.id != ENI]
    changes = [deny("14:59:30", 5432, acl="acl-prv", event_id="before"), deny("15:20", 5432, number=91, acl="acl-prv")]
    found = findings(database_away(), Timeline([Snapshot(clock("08:00"), "files", tuple(known))], changes), "15:30")
    assert [f.cause.event_ids for f in found if f.cause] == [("before",)]


def test_what_is_stopped_beyond_the_interface_is_never_a_reject_of_it() -> None:
    """Whether rejects are logged here does not matter: the database's subnet denies the calls."""
    closed = deny("15:00", 5432, acl="acl-prv")
    flows = database_away()
    rule = SecurityGroupRule(False, 6, "10.0.1.0/24", 5432, 5432)
    open_db = SecurityGroup("sg-db", "vpc-1", "db", (rule, SecurityGroupRule(True, -1, "0.0.0.0/0")))
    known = with_resources(closed, extra=(open_db,))
    assert said(findings(flows, known, "15:30")) == {(PROVEN, "CreateNetworkAclEntry")}
