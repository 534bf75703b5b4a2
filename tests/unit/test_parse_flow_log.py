"""parse_flow_log on lines as AWS writes them, and on every kind of line and object that it must reject."""

from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest

from pipelines.ingest.parse.flow_log import parse_flow_log
from pipelines.ingest.parse.parsed import Parsed
from schemas.errors import BadObject
from schemas.flow import COVERAGE, DEFAULT_FORMAT, FLOWS, RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef
from simulation.bulk.fields import TRANSIT_FIELDS

REF = ObjectRef("logs", "AWSLogs/123456789010/vpcflowlogs/eu-central-1/2026/11/20/x.log.gz", "etag", 321)
V2 = " ".join(DEFAULT_FORMAT)
GOOD = "2 123456789010 eni-0a1b 203.0.113.12 172.31.16.21 20641 22 6 20 4249 1763627530 1763627590 ACCEPT OK"
V5 = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr "
    "pkt-dstaddr protocol bytes packets start end action tcp-flags log-status region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)


def parse(*lines: str, log_format: list[str] | None = None) -> Parsed:
    return parse_flow_log(REF, "\n".join([*lines, ""]).encode(), log_format)


def flows(parsed: Parsed) -> list[dict[str, Any]]:
    return parsed.tables["flows"].to_pylist()  # type: ignore[no-any-return]


def reasons(parsed: Parsed) -> list[str]:
    return parsed.tables["rejected_lines"]["reason"].to_pylist()  # type: ignore[no-any-return]


