"""Buckets to measure with, made by the simulation, and how large a run is.

FLOWTRAIL_BENCH=full (the default, as the targets are set) or quick (minutes).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import endpoint
from simulation.bulk.bucket import Bucket, FlowLog
from simulation.bulk.delivery import Manifest, to_s3
from simulation.bulk.fields import fields_up_to
from simulation.bulk.flows import Traffic

FULL = os.environ.get("FLOWTRAIL_BENCH", "full") == "full"
RUNS = int(os.environ.get("FLOWTRAIL_BENCH_RUNS", "3"))
TRAFFIC = Traffic(interfaces=300)


def log(version: int, traffic: Traffic = TRAFFIC) -> FlowLog:
    """A text flow log with all fields up to a version."""
    return FlowLog(fields_up_to(version), traffic)


def names(flow_log: FlowLog) -> list[str]:
    return [field.name for field in flow_log.fields]


@contextmanager
def served(bucket: Bucket) -> Iterator[Manifest]:
    """The bucket's objects behind S3's API on loopback, under `endpoint.BUCKET`."""
    with endpoint.s3() as url:
        endpoint.fill(())
        yield to_s3(bucket, endpoint.BUCKET, endpoint_url=url)


def stored_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each object that was delivered to a folder."""
    for path in sorted(folder.rglob("*.gz")):
        yield str(path.relative_to(folder)), path.read_bytes()
