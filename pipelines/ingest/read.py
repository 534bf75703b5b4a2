"""Read the objects of a load: fetched side by side, inflated and parsed as they come, put together as columns.

What is held at a time is bounded by inflated bytes, whatever the objects are: a load that inflates to more is split,
and an object that does alone is `large`: it is read piece by piece while it is written.
"""

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from threading import BoundedSemaphore
from typing import Any

import pyarrow as pa

from connectors import s3
from connectors.columns import joined
from pipelines.ingest.changes import parse_changes
from pipelines.ingest.decompress import PARQUET_MAGIC, WINDOW, inflate, inflated, windows
from pipelines.ingest.enrich import FROM_METADATA, enrich
from pipelines.ingest.loads import Load
from pipelines.ingest.parquet import parse_parquet
from pipelines.ingest.parse import FlowLog
from pipelines.ingest.parsed import Parsed
from pipelines.network.timeline import Timeline
from schemas.errors import BadObject
from schemas.flow import FLOWS
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

MAX_STORED = 512 << 20
"""Bytes of an object as stored. AWS delivers 75 MB at most; what is beyond all reason is never fetched."""

MAX_INFLATED = 2 << 30

LOAD_WINDOWS = 2
"""How many windows of text a load holds at most."""

LARGE_STORED = 16 << 20
"""An object of more stored bytes than this is not even fetched as a whole."""

_FILLED = ("direction", *FROM_METADATA)
_LOOKED_UP = pa.schema(
    [FLOWS.schema.field(name) for name in ("interface_id", "start", "srcaddr", "dstaddr", "flow_direction", *_FILLED)]
)
_parsing = BoundedSemaphore(os.cpu_count() or 1)
"""Fetching waits for the network; inflating and parsing keep a core busy and need memory for a window each."""


