"""The contract between the packages: ids, receipts, times and round trips of the network model."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.store.configuration import resource_of
from schemas import configuration as network
from schemas.errors import FlowtrailError
from schemas.flow import DEFAULT_FORMAT, FLOWS, LOG_STATUS
from schemas.ledger import Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.snapshot import body_json
from schemas.tables import TABLES
from schemas.tgw import TGW_FLOWS, TGW_LOGGED
from schemas.times import parse_time, rfc3339
from simulation.bulk.fields import TRANSIT_FIELDS, VERSIONS, fields_up_to

REF = ObjectRef("bucket", "a/key", "etag", 10)


def test_default_format_is_the_documented_order_of_the_14_version_2_fields() -> None:
    documented = (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol"
        " packets bytes start end action log-status"
    )
    assert " ".join(DEFAULT_FORMAT) == documented


@pytest.mark.parametrize("version", VERSIONS)
def test_every_logged_field_has_a_column(version: int) -> None:
    fields = {field.name for field in fields_up_to(version)}
    assert {c.aws for c in FLOWS.columns if c.aws and c.version <= version} == fields - {LOG_STATUS}
    assert {f.column for f in fields_up_to(version)} - {"log_status"} <= set(FLOWS.names)


def test_every_field_of_a_transit_gateway_has_a_column_in_the_order_of_the_default_format() -> None:
    assert [c.aws for c in TGW_LOGGED] == [field.name for field in TRANSIT_FIELDS if field.name != LOG_STATUS]
    lost = [c.name for c in TGW_FLOWS.columns if c.clickhouse == "Nullable(UInt64)" and "lost" in c.name]
    assert len(lost) == 4


def test_every_table_ends_facts_with_provenance() -> None:
    for name in ("flows", "coverage", "tgw_flows", "tgw_coverage", "rejected_lines", "change_events"):
        assert TABLES[name].names[-4:] == ["object_id", "row_no", "load", "chunk"]


def test_an_object_is_identified_by_version_or_by_etag_and_size() -> None:
    assert REF.object_id == ObjectRef("bucket", "a/key", "etag", 10).object_id
    assert REF.object_id != ObjectRef("bucket", "a/key", "other", 10).object_id
    assert REF.object_id != ObjectRef("bucket", "a/key", "etag", 10, "v1").object_id
    assert ObjectRef("b", "k", "e", 1, "v1").object_id == ObjectRef("b", "k", "x", 2, "v1").object_id


def test_a_receipt_that_does_not_add_up_is_rejected() -> None:
    Receipt(REF, ObjectKind.FLOW_LOG, 1, rows_read=3, rows_written=1, rows_rejected=1, skipped_reasons={"x": 1})
    with pytest.raises(ValueError, match=r"3 records read, but 1 written \+ 1 rejected \+ 0 skipped"):
        Receipt(REF, ObjectKind.FLOW_LOG, 1, rows_read=3, rows_written=1, rows_rejected=1)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_times_round_trip(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert parse_time(rfc3339(moment)) == moment


def test_times_are_converted_to_utc() -> None:
    assert rfc3339(datetime(2026, 11, 20, 16, 32, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-20T14:32:00Z"
    assert parse_time("2026-11-20T14:32:00") == datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
    with pytest.raises(FlowtrailError, match="'yesterday-ish' is not a time"):
        parse_time("yesterday-ish")


def test_resources_round_trip_through_their_json_form() -> None:
    acl = network.NetworkAcl(
        "acl-1",
        "vpc-1",
        True,
        (network.AclEntry(90, False, "deny", 6, "0.0.0.0/0", 22, 22), network.AclEntry(5, True, known=False)),
        (network.AclAssociation("aclassoc-1", "subnet-1"),),
    )
    interface = network.NetworkInterface("eni-1", "vpc-1", "subnet-1", ("10.0.0.1",), group_ids=("sg-1",))
    for name, resource in (("network-acl", acl), ("network-interface", interface)):
        assert resource_of(name, body_json(resource)) == resource
    assert network.configuration([acl, interface]).resources() == [acl, interface]
