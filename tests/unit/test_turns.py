"""When the answer turned, and by which change; which changes cannot be examined."""

from datetime import UTC, datetime

import pytest

from network.history.timeline import Timeline
from network.history.turns import not_modelled, turns, unexamined
from network.verdict.reach import Question, Reach, Where, reach
from schemas.configuration import (
    NetworkInterface,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)
from schemas.snapshot import Snapshot
from tests.correlate_lab import (
    ADMINS,
    DB,
    ENI,
    WEB,
    call,
    clock,
    create_route,
    delete_route,
    deny,
    resources,
    timeline,
    undeny,
)

SSH = Question(Where(ADMINS[0]), Where(WEB), 6, 22)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


def told(question: Question, *changes: object) -> list[tuple[str, Reach, Reach]]:
    found = turns(question, timeline(*changes))  # type: ignore[arg-type]
    return [(t.moment.event.event_id if t.moment.event else "", t.before.reach, t.after.reach) for t in found.turns]


def test_every_turn_and_the_change_that_made_it() -> None:
    story = (
        deny("12:00", acl="acl-prv", event_id="other subnet"),
        deny("12:10", 8080, number=80, event_id="other port"),
        deny("13:00", event_id="rule"),
        delete_route("13:10", event_id="behind the rule"),
        undeny("13:20", event_id="rule gone"),
        create_route("13:30", event_id="route back"),
    )
    assert told(SSH, *story) == [
        ("rule", Reach.REACHABLE, Reach.BLOCKED),
        ("rule gone", Reach.BLOCKED, Reach.PARTLY),
        ("route back", Reach.PARTLY, Reach.REACHABLE),
    ]
    found = turns(SSH, timeline(*story))
    assert found.last(clock("12:30")) is None, "it has always been so"
    last = found.last(clock("13:00"))
    assert last is not None
    assert last.time == clock("13:00")
    assert [t.time for t in found.after(clock("13:00"))] == [clock("13:20"), clock("13:30")]


def test_another_rule_that_decides_is_a_turn_too() -> None:
    found = turns(SSH, timeline(deny("13:00", number=90), deny("13:05", number=80), undeny("13:10", 90)))
    assert [(t.time, t.turned) for t in found.turns] == [(clock("13:00"), True), (clock("13:05"), False)]


def test_what_never_worked_never_turned() -> None:
    assert told(Question(Where(ADMINS[0]), Where(WEB), 6, 443), deny("13:00"), undeny("13:10")) == []


def test_what_a_snapshot_shows_and_no_call_explains_is_a_turn_without_a_call() -> None:
    later = tuple(r for r in resources() if r.id not in ("eni-db", "sg-db"))
    known = Timeline([Snapshot(clock("08:00"), "files", resources()), Snapshot(clock("14:00"), "files", later)], [])
    [turn] = turns(Question(Where(WEB), Where(DB), 6, 5432), known).turns
    assert (turn.time, turn.moment.event) == (clock("14:00"), None)
    assert (turn.before.reach, turn.after.reach) == (Reach.REACHABLE, Reach.UNKNOWN)


def referring(group_id: str) -> Resource:
    """The web server's group, which lets in a group that no interface of the question wears."""
    rules = (SecurityGroupRule(False, 6, group_id, 22, 22), SecurityGroupRule(True, -1, "0.0.0.0/0"))
    return SecurityGroup("sg-web", "vpc-1", "web", rules)


@pytest.mark.parametrize(
    "more",
    [
        (referring("sg-none"),),
        (referring("sg-far"), SecurityGroup("sg-far", "vpc-9"), Vpc("vpc-9", ("10.8.0.0/16",))),
        (
            RouteTable(
                "rtb-pub",
                "vpc-1",
                (Route("0.0.0.0/0", "eni-proxy"),),
                (RouteTableAssociation("rtbassoc-pub", "subnet-pub"),),
            ),
            NetworkInterface("eni-proxy", "vpc-1", "subnet-prv", ("10.0.2.30",), source_dest_check=True),
        ),
    ],
    ids=["referenced-group", "vpc-of-referenced-group", "interface-as-target"],
)
def test_what_an_answer_depends_on_is_looked_at(more: tuple[Resource, ...]) -> None:
    """The turns look at a part of the resources only, and say the same as all of them do."""
    question = Question(Where("10.9.9.9"), Where(WEB), 6, 22)
    known = Timeline([Snapshot(clock("08:00"), "files", (*resources(), *more))], [deny("13:00")])
    before = reach(question, known.at(clock("12:00")))
    assert before.reach in (Reach.BLOCKED, Reach.PARTLY)
    [turn] = turns(question, known).turns
    assert (turn.before, turn.after) == (before, reach(question, known.at(clock("13:00"))))


def test_calls_that_the_model_does_not_contain_are_named_where_they_may_concern_the_ends() -> None:
    block = {"ModifyVpcBlockPublicAccessOptionsRequest": {"InternetGatewayBlockMode": "block-bidirectional"}}
    calls = (
        call("13:00", "ModifyVpcBlockPublicAccessOptions", block),
        call("13:10", "CreateFlowLogs", {}),
        call("13:20", "ModifyVpcEndpoint", {"vpcEndpointId": "vpce-1", "addSubnetId": "subnet-prv"}),
        call("13:30", "ModifySubnetAttribute", {"subnetId": "subnet-prv"}),
        deny("13:40"),
    )
    known = timeline(*calls)
    config = known.at(clock("12:00"))
    found = not_modelled(SSH, known, config, (clock("12:00"), FOREVER))
    assert [event.event_name for event in found] == ["ModifyVpcBlockPublicAccessOptions"]
    assert not_modelled(SSH, known, config, (clock("13:00"), FOREVER)) == ()
    to_db = not_modelled(Question(Where(id=ENI), Where(DB), 6, 22), known, config, (clock("13:10"), FOREVER))
    assert [event.event_name for event in to_db] == ["ModifyVpcEndpoint", "ModifySubnetAttribute"]


def test_what_a_snapshot_shows_afterwards_is_no_doubt_and_what_none_shows_is() -> None:
    mode = {"ModifyVpcBlockPublicAccessOptionsRequest": {"InternetGatewayBlockMode": "block-bidirectional"}}
    calls = (
        call("09:00", "AssociateAddress", {"instanceId": "i-web"}),
        call("13:00", "ModifyVpcBlockPublicAccessOptions", mode),
        call("13:10", "StopInstances", {"instancesSet": {"items": [{"instanceId": "i-web"}]}}),
    )
    shots = [Snapshot(clock(at), "files", resources()) for at in ("10:00", "14:00")]
    known = Timeline(shots, calls)

    def doubts(at: str) -> list[str]:
        found = unexamined(SSH, known, known.at(clock(at)), clock(at))
        return [event.event_name for event in found]

    assert doubts("08:00") == ["AssociateAddress"], "the snapshot that it is derived from is later"
    assert doubts("12:00") == []
    assert doubts("13:30") == ["ModifyVpcBlockPublicAccessOptions", "StopInstances"]
    assert doubts("14:30") == ["ModifyVpcBlockPublicAccessOptions"]


def test_a_call_on_an_association_that_is_not_known_cannot_be_examined() -> None:
    request = {"associationId": "rtbassoc-elsewhere", "routeTableId": "rtb-main"}
    moved = call("14:32", "ReplaceRouteTableAssociation", request, {"newAssociationId": "rtbassoc-new"})
    known = timeline(moved)
    now = known.at(clock("15:00"))
    assert unexamined(SSH, known, now, clock("15:00")) == (moved,)
