"""Proves what the verdict contains besides accept and reject: the steps with their rules and codes; and that it never
guesses if the configuration is not known."""

from dataclasses import replace
from typing import Any

import pytest

from network.aws.describe import resources_from_describe
from network.verdict.explain import Packet, Step, Verdict, explain
from schemas.configuration import (
    UNKNOWN,
    AclEntry,
    Configuration,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    configuration,
)
from tests.unit.vpc import web_answers

SSH = Packet("203.0.113.9", "10.0.1.10", 6, 40000, 22)
CALL_OUT = Packet("10.0.1.10", "203.0.113.9", 6, 40000, 443)
WEB = configuration(resources_from_describe(web_answers()))


def with_acl(*entries: AclEntry) -> Configuration:
    acl = WEB.network_acls["acl-1"]
    return replace(WEB, network_acls={"acl-1": replace(acl, entries=(*acl.entries, *entries))})


def with_routes(*routes: Route) -> Configuration:
    return replace(WEB, route_tables={"rtb-1": replace(WEB.route_tables["rtb-1"], routes=routes)})


def with_group(*rules: SecurityGroupRule, known: bool = True) -> Configuration:
    group = SecurityGroup("sg-1", "vpc-1", "web", rules, known)
    return replace(WEB, security_groups={"sg-1": group})


