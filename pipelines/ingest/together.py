"""The objects of a load side by side: fetching waits for the network, inflating and parsing keep a core busy."""

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from connectors import s3
from pipelines.ingest.decompress import PARQUET_MAGIC
from pipelines.ingest.group import MAX_STORED, Fetched, Group, parse_group
from pipelines.ingest.loads import Limits, group
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

PARSERS = os.cpu_count() or 1
AHEAD = PARSERS + 1
"""Groups that are fetched or parsed before they are asked for: they need memory."""

TOGETHER = Limits(objects=64, stored_bytes=2 << 20)
"""Objects of a group."""

LARGE_STORED = 8 << 20
"""An object of more stored bytes than this is not even fetched as a whole."""


def side_by_side(
    refs: Sequence[ObjectRef], kind: ObjectKind, log_format: Sequence[str] | None
) -> Generator[Group, None, None]:
    """What the objects hold, some of them at a time, in their order. Raises FlowtrailError when S3 fails."""
    with ThreadPoolExecutor(s3.READERS, "fetch") as fetchers, ThreadPoolExecutor(PARSERS, "parse") as parsers:
        running: deque[Future[Group]] = deque()

        def begin(some: Sequence[ObjectRef]) -> Future[Group]:
            fetched = [fetchers.submit(_fetch, ref, kind) for ref in some]
            return parsers.submit(_parse, fetched, kind, log_format)

        try:
            for some in group(refs, TOGETHER):
                running.append(begin(some))
                if len(running) > AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            fetchers.shutdown(wait=False, cancel_futures=True)
            parsers.shutdown(wait=False, cancel_futures=True)


def _fetch(ref: ObjectRef, kind: ObjectKind) -> Fetched:
    try:
        if kind is ObjectKind.FLOW_LOG and LARGE_STORED < ref.size <= MAX_STORED and not _is_parquet(ref):
            return ref, None
        return ref, s3.read_object(ref, MAX_STORED)
    except BadObject as error:
        return ref, DeadLetter(ref, error.reason, error.detail)


def _is_parquet(ref: ObjectRef) -> bool:
    """Its columns are found from its end: it cannot be read piece by piece as it comes."""
    return s3.read_head(ref, len(PARQUET_MAGIC)) == PARQUET_MAGIC


def _parse(fetched: list[Future[Fetched]], kind: ObjectKind, log_format: Sequence[str] | None) -> Group:
    stored = [future.result() for future in fetched]
    fetched.clear()  # the bytes live on in `stored` alone
    return parse_group(stored, kind, log_format)
