"""Proves that generated objects are as AWS delivers them: names, gzip text, Parquet types; and that plans match their
contents."""

import gzip
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation.bulk.batch import BLOCK, Truth
from simulation.bulk.bucket import (
    BEGIN,
    Bucket,
    FlowLog,
    Planned,
    assortment,
    large,
    one_giant,
    tiny,
)
from simulation.bulk.delivery import Delivered, Manifest, to_folder
from simulation.bulk.fields import TRANSIT_FIELDS, VPC_FIELDS, fields_up_to, log_format
from simulation.bulk.flows import SLOT, Traffic
from simulation.bulk.keys import Layout

FILE = re.compile(
    r"(?P<account>\d{12})_vpcflowlogs_(?P<region>[a-z0-9-]+)_(?P<log>fl-[0-9a-f]{17})_(?P<time>\d{8}T\d{4}Z)_"
    r"(?P<tag>[0-9a-f]{8})\.log\.(?P<ext>gz|parquet)"
)
FOLDERS = {
    (False, False): r"AWSLogs/(?P<a>\d+)/vpcflowlogs/(?P<r>[a-z0-9-]+)/(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)/",
    (True, False): r"AWSLogs/aws-account-id=(?P<a>\d+)/aws-service=vpcflowlogs/aws-region=(?P<r>[a-z0-9-]+)/"
    r"year=(?P<y>\d{4})/month=(?P<m>\d\d)/day=(?P<d>\d\d)/",
}
FOLDERS[False, True] = FOLDERS[False, False] + r"(?P<h>\d\d)/"
FOLDERS[True, True] = FOLDERS[True, False] + r"hour=(?P<h>\d\d)/"
EVENING = BEGIN + 23 * 3600 + 55 * 60

PARQUET_TYPES = dict.fromkeys((field.column for field in VPC_FIELDS), "BYTE_ARRAY") | {
    **dict.fromkeys(("version", "srcport", "dstport", "protocol", "tcp_flags", "traffic_path"), "INT32"),
    **dict.fromkeys(("packets", "bytes", "start", "end"), "INT64"),
}
TRANSIT_TYPES = dict.fromkeys((field.column for field in TRANSIT_FIELDS), "BYTE_ARRAY") | {
    **dict.fromkeys(("version", "srcport", "dstport", "tcp_flags"), "INT32"),
    **dict.fromkeys(("packets", "bytes", "start", "end", "protocol"), "INT64"),
    **dict.fromkeys((field.column for field in TRANSIT_FIELDS if "lost" in field.name), "INT64"),
}


def read_lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode("ascii").splitlines()


def truth_of(lines: list[str]) -> Counter[str]:
    place = lines[0].split().index("log-status")
    return Counter(line.split()[place] for line in lines[1:])


def counted(truth: Truth) -> Counter[str]:
    return +Counter({"OK": truth.ok, "NODATA": truth.nodata, "SKIPDATA": truth.skipdata})


@pytest.mark.parametrize(("hive", "hourly"), FOLDERS)
@pytest.mark.parametrize("prefix", ["", "logs", "team/net work/"])
def test_keys_have_the_form_of_their_layout(hive: bool, hourly: bool, prefix: str) -> None:
    traffic = Traffic(account="000000000042", region="eu-central-1")
    planned = Planned(FlowLog(traffic=traffic, layout=Layout(prefix, hive, hourly)), EVENING, 10)
    start = f"{prefix.strip('/')}/" if prefix else ""
    match = re.fullmatch(re.escape(start) + FOLDERS[hive, hourly] + FILE.pattern, planned.key)
    assert match is not None, planned.key
    assert match["a"] == match["account"] == "000000000042"
    assert match["r"] == match["region"] == "eu-central-1"
    assert (match["y"], match["m"], match["d"]) == ("2026", "11", "01")
    assert match["time"] == "20261101T2355Z"
    assert match["ext"] == "gz"
    if hourly:
        assert match["h"] == "23"


def test_late_objects_are_named_later_than_their_records(tmp_path: Path) -> None:
    planned = Planned(FlowLog(), EVENING, 50)
    late = planned.late(7)
    assert "/2026/11/02/" in late.key
    assert "_20261102T0655Z_" in late.key
    to_folder(Bucket((planned, late)), tmp_path)
    assert (tmp_path / planned.key).read_bytes() == (tmp_path / late.key).read_bytes()
    assert all(EVENING <= int(line.split()[11]) < EVENING + SLOT for line in read_lines(tmp_path / late.key)[1:])


