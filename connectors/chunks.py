"""A load cut into chunks: one table, one partition day, one block, one part, one atomic rename each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from connectors.columns import joined, runs
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import Table
from schemas.tables import TABLES

MAX_ROWS = 1_000_000
MAX_BYTES = 200_000_000
DAY = 86_400

DATA: tuple[Table, ...] = tuple(table for table in TABLES.values() if {"load", "chunk", "row_no"} <= set(table.names))
"""The tables that loads fill."""


class ObjectRows(Protocol):
    """One object, parsed. `tables` holds its rows by table name, without `load` and `chunk`; `read` is the number of
    its records, `skipped` those that are not kept, by reason."""

    @property
    def ref(self) -> ObjectRef: ...
    @property
    def kind(self) -> ObjectKind: ...
    @property
    def read(self) -> int: ...
    @property
    def tables(self) -> Mapping[str, pa.Table]: ...
    @property
    def skipped(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class Chunk:
    """`number` counts from 1 within the load; `counts` are the rows of each object in it."""

    number: int
    table: Table
    rows: pa.Table
    counts: Mapping[int, int]

    def stamped(self, load: int) -> pa.Table:
        """The rows with their `load` and `chunk`."""
        n = self.rows.num_rows
        stamped = self.rows.append_column("load", pa.array(np.full(n, load, np.uint64)))
        return stamped.append_column("chunk", pa.array(np.full(n, self.number, np.uint32)))


def cut(objects: Sequence[ObjectRows], after: int = 0) -> list[Chunk]:
    """Deterministic: the same objects, parsed alike, give the same chunks, in whatever order they come. Numbers go on
    from `after`."""
    chunks: list[Chunk] = []
    ordered = sorted(objects, key=lambda each: each.ref)
    for table in DATA:
        parts = [each.tables[table.name] for each in ordered if table.name in each.tables]
        parts = [part for part in parts if part.num_rows]
        if not parts:
            continue
        for day in _days(joined(parts)):
            for rows in _slices(day):
                chunks.append(Chunk(after + len(chunks) + 1, table, rows, dict(runs(rows.column("object_id")))))
    return chunks


def _days(rows: pa.Table) -> Iterator[pa.Table]:
    """Rows by partition: tables with a `start` are partitioned by its day in UTC, the others are not."""
    if "start" not in rows.column_names:
        yield rows
        return
    days = rows.column("start").cast(pa.int64()).to_numpy() // DAY
    unique = np.unique(days)
    if len(unique) == 1:
        yield rows
        return
    for day in unique:
        yield rows.filter(pa.array(days == day))


def _slices(rows: pa.Table) -> Iterator[pa.Table]:
    at_most = max(1, min(MAX_ROWS, MAX_BYTES * rows.num_rows // max(rows.nbytes, 1)))
    for offset in range(0, rows.num_rows, at_most):
        yield rows.slice(offset, at_most)
