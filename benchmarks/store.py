"""Measured work runs in a separate process: the engine opens one folder per process, and peak memory is counted per
process."""

import multiprocessing
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from connectors.store.clickhouse import Store, query
from connectors.store.migrate import ensure_migrated
from pipelines.ingest.pipeline import run_ingest
from schemas.summary import IngestSummary


@dataclass(frozen=True)
class Run:
    """What a piece of work took: wall-clock seconds, CPU seconds and peak memory in bytes; then the rows in the table,
    their bytes on disk, and the peak number of active parts."""

    wall: float
    cpu: float
    memory: int
    rows: int
    disk: int
    parts: int


def run_isolated(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """The result of `work(*arguments, **more)` in a new process. Raises RuntimeError if it fails there."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_answer, args=(there, partial(work, **more), arguments))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__} failed in its process") from None
    finally:
        process.join()


def _answer(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder, under FLOWTRAIL_BENCH_FOLDER or in the default place; removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="flowtrail-bench-", dir=os.environ.get("FLOWTRAIL_BENCH_FOLDER")))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def opened(path: Path) -> Store:
    store = Store(str(path / "db"))
    ensure_migrated(store)
    return store


def measured(store: Store, table: str, work: Callable[[], object]) -> Run:
    """Runs `work`, which fills `table`, and measures it."""
    with _most_parts(store, table) as most:
        wall, cpu = time.monotonic(), time.process_time()
        work()
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    sql = (
        "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS disk FROM system.parts"
        " WHERE database = currentDatabase() AND active AND table = {table:String}"
    )
    found = query(store.client(), sql, {"table": table}).to_pylist()[0]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Run(wall, cpu, memory, found["rows"], found["disk"], most[0])


@contextmanager
def _most_parts(store: Store, table: str) -> Iterator[list[int]]:
    """Samples the number of active parts ten times a second; yields a list with the maximum so far."""
    most, done = [0], threading.Event()

    def watch() -> None:
        client = store.client()
        sql = "SELECT count() AS n FROM system.parts WHERE active AND table = {table:String}"
        while not done.wait(0.1):
            most[0] = max(most[0], query(client, sql, {"table": table})["n"][0].as_py())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def ours(path: str, bucket: str, expected: int) -> Run:
    """Runs our ingest of a bucket."""
    store = opened(Path(path))
    summary: list[IngestSummary] = []
    url = f"s3://{bucket}"
    run = measured(store, "flows", lambda: summary.append(run_ingest(store, [url])))
    found = summary[0]
    assert not found.dead_letters, found.dead_letters[:3]
    assert found.rows_read == found.rows_written + found.rows_rejected + found.rows_skipped
    assert (found.flows, run.rows) == (expected, expected), (found, run)
    return run
