"""Proves that calls within one second are taken in the only order that was possible, whatever their eventIDs say."""

from itertools import permutations

import pytest

from network.history.timeline import Timeline
from schemas.change import ChangeEvent
from schemas.snapshot import Snapshot
from tests.correlate_lab import call, clock, create_route, delete_route, deny, resources, timeline, undeny

RULE = {
    "ipProtocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
}
PERMISSION = {"groupId": "sg-web", "ipPermissions": {"items": [RULE]}}


def names(known: Timeline) -> list[str]:
    return [change.event_name for change in known.changes]


@pytest.mark.parametrize("ids", list(permutations("ab")), ids="".join)
def test_what_exists_is_removed_before_it_is_made_again(ids: tuple[str, str]) -> None:
    made = [
        (delete_route("10:00", event_id=ids[0]), create_route("10:00", event_id=ids[1])),
        (
            call("10:00", "RevokeSecurityGroupIngress", PERMISSION, event_id=ids[0]),
            call("10:00", "AuthorizeSecurityGroupIngress", PERMISSION, event_id=ids[1]),
        ),
    ]
    for removes, adds in made:
        assert names(timeline(adds, removes)) == [removes.event_name, adds.event_name]


@pytest.mark.parametrize("ids", list(permutations("ab")), ids="".join)
def test_what_does_not_exist_is_made_before_it_is_removed(ids: tuple[str, str]) -> None:
    known = timeline(deny("10:00", event_id=ids[0]), undeny("10:00", event_id=ids[1]))
    assert names(known) == ["CreateNetworkAclEntry", "DeleteNetworkAclEntry"]


@pytest.mark.parametrize("ids", list(permutations("ab")), ids="".join)
def test_a_later_snapshot_tells_as_well(ids: tuple[str, str]) -> None:
    changes = (delete_route("10:00", event_id=ids[0]), create_route("10:00", event_id=ids[1]))
    assert names(timeline(*changes, as_of="11:00")) == ["DeleteRoute", "CreateRoute"]


def test_three_calls_on_one_entry() -> None:
    for ids in permutations("abc"):
        changes: list[ChangeEvent] = [
            delete_route("10:00", event_id=ids[0]),
            create_route("10:00", event_id=ids[1]),
            delete_route("10:00", event_id=ids[2]),
        ]
        known = Timeline([Snapshot(clock("08:00"), "files", resources())], changes)
        assert names(known) == ["DeleteRoute", "CreateRoute", "DeleteRoute"]


def test_an_association_is_replaced_after_it_was_made() -> None:
    first = call(
        "10:00",
        "ReplaceNetworkAclAssociation",
        {"associationId": "aclassoc-pub", "networkAclId": "acl-shut"},
        {"newAssociationId": "aclassoc-2"},
        event_id="b",
    )
    second = call(
        "10:00",
        "ReplaceNetworkAclAssociation",
        {"associationId": "aclassoc-2", "networkAclId": "acl-prv"},
        {"newAssociationId": "aclassoc-3"},
        event_id="a",
    )
    assert [change.event_id for change in timeline(first, second).changes] == ["b", "a"]
