"""Cuts a load into chunks: each is one table, one partition day, one block, one part, one atomic rename."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columnar.batch import Batch
from schemas.columnar.columns import runs
from schemas.table import Table
from schemas.tables import TABLES

MAX_ROWS = 500_000
MAX_BYTES = 200_000_000
DAY = 86_400

DATA: tuple[Table, ...] = tuple(table for table in TABLES.values() if {"load", "chunk", "row_no"} <= set(table.names))
"""The tables that loads write to."""


@dataclass(frozen=True)
class Chunk:
    """`number` counts from 1 within the load; `counts` holds the number of rows of each object."""

    number: int
    table: Table
    rows: pa.Table
    counts: Mapping[int, int]

    def stamped(self, load: int) -> pa.Table:
        """The rows with their `load` and `chunk` columns."""
        n = self.rows.num_rows
        stamped = self.rows.append_column("load", pa.array(np.full(n, load, np.uint64)))
        return stamped.append_column("chunk", pa.array(np.full(n, self.number, np.uint32)))


def cut(batch: Batch, after: int = 0) -> list[Chunk]:
    """The chunks of a batch, numbered from `after` + 1. The same rows in the same order give the same chunks."""
    chunks: list[Chunk] = []
    for table in DATA:
        rows = batch.tables.get(table.name)
        if rows is None or not rows.num_rows:
            continue
        for day in _days(rows):
            for part in _slices(day):
                chunks.append(Chunk(after + len(chunks) + 1, table, part, dict(runs(part["object_id"]))))
    return chunks


def _days(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows of each partition: tables with a `start` are partitioned by its UTC day, the others are not."""
    if "start" not in rows.column_names:
        yield rows
        return
    seconds = rows["start"].cast(pa.int64())
    bounds: Any = pc.min_max(seconds)
    first, last = (bounds[name].as_py() // DAY for name in ("min", "max"))
    if first == last:
        yield rows
        return
    days = seconds.to_numpy() // DAY - first
    for day in np.flatnonzero(np.bincount(days)):
        yield rows.filter(pa.array(days == day))


def _slices(rows: pa.Table) -> Iterator[pa.Table]:
    """Slices within the limits and of about equal size, because chunks are written in parallel."""
    count = max(-(-rows.num_rows // MAX_ROWS), -(-rows.nbytes // MAX_BYTES))
    at_most = -(-rows.num_rows // count)
    for offset in range(0, rows.num_rows, at_most):
        yield rows.slice(offset, at_most)
