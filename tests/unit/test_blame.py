"""Proves which change is named, with which certainty, what undoes it, and what is never named: decoys, changes out of
reach, and changes that were tested and ruled out."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from network.history.timeline import Timeline
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.blame.judge import blame
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.tell.undo_command import Undo, undo
from schemas.change import ChangeEvent
from schemas.incident import Certainty, Kind
from schemas.snapshot import Snapshot
from tests.correlate_lab import (
    ADMINS,
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
    noise,
    outage,
    refused,
    reject,
    resources,
    service,
    timeline,
    undeny,
    usual,
)

READINGS = ("answers", "requests", "nothing")
BOB = {"actor": "arn:bob"}


def undone(finding: Finding) -> Undo:
    return undo(finding.to_undo.now, finding.cause_events[-1].region)


def findings(flows: Sequence[Flow], known: Timeline, last: str = "16:00", start: str = "12:00") -> list[Finding]:
    signals = detect(ENI, minutes_table(flows), covered("12:00", last), clock(start), timedelta(hours=24))
    return blame(signals, known, clock(last))


def causes(found: Sequence[Finding]) -> set[tuple[Kind, Certainty, tuple[str, ...]]]:
    return {(f.signal.kind, f.certainty, f.cause.event_ids if f.cause else ()) for f in found}


def ssh_refused(last: str = "16:00", until: str = "15:50") -> list[Flow]:
    """Port 22 is rejected from 15:05 on, and everything else works."""
    flows = usual("12:00", "15:05") + noise("12:00", last) + service(80, PEOPLE, 45, "15:05", last)
    flows += service(443, OUTSIDE, 60, "15:05", last, server=False) + refused("15:05", until)
    return flows + service(22, ADMINS, 60, "15:50:20", last) if until < last else flows


def story(reading: str, last: str) -> list[Flow]:
    flows = usual("12:00", "14:32") + noise("12:00", last) + outage("14:32", "15:05", reading)
    flows += outage("15:05", min(last, "15:50"), reading, ports=(80, 443)) + refused("15:05", min(last, "15:50"))
    return flows + usual("15:50:30", last) if last > "15:50" else flows


DECOYS = (
    deny("15:04", acl="acl-prv", event_id="decoy", **BOB),
    deny("14:20", 8080, number=80, event_id="other-port", **BOB),
    deny("15:04", number=200, event_id="behind-allow", **BOB),
)


@pytest.mark.parametrize("reading", READINGS)
def test_two_faults_that_overlap_are_each_proven_and_decoys_never_named(reading: str) -> None:
    known = timeline(delete_route("14:32", event_id="route"), deny("15:05", event_id="rule"), *DECOYS)
    found = findings(story(reading, "15:45"), known, last="15:45")
    assert causes(found) == {
        (Kind.LOST_TRAFFIC, Certainty.PROVEN, ("route",)),
        (Kind.REJECTS, Certainty.PROVEN, ("rule",)),
    }
    named = {f.signal.kind: f.cause for f in found if f.cause}
    lost, rejects = named[Kind.LOST_TRAFFIC], named[Kind.REJECTS]
    assert (lost.layer, lost.resource, lost.rule) == ("route", "rtb-pub", "0.0.0.0/0 -> igw-1")
    assert (rejects.layer, rejects.resource) == ("network-acl", "acl-pub")
    assert rejects.rule == "ingress 90 deny tcp 22 from 0.0.0.0/0"
    assert {f.ended_by for f in found} == {()}


@pytest.mark.parametrize("reading", READINGS)
def test_each_is_ended_by_the_change_that_undoes_it(reading: str) -> None:
    changes = [delete_route("14:32"), deny("15:05"), create_route("15:50", event_id="back"), undeny("15:50:20")]
    found = findings(story(reading, "16:10"), timeline(*changes, *DECOYS), last="16:10")
    ended = {(f.signal.kind, f.signal.port): [e.event_id for e in f.ended_by] for f in found}
    assert ended[Kind.LOST_TRAFFIC, 80] == ["back"]
    assert ended[Kind.REJECTS, 22] == ["15:50:20 DeleteNetworkAclEntry"]


def test_without_any_change_rejects_are_unexplained_and_say_why() -> None:
    (found,) = findings(ssh_refused(), timeline())
    assert (found.certainty, found.cause) == (Certainty.UNEXPLAINED, None)
    assert "these packets pass" in found.reason
    assert "no change is in reach" in found.reason


def test_changes_that_were_tested_and_ruled_out_are_counted_not_named() -> None:
    (found,) = findings(ssh_refused(), timeline(*DECOYS))
    assert found.cause is None
    # neither the other ACL nor the early change
    assert "1 change in reach was tested and would not have caused this" in found.reason
    assert not any(decoy.event_id in found.reason for decoy in DECOYS)


def test_a_change_that_came_after_the_first_reject_is_not_the_cause() -> None:
    (found,) = findings(ssh_refused(), timeline(deny("15:55")))
    assert found.certainty is Certainty.UNEXPLAINED


def test_a_revoked_security_group_rule_is_named_by_the_removed_rule() -> None:
    request = {"groupId": "sg-web", "ipPermissions": {"items": [permission(22)]}}
    (found,) = findings(ssh_refused(), timeline(call("15:05", "RevokeSecurityGroupIngress", request)))
    assert found.certainty is Certainty.PROVEN
    assert found.cause is not None
    assert (found.cause.layer, found.cause.resource) == ("security-group", "sg-web")
    assert found.cause.rule == "ingress tcp 22 from 0.0.0.0/0 (sgr-22)"
    assert undone(found).fix is not None
    assert undone(found).fix.startswith("aws ec2 authorize-security-group-ingress --group-id sg-web --ip-permissions")


def test_an_early_security_group_change_is_found_since_old_connections_continued() -> None:
    request = {"groupId": "sg-web", "ipPermissions": {"items": [permission(22)]}}
    flows = usual("12:00", "14:30", flagged=True) + service(80, PEOPLE, 45, "14:30", "16:00", flagged=True)
    flows += [Flow(at, ADMINS[0], 50000, "10.0.1.10", 22, 20, 2000, flags=0) for at in every(60, "13:00", "15:00")]
    flows += [reject(at, ADMINS[0], 22, n, flags=2) for n, at in enumerate(every(60, "14:50", "15:30"))]
    known = timeline(call("14:30", "RevokeSecurityGroupIngress", request, event_id="revoked"))
    assert (Kind.REJECTS, Certainty.PROVEN, ("revoked",)) in causes(findings(flows, known))


def test_another_acl_for_the_subnet_is_proven_and_undone_by_the_association_in_force() -> None:
    request = {"associationId": "aclassoc-pub", "networkAclId": "acl-shut"}
    change = call("15:05", "ReplaceNetworkAclAssociation", request, {"newAssociationId": "aclassoc-2"})
    flows = usual("12:00", "15:05")
    for port, peers in ((22, ADMINS), (80, PEOPLE)):
        flows += refused("15:05", "16:00", port, peers)
    found = [f for f in findings(flows, timeline(change)) if f.signal.kind is Kind.REJECTS]
    assert {(f.certainty, f.signal.port) for f in found} == {(Certainty.PROVEN, 22), (Certainty.PROVEN, 80)}
    assert {f.cause.rule for f in found if f.cause} == {"ingress * deny all"}
    assert {f.cause.resource for f in found if f.cause} == {"acl-shut"}
    command = "aws ec2 replace-network-acl-association --association-id aclassoc-2 --network-acl-id acl-pub"
    assert {undone(f).fix for f in found} == {f"{command} --region eu-central-1"}


def test_an_acl_that_rejects_the_answers_is_proven_by_the_answers() -> None:
    change = deny("15:00", egress=True, event_id="out")
    wide = {**change.request, "portRange": {"from": 32768, "to": 61000}}
    change = ChangeEvent(**{**vars(change), "request": wide})
    flows = usual("12:00", "15:00") + service(443, OUTSIDE, 60, "15:00", "16:00", server=False)
    for n, at in enumerate(every(20, "15:00", "15:40")):
        flows += [attempt(at, PEOPLE[n % 4], 80, n, answered=False)[0], reject(at, PEOPLE[n % 4], 80, n, answer=True)]
    found = [f for f in findings(flows, timeline(change), last="15:40") if f.signal.port == 80]
    assert [(f.signal.reply, f.certainty) for f in found] == [(True, Certainty.PROVEN)]
    assert found[0].cause is not None
    assert found[0].cause.rule == "egress 90 deny tcp 32768-61000 to 0.0.0.0/0"


def test_a_detached_gateway_is_named_itself() -> None:
    change = call("14:32", "DetachInternetGateway", {"internetGatewayId": "igw-1", "vpcId": "vpc-1"})
    found = findings(usual("12:00", "14:32") + noise("12:00", "16:00"), timeline(change))
    assert found
    for finding in found:
        assert finding.certainty is Certainty.PROVEN
        assert finding.cause is not None
        assert (finding.cause.layer, finding.cause.resource) == ("internet-gateway", "igw-1")
        command = "aws ec2 attach-internet-gateway --internet-gateway-id igw-1 --vpc-id vpc-1"
        assert undone(finding).fix == f"{command} --region eu-central-1"


def test_a_rule_replaced_in_two_calls_is_one_cause_undone_in_one_line() -> None:
    """The AWS console edits this way: delete, then create. An edit of another rule in that minute is not part of it."""
    swap = [undeny("15:05", 100, event_id="a"), deny("15:05:02", number=100, event_id="b")]
    allow = {**deny("15:05:03", 80, number=110, event_id="c").request, "ruleAction": "allow"}
    other = ChangeEvent(**{**vars(deny("15:05:03", event_id="c")), "request": allow})
    (found,) = findings(ssh_refused(), timeline(*swap, other))
    assert found.cause is not None
    assert found.cause.event_ids == ("a", "b")
    assert undone(found).fix is not None
    assert undone(found).fix.startswith(
        "aws ec2 replace-network-acl-entry --network-acl-id acl-pub --ingress --rule-number 100"
    )
    assert "110" not in undone(found).fix


def test_of_two_sufficient_changes_the_one_that_made_the_difference_is_named() -> None:
    known = timeline(deny("15:05", event_id="first"), deny("15:05:30", number=80, event_id="second", **BOB))
    (found,) = findings(ssh_refused(), known)
    assert found.cause is not None
    assert found.cause.event_ids == ("first",)


def test_of_two_denials_with_a_pause_each_has_its_own_cause() -> None:
    flows = usual("12:00", "13:00") + refused("13:00", "13:10") + service(22, ADMINS, 60, "13:10", "15:05")
    flows += refused("15:05", "16:00") + service(80, PEOPLE, 45, "13:00", "16:00")
    changes = [deny("13:00", event_id="one"), undeny("13:10", event_id="undone"), deny("15:05", event_id="two")]
    found = findings([*flows, *service(443, OUTSIDE, 60, "13:00", "16:00", server=False)], timeline(*changes))
    assert {(f.cause.event_ids, tuple(e.event_id for e in f.ended_by)) for f in found if f.cause} == {
        (("one",), ("undone",)),
        (("two",), ()),
    }


def test_what_history_does_not_show_is_suspected_and_has_no_command() -> None:
    """The only snapshot was taken after the route was deleted, and nothing shows its target."""
    late = [r for r in resources() if getattr(r, "id", "") != "rtb-pub"]
    table = next(r for r in resources() if getattr(r, "id", "") == "rtb-pub")
    gone = type(table)(**{**vars(table), "routes": tuple(r for r in table.routes if r.target == "local")})  # type: ignore[union-attr]
    known = Timeline([Snapshot(clock("15:00"), "files", (*late, gone))], [delete_route("14:32", event_id="route")])
    found = findings(usual("12:00", "14:32") + outage("14:32", "15:45", "requests"), known, last="15:45")
    assert causes(found) == {(Kind.LOST_TRAFFIC, Certainty.SUSPECTED, ("route",))}
    assert found[0].cause is not None
    assert found[0].cause.rule == "0.0.0.0/0 -> unknown"
    assert (undone(found[0]).fix, undone(found[0]).inverse) == (None, None)
    assert "snapshot" in undone(found[0]).why


def test_a_route_lost_long_before_the_last_conversation_is_only_suspected() -> None:
    found = findings(
        usual("12:00", "15:00") + outage("15:00", "15:45", "requests"), timeline(delete_route("14:30")), "15:45"
    )
    assert {f.certainty for f in found} == {Certainty.SUSPECTED}


def test_a_change_at_the_end_of_the_range_is_ignored() -> None:
    found = findings(ssh_refused(last="15:45", until="15:45"), timeline(deny("15:05"), undeny("15:45")), last="15:45")
    assert [f.ended_by for f in found] == [()]


def test_peers_stopped_by_another_rule_have_their_own_finding() -> None:
    one = {**deny("15:05").request, "cidrBlock": "192.0.2.0/24"}
    two = {**deny("15:05", number=91).request, "cidrBlock": "203.0.113.0/24"}
    known = timeline(
        call("15:05", "CreateNetworkAclEntry", one, event_id="one"),
        call("15:05:10", "CreateNetworkAclEntry", two, event_id="two", **BOB),
    )
    found = findings(ssh_refused(), known)
    peers = {f.cause.event_ids: {r.conversation.peer for r in f.signal.runs} for f in found if f.cause}
    assert peers == {("one",): {ADMINS[0]}, ("two",): {ADMINS[1], ADMINS[2]}}


def test_a_quiet_day_has_no_finding() -> None:
    assert findings(usual("12:00", "16:00") + noise("12:00", "16:00"), timeline(*DECOYS)) == []


def permission(port: int) -> dict[str, object]:
    ranges = {"items": [{"cidrIp": "0.0.0.0/0"}]}
    empty: dict[str, object] = {"groups": {}, "ipv6Ranges": {}, "prefixListIds": {}}
    return {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": ranges, **empty}
