"""Generates the objects of a bucket, one block of records at a time, and puts them into a folder or into S3."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

import boto3
import numpy as np
import pyarrow as pa
from botocore.config import Config
from isal import isal_zlib

from simulation.bulk import parquet, text
from simulation.bulk.batch import Batch, Truth, batch_of, batches
from simulation.bulk.bucket import Bucket, Planned
from simulation.bulk.flows import Flows, numbered

GZIP_LEVEL = 1
"""A level of ISA-L: 5.7 to 1 for version 2, 7.8 to 1 for version 5, which is between zlib's levels 3 and 6."""

GZIP_BITS = 31
IN_MEMORY = 8 << 20
"""Most bytes of an object that are kept in memory; a larger one is written to a temporary file."""


@dataclass(frozen=True)
class Delivered:
    """A delivered object: its sizes in bytes, stored and inflated (for Parquet the same), and what it contains."""

    key: str
    stored: int
    inflated: int
    truth: Truth


@dataclass(frozen=True)
class Manifest:
    """Everything that was delivered: the truth to compare with."""

    objects: tuple[Delivered, ...]

    @property
    def total(self) -> Truth:
        return sum((each.truth for each in self.objects), Truth())

    @property
    def stored(self) -> int:
        return sum(each.stored for each in self.objects)

    @property
    def inflated(self) -> int:
        return sum(each.inflated for each in self.objects)

    def to_json(self) -> str:
        return json.dumps([asdict(each) for each in self.objects])

    @classmethod
    def from_json(cls, written: str) -> "Manifest":
        return cls(tuple(Delivered(**{**each, "truth": Truth(**each["truth"])}) for each in json.loads(written)))


Put = Callable[[str, IO[bytes]], None]


def to_folder(bucket: Bucket, folder: Path, *, threads: int = 2) -> Manifest:
    """Writes each object to a file of that name under the folder."""

    def put(key: str, body: IO[bytes]) -> None:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, 1 << 20)

    return deliver(bucket, put, threads=threads)


def to_s3(bucket: Bucket, name: str, *, endpoint_url: str | None = None, threads: int = 4) -> Manifest:
    """Puts each object into the existing bucket of that name. Raises what boto3 raises."""
    config = Config(max_pool_connections=threads, request_checksum_calculation="when_required")
    client = boto3.client("s3", endpoint_url=endpoint_url, config=config)

    def put(key: str, body: IO[bytes]) -> None:
        client.put_object(Bucket=name, Key=key, Body=body)

    return deliver(bucket, put, threads=threads)


def deliver(bucket: Bucket, put: Put, *, threads: int) -> Manifest:
    """Puts every object, in any order; memory holds `threads` blocks of records, whatever the size of the bucket."""

    def together(group: list[Planned]) -> list[Delivered]:
        done = []
        for delivered, body in _made(group):
            with body:
                put(delivered.key, body)
            done.append(delivered)
        return done

    with ThreadPoolExecutor(threads) as pool:
        return Manifest(tuple(each for done in pool.map(together, bucket.groups()) for each in done))


def _made(group: list[Planned]) -> Iterator[tuple[Delivered, IO[bytes]]]:
    if group[0].log.parquet:
        yield _made_parquet(group[0])
    elif len(group) == 1:
        yield _made_text(group[0])
    else:
        yield from _made_together(group)


def _made_text(planned: Planned) -> tuple[Delivered, IO[bytes]]:
    body = _body()
    gzip = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_BITS)
    heading = text.header(planned.log.fields)
    body.write(gzip.compress(heading))
    inflated, truth = len(heading), Truth()
    for batch in _batches(planned):
        lines = text.lines(batch.table)
        body.write(gzip.compress(lines))
        inflated, truth = inflated + len(lines), truth + batch.truth()
    body.write(gzip.flush())
    return _finished(planned, body, inflated, truth)


def _made_together(group: list[Planned]) -> Iterator[tuple[Delivered, IO[bytes]]]:
    """Small objects, cut from one block."""
    log, first = group[0].log, group[0].first
    sizes = [planned.rows for planned in group]
    slots = np.repeat([planned.slot for planned in group], sizes)
    batch = batch_of(log.fields, Flows(log.traffic, numbered(group[0].stream, first, sum(sizes), log.traffic), slots))
    lines, heading = text.Lines(batch.table), text.header(log.fields)
    for planned in group:
        begin, end = planned.first - first, planned.first - first + planned.rows
        gzip = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_BITS)
        part, body = lines.part(begin, end), _body()
        body.write(gzip.compress(heading) + gzip.compress(part) + gzip.flush())
        yield _finished(planned, body, len(heading) + len(part), batch.truth(begin, end))


def _made_parquet(planned: Planned) -> tuple[Delivered, IO[bytes]]:
    body, truths, log = _body(), [], planned.log

    def tables() -> Iterator[pa.Table]:
        for batch in _batches(planned):
            truths.append(batch.truth())
            yield batch.table

    parquet.write(body, log.fields, tables(), dashes=log.dashes, wide_protocol=log.wide_protocol)
    return _finished(planned, body, body.tell(), sum(truths, Truth()))


def _batches(planned: Planned) -> Iterator[Batch]:
    log = planned.log
    return batches(log.fields, log.traffic, planned.rows, slot=planned.slot, stream=planned.stream, first=planned.first)


def _finished(planned: Planned, body: IO[bytes], inflated: int, truth: Truth) -> tuple[Delivered, IO[bytes]]:
    stored = body.tell()
    body.seek(0)
    return Delivered(planned.key, stored, inflated, truth), body


def _body() -> IO[bytes]:
    return cast(IO[bytes], SpooledTemporaryFile(max_size=IN_MEMORY))
