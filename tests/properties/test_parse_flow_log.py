"""parse_flow_log reads every log exactly as the slow reference does: tables, columns, rows, line numbers, reasons."""

import gzip
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.ingest.parse.decompress import PARQUET_MAGIC
from pipelines.ingest.parse.flow_log import FlowLogs, parse_flow_log
from pipelines.ingest.parse.parse_objects import opened, parse_group
from pipelines.ingest.parse.shapes import schema_of
from pipelines.ingest.parse.time_bounds import TimeRule
from schemas.columnar.columns import filled
from schemas.errors import BadObject
from schemas.flow import BY_AWS_NAME, DEFAULT_FORMAT, LOG_STATUS
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.tables import TABLES
from schemas.tgw import TGW_BY_AWS_NAME
from tests.reference_parser import BadLog, Times, reference_parse

REF = ObjectRef("logs", "AWSLogs/flow.log.gz", "etag", 1)
NUMBERS = ["0", "6", "255", "256", "65535", "65536", "443", "00017", "18446744073709551615", "18446744073709551616"]
NUMBERS += ["99999999999999999999", "0" * 30 + "7", "-1", "+1", "1.5", "1e3", "0x10", "\u0663"]
TIMES = ["1700000000", "1700000060", "4294967295", "4294967296", "100000000000", "100000000001", "1700000000123", "0"]
TIMES += ["4294967295999", "4294967296000", "18446744073709551616", "-", "x"]
ADDRESSES = [
    "10.0.0.1",
    "255.255.255.255",
    "256.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1..2.3",
    "0.0.0.1",
    "1.2.3.4.",
]
ADDRESSES += [
    "::",
    "::1",
    "2001:db8::1",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1::8::9",
    ":1",
    "1:",
]
ADDRESSES += [
    "::ffff:10.0.0.1",
    "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "12345::",
    "fe80::1%eth0",
    "G::",
    ":::",
]
ADDRESSES += ["1:2:3:4:5:6:7:8:9", "ABCD:ef01::", "::1.2.3", "1:2:3:4:5:6:7:8::", "::1.2.3.4:5", "1.2.3.4::"]
TEXTS = [
    "eni-0abc",
    "eni-0abd",
    "unknown",
    "123456789012",
    "012345678901",
    "a",
    "-",
    "--",
    "é",
    "東京",
    "x" * 40,
    "y" * 1100,
]

short = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
addresses = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda n: str(IPv4Address(n))),
    st.integers(0, 2**128 - 1).map(lambda n: str(IPv6Address(n))),
    st.integers(0, 2**128 - 1).map(lambda n: IPv6Address(n).exploded),
    st.text("0123456789abcdefABCDEF.:", min_size=1, max_size=24),
)
SPLICES = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b" ",
    b"  ",
    b"-",
    b"\t",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xe2\x82\xac",
    b"\xed\xa0\x80",
]


TENTH = st.integers(0, 9)
STATUSES = st.sampled_from(["OK", "OK", "OK", "NODATA", "SKIPDATA", "ok", "OKAY", "NODAT", "SKIPDATAS"])
ACTIONS = st.sampled_from(["ACCEPT", "REJECT", "ACCEPTED", "accept", "DROP"])
SOME_TIMES = st.one_of(st.integers(1_600_000_000, 1_800_000_000).map(str), st.sampled_from(TIMES))
SOME_ADDRESSES = st.one_of(addresses, st.sampled_from(ADDRESSES))
SOME_NUMBERS = st.one_of(st.integers(0, 255).map(str), st.integers(0, 2**65).map(str), st.sampled_from(NUMBERS))
SOME_TEXTS = st.one_of(st.sampled_from(TEXTS), short)
OTHERS = st.one_of(st.just("-"), short)


@cache
def usual(name: str) -> st.SearchStrategy[str]:
    if name == LOG_STATUS:
        return STATUSES
    if name == "action":
        return ACTIONS
    if name in ("start", "end"):
        return SOME_TIMES
    column = BY_AWS_NAME.get(name) or TGW_BY_AWS_NAME.get(name)
    if name.endswith("addr"):
        return SOME_ADDRESSES
    if column is not None and not str(column.arrow).startswith("dictionary"):
        return SOME_NUMBERS
    return SOME_TEXTS


@cache
@st.composite
def tokens(draw: st.DrawFn, name: str) -> str:
    """Values that AWS would write, mostly, and sometimes values that it would not."""
    return draw(OTHERS if draw(TENTH) == 0 else usual(name))


