"""Time, memory and disk usage with ten times the data, and with one very large object."""

from pathlib import Path
from statistics import median

from benchmarks.buckets import FULL, RUNS, log, served
from benchmarks.endpoint import BUCKET
from benchmarks.measure import Result
from benchmarks.store import Run, folder, opened, ours, run_isolated
from connectors.store.clickhouse import command, query
from simulation.bulk.bucket import Bucket, large, one_giant
from simulation.bulk.delivery import Manifest

OBJECTS = 20 if FULL else 10
GIANT = 1 << 30 if FULL else 256 << 20
MEBIBYTE = 1 << 20


def run() -> list[Result]:
    one, one_made = _run(large(OBJECTS, 100_000, log=log(2), per_slot=4), RUNS)
    ten, _ = _run(large(10 * OBJECTS, 100_000, log=log(2), per_slot=4), RUNS if FULL else 1)
    giant, giant_made = _run(one_giant(GIANT, log=log(2)), 1)
    disk = run_isolated(_merged, OBJECTS)
    stored = one_made.stored / one_made.total.records
    speed = [count / median(run.wall for run in runs) for count, runs in ((1, one), (10, ten))]
    lean = [count / median(run.cpu for run in runs) for count, runs in ((1, one), (10, ten))]
    memory = {"1x": one, "10x": ten, f"one object of {giant_made.inflated // MEBIBYTE} MiB": giant}
    rows = f"{one_made.total.records:,} rows of version 2"
    return [
        Result("rows/s at 10x compared with 1x", speed[1] / speed[0], 0.9, "higher", f"1x: {rows}; by wall-clock time"),
        Result("rows/s at 10x compared with 1x, CPU", lean[1] / lean[0], 0.9, "higher", f"1x: {rows}; per CPU second"),
        *(
            Result(f"peak memory, {name}, MiB", max(r.memory for r in runs) / MEBIBYTE, 1023, "lower", "of the process")
            for name, runs in memory.items()
        ),
        Result(
            "bytes on disk per row compared with gzip",
            disk / stored,
            0.6,
            "lower",
            f"{disk:.1f} bytes, merged, with indexes, rollup and provenance; the objects have {stored:.1f}; {rows}",
        ),
    ]


def _run(bucket: Bucket, runs: int) -> tuple[list[Run], Manifest]:
    done = []
    with served(bucket) as made:
        for _ in range(runs):
            with folder() as place:
                done.append(run_isolated(ours, str(place), BUCKET, made.total.ok))
    return done, made


def _merged(objects: int) -> float:
    """Bytes per row after all parts are merged."""
    with folder() as place, served(large(objects, 100_000, log=log(2), per_slot=4)) as made:
        ours(str(place), BUCKET, made.total.ok)
        client = opened(Path(place)).client()
        command(client, "OPTIMIZE TABLE flows FINAL")
        sql = (
            "SELECT sum(bytes_on_disk) / sum(rows) AS size FROM system.parts"
            " WHERE database = currentDatabase() AND active AND table = 'flows'"
        )
        size: float = query(client, sql)["size"][0].as_py()
        return size