def mapped(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else IPv6Address(f"::ffff:{text}").packed


def test_a_default_record_fills_its_columns_and_leaves_the_others_empty() -> None:
    parsed = parse(V2, GOOD)
    assert (parsed.kind, parsed.read, dict(parsed.skipped)) == (ObjectKind.FLOW_LOG, 1, {})
    row = flows(parsed)[0]
    filled = {name: value for name, value in row.items() if value not in (None, "", [])}
    assert filled == {
        "version": 2,
        "account_id": "123456789010",
        "interface_id": "eni-0a1b",
        "srcaddr": mapped("203.0.113.12"),
        "dstaddr": mapped("172.31.16.21"),
        "srcport": 20641,
        "dstport": 22,
        "protocol": 6,
        "packets": 20,
        "bytes": 4249,
        "start": datetime(2025, 11, 20, 8, 32, 10, tzinfo=UTC),
        "end": datetime(2025, 11, 20, 8, 33, 10, tzinfo=UTC),
        "action": "ACCEPT",
        "object_id": REF.object_id,
        "row_no": 2,
    }
    assert row["vpc_id"] == "" and row["tcp_flags"] is None and row["pkt_srcaddr"] is None and row["direction"] == ""


@pytest.mark.parametrize("lines", [[V2, GOOD, GOOD.replace("OK", "NODATA"), "bad"], [V2], []])
def test_tables_have_the_columns_of_the_registry_up_to_the_row_number(lines: list[str]) -> None:
    tables = parse(*lines).tables
    for table in (FLOWS, COVERAGE, REJECTED_LINES):
        expected = [field for field in table.schema if field.name not in ("load", "chunk")]
        assert list(tables[table.name].schema) == expected
    assert set(tables) == {"flows", "coverage", "rejected_lines"}


def test_a_nat_gateway_has_separate_addresses_for_packet_and_interface() -> None:
    """AWS's example: 10.0.1.5 talks to 203.0.113.5 through the NAT gateway 10.0.0.220; four records, no instance."""
    header = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end"
    hops = [
        ("10.0.1.5", "10.0.0.220", "10.0.1.5", "203.0.113.5"),
        ("10.0.0.220", "203.0.113.5", "10.0.0.220", "203.0.113.5"),
        ("203.0.113.5", "10.0.0.220", "203.0.113.5", "10.0.0.220"),
        ("10.0.0.220", "10.0.1.5", "203.0.113.5", "10.0.1.5"),
    ]
    rows = flows(parse(header, *(f"- eni-1235b8ca {' '.join(hop)} 1763627530 1763627590" for hop in hops)))
    names = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")
    assert [tuple(row[name] for name in names) for row in rows] == [tuple(map(mapped, hop)) for hop in hops]
    assert {row["instance_id"] for row in rows} == {""}


def test_a_version_5_record_in_a_custom_order() -> None:
    record = (
        "5 vpc-abcdef01 subnet-aaaaaaaa i-0c50d5961bcb2d47b eni-1235b8ca 023456789010 IPv4 10.0.0.62 52.213.180.42 "
        "43416 443 10.0.0.62 52.213.180.42 6 568 8 1763627530 1763627590 ACCEPT 3 OK ap-southeast-2 apse2-az3 - - - S3 "
        "egress 8"
    )
    (row,) = flows(parse(V5, record))
    assert (row["version"], row["account_id"], row["vpc_id"]) == (5, "023456789010", "vpc-abcdef01")
    assert (row["tcp_flags"], row["traffic_path"], row["flow_direction"]) == (3, 8, "egress")
    assert (row["pkt_src_aws_service"], row["pkt_dst_aws_service"], row["sublocation_id"]) == ("", "S3", "")
    assert (row["packets"], row["bytes"], row["az_id"], row["type"]) == (8, 568, "apse2-az3", "IPv4")


def test_gaps_go_to_coverage_and_not_to_flows() -> None:
    nodata = "2 123456789010 eni-1 - - - - - - - 1763627530 1763627590 - NODATA"
    parsed = parse(V2, nodata, GOOD, nodata.replace("NODATA", "SKIPDATA"))
    assert parsed.tables["coverage"].to_pylist() == [
        {
            "account_id": "123456789010",
            "interface_id": "eni-1",
            "start": datetime(2025, 11, 20, 8, 32, 10, tzinfo=UTC),
            "end": datetime(2025, 11, 20, 8, 33, 10, tzinfo=UTC),
            "log_status": status,
            "time_source": "",
            "object_id": REF.object_id,
            "row_no": line,
        }
        for status, line in (("NODATA", 2), ("SKIPDATA", 4))
    ]
    assert [row["row_no"] for row in flows(parsed)] == [3]
    assert parsed.read == 3


TRANSIT = " ".join(field.name for field in TRANSIT_FIELDS)


def test_transit_gateway_records_go_to_separate_tables() -> None:
    """The record is AWS's example of the default format, with current times."""
    ok = (
        "6 TransitGateway 123456789012 tgw-0123456789a tgw-attach-0123456789a 123456789012 123456789012 vpc-1 vpc-2 "
        "subnet-1 subnet-2 eni-1 eni-2 ap-south-1a ap-south-1b tgw-attach-0123456789b 10.4.5.6 192.0.2.7 80 37416 6 "
        "2 80 1763627530 1763627590 OK IPv4 0 18446744073709551615 0 - 16 ap-south-1 egress - S3"
    )
    nodata = (
        "6 TransitGateway 123456789012 tgw-0123456789a tgw-attach-1 - - - - - - - - - - - - - - - - - - 1763627530 "
        "1763627590 NODATA - - - - - - ap-south-1 - - -"
    )
    parsed = parse(TRANSIT, ok, nodata, ok.replace("10.4.5.6", "10.4.5"))
    assert set(parsed.tables) == {"tgw_flows", "tgw_coverage", "rejected_lines"}
    assert (parsed.kind, parsed.read, reasons(parsed)) == (ObjectKind.FLOW_LOG, 3, ["bad-address:srcaddr"])
    (row,) = parsed.tables["tgw_flows"].to_pylist()
    assert (row["tgw_id"], row["tgw_attachment_id"], row["tgw_src_eni"]) == (
        "tgw-0123456789a",
        "tgw-attach-0123456789a",
        "eni-1",
    )
    lost = [row[f"packets_lost_{why}"] for why in ("no_route", "blackhole", "mtu_exceeded", "ttl_expired")]
    assert lost == [0, 2**64 - 1, 0, None]
    assert (row["srcaddr"], row["tcp_flags"], row["pkt_dst_aws_service"]) == (mapped("10.4.5.6"), 16, "S3")
    (gap,) = parsed.tables["tgw_coverage"].to_pylist()
    assert (gap["tgw_id"], gap["tgw_attachment_id"], gap["log_status"], gap["row_no"]) == (
        "tgw-0123456789a",
        "tgw-attach-1",
        "NODATA",
        3,
    )


@pytest.mark.parametrize("only", ["resource-type", "tgw-src-eni", "packets-lost-blackhole", "tgw-of-tomorrow"])
def test_one_transit_gateway_field_is_enough_to_recognize_its_log(only: str) -> None:
    parsed = parse(f"start end {only}", "1 2 3")
    assert parsed.tables["tgw_flows"].num_rows == 1
    assert "flows" not in parsed.tables


def test_without_log_status_a_record_that_measured_nothing_is_a_gap() -> None:
    parsed = parse("interface-id srcaddr packets start end", "eni-1 - - 1 2", "eni-1 - 0 1 2", "eni-1 10.0.0.1 - 1 2")
    assert parsed.tables["coverage"].select(["log_status", "row_no"]).to_pylist() == [{"log_status": "", "row_no": 2}]
    assert [row["row_no"] for row in flows(parsed)] == [3, 4]


def test_null_and_zero_remain_distinct() -> None:
    rows = flows(parse("srcport packets tcp-flags start end log-status", "0 0 0 1 2 OK", "- - - 1 2 OK"))
    assert [(row["srcport"], row["packets"], row["tcp_flags"]) for row in rows] == [(0, 0, 0), (None, None, None)]


def test_ipv4_and_ipv6_share_a_column() -> None:
    rows = flows(parse("srcaddr dstaddr start end", "10.0.0.1 2001:db8::ff00:42:8329 1 2", "::1 - 1 2"))
    assert [(row["srcaddr"], row["dstaddr"]) for row in rows] == [
        (mapped("10.0.0.1"), mapped("2001:db8::ff00:42:8329")),
        (mapped("::1"), None),
    ]


def test_fields_not_in_the_registry_are_kept_by_name() -> None:
    rows = flows(parse("start end ecs_task-id2 reject-cause", "1 2 task-1 -", "1 2 - -", "1 2 task-2 BPA"))
    assert [dict(row["extra"]) for row in rows] == [
        {"ecs-task-id2": "task-1"},
        {},
        {"ecs-task-id2": "task-2", "reject-cause": "BPA"},
    ]


def test_lines_are_numbered_as_an_editor_numbers_them() -> None:
    parsed = parse(V2, "", GOOD, "   ", V2, GOOD, "oops", V2.replace(" ", "  "))
    assert [row["row_no"] for row in flows(parsed)] == [3, 6]
    assert parsed.tables["rejected_lines"]["row_no"].to_pylist() == [7]
    assert parsed.read == 3


@pytest.mark.parametrize(
    "raw",
    [
        f"{V2}\n{GOOD}\n",
        f"{V2}\n{GOOD}",
        f"{V2}\r\n{GOOD}\r\n",
        f"\ufeff{V2}\n{GOOD}\n",
        f"\ufeff{V2}\r\n{GOOD}",
        f"  {V2.replace(' ', '   ')}  \n {GOOD.replace(' ', '  ')}   \n",
        f"{V2.replace('-', '_')}\n{GOOD}\n",
        f"{V2}\n{GOOD.replace('1763627530', '1763627530123')}\n",
    ],
    ids=["plain", "no-newline", "crlf", "bom", "bom-crlf", "spaces", "underscores", "milliseconds"],
)
def test_harmless_differences_change_nothing(raw: str) -> None:
    assert flows(parse_flow_log(REF, raw.encode())) == flows(parse(V2, GOOD))


def test_a_log_without_header_is_read_by_the_configured_format() -> None:
    parsed = parse("eni-7 1763627530 1763627590", log_format=["interface_id", "start", "end"])
    assert [(row["interface_id"], row["row_no"]) for row in flows(parsed)] == [("eni-7", 1)]
    assert flows(parse(GOOD)) == [{**flows(parse(V2, GOOD))[0], "row_no": 1}]


def test_the_header_wins_over_the_configured_format() -> None:
    assert flows(parse(V2, GOOD, log_format=["start", "end"])) == flows(parse(V2, GOOD))


@pytest.mark.parametrize(
    "raw", [b"", b"\n", V2.encode(), V2.encode() + b"\r\n\r\n"], ids=["none", "blank", "header", "crlf"]
)
def test_a_log_without_records_has_none(raw: bytes) -> None:
    parsed = parse_flow_log(REF, raw)
    assert parsed.read == 0
    assert [table.num_rows for table in parsed.tables.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (" OK", "", "token-count"),
        (" OK", " OK more", "token-count"),
        ("20641", "x", "bad-number:srcport"),
        ("20641", "-1", "bad-number:srcport"),
        ("20641", "65536", "out-of-range:srcport"),
        (" 4249", " 18446744073709551616", "out-of-range:bytes"),
        ("2 123", "256 123", "out-of-range:version"),
        ("203.0.113.12", "203.0.113.256", "bad-address:srcaddr"),
        ("172.31.16.21", "2001:db8:::1", "bad-address:dstaddr"),
        ("172.31.16.21", "fe80::1%eth0", "bad-address:dstaddr"),
        ("ACCEPT", "DROP", "bad-action"),
        ("OK", "FINE", "bad-log-status"),
        ("OK", "-", "bad-log-status"),
        ("1763627530", "-", "no-time"),
        ("1763627590", "4294967296", "out-of-range:end"),
        ("1763627530", "17e8", "bad-number:start"),
        ("eni-0a1b", "eni\x00", "control-bytes"),
        ("eni-0a1b", "eni\t", "control-bytes"),
        ("eni-0a1b", "eni\x1b[2J", "control-bytes"),
        ("eni-0a1b", "e" * 65536, "line-too-long"),
    ],
)
def test_a_bad_line_is_rejected_with_its_reason_and_the_others_stay(old: str, new: str, reason: str) -> None:
    bad = GOOD.replace(old, new, 1)
    parsed = parse(V2, GOOD, bad, GOOD)
    (rejected,) = parsed.tables["rejected_lines"].to_pylist()
    assert rejected == {"reason": reason, "raw": bad[:RAW_CAP], "object_id": REF.object_id, "row_no": 3}
    assert [row["row_no"] for row in flows(parsed)] == [2, 4]
    assert parsed.read == 3