KNOWN = st.sampled_from([BY_AWS_NAME, BY_AWS_NAME, TGW_BY_AWS_NAME, BY_AWS_NAME | TGW_BY_AWS_NAME])
TWENTIETH = st.integers(0, 19)


@cache
def some_of(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True)


@st.composite
def layouts(draw: st.DrawFn) -> list[str]:
    """Fields of a VPC log mostly, of a transit gateway log sometimes, and occasionally of both."""
    names = draw(some_of((*draw(KNOWN), LOG_STATUS, "quantum-state", "x9")))
    must = [name for name in ("start", "end") if name not in names and draw(QUARTER)]
    if len(must) < 2 and draw(HALF):
        must += [name for name in ("srcaddr", "dstaddr") if name not in names]
    return draw(st.permutations([*names, *must])) or ["start", "end"]


WHOLE = st.sampled_from([list(DEFAULT_FORMAT), [*BY_AWS_NAME, LOG_STATUS], [*TGW_BY_AWS_NAME, LOG_STATUS]])
NAMES = st.one_of(WHOLE, layouts())
FIFTH, QUARTER, HALF = st.integers(0, 4), st.integers(0, 3), st.booleans()
COUNT, SPLICED, CUT = st.integers(0, 12), st.integers(1, 3), st.integers(0, 2)
GAPS = st.sampled_from([" ", " ", " ", "  "])
NEWLINES = st.sampled_from(["\n", "\n", "\r\n"])
ENDS = st.sampled_from([b"", b"\n", b"\r\n", b"\r", b" "])
SPLICE = st.sampled_from(SPLICES)


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, list[str] | None]:
    names = draw(NAMES)
    header = [name.replace("-", "_") if draw(TENTH) == 0 else name for name in names]
    lines = [" ".join(header)] if draw(FIFTH) else []
    for _ in range(draw(COUNT)):
        kind = draw(TWENTIETH)
        if kind == 0:
            lines.append(draw(st.sampled_from(["", "  ", " ".join(header), "  ".join(names), "start end", "version"])))
        elif kind == 1 and len(lines) > 1:
            lines.append(lines[-1])
        else:
            gap = draw(GAPS)
            lines.append(gap.join(draw(tokens(name)) for name in names))
    raw = draw(NEWLINES).join(lines).encode() + draw(ENDS)
    if draw(QUARTER) == 0:
        for _ in range(draw(SPLICED)):
            at = draw(st.integers(0, len(raw)))
            raw = raw[:at] + draw(SPLICE) + raw[at + draw(CUT) :]
    if draw(TENTH) == 0:
        raw = b"\xef\xbb\xbf" + raw
    return raw, names if draw(HALF) else None


def assert_same(raw: bytes, log_format: list[str] | None) -> None:
    try:
        expected = reference_parse(raw, REF.object_id, log_format)
    except BadLog as bad:
        with pytest.raises(BadObject) as caught:
            parse_flow_log(REF, raw, log_format)
        assert caught.value.reason == str(bad)
        return
    parsed = parse_flow_log(REF, raw, log_format)
    assert parsed.read == expected.read
    for name, table in parsed.tables.items():
        table.validate(full=True)
        assert table.to_pylist() == getattr(expected, name)
    assert parsed.read == sum(table.num_rows for table in parsed.tables.values()) + sum(parsed.skipped.values())


NOON = datetime(2023, 11, 15, 12, tzinfo=UTC)
FILE_NAMED_NOON = "1_vpcflowlogs_eu-central-1_fl-1_20231115T1200Z_{}.log.gz"
SPAN = (int(NOON.timestamp()), int(NOON.timestamp()) + 300)
BOUNDS = st.sampled_from([1, 7, 400, 4_000, 40_000]).map(lambda days: timedelta(days=days))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(logs(), st.booleans()), min_size=1, max_size=5), BOUNDS, st.integers(1, 400))
def test_times_are_held_to_the_same_bounds_whatever_is_read_together_and_in_pieces(
    some: list[tuple[tuple[bytes, list[str] | None], bool]], bound: timedelta, size: int
) -> None:
    rule = TimeRule(NOON, bound)
    seconds, now = int(bound.total_seconds()), SPAN[0]
    texts = {
        ObjectRef("logs", FILE_NAMED_NOON.format(f"{n:x}") if named else str(n), "e", 1): (raw, named)
        for n, ((raw, _), named) in enumerate(some)
        if raw
    }
    expected = {
        ref: reference(raw, ref, Times(seconds, now, SPAN if named else None)) for ref, (raw, named) in texts.items()
    }
    good = {ref: found for ref, found in expected.items() if not isinstance(found, BadLog)}
    group = parse_group([(ref, raw) for ref, (raw, _) in texts.items()], ObjectKind.FLOW_LOG, rule=rule)
    for batch in group.batches:
        for name, table in batch.tables.items():
            rows = filled(table, schema_of(TABLES[name])).to_pylist()
            assert rows == [row for source in batch.objects for row in getattr(good[source.ref], name)]
    for ref, found in good.items():
        raw = texts[ref][0]
        header, beginning, bounds = opened(ref, iter([raw[:size], raw[size:]]), None, rule)
        read = FlowLogs(header)
        read.add(ref, [beginning, raw[len(beginning) :]], bounds)
        for name, table in read.take().tables.items():
            assert filled(table, schema_of(TABLES[name])).to_pylist() == getattr(found, name)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(logs())
