"""Parsing one flow log object on one core, including gunzip: ours, flowlogs-reader, and a plain Python loop."""

import gzip
import io
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from flowlogs_reader import S3FlowLogsReader

from benchmarks.logs import V2, V5, flow_log
from benchmarks.measure import Result, seconds_of_one_core
from network.history.periods import InterfacePeriod
from pipelines.ingest.enrich.flows import enrich
from pipelines.ingest.parse.parse_objects import parse_group
from pipelines.ingest.parse.shapes import schema_of
from pipelines.ingest.parse.time_bounds import TimeRule
from schemas.columnar.batch import Batch
from schemas.columnar.columns import filled
from schemas.flow import FLOWS
from schemas.object_ref import ObjectKind, ObjectRef

ROWS = 250_000
NUMBERS = ("version", "srcport", "dstport", "protocol", "packets", "bytes")


def parsed(stored: bytes) -> Batch:
    """The rows that ingest parses from an object it has fetched."""
    ref = ObjectRef("logs", "flow.log.gz", "etag", len(stored))
    return parse_group([(ref, stored)], ObjectKind.FLOW_LOG, rule=TimeRule(datetime.now(UTC))).batches[0]


def ours(stored: bytes) -> int:
    return parsed(stored).objects[0].read


class OneObject:
    """The S3 calls that flowlogs-reader makes, answered from memory."""

    def __init__(self, stored: bytes) -> None:
        self.stored = stored

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.stored), "ContentLength": len(self.stored)}


class ReaderOfOne(S3FlowLogsReader):  # type: ignore[misc]
    """flowlogs-reader without its listing: it reads the one object in its own way."""

    def _get_all_keys(self) -> list[str]:
        return ["flow.log.gz"]


def theirs(stored: bytes) -> int:
    return sum(1 for _ in ReaderOfOne("logs/", boto_client=OneObject(stored)))


def plain_loop(stored: bytes) -> int:
    """What one would write in ten minutes for the same result: typed values, addresses as bytes, times as datetimes."""
    lines = gzip.decompress(stored).decode().splitlines()
    names = lines[0].split()
    rows = []
    for line in lines[1:]:
        row: dict[str, Any] = dict(zip(names, line.split(), strict=True))
        for name in NUMBERS:
            row[name] = None if row[name] == "-" else int(row[name])
        for name in ("srcaddr", "dstaddr"):
            text = row[name]
            if text == "-":
                row[name] = None
            elif ":" in text:
                row[name] = socket.inet_pton(socket.AF_INET6, text)
            else:
                row[name] = b"\0" * 10 + b"\xff\xff" + socket.inet_pton(socket.AF_INET, text)
        for name in ("start", "end"):
            row[name] = datetime.fromtimestamp(int(row[name]), UTC)
        rows.append(row)
    return len(rows)


class TwoPeriodsEach:
    """A timeline in which every interface has had two configurations."""

    def interface_periods(self, interface_id: str) -> tuple[InterfacePeriod, ...]:
        middle = datetime.fromtimestamp(1763627530, UTC) + timedelta(seconds=ROWS // 2000)
        about = ("vpc-1", "subnet-1", f"i-{interface_id}", "web")
        addresses = tuple(f"10.0.{n % 4}.{n + 10}" for n in range(4))
        return (
            InterfacePeriod(None, middle, *about, "acl-1", "rtb-1", addresses),
            InterfacePeriod(middle, None, *about, "acl-2", "rtb-1", addresses),
        )


def run() -> list[Result]:
    v2, v5 = flow_log(V2, ROWS), flow_log(V5, ROWS)
    assert ours(v2) == theirs(v2) == plain_loop(v2) == ROWS
    mine, mine_v5 = (ROWS / seconds_of_one_core(lambda stored=stored: ours(stored)) for stored in (v2, v5))  # type: ignore[misc]
    reader = ROWS / seconds_of_one_core(lambda: theirs(v2), runs=3)
    loop = ROWS / seconds_of_one_core(lambda: plain_loop(v2), runs=3)
    flows = filled(parsed(v2).tables["flows"], schema_of(FLOWS))
    enriching = ROWS / seconds_of_one_core(lambda: enrich(flows, TwoPeriodsEach()))
    how = f"{ROWS} v2 rows, including gunzip, rows per CPU second of one core, median"
    return [
        Result("parse v2, rows/s", mine, 2_200_000, "higher", how),
        Result("parse v5, rows/s", mine_v5, None, "higher", how.replace("v2", "v5 (29 fields)")),
        Result("flowlogs-reader v2, rows/s", reader, None, "higher", f"{how}; its S3 reader on the same bytes"),
        Result("plain Python loop v2, rows/s", loop, None, "higher", f"{how}; the same typed values"),
        Result("parse v2 compared with flowlogs-reader", mine / reader, 20, "higher", "ratio of the rows/s above"),
        Result("parse v2 compared with a plain Python loop", mine / loop, 20, "higher", "ratio of the rows/s above"),
        Result("enrich, rows/s", enriching, None, "higher", f"{ROWS} rows, 40 interfaces with two configurations each"),
    ]
