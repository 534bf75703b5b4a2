"""Read the objects of a load: fetch them in parallel, decompress and parse them as they arrive, join their columns.

Memory is bounded whatever the objects are: a load that would exceed the bound is split, and a single object that would
exceed it becomes a `LargeObject`, which is read piece by piece while it is written.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from connectors.aws import s3
from pipelines.ingest.load import Job, LargeObject, Load, ReadLoad
from pipelines.ingest.parse.decompress import PIECE, inflated
from pipelines.ingest.parse.flow_log import FlowLogs
from pipelines.ingest.parse.parse_objects import MAX_INFLATED, MAX_STORED, Group, opened
from pipelines.ingest.read.fetch import side_by_side
from schemas.columnar.batch import Batch
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef

LOAD_BYTES = 128 << 20
"""The most bytes of columns in a load."""

PIECE_ROWS = 500_000
"""Records of a large object that are written together."""


def read_load(load: Load, job: Job) -> Generator[ReadLoad | LargeObject, None, None]:
    """Yields what the objects of the load hold, in several parts when it is too much for one. Raises FlowtrailError
    when S3 fails."""
    held: list[Group] = []
    size = 0
    with closing(side_by_side(sorted(load.refs), load.kind, job)) as groups:
        for group in groups:
            more = group.nbytes
            if held and size + more > LOAD_BYTES:
                yield _joined(held)
                held, size = [], 0
            for ref in group.large:
                yield LargeObject(ref)
            held.append(group)
            size += more
            del group
    if held:
        yield _joined(held)


def read_pieces(ref: ObjectRef, job: Job) -> Iterator[Batch]:
    """Yields a large flow log piece by piece. Raises BadObject, possibly after some pieces, and FlowtrailError."""
    if ref.size > MAX_STORED:
        raise BadObject(
            ref, "too-large", f"The object has {ref.size} stored bytes; at most {MAX_STORED} can be read. Split it."
        )
    texts = inflated(ref, s3.stream_object(ref, access=job.access), ref.size, most=PIECE, max_bytes=MAX_INFLATED)
    header, beginning, bounds = opened(ref, texts, job.log_format or None, job.rule)
    logs = FlowLogs(header)
    logs.begin(ref, bounds)
    logs.feed(beginning)
    for text in texts:
        logs.feed(text)
        if logs.rows >= PIECE_ROWS:
            yield logs.take()
    logs.end()
    yield logs.take()


def _joined(groups: Sequence[Group]) -> ReadLoad:
    batch = Batch.joined([batch for group in groups for batch in group.batches])
    return ReadLoad(batch, tuple(letter for group in groups for letter in group.letters))
