"""The physical design of `flows` compared with alternatives that differ in one thing each: bytes per row after merging
everything, and CPU seconds for inserting a million rows."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from benchmarks.buckets import RUNS, log
from benchmarks.measure import Result
from benchmarks.store import folder, opened, run_isolated
from connectors.store.clickhouse import command, insert, query
from pipelines.ingest.parse.decompress import inflate
from pipelines.ingest.parse.flow_log import parse_flow_log
from schemas.columnar.columns import joined
from schemas.flow import FLOWS
from schemas.object_ref import ObjectRef
from simulation.bulk.bucket import large
from simulation.bulk.delivery import deliver

OBJECTS = 10
ROWS_EACH = 100_000
A_LOAD = 8
"""Number of these objects that are written together."""

ADDRESSES = "by_any_address (srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr) TYPE bloom_filter(0.025)"
PORTS = "by_port (srcport, dstport) TYPE bloom_filter(0.025)"
KEY = "(action, interface_id, toStartOfFiveMinutes(start))"
TRANSFORMED = ("packets", "bytes", "start", "`end`", "row_no")


@dataclass(frozen=True)
class Layout:
    """A table like `flows`: `engine` lists replacements in its engine clause, `alters` the ALTERs to run while it is
    empty."""

    name: str
    engine: Sequence[tuple[str, str]] = ()
    alters: Sequence[str] = ()


CHOSEN = Layout("chosen")
BEFORE = Layout(
    "as it was before 0007",
    [
        (KEY, "(action, interface_id, start)"),
        ("index_granularity = 32768", "index_granularity = 8192"),
        ("min_level_for_wide_part = 1", "min_level_for_wide_part = 0"),
        ("'ZSTD(1)'", "'ZSTD(3)'"),
        ("auto_statistics_types = ''", "auto_statistics_types = 'basic, uniq_v2'"),
    ],
    [
        "DROP INDEX by_any_address",
        "ADD INDEX by_srcaddr srcaddr TYPE bloom_filter(0.025) GRANULARITY 4",
        "ADD INDEX by_dstaddr dstaddr TYPE bloom_filter(0.025) GRANULARITY 4",
    ],
)
ALTERNATIVES = (
    BEFORE,
    Layout("order: action, interface, start", [(KEY, "(action, interface_id, start)")]),
    Layout("order: action, interface, hour", [(KEY, "(action, interface_id, toStartOfHour(start))")]),
    Layout("order: interface, five minutes", [(KEY, "(interface_id, toStartOfFiveMinutes(start))")]),
    Layout("order: action, interface, port, start", [(KEY, "(action, interface_id, ifNull(dstport, 0), start)")]),
    Layout(
        "order: action, interface, five minutes, source, destination",
        [(KEY, KEY[:-1] + ", ifNull(srcaddr, toIPv6('::')), ifNull(dstaddr, toIPv6('::')))")],
    ),
    Layout("LZ4 where no codec is named", [("'ZSTD(1)'", "'LZ4'")]),
    Layout("ZSTD(3) where no codec is named", [("'ZSTD(1)'", "'ZSTD(3)'")]),
    Layout("ZSTD(6) where no codec is named", [("'ZSTD(1)'", "'ZSTD(6)'")]),
    Layout(
        "no T64 and no Delta before ZSTD(1)", alters=[f"MODIFY COLUMN {name} CODEC(ZSTD(1))" for name in TRANSFORMED]
    ),
    Layout("granules of 8,192 rows", [("index_granularity = 32768", "index_granularity = 8192")]),
    Layout("new parts wide", [("min_level_for_wide_part = 1", "min_level_for_wide_part = 0")]),
    Layout(
        "blocks of a megabyte",
        [
            (
                "fsync_after_insert",
                "min_compress_block_size = 1048576, max_compress_block_size = 1048576, fsync_after_insert",
            )
        ],
    ),
    Layout("statistics on every column", [("auto_statistics_types = ''", "auto_statistics_types = 'basic, uniq_v2'")]),
    Layout("no index", alters=["DROP INDEX by_any_address"]),
    Layout(
        "false-positive rate 0.1, not 0.025",
        alters=["DROP INDEX by_any_address", f"ADD INDEX {ADDRESSES.replace('0.025', '0.1')} GRANULARITY 4"],
    ),
    Layout(
        "packet-level addresses in an index of their own",
        alters=[
            "DROP INDEX by_any_address",
            "ADD INDEX by_address (srcaddr, dstaddr) TYPE bloom_filter(0.025) GRANULARITY 4",
            "ADD INDEX by_packet_address (pkt_srcaddr, pkt_dstaddr) TYPE bloom_filter(0.025) GRANULARITY 4",
        ],
    ),
    Layout("an index on the ports as well", alters=[f"ADD INDEX {PORTS} GRANULARITY 4"]),
    Layout("no rollup", alters=["DROP PROJECTION per_minute"]),
)


@dataclass(frozen=True)
class Measured:
    """`size`: bytes per row; `cpu`: CPU seconds per million rows; `columns`: bytes per row of the largest columns."""

    size: float
    cpu: float
    columns: str


def run() -> list[Result]:
    results = []
    for version, layouts in ((2, (CHOSEN, *ALTERNATIVES)), (5, (CHOSEN, BEFORE))):
        with folder() as place:
            stored, found = run_isolated(_measure, str(place), version, layouts)
        for layout, measured in zip(layouts, found, strict=True):
            what = f"v{version}, {layout.name}"
            target = 0.6 if layout is CHOSEN else None
            detail = f"{measured.size:.2f} bytes, merged, with index and provenance; the objects have {stored:.2f}"
            results += [
                Result(f"layout {what}: bytes compared with gzip", measured.size / stored, target, "lower", detail),
                Result(f"layout {what}: bytes per row", measured.size, None, "lower", measured.columns),
                Result(
                    f"layout {what}: insert, CPU s/1M rows",
                    measured.cpu,
                    None,
                    "lower",
                    f"minimum of {RUNS}, since other work only adds; merges stopped",
                ),
            ]
    return results


def _measure(place: str, version: int, layouts: Sequence[Layout]) -> tuple[float, list[Measured]]:
    client = opened(Path(place)).client()
    stored, loads = _loads(version)
    _table(client, CHOSEN, loads)  # warm-up
    return stored, [_one(client, layout, loads) for layout in layouts]


def _one(client: Client, layout: Layout, loads: Sequence[pa.Table]) -> Measured:
    cpu = min(_table(client, layout, loads) for _ in range(RUNS)) / sum(map(len, loads)) * 1e6
    command(client, "SYSTEM START MERGES tried")
    command(client, "OPTIMIZE TABLE tried FINAL")
    sql = (
        "SELECT sum(bytes_on_disk) / sum(rows) AS size FROM system.parts"
        " WHERE database = currentDatabase() AND active AND table = 'tried'"
    )
    return Measured(query(client, sql)["size"][0].as_py(), cpu, _columns(client, sum(map(len, loads))))


def _table(client: Client, layout: Layout, loads: Sequence[pa.Table]) -> float:
    """Creates the table `tried` and fills it; returns the CPU seconds of the inserts."""
    known = "SELECT engine_full AS made FROM system.tables WHERE database = currentDatabase() AND name = 'flows'"
    engine: str = query(client, known)["made"][0].as_py()
    for old, new in layout.engine:
        assert old in engine, (old, engine)
        engine = engine.replace(old, new)
    command(client, "DROP TABLE IF EXISTS tried SYNC")
    command(client, f"CREATE TABLE tried AS flows ENGINE = {engine}")
    for alter in layout.alters:
        command(client, f"ALTER TABLE tried {alter}")
    command(client, "SYSTEM STOP MERGES tried")
    before = time.process_time()
    for rows in loads:
        insert(client, replace(FLOWS, name="tried"), rows)
    return time.process_time() - before


def _columns(client: Client, rows: int) -> str:
    sql = (
        "SELECT name, data_compressed_bytes AS size FROM system.columns"
        " WHERE database = currentDatabase() AND table = 'tried' ORDER BY size DESC LIMIT 12"
    )
    return ", ".join(f"{row['name']} {row['size'] / rows:.2f}" for row in query(client, sql).to_pylist())


def _loads(version: int) -> tuple[float, list[pa.Table]]:
    """Stored bytes per record, and the rows as ingest would write them, one table per load."""
    objects: dict[str, bytes] = {}
    bucket = large(OBJECTS, ROWS_EACH, log=log(version), per_slot=4)
    made = deliver(bucket, lambda key, body: objects.update({key: body.read()}), threads=2)
    parsed = [_parsed(key, objects[key]) for key in sorted(objects)]
    groups = [parsed[at : at + A_LOAD] for at in range(0, len(parsed), A_LOAD)]
    return made.stored / made.total.records, list(_stamped(groups))


def _parsed(key: str, stored: bytes) -> pa.Table:
    ref = ObjectRef("logs", key, "etag", len(stored))
    rows = parse_flow_log(ref, inflate(ref, stored)).tables[FLOWS.name]
    return rows.set_column(rows.schema.get_field_index("direction"), "direction", rows["flow_direction"])


def _stamped(groups: Sequence[Sequence[pa.Table]]) -> Iterator[pa.Table]:
    for number, group in enumerate(groups):
        rows = joined(group)
        load = pa.array(np.full(len(rows), 0x9E3779B97F4A7C15 >> number, np.uint64))
        chunk = pa.array(np.full(len(rows), 1, np.uint32))
        yield rows.append_column("load", load).append_column("chunk", chunk)