def test_copies_and_overlapping_logs_have_the_same_records_under_other_names(tmp_path: Path) -> None:
    log = FlowLog(fields_up_to(5))
    planned = Planned(log, BEGIN, 300)
    other = planned.by(replace(log, name="second", fields=fields_up_to(2)))
    objects = (planned, planned.again(1), planned.by(replace(log, name="second")), other)
    manifest = to_folder(Bucket((*objects[:2], objects[2], replace(other, part=1))), tmp_path)
    one, again, overlap, short = (read_lines(tmp_path / each.key) for each in manifest.objects)
    assert one == again == overlap
    assert [line.split()[1:] for line in short[1:]] == [line.split()[1:14] for line in one[1:]]
    logs = {match["log"] for each in manifest.objects if (match := FILE.search(each.key))}
    assert len({each.key for each in manifest.objects}) == 4
    assert len(logs) == 2


def test_the_word_awslogs_is_rejected_in_a_prefix() -> None:
    with pytest.raises(ValueError, match="reserved"):
        Layout("my/AWSLogs/x")


def test_text_objects_are_gzip_without_a_time_and_start_with_the_header(tmp_path: Path) -> None:
    log = FlowLog(log_format("end start log-status bytes"))
    (delivered,) = to_folder(Bucket((Planned(log, BEGIN, 1000),)), tmp_path).objects
    stored = (tmp_path / delivered.key).read_bytes()
    assert stored[:3] == b"\x1f\x8b\x08"
    assert stored[4:8] == bytes(4), "gzip's own time is 0"
    raw = gzip.decompress(stored)
    assert raw.startswith(b"end start log-status bytes\n")
    assert raw.endswith(b"\n")
    assert (len(stored), len(raw)) == (delivered.stored, delivered.inflated)
    assert truth_of(raw.decode().splitlines()) == counted(delivered.truth)


def test_text_is_compressed_about_as_well_as_real_logs(tmp_path: Path) -> None:
    manifest = to_folder(large(1, 50_000), tmp_path)
    assert 4.5 < manifest.inflated / manifest.stored < 7


@pytest.mark.parametrize(
    ("log", "types"),
    [
        (FlowLog(VPC_FIELDS, parquet=True), PARQUET_TYPES),
        (FlowLog(VPC_FIELDS, parquet=True, wide_protocol=True), PARQUET_TYPES | {"protocol": "INT64"}),
        (FlowLog(VPC_FIELDS[::-1], parquet=True), dict(reversed(PARQUET_TYPES.items()))),
        (FlowLog(TRANSIT_FIELDS, parquet=True), TRANSIT_TYPES),
    ],
    ids=["v11", "wide protocol", "backwards", "transit"],
)
def test_parquet_has_the_types_that_aws_documents(log: FlowLog, types: dict[str, str], tmp_path: Path) -> None:
    (delivered,) = to_folder(Bucket((Planned(log, BEGIN, BLOCK + 5),)), tmp_path).objects
    assert delivered.key.endswith(".log.parquet")
    stored = (tmp_path / delivered.key).read_bytes()
    assert stored[:4] == stored[-4:] == b"PAR1", "not wrapped in gzip"
    file = pq.ParquetFile(io.BytesIO(stored))
    columns = [file.schema.column(i) for i in range(len(file.schema))]
    assert {column.name: column.physical_type for column in columns} == types
    assert [column.name for column in columns] == list(types)
    assert all(str(c.logical_type) == "String" for c in columns if c.physical_type == "BYTE_ARRAY")
    assert {file.metadata.row_group(0).column(i).compression for i in range(len(columns))} == {"GZIP"}
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (BLOCK + 5, 2)
    status = Counter(file.read(["log_status"])["log_status"].to_pylist())
    assert status == counted(delivered.truth)


