"""Proves that CloudTrail objects become change events: which calls count, who made them, and that hostile input is
counted and kept, never guessed and never fatal."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.parse.cloudtrail import REACHABILITY, parse_changes
from pipelines.ingest.parse.parsed import Parsed
from schemas.change import ChangeEvent
from schemas.errors import BadObject
from schemas.object_ref import ObjectKind, ObjectRef
from tests.unit.cloudtrail import document, record

REF = ObjectRef("logs", "AWSLogs/1/CloudTrail/eu-central-1/2026/11/20/x.json.gz", "etag", 10)
ROUTE = {"routeTableId": "rtb-0a1", "destinationCidrBlock": "0.0.0.0/0"}


def parsed(*records: Any) -> Parsed:
    found = parse_changes(REF, document(*records))
    rows = sum(table.num_rows for table in found.tables.values())
    assert found.read == len(records) == rows + sum(found.skipped.values())
    assert found.kind is ObjectKind.CLOUDTRAIL
    return found


def events(*records: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parsed(*records).tables["change_events"].to_pylist()
    return rows


def reasons(*records: Any) -> list[tuple[int, str]]:
    return [(row["row_no"], row["reason"]) for row in parsed(*records).tables["rejected_lines"].to_pylist()]


def test_a_call_with_everything_in_the_record() -> None:
    (row,) = events(record("DeleteRoute", ROUTE, event_id="e-9"))
    assert row == {
        "event_time": datetime(2026, 11, 20, 14, 32, tzinfo=UTC),
        "event_id": "e-9",
        "event_name": "DeleteRoute",
        "actor": "arn:aws:iam::123456789012:user/alice",
        "actor_type": "IAMUser",
        "source_ip": "198.51.100.7",
        "user_agent": "aws-cli/2.31",
        "account_id": "123456789012",
        "region": "eu-central-1",
        "resources": ["rtb-0a1"],
        "request": '{"destinationCidrBlock":"0.0.0.0/0","routeTableId":"rtb-0a1"}',
        "response": '{"_return":true,"requestId":"r-1"}',
        "object_id": REF.object_id,
        "row_no": 1,
    }
    event = ChangeEvent.from_row(row)
    assert (event.request, event.resources) == (ROUTE, ("rtb-0a1",))


def test_resources_are_ids_of_every_kind() -> None:
    named = [
        *("fl-0a1", "eipalloc-0b2", "vpce-0c3", "vpce-svc-0d4", "pl-0e5", "cgw-0f6", "vpn-0a7", "dopt-0b8"),
        *("tgw-0c9", "tgw-attach-0d1", "tgw-rtb-0e2", "eni-attach-0f3", "subnet-cidr-assoc-0a4", "vpcbpa-exclude-0b5"),
    ]
    request = {"FlowLogId": [{"content": each, "tag": n} for n, each in enumerate(named)], "note": "no-id fl-"}
    (row,) = events(record("DeleteFlowLogs", {"DeleteFlowLogsRequest": request}))
    assert row["resources"] == sorted(named)


def test_calls_that_change_nothing_here_are_counted() -> None:
    failed = record("DeleteRoute", ROUTE, errorCode="Client.UnauthorizedOperation", responseElements=None)
    reads = record("DescribeRouteTables", None, readOnly=True)
    tags = record("CreateTags", {"resourcesSet": {"items": [{"resourceId": "rtb-0a1"}]}})
    elsewhere = record("DeleteRoute", ROUTE, eventSource="appmesh.amazonaws.com")
    twice = record("DeleteRoute", ROUTE, event_id="e-2")
    found = parsed(failed, reads, tags, elsewhere, twice, twice)
    assert found.skipped == {"failed-call": 1, "read-only": 1, "other-call": 2, "duplicate": 1}
    assert found.tables["change_events"]["row_no"].to_pylist() == [5]


def test_a_failed_call_with_the_id_of_a_good_one_does_not_hide_it() -> None:
    failed = record("DeleteRoute", ROUTE, errorCode="Client.DryRunOperation")
    assert [row["row_no"] for row in events(failed, record("DeleteRoute", ROUTE))] == [2]


def test_ids_are_found_wherever_they_are_written() -> None:
    request = {"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": {"tag": 1, "x": ["sgr-2"]}}}
    response = {"newAssociationId": "aclassoc-3", "set": {"items": [{"a": "eni-4"}, {"a": "eni-4"}]}, "n": "not-an-id"}
    (row,) = events(record("ModifySecurityGroupRules", request, response))
    assert row["resources"] == ["aclassoc-3", "eni-4", "sg-1", "sgr-2"]


@pytest.mark.parametrize(
    ("identity", "actor", "kind"),
    [
        ({"accountId": "1", "invokedBy": "cloudformation.amazonaws.com"}, "cloudformation.amazonaws.com", ""),
        ({"type": "AWSAccount", "principalId": "AIDA1", "accountId": "2"}, "AIDA1", "AWSAccount"),
        ({"type": "Unknown", "accountId": "2"}, "2", "Unknown"),
        ({}, "", ""),
        (None, "", ""),
    ],
)
def test_the_actor_is_the_closest_thing_the_record_has(identity: Any, actor: str, kind: str) -> None:
    (row,) = events(record("DeleteRoute", ROUTE, userIdentity=identity))
    assert (row["actor"], row["actor_type"]) == (actor, kind)


def test_a_record_that_cannot_be_read_is_kept_with_its_reason() -> None:
    assert reasons(
        7,
        "text",
        record("DeleteRoute", ROUTE, eventTime="yesterday"),
        record("DeleteRoute", ROUTE, eventTime=1700000000),
        record("DeleteRoute", ROUTE, eventTime="9999-12-31T23:59:59Z"),
        record("DeleteRoute", ROUTE, eventTime="0001-01-01T00:00:00+14:00"),
        record("DeleteRoute", ROUTE, eventID=None),
        record("DeleteRoute", ROUTE, requestParameters="text"),
        record("DeleteRoute", ROUTE, eventName=["DeleteRoute"]),
    ) == [
        (1, "not-an-object"),
        (2, "not-an-object"),
        (3, "bad-time"),
        (4, "bad-time"),
        (5, "bad-time"),
        (6, "bad-time"),
        (7, "no-event-id"),
        (8, "bad-member:requestParameters"),
        (9, "no-event-name"),
    ]


def test_half_surrogates_and_controls_survive() -> None:
    (row,) = events(record("DeleteRoute", {"x": "\ud800"}, sourceIPAddress="a\ud800\x00\x1b[31m", eventID="e\udfff"))
    assert row["source_ip"] == "a\\ud800\x00\x1b[31m"
    assert json.loads(row["request"]) == {"x": "\ud800"}


def test_nesting_deeper_than_in_any_record() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    assert reasons(record("DeleteRoute", {"x": deep}), record("DeleteRoute", ROUTE)) == [(1, "too-deep")]
    with pytest.raises(BadObject, match="too-deep"):
        parse_changes(REF, b'{"Records":' + b"[" * 200_000 + b"]" * 200_000 + b"}")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not-json"),
        (b"version account-id interface-id", "not-json"),
        (b'{"Records": [', "not-json"),
        (b"\xff\xfe\xfa", "not-json"),
        (b"[]", "no-records"),
        (b'{"records": []}', "no-records"),
        (b'{"Records": {}}', "no-records"),
    ],
)
def test_an_object_that_is_not_from_cloudtrail(raw: bytes, reason: str) -> None:
    with pytest.raises(BadObject) as caught:
        parse_changes(REF, raw)
    assert (caught.value.reason, caught.value.ref) == (reason, REF)


def test_an_object_without_records_is_empty() -> None:
    assert parsed().read == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(
        JSON
        | st.builds(
            lambda name, members: record(name, None) | members,
            st.sampled_from(sorted(REACHABILITY)),
            st.dictionaries(st.sampled_from(sorted(record("x", {}))), JSON, max_size=3),
        ),
        max_size=6,
    )
)
def test_every_record_is_accounted_for_whatever_it_contains(records: list[Any]) -> None:
    found = parsed(*records)
    for row in found.tables["change_events"].to_pylist():
        ChangeEvent.from_row(row)


def test_calls_of_other_services_are_kept_if_they_name_a_security_group() -> None:
    elb = {"eventSource": "elasticloadbalancing.amazonaws.com"}
    rds = {"eventSource": "rds.amazonaws.com"}
    named, other = {"securityGroups": ["sg-0a1"], "loadBalancerArn": "arn"}, {"dBInstanceIdentifier": "db", "port": 1}
    found = parsed(
        record("SetSecurityGroups", named, event_id="e-1", **elb),
        record("SetSecurityGroups", named, event_id="e-2"),
        record("ModifyDBInstance", other, event_id="e-3", **rds),
        record("ModifyDBInstance", {**other, "vpcSecurityGroupIds": ["sg-0b2"]}, event_id="e-4", **rds),
    )
    assert found.tables["change_events"]["event_id"].to_pylist() == ["e-1", "e-4"]
    assert found.tables["change_events"]["resources"].to_pylist() == [["sg-0a1"], ["sg-0b2"]]
    assert found.skipped == {"other-call": 2}
