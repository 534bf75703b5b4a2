"""Proves: a record far from the time that its object is of is kept with that reason, whatever the form of the object
and however it is read; a record that AWS delivered late is accepted."""

import gzip
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.parse.cloudtrail import parse_changes
from pipelines.ingest.parse.flow_log import parse_flow_log
from pipelines.ingest.parse.named_time import span_of_key
from pipelines.ingest.parse.parse_objects import parse_group
from pipelines.ingest.parse.time_bounds import AHEAD, REASON, SAMPLE, TimeRule
from schemas.object_ref import ObjectKind, ObjectRef

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOON.timestamp())
DAY = 86_400
NAME = "1_vpcflowlogs_eu-central-1_fl-1_20261120T1200Z_0a.log.gz"
NAMED = ObjectRef("logs", f"AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/{NAME}", "e", 1)
NAMELESS = ObjectRef("logs", "copies/flow.log.gz", "e", 1)
RULE = TimeRule(NOON + timedelta(hours=1))
Y2106 = 2**32 - 1


def text(times: Sequence[int], statuses: Sequence[str] = ()) -> bytes:
    lines = [
        f"eni-1 {at} {at + 59} {status}" for at, status in zip(times, statuses or ["OK"] * len(times), strict=True)
    ]
    return "\n".join(["interface-id start end log-status", *lines, ""]).encode()


def parquet(times: Sequence[int]) -> bytes:
    table = pa.table(
        {
            "interface_id": ["eni-1"] * len(times),
            "start": times,
            "end": [at + 59 for at in times],
            "log_status": ["OK"] * len(times),
        }
    )
    made = io.BytesIO()
    pq.write_table(table, made)
    return made.getvalue()


def parted(ref: ObjectRef, raw: bytes, rule: TimeRule | None = RULE) -> tuple[list[int | None], list[int]]:
    """The times of the flows, and the numbers of the records out of range."""
    parsed = parse_flow_log(ref, raw, rule=rule)
    lines = parsed.tables["rejected_lines"].to_pylist()
    assert {line["reason"] for line in lines} <= {REASON}
    assert parsed.read == sum(table.num_rows for table in parsed.tables.values())
    starts = parsed.tables["flows"]["start"].cast(pa.int64()).to_pylist()
    return starts, [line["row_no"] for line in lines]


DAY_FOLDER, HOUR_FOLDER = (AT - AT % DAY, AT - AT % DAY + DAY), (AT, AT + 3600)


@pytest.mark.parametrize(
    ("key", "span"),
    [
        (NAMED.key, (AT, AT + 300)),
        (NAME, (AT, AT + 300)),
        ("1_CloudTrail_eu-central-1_20261120T1200Z_abcdefgh12345678.json.gz", (AT, AT + 300)),
        ("AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/12/renamed.parquet", HOUR_FOLDER),
        ("AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/renamed.log", DAY_FOLDER),
        (
            "p/AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/aws-region=x/year=2026/month=11/day=20/hour=12/a",
            HOUR_FOLDER,
        ),
        ("copies/year=2026/month=11/day=20/a.log", DAY_FOLDER),
        ("backup/2026/11/20/flow.log", None),
        ("copies/flow.log.gz", None),
        ("AWSLogs/1/vpcflowlogs/eu-central-1/2026/13/20/a.log", None),
        ("1_vpcflowlogs_x_fl-1_20261399T1200Z_0a.log.gz", None),
        ("\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0660T1200Z", None),
    ],
)
def test_the_time_of_a_key(key: str, span: tuple[int, int] | None) -> None:
    assert span_of_key(key) == span


@pytest.mark.parametrize("form", [text, parquet])
def test_records_far_from_the_name_are_kept_with_the_reason(form: Any) -> None:
    times = [AT, AT - 8 * DAY, AT - 3 * DAY, AT + 8 * DAY, Y2106 - 59, 0, AT + 240]
    assert parted(NAMED, form(times)) == (
        [AT, AT - 3 * DAY, AT + 240],
        [2, 4, 5, 6] if form is parquet else [3, 5, 6, 7],
    )
    assert len(parted(NAMED, form(times), None)[0]) == 7
    assert len(parted(NAMED, form(times), TimeRule(NOON, timedelta(days=30_000)))[0]) == 7


def test_the_bounds_themselves_are_accepted_and_both_times_count() -> None:
    low, high = AT - 7 * DAY, AT + 300 + 7 * DAY
    lines = [f"{low} {low}", f"{low - 1} {AT}", f"{high} {high}", f"{AT} {high + 1}", f"{low} {high}"]
    parsed = parse_flow_log(NAMED, "\n".join(["start end", *lines]).encode(), rule=RULE)
    assert parsed.tables["rejected_lines"]["row_no"].to_pylist() == [3, 5]