def test_parquet_and_text_have_the_same_records_and_the_dash_is_an_option(tmp_path: Path) -> None:
    text = Planned(FlowLog(VPC_FIELDS), BEGIN, 2000)
    nulls, dashes = (text.by(FlowLog(VPC_FIELDS, name=str(d), parquet=True, dashes=d)) for d in (False, True))
    keys = [each.key for each in to_folder(Bucket((text, nulls, dashes)), tmp_path).objects]
    lines = [line.split() for line in read_lines(tmp_path / keys[0])[1:]]
    null_table, dash_table = (pq.read_table(tmp_path / key, partitioning=None) for key in keys[1:])
    for table in (null_table, dash_table):
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        assert [["-" if value is None else str(value) for value in row] for row in rows] == lines
    strings = [field.name for field in null_table.schema if field.type == pa.string()]
    assert sum(null_table[name].null_count for name in strings) > 1000
    assert sum(dash_table[name].null_count for name in strings) == 0
    assert dash_table["tcp_flags"].null_count == null_table["tcp_flags"].null_count > 0


def test_tiny_objects_are_the_same_as_when_generated_alone(tmp_path: Path) -> None:
    bucket = tiny(300, (1, 50), log=FlowLog(fields_up_to(3)), slots=7)
    assert len(list(bucket.groups())) == 1
    manifest = to_folder(bucket, tmp_path / "together")
    alone = [to_folder(Bucket((planned,)), tmp_path / "alone").objects[0] for planned in bucket.objects]
    assert [each.key for each in manifest.objects] == [each.key for each in alone]
    assert [each.truth for each in manifest.objects] == [each.truth for each in alone]
    for key in (each.key for each in alone):
        assert read_lines(tmp_path / "together" / key) == read_lines(tmp_path / "alone" / key)
    assert {planned.rows for planned in bucket.objects} == set(range(1, 51))
    assert len({planned.slot for planned in bucket.objects}) == 7
    assert manifest.total.records == bucket.rows


def test_blocks_change_nothing_and_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    bucket = large(3, BLOCK + 100, per_slot=2)
    first, second = to_folder(bucket, tmp_path / "1", threads=1), to_folder(bucket, tmp_path / "2", threads=3)
    assert first == second
    assert [planned.slot for planned in bucket.objects] == [BEGIN, BEGIN, BEGIN + SLOT]
    bodies = set()
    for each in first.objects:
        lines = read_lines(tmp_path / "1" / each.key)
        assert (tmp_path / "1" / each.key).read_bytes() == (tmp_path / "2" / each.key).read_bytes()
        assert truth_of(lines) == counted(each.truth)
        bodies.add("\n".join(lines))
    assert len(bodies) == 3


def test_a_giant_is_as_long_as_requested(tmp_path: Path) -> None:
    manifest = to_folder(one_giant(24 << 20, log=FlowLog(fields_up_to(5))), tmp_path)
    assert len(manifest.objects) == 1
    assert 24 << 20 <= manifest.inflated < 25 << 20
    assert manifest.total.records > 3 * BLOCK


def test_an_assortment_has_every_shape(tmp_path: Path) -> None:
    bucket = assortment(100)
    manifest = to_folder(bucket, tmp_path)
    keys = [each.key for each in manifest.objects]
    assert len(set(keys)) == len(keys) == len(bucket.objects)
    assert {key.rsplit(".", 1)[1] for key in keys} == {"gz", "parquet"}
    shapes = {next(s for s, form in reversed(FOLDERS.items()) if re.search(f"{form}\\d+_", key)) for key in keys}
    assert shapes == set(FOLDERS)
    headers = {read_lines(tmp_path / key)[0] for key in keys if key.endswith(".gz")}
    assert len(headers) == 9 + 2 + 1 + 1  # versions, custom orders, an unknown field, transit gateway
    assert len({match["account"] for key in keys if (match := FILE.search(key))}) == 2
    for each in manifest.objects:
        assert each.truth.records == 100
        if each.key.endswith(".gz") and "log-status" in read_lines(tmp_path / each.key)[0]:
            assert truth_of(read_lines(tmp_path / each.key)) == counted(each.truth)


def test_a_manifest_can_be_saved() -> None:
    manifest = Manifest((Delivered("a/b", 10, 60, Truth(ok=3, bytes=1 << 40)), Delivered("c", 1, 2, Truth(nodata=1))))
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.total == Truth(ok=3, nodata=1, bytes=1 << 40)
