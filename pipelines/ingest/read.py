"""Read the objects of a load: fetched side by side, inflated and parsed as they come."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa

from connectors import s3
from pipelines.ingest.changes import parse_changes
from pipelines.ingest.decompress import inflate
from pipelines.ingest.enrich import enrich
from pipelines.ingest.loads import Load
from pipelines.ingest.parse import parse_flow_log
from pipelines.ingest.parsed import Parsed
from pipelines.network.timeline import Timeline
from schemas.errors import BadObject
from schemas.flow import FLOWS
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

MAX_STORED = 512 << 20
"""Bytes of an object as stored. AWS delivers 75 MB at most; what is beyond all reason is never fetched."""

MAX_INFLATED = 2 << 30


@dataclass(frozen=True)
class ReadLoad:
    """A load with its objects parsed; those that could not be read are dead letters."""

    load: Load
    parsed: tuple[Parsed, ...] = ()
    letters: tuple[DeadLetter, ...] = ()

    @property
    def nbytes(self) -> int:
        return sum(rows.nbytes for each in self.parsed for rows in each.tables.values())


def read_load(load: Load, log_format: Sequence[str] | None = None) -> ReadLoad:
    """Fetching waits for the network, inflating and parsing release the interpreter: threads keep every core busy."""

    def read(ref: ObjectRef) -> Parsed | DeadLetter:
        try:
            return parse(ref, load.kind, s3.read_object(ref, MAX_STORED), log_format)
        except BadObject as error:
            return DeadLetter(ref, error.reason, error.detail)

    if not load.refs:
        return ReadLoad(load)
    with ThreadPoolExecutor(min(s3.READERS, len(load.refs))) as pool:
        results = list(pool.map(read, load.refs))
    return ReadLoad(
        load,
        tuple(result for result in results if isinstance(result, Parsed)),
        tuple(result for result in results if isinstance(result, DeadLetter)),
    )


def parse(ref: ObjectRef, kind: ObjectKind, stored: bytes, log_format: Sequence[str] | None = None) -> Parsed:
    """One object's rows from its bytes as stored. Raises BadObject."""
    raw = inflate(ref, stored, max_bytes=MAX_INFLATED)
    return parse_changes(ref, raw) if kind is ObjectKind.CLOUDTRAIL else parse_flow_log(ref, raw, log_format)


def enrich_load(read: ReadLoad, timeline: Timeline | None) -> ReadLoad:
    """VPC metadata as of each row's `start`, looked up once for the whole load."""
    flows = [each.tables[FLOWS.name] for each in read.parsed if FLOWS.name in each.tables]
    if not any(rows.num_rows for rows in flows):
        return read
    enriched = enrich(pa.concat_tables(flows).unify_dictionaries().combine_chunks(), timeline)
    parsed, offset = [], 0
    for each in read.parsed:
        rows = each.tables[FLOWS.name].num_rows if FLOWS.name in each.tables else 0
        tables = {**each.tables, FLOWS.name: enriched.slice(offset, rows)} if rows else each.tables
        parsed.append(replace(each, tables=tables))
        offset += rows
    return replace(read, parsed=tuple(parsed))
