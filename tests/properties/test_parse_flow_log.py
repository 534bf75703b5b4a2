"""parse_flow_log reads every log just as the slow reference does: tables, columns, rows, line numbers, reasons."""

import gzip
import random
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.columns import filled
from pipelines.ingest.decompress import PARQUET_MAGIC
from pipelines.ingest.group import parse_group
from pipelines.ingest.parse import parse_flow_log
from pipelines.ingest.shapes import schema_of
from schemas.errors import BadObject
from schemas.flow import BY_AWS_NAME, DEFAULT_FORMAT, LOG_STATUS
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.tables import TABLES
from schemas.tgw import TGW_BY_AWS_NAME
from tests.reference_parser import BadLog, reference_parse

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


@st.composite
def tokens(draw: st.DrawFn, name: str) -> str:
    """Mostly what AWS would write, sometimes what it would not."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.just("-"), short))
    if name == LOG_STATUS:
        return draw(st.sampled_from(["OK", "OK", "OK", "NODATA", "SKIPDATA", "ok", "OKAY", "NODAT", "SKIPDATAS"]))
    if name == "action":
        return draw(st.sampled_from(["ACCEPT", "REJECT", "ACCEPTED", "accept", "DROP"]))
    if name in ("start", "end"):
        return draw(st.one_of(st.integers(1_600_000_000, 1_800_000_000).map(str), st.sampled_from(TIMES)))
    column = BY_AWS_NAME.get(name) or TGW_BY_AWS_NAME.get(name)
    if name.endswith("addr"):
        return draw(st.one_of(addresses, st.sampled_from(ADDRESSES)))
    if column is not None and not str(column.arrow).startswith("dictionary"):
        return draw(st.one_of(st.integers(0, 255).map(str), st.integers(0, 2**65).map(str), st.sampled_from(NUMBERS)))
    return draw(st.one_of(st.sampled_from(TEXTS), short))


@st.composite
def layouts(draw: st.DrawFn) -> list[str]:
    """Of a VPC mostly, of a transit gateway sometimes, of both if somebody should do that."""
    known = draw(st.sampled_from([BY_AWS_NAME, BY_AWS_NAME, TGW_BY_AWS_NAME, BY_AWS_NAME | TGW_BY_AWS_NAME]))
    names = draw(st.lists(st.sampled_from([*known, LOG_STATUS, "quantum-state", "x9"]), unique=True))
    must = [name for name in ("start", "end") if name not in names and draw(st.integers(0, 19))]
    return draw(st.permutations([*names, *must])) or ["start", "end"]


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, list[str] | None]:
    whole = st.sampled_from([list(DEFAULT_FORMAT), [*BY_AWS_NAME, LOG_STATUS], [*TGW_BY_AWS_NAME, LOG_STATUS]])
    names = draw(st.one_of(whole, layouts()))
    header = [name.replace("-", "_") if draw(st.integers(0, 9)) == 0 else name for name in names]
    lines = [" ".join(header)] if draw(st.integers(0, 4)) else []
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.integers(0, 19))
        if kind == 0:
            lines.append(draw(st.sampled_from(["", "  ", " ".join(header), "  ".join(names), "start end", "version"])))
        elif kind == 1 and len(lines) > 1:
            lines.append(lines[-1])
        else:
            gap = draw(st.sampled_from([" ", " ", " ", "  "]))
            lines.append(gap.join(draw(tokens(name)) for name in names))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    raw = newline.join(lines).encode() + draw(st.sampled_from([b"", b"\n", b"\r\n", b"\r", b" "]))
    if draw(st.integers(0, 3)) == 0:
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, len(raw)))
            raw = raw[:at] + draw(st.sampled_from(SPLICES)) + raw[at + draw(st.integers(0, 2)) :]
    if draw(st.integers(0, 9)) == 0:
        raw = b"\xef\xbb\xbf" + raw
    return raw, names if draw(st.booleans()) else None


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
    expected = {ref: reference(raw, ref) for ref, raw in texts.items()}
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


def reference(raw: bytes, ref: ObjectRef) -> Any:
    try:
        return reference_parse(raw, ref.object_id, None)
    except BadLog as bad:
        return bad


@settings(max_examples=300, deadline=None)
@given(st.one_of(addresses, st.sampled_from(ADDRESSES)))
def test_an_address_is_read_as_the_standard_library_reads_it(address: str) -> None:
    assert_same(f"srcaddr start end\n{address} 1 2\n".encode(), None)


@pytest.mark.parametrize("seed", range(3))
def test_logs_longer_than_a_block_with_many_texts_and_faults_are_read_as_the_reference_reads_them(seed: int) -> None:
    """Blocks, growing tables of texts and repeats across their borders are met by size, not by luck."""
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
