"""Fetch and parse the objects of a load in parallel: fetching waits for the network, parsing keeps a core busy."""

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from connectors.aws import s3
from connectors.aws.access import Access
from pipelines.ingest.load import Job, Limits, group
from pipelines.ingest.parse.decompress import PARQUET_MAGIC
from pipelines.ingest.parse.parse_objects import MAX_STORED, Fetched, Group, parse_group
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

PARSERS = os.cpu_count() or 1
AHEAD = PARSERS + 1
"""Groups that are fetched or parsed before they are needed. They take memory."""

TOGETHER = Limits(objects=64, stored_bytes=2 << 20)
"""Upper bounds of a group of objects that are parsed together."""

LARGE_STORED = 8 << 20
"""A text flow log of more stored bytes than this is not fetched as a whole."""


def side_by_side(refs: Sequence[ObjectRef], kind: ObjectKind, job: Job) -> Generator[Group, None, None]:
    """Yields the contents of the objects, in order, in groups within TOGETHER. Objects that cannot be read become dead
    letters of their group. Raises FlowtrailError when S3 fails."""
    with ThreadPoolExecutor(s3.READERS, "fetch") as fetchers, ThreadPoolExecutor(PARSERS, "parse") as parsers:
        running: deque[Future[Group]] = deque()

        def start(some: Sequence[ObjectRef]) -> Future[Group]:
            fetched = [fetchers.submit(_fetch, ref, kind, job.access) for ref in some]
            return parsers.submit(_parse, fetched, kind, job)

        try:
            for some in group(refs, TOGETHER):
                running.append(start(some))
                if len(running) > AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            fetchers.shutdown(wait=False, cancel_futures=True)
            parsers.shutdown(wait=False, cancel_futures=True)


def _fetch(ref: ObjectRef, kind: ObjectKind, access: Access) -> Fetched:
    try:
        if kind is ObjectKind.FLOW_LOG and LARGE_STORED < ref.size <= MAX_STORED and not _is_parquet(ref, access):
            return ref, None
        return ref, s3.read_object(ref, MAX_STORED, access)
    except BadObject as error:
        return ref, DeadLetter(ref, error.reason, error.detail)


def _is_parquet(ref: ObjectRef, access: Access) -> bool:
    """A Parquet file has its index at the end, so it cannot be read piece by piece as it arrives."""
    return s3.read_head(ref, len(PARQUET_MAGIC), access) == PARQUET_MAGIC


def _parse(fetched: list[Future[Fetched]], kind: ObjectKind, job: Job) -> Group:
    stored = [future.result() for future in fetched]
    fetched.clear()  # so that only `stored` holds the bytes
    return parse_group(stored, kind, job.log_format or None, job.rule)