@dataclass(frozen=True)
class ReadLoad:
    """A load with its objects parsed; those that could not be read are dead letters. Of a `large` object only the
    reference is there, alone."""

    load: Load
    parsed: tuple[Parsed, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    large: bool = False

    @property
    def nbytes(self) -> int:
        return sum(rows.nbytes for each in self.parsed for rows in each.tables.values())


@dataclass(frozen=True)
class _Large:
    """An object that is too large to be held."""

    ref: ObjectRef


_Read = Parsed | DeadLetter | _Large


def read_load(load: Load, log_format: Sequence[str] | None = None) -> Iterator[ReadLoad]:
    """The load with what its objects hold, or several loads when that is too much for one. The first keeps the load's
    id and the others' follow from it, so that the same load read again is split the same way."""
    if not load.refs:
        yield ReadLoad(load)
        return
    with closing(_together(load, log_format)) as groups:
        for n, group in enumerate(groups):
            part = replace(load, id=_id(load.id, n), refs=tuple(each.ref for each, _ in group))
            if isinstance(group[0][0], _Large):
                yield ReadLoad(part, large=True)
                continue
            parsed = [each for each, _ in group if isinstance(each, Parsed)]
            letters = tuple(each for each, _ in group if isinstance(each, DeadLetter))
            group.clear()
            yield ReadLoad(part, tuple(_share(parsed)), letters)


def read_pieces(ref: ObjectRef, log_format: Sequence[str] | None = None) -> Iterator[Parsed]:
    """A large flow log, window by window. Raises BadObject, also after some pieces."""
    if ref.size > MAX_STORED:
        raise BadObject(ref, "too-large", f"{ref.size} bytes as stored, {MAX_STORED} are the most that is read")
    log = None
    for window in windows(inflated(ref, s3.stream_object(ref), ref.size, most=WINDOW, max_bytes=MAX_INFLATED)):
        log = FlowLog(ref, window, log_format) if log is None else log
        yield from _share([log.read(window)])


def enrich_load(read: ReadLoad, timeline: Timeline | None) -> ReadLoad:
    """VPC metadata as of each row's `start`, looked up once for the whole load."""
    return replace(read, parsed=tuple(enriched(read.parsed, timeline)))


def enriched(parsed: Sequence[Parsed], timeline: Timeline | None) -> Iterator[Parsed]:
    """The objects with the metadata of their flows."""
    flows = [each.tables[FLOWS.name] for each in parsed if each.tables.get(FLOWS.name)]
    if timeline is None:  # the logged direction is all that is known
        yield from (_with(each, {"direction": "flow_direction"}) for each in parsed)
        return
    slim = [rows.select([name for name in _LOOKED_UP.names if name in rows.column_names]) for rows in flows]
    found = enrich(joined(slim, keep=_LOOKED_UP), timeline) if flows else pa.table({})
    at = 0
    for each in parsed:
        rows = each.tables.get(FLOWS.name)
        if not rows:
            yield each
            continue
        mine = found.slice(at, rows.num_rows)
        at += rows.num_rows
        yield replace(each, tables={**each.tables, FLOWS.name: _put(rows, {name: mine[name] for name in _FILLED})})


def _with(parsed: Parsed, copies: dict[str, str]) -> Parsed:
    rows = parsed.tables.get(FLOWS.name)
    if not rows:
        return parsed
    made = {name: rows[source] for name, source in copies.items() if source in rows.column_names}
    return replace(parsed, tables={**parsed.tables, FLOWS.name: _put(rows, made)})


def _put(rows: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    for name, column in columns.items():
        at = rows.schema.get_field_index(name)
        rows = rows.append_column(name, column) if at < 0 else rows.set_column(at, name, column)
    return rows


def _id(load: int, n: int) -> int:
    return load if n == 0 else int.from_bytes(blake2b(f"{load}:{n}".encode(), digest_size=8).digest(), "big")


def _together(load: Load, log_format: Sequence[str] | None) -> Generator[list[tuple[_Read, int]], None, None]:
    """What was read, with its inflated bytes, in groups within the bound; a large object is a group of its own."""
    held: list[tuple[_Read, int]] = []
    size = 0
    with closing(_side_by_side(load, log_format)) as results:
        for result, inflated_bytes in results:
            if isinstance(result, _Large):
                yield [(result, 0)]
                continue
            if held and size + inflated_bytes > LOAD_WINDOWS * WINDOW:
                yield held
                held, size = [], 0
            held.append((result, inflated_bytes))
            size += inflated_bytes
    if held:
        yield held


def _side_by_side(load: Load, log_format: Sequence[str] | None) -> Generator[tuple[_Read, int], None, None]:
    """The objects in the load's order, a few of them ahead."""
    with ThreadPoolExecutor(min(s3.READERS, len(load.refs))) as pool:
        refs = iter(load.refs)
        running: list[Future[tuple[_Read, int]]] = []
        try:
            while True:
                ahead = islice(refs, 2 * s3.READERS - len(running))
                running += [pool.submit(_read, ref, load.kind, log_format) for ref in ahead]
                if not running:
                    return
                yield running.pop(0).result()
        finally:
            for future in running:
                future.cancel()


def _read(ref: ObjectRef, kind: ObjectKind, log_format: Sequence[str] | None) -> tuple[_Read, int]:
    """One object's rows, or why there are none, and how many bytes it inflates to."""
    try:
        if kind is ObjectKind.FLOW_LOG and LARGE_STORED < ref.size <= MAX_STORED and not _is_parquet(ref):
            return _Large(ref), 0
        stored = s3.read_object(ref, MAX_STORED)
        with _parsing:
            return _parse(ref, kind, stored, log_format)
    except BadObject as error:
        return DeadLetter(ref, error.reason, error.detail), 0


def _parse(ref: ObjectRef, kind: ObjectKind, stored: bytes, log_format: Sequence[str] | None) -> tuple[_Read, int]:
    if kind is ObjectKind.CLOUDTRAIL:
        raw = inflate(ref, stored, max_bytes=MAX_INFLATED)
        return parse_changes(ref, raw), len(raw)
    if stored.startswith(PARQUET_MAGIC):
        parsed = parse_parquet(ref, stored)
        return parsed, sum(rows.nbytes for rows in parsed.tables.values())
    texts = windows(inflated(ref, [stored], len(stored), most=WINDOW, max_bytes=MAX_INFLATED))
    first = next(texts)
    if next(texts, None) is not None:
        return _Large(ref), 0
    parsed = FlowLog(ref, first, log_format).read(first)
    return parsed, len(first)


def _is_parquet(ref: ObjectRef) -> bool:
    """Its columns are found from its end: it cannot be read piece by piece as it comes."""
    return s3.read_head(ref, len(PARQUET_MAGIC)) == PARQUET_MAGIC


def _share(parsed: Sequence[Parsed]) -> Iterator[Parsed]:
    """The same rows, as slices of tables that all these objects share: one dictionary per column, no blank columns."""
    names = dict.fromkeys(name for each in parsed for name in each.tables)
    tables = {name: joined([each.tables[name] for each in parsed if name in each.tables]) for name in names}
    at = dict.fromkeys(names, 0)
    for each in parsed:
        mine = {}
        for name, rows in each.tables.items():
            mine[name] = tables[name].slice(at[name], rows.num_rows)
            at[name] += rows.num_rows
        yield replace(each, tables=mine)
