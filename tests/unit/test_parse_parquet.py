"""parse_flow_log on Parquet: the same rows as from text, AWS's and similar types, and every file that it rejects."""

import gzip
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest.parse.decompress import inflate
from pipelines.ingest.parse.flow_log import parse_flow_log
from pipelines.ingest.parse.parsed import Parsed
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef
from simulation.bulk.batch import Batch, batch
from simulation.bulk.fields import TRANSIT_FIELDS, VERSIONS, Field, fields_up_to
from simulation.bulk.flows import Traffic
from simulation.bulk.parquet import write
from simulation.bulk.text import header, lines

REF = ObjectRef("logs", "AWSLogs/x.log.parquet", "etag", 1)
FORMATS = {f"v{version}": fields_up_to(version) for version in VERSIONS} | {"tgw": TRANSIT_FIELDS}
FORMATS["unheard of"] = (*fields_up_to(3)[::-1], Field("quantum-state", 12))


def made(log_fields: tuple[Field, ...]) -> Batch:
    return batch(log_fields, Traffic(seed=5, nodata_share=0.03, skipdata_share=0.02), 900, slot=1_793_491_200)


def rows(parsed: Parsed) -> dict[str, list[dict[str, Any]]]:
    return {name: table.drop_columns(["row_no"]).to_pylist() for name, table in parsed.tables.items()}


def file(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("dashes", "wide"), [(False, False), (True, True)])
def test_parquet_and_text_become_the_same_rows_and_as_many_as_generated(name: str, dashes: bool, wide: bool) -> None:
    log_fields = FORMATS[name]
    records = made(log_fields)
    sink = io.BytesIO()
    write(sink, log_fields, [records.table], dashes=dashes, wide_protocol=wide)
    parquet = parse_flow_log(REF, sink.getvalue())
    text = parse_flow_log(REF, header(log_fields) + bytes(lines(records.table)))
    assert rows(parquet) == rows(text)
    truth = records.truth()
    flows, gaps, rejected = parquet.tables.values()
    assert (flows.num_rows, gaps.num_rows, rejected.num_rows) == (
        truth.ok,
        truth.nodata + truth.skipdata,
        0,
    )
    assert parquet.read == text.read == 900
    numbers = sorted([*flows["row_no"].to_pylist(), *gaps["row_no"].to_pylist()])
    assert numbers == list(range(1, 901))


def test_parquet_is_recognized_by_its_bytes_even_inside_gzip() -> None:
    raw = file(start=[1], end=[2], vpc_id=["vpc-1"])
    stored = gzip.compress(raw)
    ref = ObjectRef("logs", "x.log.gz", "etag", len(stored))
    assert parse_flow_log(ref, inflate(ref, stored)).tables["flows"]["vpc_id"].to_pylist() == ["vpc-1"]


def test_a_bad_record_is_rejected_with_its_values_and_the_others_stay() -> None:
    parsed = parse_flow_log(
        REF,
        file(
            srcaddr=["10.0.0.1", "10.0.0", None, "10.0.0.4", "10.0.0.5", "10.0.0.6"],
            srcport=pa.array([1, 2, 3, 70_000, -5, None], pa.int32()),
            start=[1, 2, 3, 4, 5, 1_700_000_000_123],
            end=[2, 3, 4, 5, 6, None],
        ),
    )
    assert parsed.tables["rejected_lines"].select(["reason", "raw", "row_no"]).to_pylist() == [
        {"reason": "bad-address:srcaddr", "raw": "10.0.0 2 2 3", "row_no": 2},
        {"reason": "out-of-range:srcport", "raw": "10.0.0.4 70000 4 5", "row_no": 4},
        {"reason": "bad-number:srcport", "raw": "10.0.0.5 -5 5 6", "row_no": 5},
        {"reason": "no-time", "raw": "10.0.0.6 - 1700000000123 -", "row_no": 6},
    ]
    assert parsed.tables["flows"]["row_no"].to_pylist() == [1, 3]


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("whole", [pa.int8(), pa.int32(), pa.int64(), pa.uint32(), pa.uint64()])
def test_texts_and_integers_of_any_width_are_accepted(text: pa.DataType, whole: pa.DataType) -> None:
    raw = file(
        interface_id=pa.array(["eni-1", None, "eni-2"]).cast(text),
        action=pa.array(["ACCEPT", "REJECT", None]).cast(text),
        start=pa.array([1, 2, 3], whole),
        end=pa.array([2, 3, 4], whole),
        encryption_status=pa.array([0, None, 3], whole),
        packets=pa.nulls(3),
        log_status=pa.array(["OK", "OK", "OK"]).cast(text),
        surprise=[1.5, None, 2.0],
    )
    got = parse_flow_log(REF, raw).tables["flows"]
    columns = ["interface_id", "action", "encryption_status", "packets", "extra"]
    assert [tuple(row.values()) for row in got.select(columns).to_pylist()] == [
        ("eni-1", "ACCEPT", "0", None, [("surprise", "1.5")]),
        ("", "REJECT", "", None, []),
        ("eni-2", "", "3", None, [("surprise", "2")]),
    ]


@pytest.mark.parametrize(
    ("raw", "reason", "words"),
    [
        (file(start=["1"], end=[2]), "parquet-types", "start is string and not INT32 or INT64"),
        (file(start=[1.0], end=[2]), "parquet-types", "start is double"),
        (file(start=[1], end=[2], account_id=[123]), "parquet-types", "account_id is int64 and not STRING"),
        (file(start=[1], end=[2], srcaddr=[9]), "parquet-types", "srcaddr is int64"),
        (file(start=[1], end=[2], log_status=[True]), "parquet-types", "log_status is bool"),
        (file(start=[1], end=[2], x=[[1]]), "parquet-types", "x is list"),
        (file(end=[2]), "no-time-fields", "no start"),
        (file(name=["x"]), "no-time-fields", "Is this a flow log"),
        (file(**{"start": [1], "end": [2], "vpc-id": ["v"], "vpc_id": ["v"]}), "duplicate-field", "vpc-id"),
        (file(start=[1], end=[2])[:-9], "bad-parquet", "copy the object again"),
        (b"PAR1PAR1", "bad-parquet", "copy the object again"),
        (file(start=[1] * 9_000_000, end=[2] * 9_000_000), "suspicious-ratio", "200 times"),
    ],
)
def test_a_file_that_is_not_a_flow_log_is_rejected_as_a_whole(raw: bytes, reason: str, words: str) -> None:
    with pytest.raises(BadObject) as caught:
        parse_flow_log(REF, raw)
    assert caught.value.reason == reason
    assert words in caught.value.detail


def test_a_text_repeated_by_a_dictionary_takes_no_memory_for_each_repeat() -> None:
    """A megabyte in each of 60,000 records would be 60 GB; the file has a few kilobytes."""
    n = 60_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), ["x" * (1 << 20)])
    with pytest.raises(BadObject, match="too-large"):
        parse_flow_log(REF, file(start=[1] * n, end=[2] * n, vpc_id=long))


def test_a_file_without_records_is_a_log_without_records() -> None:
    parsed = parse_flow_log(REF, file(start=pa.array([], pa.int64()), end=pa.array([], pa.int64())))
    assert (parsed.read, [table.num_rows for table in parsed.tables.values()]) == (0, [0, 0, 0])
