"""Ingest over the S3 API on loopback, compared with ClickHouse's own `INSERT … SELECT … FROM s3(…)` into the same
table: dozens of objects of versions 2 and 5, and thousands of tiny ones."""

from pathlib import Path
from statistics import median

from benchmarks.buckets import FULL, RUNS, log, names, served
from benchmarks.endpoint import BUCKET
from benchmarks.measure import Result
from benchmarks.peer import from_files, theirs
from benchmarks.store import Run, folder, ours, run_isolated
from simulation.bulk.bucket import Bucket, large, tiny
from simulation.bulk.delivery import to_folder

OBJECTS = 60 if FULL else 24
ROWS_EACH = 100_000
TINY = 20_000 if FULL else 2_000


def run() -> list[Result]:
    results = []
    for version in (2, 5):
        bucket = large(OBJECTS, ROWS_EACH, log=log(version), per_slot=4)
        results += _against(f"v{version}", "rows", bucket, version)
    results += _against("tiny", "objects", tiny(TINY, log=log(2)), 2)
    return results


def _against(name: str, unit: str, bucket: Bucket, version: int) -> list[Result]:
    fields = names(log(version))
    mine: list[Run] = []
    other: list[Run] = []
    with served(bucket) as made:
        for _ in range(RUNS):
            with folder() as place:
                mine.append(run_isolated(ours, str(place), BUCKET, made.total.ok))
            with folder() as place:
                other.append(run_isolated(theirs, str(place), BUCKET, fields, made.total.ok))
    count = made.total.records if unit == "rows" else len(made.objects)
    fast, peer = (count / median(run.wall for run in runs) for runs in (mine, other))
    lean, peer_lean = (count / median(run.cpu for run in runs) for runs in (mine, other))
    what = f"{len(made.objects):,} objects, {made.total.records:,} rows, medians of {RUNS}"
    compared = f"ingest {name} compared with ClickHouse's s3()"
    results = [
        Result(compared, fast / peer, 1.0, "higher", f"{what}, {unit}/s by wall-clock time"),
        Result(f"{compared}, CPU", lean / peer_lean, 1.0, "higher", f"{what}, per CPU second"),
        Result(f"ingest {name}, {unit}/s", fast, None, "higher", what),
        Result(f"ClickHouse's s3() {name}, {unit}/s", peer, None, "higher", what),
    ]
    if name == "tiny":
        parts, theirs_parts = max(run.parts for run in mine), max(run.parts for run in other)
        detail = f"peak number of active parts of flows, sampled ten times a second; ClickHouse: {theirs_parts}"
        return [*results, Result("ingest tiny, active parts", parts, 299, "lower", detail)]
    return [*results, _files(name, bucket, fields, made.total.ok, count)]


def _files(name: str, bucket: Bucket, fields: list[str], expected: int, rows: int) -> Result:
    """The peer reading local files, to show how much of its time the S3 stand-in takes."""
    with folder() as files:
        to_folder(bucket, files)
        taken = []
        for _ in range(RUNS):
            with folder() as place:
                taken.append(run_isolated(from_files, str(place), str(Path(files)), fields, expected).wall)
    return Result(f"ClickHouse's file() {name}, rows/s", rows / median(taken), None, "higher", "the same, local files")