def test_limits_themselves_are_allowed() -> None:
    most = "255 0 eni-1 - - 65535 0 255 18446744073709551615 0 0 4294967295 REJECT OK"
    (row,) = flows(parse(V2, most))
    assert (row["version"], row["srcport"], row["packets"]) == (255, 65535, 2**64 - 1)
    assert row["end"] == datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)


def test_a_line_of_64_kib_is_read_and_one_byte_more_is_not() -> None:
    longest = "1 2 " + "x" * (65536 - 4)
    parsed = parse("start end quantum-tag", longest, longest + "x")
    assert [len(dict(row["extra"])["quantum-tag"]) for row in flows(parsed)] == [65532]
    assert reasons(parsed) == ["line-too-long"]


def test_undecodable_bytes_are_kept_escaped_and_the_raw_line_is_capped() -> None:
    bad = b"start end vpc-id\n1 2 vpc-\xff\xe2\x82\n1 2 " + b"\xe9" * 2000 + b"\n1 2 vpc-\xe6\x9d\xb1\n"
    parsed = parse_flow_log(REF, bad)
    assert parsed.tables["rejected_lines"].select(["reason", "raw"]).to_pylist() == [
        {"reason": "not-utf8", "raw": r"1 2 vpc-\xff\xe2\x82"},
        {"reason": "not-utf8", "raw": "1 2 " + r"\xe9" * (RAW_CAP - 4)},
    ]
    assert [row["vpc_id"] for row in flows(parsed)] == ["vpc-東"]