def test_a_line_keeps_the_reason_that_a_text_has_at_once() -> None:
    raw = f"start end srcaddr\n{Y2106} {Y2106} 10.0.0.999\n{Y2106} {Y2106} 10.0.0.9\n".encode()
    lines = parse_flow_log(NAMED, raw, rule=RULE).tables["rejected_lines"].to_pylist()
    assert [line["reason"] for line in lines] == ["bad-address:srcaddr", REASON]
    assert lines[1]["raw"] == f"{Y2106} {Y2106} 10.0.0.9"


def test_a_name_outside_of_what_the_store_can_hold_accepts_nothing() -> None:
    for year in ("1900", "2300"):
        ref = ObjectRef("logs", NAMED.key.replace("20261120T", f"{year}1120T"), "e", 1)
        assert parted(ref, text([AT, 1])) == ([], [2, 3])


def test_intervals_without_records_are_held_to_the_same_bounds() -> None:
    raw = text([AT, Y2106 - 59, AT, Y2106 - 59], ["NODATA", "NODATA", "SKIPDATA", "SKIPDATA"])
    parsed = parse_flow_log(NAMED, raw, rule=RULE)
    assert parsed.tables["coverage"].num_rows == parsed.tables["rejected_lines"].num_rows == 2


@pytest.mark.parametrize("form", [text, parquet])
def test_a_log_without_a_time_in_its_name_is_held_to_its_other_records(form: Any) -> None:
    first = 1 if form is parquet else 2
    old = AT - 3000 * DAY
    assert parted(NAMELESS, form([Y2106 - 59, old, old + DAY, AT])) == ([old, old + DAY], [first, first + 3])


@pytest.mark.parametrize("form", [text, parquet])
def test_a_log_without_a_time_in_its_name_is_held_to_now(form: Any) -> None:
    last = int((RULE.now + AHEAD).timestamp()) - 59
    assert parted(NAMELESS, form([last, last, last + 1]))[0] == [last, last]
    assert parted(NAMELESS, form([Y2106 - 59] * 3))[0] == []


def test_objects_that_are_read_together_have_their_own_bounds() -> None:
    other = ObjectRef("logs", NAMED.key.replace("20261120T", "20251120T"), "e", 1)
    raw = text([AT, AT - 365 * DAY, AT - 3000 * DAY])
    refs = [NAMED, other, NAMELESS]
    group = parse_group([(ref, gzip.compress(raw)) for ref in refs], ObjectKind.FLOW_LOG, rule=RULE)
    flows, lines = group.batches[0].tables["flows"], group.batches[0].tables["rejected_lines"]
    kept = dict(zip(flows["object_id"].to_pylist(), flows["start"].cast(pa.int64()).to_pylist(), strict=True))
    assert kept == {NAMED.object_id: AT, other.object_id: AT - 365 * DAY, NAMELESS.object_id: AT - 365 * DAY}
    assert lines.num_rows == 6


def test_the_beginning_of_a_long_log_stands_for_all_of_it() -> None:
    """Also when the line at which the beginning ends is cut."""
    times = [AT + n % 60 for n in range(9_000)] + [AT - 30 * DAY] * 20_000
    raw = text(times)
    assert len(raw) > 4 * SAMPLE
    assert len(parted(NAMELESS, raw)[0]) == 9_000


def test_change_events_are_held_to_the_name_and_without_one_to_now() -> None:
    def event(n: int, at: datetime) -> dict[str, Any]:
        when = at.isoformat().replace("+00:00", "Z")
        return {"eventName": "DeleteRoute", "eventSource": "ec2.amazonaws.com", "eventID": str(n), "eventTime": when}

    times = [NOON, NOON - timedelta(days=3), NOON - timedelta(days=300), datetime(2106, 1, 1, tzinfo=UTC)]
    raw = json.dumps({"Records": [event(n, at) for n, at in enumerate(times)]}).encode()
    trail = ObjectRef("logs", "1_CloudTrail_eu-central-1_20261120T1200Z_abcdefgh12345678.json.gz", "e", 1)
    for ref, far in ((trail, [3, 4]), (NAMELESS, [4])):
        lines = parse_changes(ref, raw, RULE).tables["rejected_lines"].to_pylist()
        assert [(line["reason"], line["row_no"]) for line in lines] == [(REASON, n) for n in far]