def ends(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.action, verdict.reply, verdict.outcome


def test_every_step_of_a_conversation_that_completes() -> None:
    verdict = explain(SSH, WEB, "eni-1")
    assert ends(verdict) == ("ACCEPT", "ACCEPT", "completes")
    assert verdict.blocker is None
    assert verdict.steps == (
        Step("network-acl", "ingress", "acl-1", "ingress 100 allow all from 0.0.0.0/0", "allow"),
        Step("security-group", "ingress", "sg-1", "ingress tcp 22 from 0.0.0.0/0 (sgr-22)", "allow"),
        Step("network-acl", "egress", "acl-1", "egress 100 allow all to 0.0.0.0/0", "allow", "", "reply"),
        Step("route", "egress", "rtb-1", "0.0.0.0/0 -> igw-1", "allow", "", "reply"),
        Step("internet-gateway", "egress", "igw-1", "attached to vpc-1", "allow", "", "reply"),
    )


def test_a_denying_entry_is_named() -> None:
    verdict = explain(SSH, with_acl(AclEntry(90, False, "deny", 6, "0.0.0.0/0", 22, 22)), "eni-1")
    assert ends(verdict) == ("REJECT", "NONE", "rejected")
    rule = "ingress 90 deny tcp 22 from 0.0.0.0/0"
    assert verdict.blocker == Step("network-acl", "ingress", "acl-1", rule, "deny", "SUBNET_ACL_RESTRICTION")
    assert verdict.steps[1].layer == "security-group"  # both layers of the interface are reported, whichever denies


def test_the_implicit_deny_is_named() -> None:
    config = replace(WEB, network_acls={"acl-1": replace(WEB.network_acls["acl-1"], entries=())})
    assert explain(SSH, config, "eni-1").blocker.rule == "ingress * deny all"
    assert explain(CALL_OUT, config, "eni-1").blocker.rule == "egress * deny all"


def test_a_reply_that_is_denied() -> None:
    verdict = explain(SSH, with_acl(AclEntry(90, True, "deny", 6, "0.0.0.0/0", 1024, 65535)), "eni-1")
    assert ends(verdict) == ("ACCEPT", "REJECT", "rejected")
    assert (verdict.blocker.of, verdict.blocker.rule) == ("reply", "egress 90 deny tcp 1024-65535 to 0.0.0.0/0")


def test_no_rule_of_a_group_allows() -> None:
    other = SecurityGroupRule(False, 6, "0.0.0.0/0", 80, 80)
    blocker = explain(SSH, with_group(other), "eni-1").blocker
    assert (blocker.layer, blocker.resource, blocker.code) == ("security-group", "sg-1", "ENI_SG_RULES_MISMATCH")
    assert blocker.rule == "ingress no rule for tcp 22 from 203.0.113.9"
    assert explain(SSH, with_group(), "eni-1").blocker.code == "SG_HAS_NO_RULES"


@pytest.mark.parametrize(
    ("routes", "rule", "result", "code"),
    [
        ((), "no route to 203.0.113.9", "no-route", "NO_ROUTE_TO_DESTINATION"),
        ((Route("0.0.0.0/0", "igw-1", "blackhole"),), "0.0.0.0/0 -> igw-1", "blackhole", "BAD_STATE_ROUTE"),
        (
            (Route("0.0.0.0/0", "igw-1"), Route("203.0.113.0/24", "nat-9", "blackhole")),
            "203.0.113.0/24 -> nat-9",
            "blackhole",
            "BAD_STATE_ROUTE",
        ),
    ],
)
def test_a_lost_route_accepts_requests_and_loses_the_replies(
    routes: tuple[Route, ...], rule: str, result: str, code: str
) -> None:
    verdict = explain(SSH, with_routes(*routes), "eni-1")
    assert ends(verdict) == ("ACCEPT", "LOST", "lost")
    assert verdict.blocker == Step("route", "egress", "rtb-1", rule, result, code, "reply")
    out = explain(CALL_OUT, with_routes(*routes), "eni-1")
    assert ends(out) == ("ACCEPT", "NONE", "lost")
    assert out.blocker == Step("route", "egress", "rtb-1", rule, result, code, "request")


def test_a_gateway_that_is_not_attached_and_an_interface_without_public_address() -> None:
    detached = replace(WEB, internet_gateways={"igw-1": InternetGateway("igw-1")})
    blocker = explain(SSH, detached, "eni-1").blocker
    assert (blocker.layer, blocker.result, blocker.code) == ("internet-gateway", "deny", "BAD_STATE_ATTACHMENT")
    private = replace(WEB, interfaces={"eni-1": replace(WEB.interfaces["eni-1"], public_addresses=())})
    verdict = explain(SSH, private, "eni-1")
    assert ends(verdict) == ("ACCEPT", "LOST", "lost")
    assert verdict.blocker.code == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"


UNKNOWNS: list[tuple[str, Configuration, tuple[str, str, str]]] = [
    ("entry before the one that matches", with_acl(AclEntry(90, False, known=False)), ("UNKNOWN",) * 2 + ("unknown",)),
    ("entry of the reply's direction", with_acl(AclEntry(90, True, known=False)), ("ACCEPT", "UNKNOWN", "unknown")),
    (
        "entry behind the one that matches",
        with_acl(AclEntry(101, False, known=False)),
        ("ACCEPT", "ACCEPT", "completes"),
    ),
    ("group that may have had a rule", with_group(known=False), ("UNKNOWN",) * 2 + ("unknown",)),
    (
        "group whose known rules allow anyway",
        with_group(SecurityGroupRule(False, 6, "0.0.0.0/0", 22, 22), known=False),
        ("ACCEPT", "ACCEPT", "completes"),
    ),
    ("group that is not known", replace(WEB, security_groups={}), ("UNKNOWN",) * 2 + ("unknown",)),
    ("route whose target is lost", with_routes(Route("0.0.0.0/0", UNKNOWN)), ("ACCEPT", "UNKNOWN", "unknown")),
    (
        "lost route that a longer prefix beats",
        with_routes(Route("0.0.0.0/0", UNKNOWN), Route("203.0.113.0/24", "igw-1")),
        ("ACCEPT", "ACCEPT", "completes"),
    ),
    ("gateway that is not known", replace(WEB, internet_gateways={}), ("ACCEPT", "UNKNOWN", "unknown")),
    (
        "table of the subnet",
        replace(WEB, unknown_associations=frozenset({("route-table", "subnet-1")})),
        ("ACCEPT", "UNKNOWN", "unknown"),
    ),
    ("no table at all", replace(WEB, route_tables={}), ("ACCEPT", "UNKNOWN", "unknown")),
    (
        "ACL of the subnet",
        replace(WEB, unknown_associations=frozenset({("network-acl", "subnet-1")})),
        ("UNKNOWN",) * 2 + ("unknown",),
    ),
    ("no ACL at all", replace(WEB, network_acls={}), ("UNKNOWN",) * 2 + ("unknown",)),
]


@pytest.mark.parametrize(
    ("config", "expected"), [(c, e) for _, c, e in UNKNOWNS], ids=[name for name, _, _ in UNKNOWNS]
)
def test_what_is_not_known_is_never_guessed(config: Configuration, expected: tuple[str, str, str]) -> None:
    verdict = explain(SSH, config, "eni-1")
    assert ends(verdict) == expected
    assert (verdict.blocker is None) == (expected[2] == "completes")
    if verdict.blocker is not None:
        assert verdict.blocker.result == "unknown"


def test_an_unknown_layer_does_not_hide_a_certain_deny() -> None:
    config = replace(
        with_group(), network_acls={"acl-1": NetworkAcl("acl-1", "vpc-1")}, unknown_associations=frozenset()
    )
    unknown = replace(config, unknown_associations=frozenset({("network-acl", "subnet-1")}))
    assert ends(explain(SSH, unknown, "eni-1")) == ("REJECT", "NONE", "rejected")


def test_an_unknown_route_to_a_peer_leaves_the_outcome_unknown() -> None:
    peer = NetworkInterface("eni-2", "vpc-1", "subnet-2", ("10.0.2.20",), (), ("sg-none",))
    table = RouteTable("rtb-1", "vpc-1", (Route("10.0.2.0/24", UNKNOWN),), WEB.route_tables["rtb-1"].associations)
    config = replace(WEB, interfaces={**WEB.interfaces, "eni-2": peer}, route_tables={"rtb-1": table})
    assert explain(Packet("10.0.1.10", "10.0.2.20", 6, 40000, 80), config, "eni-1").outcome == "unknown"


@pytest.mark.parametrize(
    ("packet", "interface_id"),
    [(SSH, "eni-none"), (replace(SSH, src="client.example"), "eni-1"), (replace(SSH, dst=""), "eni-1")],
)
def test_what_cannot_be_determined_is_unknown(packet: Packet, interface_id: str) -> None:
    assert ends(explain(packet, WEB, interface_id)) == ("UNKNOWN", "UNKNOWN", "unknown")


def test_ipv6_needs_no_public_address_and_is_recognized_in_any_spelling() -> None:
    answers: dict[str, Any] = web_answers()
    answers["describe-network-interfaces"]["NetworkInterfaces"][0] |= {
        "Ipv6Addresses": [{"Ipv6Address": "2001:db8::10"}]
    }
    config = configuration(resources_from_describe(answers))
    entries = tuple(AclEntry(101, egress, "allow", -1, "::/0") for egress in (False, True))
    acl = WEB.network_acls["acl-1"]
    rules = (SecurityGroupRule(False, 6, "::/0", 22, 22),)
    config = replace(
        config,
        network_acls={"acl-1": replace(acl, entries=(*acl.entries, *entries))},
        security_groups={"sg-1": SecurityGroup("sg-1", "vpc-1", "web", rules)},
        route_tables={"rtb-1": replace(WEB.route_tables["rtb-1"], routes=(Route("::/0", "igw-1"),))},
    )
    packet = Packet("2001:DB8:FFFF:0::1", "2001:db8:0:0::10", 6, 40000, 22)
    assert ends(explain(packet, config, "eni-1")) == ("ACCEPT", "ACCEPT", "completes")