def test_texts_of_rejected_lines_are_not_cached() -> None:
    parsed = parse("vpc-id start end", "vpc-good 1 2", "vpc-bad x 2")
    assert parsed.tables["flows"]["vpc_id"].chunk(0).dictionary.to_pylist() == ["", "vpc-good"]


@pytest.mark.parametrize(
    ("raw", "reason", "words"),
    [
        (b"PAR1\x15\x04", "bad-parquet", "copy the object again"),
        (b"start end start\n1 2 3\n", "duplicate-field", "start"),
        (b"start end vpc-id vpc_id\n", "duplicate-field", "vpc-id"),
        (b"version srcaddr start\n2 10.0.0.1 1\n", "no-time-fields", "no end"),
        (b"hello world\n", "no-time-fields", "no start and no end"),
        (b"version acc\x00unt-id start end\n", "bad-header", "acc\\x00unt-id"),
        (b"srcaddr dstaddr start end\n- - 1 2\ndstaddr srcaddr start end\n- - 1 2\n", "header-changes", "Line 3"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_an_object_that_is_not_a_flow_log_is_rejected_as_a_whole(raw: bytes, reason: str, words: str) -> None:
    with pytest.raises(BadObject) as caught:
        parse_flow_log(REF, raw)
    assert caught.value.reason == reason
    assert words in caught.value.detail
