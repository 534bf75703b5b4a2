"""Read the objects of a load: fetched side by side, inflated and parsed as they come, put together as columns.

What is held at a time is bounded, whatever the objects are: a load that comes to more is split, and an object that
does alone is `large`: it is read piece by piece while it is written.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b

import pyarrow as pa

from connectors import s3
from connectors.batch import Batch
from connectors.columns import joined
from pipelines.ingest.decompress import PIECE, inflated
from pipelines.ingest.enrich import FROM_METADATA, enrich
from pipelines.ingest.group import MAX_INFLATED, MAX_STORED, Group, header_and_text
from pipelines.ingest.loads import Load
from pipelines.ingest.parse import FlowLogs
from pipelines.ingest.together import side_by_side
from pipelines.network.timeline import Timeline
from schemas.errors import BadObject
from schemas.flow import FLOWS
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectRef

LOAD_BYTES = 128 << 20
"""Bytes of columns that a load holds at most."""

PIECE_ROWS = 500_000
"""Records of a large object that are written together."""

NOTHING = Batch((), {})

_FILLED = ("direction", *FROM_METADATA)
_LOOKED_UP = pa.schema(
    [FLOWS.schema.field(name) for name in ("interface_id", "start", "srcaddr", "dstaddr", "flow_direction", *_FILLED)]
)


@dataclass(frozen=True)
class ReadLoad:
    """A load with its objects parsed; those that could not be read are dead letters. Of a `large` object only the
    reference is there, alone."""

    load: Load
    batch: Batch = NOTHING
    letters: tuple[DeadLetter, ...] = ()
    large: bool = False

    @property
    def nbytes(self) -> int:
        return self.batch.nbytes


def read_load(load: Load, log_format: Sequence[str] | None = None) -> Iterator[ReadLoad]:
    """The load with what its objects hold, or several loads when that is too much for one. The first keeps the load's
    id and the others' follow from it, so that the same load read again is split the same way."""
    if not load.refs:
        yield ReadLoad(load)
        return
    with closing(_parts(replace(load, refs=tuple(sorted(load.refs))), log_format)) as parts:
        for n, part in enumerate(parts):
            yield replace(part, load=replace(part.load, id=_id(load.id, n)))


def read_pieces(ref: ObjectRef, log_format: Sequence[str] | None = None) -> Iterator[Batch]:
    """A large flow log, some of its records at a time. Raises BadObject, also after some pieces."""
    if ref.size > MAX_STORED:
        raise BadObject(ref, "too-large", f"{ref.size} bytes as stored, {MAX_STORED} are the most that is read")
    texts = inflated(ref, s3.stream_object(ref), ref.size, most=PIECE, max_bytes=MAX_INFLATED)
    header, beginning = header_and_text(ref, texts, log_format)
    logs = FlowLogs(header)
    logs.begin(ref)
    logs.feed(beginning)
    for text in texts:
        logs.feed(text)
        if logs.rows >= PIECE_ROWS:
            yield logs.take()
    logs.end()
    yield logs.take()


def enrich_load(read: ReadLoad, timeline: Timeline | None) -> ReadLoad:
    """VPC metadata as of each row's `start`."""
    return replace(read, batch=enriched(read.batch, timeline))


def enriched(batch: Batch, timeline: Timeline | None) -> Batch:
    """The objects with the metadata of their flows."""
    flows = batch.tables.get(FLOWS.name)
    if flows is None or not flows.num_rows:
        return batch
    if timeline is None:  # the logged direction is all that is known
        known = {"direction": flows["flow_direction"]} if "flow_direction" in flows.column_names else {}
    else:
        slim = flows.select([name for name in _LOOKED_UP.names if name in flows.column_names])
        found = enrich(joined([slim], keep=_LOOKED_UP), timeline)
        known = {name: found[name] for name in _FILLED}
    for name, column in known.items():
        at = flows.schema.get_field_index(name)
        flows = flows.append_column(name, column) if at < 0 else flows.set_column(at, name, column)
    return replace(batch, tables={**batch.tables, FLOWS.name: flows})


def _id(load: int, n: int) -> int:
    return load if n == 0 else int.from_bytes(blake2b(f"{load}:{n}".encode(), digest_size=8).digest(), "big")


def _parts(load: Load, log_format: Sequence[str] | None) -> Generator[ReadLoad, None, None]:
    """The load in parts within the bound; a large object is a part of its own."""
    held: list[Group] = []
    size = 0
    with closing(side_by_side(load.refs, load.kind, log_format)) as groups:
        for group in groups:
            more = group.nbytes
            if held and size + more > LOAD_BYTES:
                yield _part(load, held)
                held, size = [], 0
            for ref in group.large:
                yield ReadLoad(replace(load, refs=(ref,)), large=True)
            held.append(group)
            size += more
            del group
    if held:
        yield _part(load, held)


def _part(load: Load, groups: Sequence[Group]) -> ReadLoad:
    batch = Batch.joined([batch for group in groups for batch in group.batches])
    letters = tuple(letter for group in groups for letter in group.letters)
    refs = (*(source.ref for source in batch.objects), *(letter.ref for letter in letters))
    return ReadLoad(replace(load, refs=refs), batch, letters)
