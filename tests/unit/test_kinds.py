"""An object's kind is determined by the name AWS gives it, else by its first bytes; everything else is OTHER."""

import gzip

import pytest

from pipelines.ingest.find.kinds import HEAD_BYTES, kind_of_head, kind_of_key
from pipelines.ingest.parse.log_format import header_of, parse_log_format
from schemas.errors import BadObject, FlowtrailError
from schemas.flow import DEFAULT_FORMAT
from schemas.object_ref import ObjectKind, ObjectRef

FLOW_LOG, CLOUDTRAIL, OTHER = ObjectKind.FLOW_LOG, ObjectKind.CLOUDTRAIL, ObjectKind.OTHER
LOG = "123456789010_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log"
TRAIL = "111122223333_CloudTrail_us-east-2_20150801T0210Z_Mu0KsOhtH1ar15ZZ.json.gz"
DIGEST = "111122223333_CloudTrail-Digest_us-east-2_trail_us-east-2_20150801T180115Z.json.gz"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (f"AWSLogs/123456789010/vpcflowlogs/us-east-1/2018/06/20/{LOG}.gz", FLOW_LOG),
        (f"AWSLogs/123456789010/vpcflowlogs/us-east-1/2018/06/20/16/{LOG}.gz", FLOW_LOG),
        (f"team/net/AWSLogs/123456789010/vpcflowlogs/us-east-1/2018/06/20/{LOG}.parquet", FLOW_LOG),
        (
            "AWSLogs/aws-account-id=123456789010/aws-service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/"
            f"day=20/hour=16/{LOG}.gz",
            FLOW_LOG,
        ),
        (f"{LOG}", FLOW_LOG),
        (f"AWSLogs/111122223333/CloudTrail/us-east-2/2015/08/01/{TRAIL}", CLOUDTRAIL),
        (f"p/AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-2/2015/08/01/{TRAIL}", CLOUDTRAIL),
        (f"AWSLogs/111122223333/CloudTrail-Digest/us-east-2/2015/08/01/{DIGEST}", OTHER),
        (DIGEST, OTHER),
        (f"AWSLogs/111122223333/CloudTrail-Insight/us-east-2/2015/08/01/{TRAIL}", OTHER),
        ("AWSLogs/123456789010/vpcflowlogs/", OTHER),
        ("p/AWSLogs/123456789010/elasticloadbalancing/us-east-1/2026/11/20/x.log.gz", OTHER),
        ("AWSLogs/o-abc/123456789010/Config/us-east-1/2026/11/20/x.json.gz", OTHER),
        ("AWSLogs/123456789010/ours/us-east-1/2026/11/20/x.log.gz", None),
        ("AWSLogs/123456789010_$folder$", OTHER),
        ("copies/of/flow.log.gz", None),
        (f"{LOG}.gz.tmp", None),
        (f"AWSLogs/{TRAIL}.bak", None),
        ("", None),
    ],
)
def test_by_key(key: str, kind: ObjectKind | None) -> None:
    assert kind_of_key(key) is kind


HEADER = (" ".join(DEFAULT_FORMAT) + "\n").encode()
RECORD = b"2 123456789010 eni-1 - - - - - - - 1763627530 1763627590 - NODATA\n"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (HEADER + RECORD, FLOW_LOG),
        (HEADER.replace(b"-", b"_"), FLOW_LOG),
        (b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n"), FLOW_LOG),
        (b"\n\n" + HEADER, FLOW_LOG),
        (b"end start\n", FLOW_LOG),
        (b"version resource-type tgw-id start end\n", FLOW_LOG),
        (b"version acc\0unt start end\n", FLOW_LOG),
        (RECORD, FLOW_LOG),
        (b'{"Records":[{"eventVersion":"1.08"', CLOUDTRAIL),
        (b'\n{ "Records" : [\n', CLOUDTRAIL),
        (b'{"Records":{}}', OTHER),
        (b'{"configurationItems":[]}', OTHER),
        (b"dear diary\n", OTHER),
        (b"2 123456789010 eni-1\n", OTHER),
        (b"\x89PNG\r\n", OTHER),
        (b"PARquet", OTHER),
        (b"", OTHER),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_by_first_bytes(head: bytes, kind: ObjectKind, packed: bool) -> None:
    assert kind_of_head(gzip.compress(head, mtime=0) if packed else head) is kind


def test_parquet_is_recognized_by_its_magic_whatever_its_name() -> None:
    assert kind_of_head(b"PAR1\x15\x04\x15") is FLOW_LOG


def test_the_beginning_of_a_large_gzip_is_enough() -> None:
    lines = b"".join(
        b"2 1 eni-%d 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK\n" % (n * 7919 % 99991) for n in range(99_999)
    )
    stored = gzip.compress(HEADER + lines, mtime=0)
    assert len(stored) > HEAD_BYTES
    assert kind_of_head(stored[:HEAD_BYTES]) is FLOW_LOG


@pytest.mark.parametrize(
    "head",
    [
        b"\x1f\x8b\x08" + b"\xff" * 100,
        b"\x1f\x8b",
        gzip.compress(HEADER * 5, mtime=0)[:30],
        gzip.compress(b'{"configurationItems": ' * 9, mtime=0)[:30],
        b"PAR1\x15\x04",
    ],
)
def test_damaged_objects_and_parquet_are_read_so_that_reading_reports_the_problem(head: bytes) -> None:
    assert kind_of_head(head) is FLOW_LOG


def test_a_long_complete_line_is_not_damaged() -> None:
    assert kind_of_head(gzip.compress(b'{"configurationItems":[' + b"1," * 400_000 + b"1]}", mtime=0)) is OTHER


def test_a_record_without_header_is_recognized_by_the_configured_format() -> None:
    record = b"1763627530 1763627590 eni-1\n"
    assert kind_of_head(record) is OTHER
    assert kind_of_head(record, ["start", "end", "interface-id"]) is FLOW_LOG


def test_a_log_format_is_read_as_aws_prints_it() -> None:
    assert parse_log_format("${version} ${account-id}  ${start}") == ("version", "account-id", "start")
    assert parse_log_format("version account_id") == ("version", "account-id")


@pytest.mark.parametrize("text", ["", "  ", "${version ${start}", "Version", "${}"])
def test_an_invalid_log_format_is_rejected_with_an_example(text: str) -> None:
    with pytest.raises(FlowtrailError, match=r"\$\{start\}"):
        parse_log_format(text)


RECORD = "2 123456789010 eni-0a 198.51.100.7 10.0.1.10 40000 22 6 3 180 1763640300 1763640350 REJECT OK"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"2026-11-20T09:00:00.000Z {RECORD}", "exports of CloudWatch Logs"),
        (f'{{"message":"{RECORD}"}}', "Firehose"),
        (f'{{"id":"1","timestamp":1763640300000,"message":"{RECORD}"}}', "Firehose"),
    ],
)
def test_flow_logs_in_a_wrapping_are_named_and_not_taken_for_something_else(line: str, words: str) -> None:
    head = gzip.compress(f"{line}\n".encode())
    assert kind_of_head(head) is FLOW_LOG
    with pytest.raises(BadObject) as caught:
        header_of(ObjectRef("logs", "exportedlogs/x.gz", "e", 1), f"{line}\n".encode())
    assert caught.value.reason == "wrapped-flow-log"
    assert words in caught.value.detail


@pytest.mark.parametrize("line", ["2026-11-20T09:00:00Z hello", '{"message":"hello"}', "Permission Check Successful"])
def test_other_text_is_still_other(line: str) -> None:
    assert kind_of_head(f"{line}\n".encode()) is OTHER