@example((b"", None))
@example((b"\xef\xbb\xbf\n\n", None))
@example((b"start end\n1 2\nend start\n1 2\n", None))
def test_a_log_is_read_as_the_reference_reads_it(log: tuple[bytes, list[str] | None]) -> None:
    assert_same(*log)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300).filter(lambda noise: not noise.startswith(PARQUET_MAGIC)), st.booleans())
def test_any_bytes_are_read_as_the_reference_reads_them(noise: bytes, headed: bool) -> None:
    assert_same((" ".join(DEFAULT_FORMAT).encode() + b"\n" if headed else b"") + noise, None)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(logs(), min_size=1, max_size=6), st.booleans())
def test_objects_read_together_are_read_as_the_reference_reads_each(
    some: list[tuple[bytes, list[str] | None]], packed: bool
) -> None:
    texts = {ObjectRef("logs", str(n), "e", 1): raw for n, (raw, _) in enumerate(some) if raw}
    expected = {ref: with_records(reference(raw, ref)) for ref, raw in texts.items()}
    group = parse_group(
        [(ref, gzip.compress(raw) if packed else raw) for ref, raw in texts.items()], ObjectKind.FLOW_LOG
    )
    bad = {letter.ref: letter.reason for letter in group.letters}
    assert bad == {ref: str(found) for ref, found in expected.items() if isinstance(found, BadLog)}
    read = {source.ref: source.read for batch in group.batches for source in batch.objects}
    assert read == {ref: found.read for ref, found in expected.items() if not isinstance(found, BadLog)}
    for batch in group.batches:
        for name, table in batch.tables.items():
            rows = filled(table, schema_of(TABLES[name])).to_pylist()
            good = (expected[source.ref] for source in batch.objects)
            assert rows == [row for found in good if not isinstance(found, BadLog) for row in getattr(found, name)]


def with_records(found: Any) -> Any:
    """A log without a single record is set aside."""
    if not isinstance(found, BadLog) and found.read and len(found.rejected_lines) == found.read:
        return BadLog("no-records-of-this-format")
    return found


def reference(raw: bytes, ref: ObjectRef, times: Times | None = None) -> Any:
    try:
        return reference_parse(raw, ref.object_id, None, times)
    except BadLog as bad:
        return bad


@settings(max_examples=300, deadline=None)
@given(st.one_of(addresses, st.sampled_from(ADDRESSES)))
def test_an_address_is_read_as_the_standard_library_reads_it(address: str) -> None:
    assert_same(f"srcaddr start end\n{address} 1 2\n".encode(), None)


@pytest.mark.parametrize("seed", range(3))
def test_logs_longer_than_a_block_with_many_texts_and_faults_are_read_as_the_reference_reads_them(seed: int) -> None:
    """Large enough that block boundaries, growing text tables and repeats across blocks are certain to occur."""
    rng = random.Random(seed)
    names = ["interface-id", "start", "srcaddr", "quantum-state", "packets", "action", "end", LOG_STATUS]
    pool = {
        "interface-id": [f"eni-{n:017x}" for n in range(40)],
        "srcaddr": ["10.0.0.1", "10.0.0.2", "-", "2001:db8::7", "10.0.0.999"],
        "quantum-state": [f"task{n}" for n in range(3000)] + ["-"],
        "packets": ["-", "1", "70000", "x"],
        "action": ["ACCEPT", "REJECT", "-"],
        LOG_STATUS: ["OK", "OK", "OK", "NODATA"],
    }
    lines = [" ".join(names)]
    for n in range(20_000):
        lines.append(" ".join(rng.choice(pool[name]) if name in pool else str(1_700_000_000 + n) for name in names))
        if rng.random() < 0.001:
            lines.append(rng.choice(["", lines[0], "short", "\x00"]))
    assert_same("\n".join(lines).encode(), None)
