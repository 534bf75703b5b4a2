"""Parquet flow logs are read exactly as the slow reference reads the same records, whatever they contain; damaged files
are set aside, whatever the damage."""

import io
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest.parse.flow_log import parse_flow_log
from pipelines.ingest.parse.time_bounds import TimeRule
from schemas.errors import BadObject
from schemas.flow import LOG_STATUS
from schemas.object_ref import ObjectRef
from simulation.bulk.batch import batch
from simulation.bulk.fields import VPC_FIELDS, fields_up_to
from simulation.bulk.flows import Traffic
from simulation.bulk.parquet import write
from tests.properties.test_parse_flow_log import HALF, TENTH, layouts, tokens
from tests.reference_parser import BadLog, Times, is_transit, known, reference_records

REF = ObjectRef("logs", "AWSLogs/x.log.parquet", "etag", 1)
NOW = datetime(2023, 11, 15, tzinfo=UTC)
BOUNDS = st.sampled_from([1, 400, 4_000, 40_000]).map(lambda days: timedelta(days=days))
Value = bytes | int | None
INTEGERS = st.one_of(
    st.integers(0, 300),
    st.integers(1_600_000_000, 1_800_000_000),
    st.sampled_from([-1, 0, 2**31, 2**32 - 1, 2**32, 10**11, 10**11 + 1, 1_700_000_000_123, 2**63 - 1, -(2**63)]),
)


ODD = st.sampled_from(
    [b"", b"-", b"a b", b"\0", b"a\nb", b"\xff", "東京".encode(), b"x" * 70_000, b"e" * 1020 + b"\xff" * 9]
)


@cache
def texts(name: str) -> tuple[st.SearchStrategy[bytes], st.SearchStrategy[bytes]]:
    """With what is odd, and without."""
    plain = tokens(name).map(str.encode)
    return st.one_of(plain, ODD), plain


@cache
@st.composite
def values(draw: st.DrawFn, name: str, number: bool) -> Value:
    if draw(TENTH) == 0:
        return None
    if number:
        return draw(INTEGERS)
    odd, plain = texts(name)
    return draw(odd if draw(HALF) else plain)


LAYOUTS, RECORDS = layouts(), st.integers(0, 8)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[Value]], dict[str, Any]]:
    names = draw(LAYOUTS)
    columns = known(names)
    number = {name: name in columns and not _text(columns[name].arrow) for name in names}
    records = [[draw(values(name, number[name])) for name in names] for _ in range(draw(RECORDS))]
    return names, records, {name: pa.int64() if number[name] else pa.binary() for name in names}


def _text(arrow: Any) -> bool:
    return pa.types.is_dictionary(arrow) or arrow == pa.binary(16)


def as_file(names: list[str], records: list[list[Value]], kinds: dict[str, Any], **options: Any) -> bytes:
    arrays = [pa.array([r[i] for r in records], kinds[name]) for i, name in enumerate(names)]
    table = pa.Table.from_arrays(arrays, names=[name.replace("-", "_") for name in names])
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def assert_same(names: list[str], records: list[list[Value]], raw: bytes, bound: timedelta | None = None) -> None:
    rule = None if bound is None else TimeRule(NOW, bound)
    times = None if bound is None else Times(int(bound.total_seconds()), int(NOW.timestamp()))
    try:
        expected = reference_records(names, records, REF.object_id, times)
    except BadLog as bad:
        with pytest.raises(BadObject) as caught:
            parse_flow_log(REF, raw, rule=rule)
        assert caught.value.reason == str(bad)
        return
    parsed = parse_flow_log(REF, raw, rule=rule)
    assert parsed.read == expected.read == sum(table.num_rows for table in parsed.tables.values())
    assert ("tgw_flows" in parsed.tables) == is_transit(names)
    for name, table in parsed.tables.items():
        table.validate(full=True)
        assert table.to_pylist() == getattr(expected, name)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.booleans(), st.one_of(st.none(), BOUNDS))
def test_records_are_read_as_the_reference_reads_them(
    file: tuple[list[str], list[list[Value]], dict[str, Any]], dictionaries: bool, bound: timedelta | None
) -> None:
    names, records, kinds = file
    assert_same(names, records, as_file(names, records, kinds, use_dictionary=dictionaries, row_group_size=3), bound)


def test_a_first_row_group_without_any_time_is_not_all_that_bounds_are_taken_from() -> None:
    names = ["start", "end", "interface-id"]
    records: list[list[Value]] = [[None, None, None]] * 3 + [[0, 1_600_000_000, None]]
    kinds = {"start": pa.int64(), "end": pa.int64(), "interface-id": pa.binary()}
    raw = as_file(names, records, kinds, use_dictionary=True, row_group_size=3)
    assert_same(names, records, raw, timedelta(days=1))


def test_files_of_several_row_groups_and_batches_are_read_as_the_reference_reads_them() -> None:
    rng = random.Random(7)
    names = ["interface-id", "start", "srcaddr", "instance-tag", "packets", "action", "end", LOG_STATUS]
    pool: dict[str, list[Value]] = {
        "interface-id": [f"eni-{n:017x}".encode() for n in range(40)],
        "srcaddr": [b"10.0.0.1", b"10.0.0.2", b"10.0.0.25", None, b"2001:db8::7", b"10.0.0.999"],
        "instance-tag": [*(f"tag{n}".encode() for n in range(5000)), None],
        "packets": [None, 1, 70_000, -3],
        "action": [b"ACCEPT", b"REJECT", None],
        LOG_STATUS: [b"OK", b"OK", b"NODATA"],
    }
    records = [[rng.choice(pool[name]) if name in pool else 1_700_000_000 + n for name in names] for n in range(70_000)]
    kinds = {name: pa.int64() if name in ("start", "end", "packets") else pa.string() for name in names}
    assert_same(names, records, as_file(names, records, kinds, row_group_size=30_000))


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_either_set_aside_or_read(seed: int) -> None:
    """Bytes are changed, cut and repeated anywhere: a BadObject, or valid tables that account for each record."""
    rng = random.Random(seed)
    sink = io.BytesIO()
    write(
        sink,
        VPC_FIELDS if seed else fields_up_to(2),
        [batch(VPC_FIELDS if seed else fields_up_to(2), Traffic(seed=seed), 300, slot=1_793_491_200).table],
    )
    whole = sink.getvalue()
    refused = 0
    for _ in range(60):
        raw = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(4, len(raw))
            match rng.randrange(3):
                case 0:
                    raw[at] = rng.randrange(256)
                case 1:
                    del raw[at : at + rng.randint(1, 40)]
                case _:
                    raw[at:at] = raw[at : at + rng.randint(1, 40)]
        try:
            parsed = parse_flow_log(REF, bytes(raw))
        except BadObject:
            refused += 1
            continue
        assert parsed.read == sum(table.num_rows for table in parsed.tables.values())
        for table in parsed.tables.values():
            table.validate(full=True)
    assert refused
