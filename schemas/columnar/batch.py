"""The content of a load: the rows of many objects, one table of each kind, and what is known about each object."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columnar.columns import joined, runs
from schemas.object_ref import ObjectKind, ObjectRef


class ObjectRows(Protocol):
    """One parsed object. `tables` holds its rows by table name, without `load` and `chunk`; `read` is the number of
    its records, `skipped` the number of those not kept, by reason."""

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
class Source:
    """An object that rows were read from: the number of its records, and of those not kept, by reason."""

    ref: ObjectRef
    kind: ObjectKind
    read: int
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """`tables` holds the rows of all `objects` by table name, without `load` and `chunk`; in each table the rows of an
    object are contiguous. A column that is blank in all rows may be left out."""

    objects: tuple[Source, ...]
    tables: Mapping[str, pa.Table]

    @classmethod
    def of(cls, objects: Sequence[ObjectRows]) -> "Batch":
        """A batch of objects that were parsed one by one, ordered by reference."""
        ordered = sorted(objects, key=lambda each: each.ref)
        return cls.joined([cls((Source(o.ref, o.kind, o.read, o.skipped),), o.tables) for o in ordered])

    @classmethod
    def joined(cls, batches: Sequence["Batch"]) -> "Batch":
        """Combine batches of different objects into one."""
        if len(batches) == 1:
            return batches[0]
        names = dict.fromkeys(name for batch in batches for name in batch.tables)
        tables = {name: joined([batch.tables[name] for batch in batches if name in batch.tables]) for name in names}
        return cls(tuple(source for batch in batches for source in batch.objects), tables)

    @property
    def ids(self) -> list[int]:
        return [source.ref.object_id for source in self.objects]

    @property
    def nbytes(self) -> int:
        return sum(rows.nbytes for rows in self.tables.values())

    def without(self, object_ids: Collection[int]) -> "Batch":
        """The batch without these objects."""
        if not set(object_ids).intersection(self.ids):
            return self
        removed = pa.array(list(object_ids), pa.uint64())
        tables = {
            name: rows.filter(pc.invert(pc.is_in(rows["object_id"], removed))) if rows.num_rows else rows
            for name, rows in self.tables.items()
        }
        return Batch(tuple(source for source in self.objects if source.ref.object_id not in object_ids), tables)

    def rows(self) -> dict[str, int]:
        """Row counts by table, for tables that have rows."""
        return {name: rows.num_rows for name, rows in self.tables.items() if rows.num_rows}

    def rows_of_objects(self, table: str) -> dict[int, int]:
        """Row counts of a table by object id, for objects that have rows."""
        rows = self.tables.get(table)
        return dict(runs(rows["object_id"])) if rows is not None and rows.num_rows else {}

    def spans(self) -> dict[int, tuple[int, int]]:
        """First start and last end of each object's records, in Unix seconds; for a change event both are its time."""
        found: dict[int, tuple[int, int]] = {}
        for object_id, first, last in (span for rows in self.tables.values() for span in _spans(rows)):
            before = found.get(object_id, (first, last))
            found[object_id] = min(first, before[0]), max(last, before[1])
        return found


def _spans(rows: pa.Table) -> Iterator[tuple[int, int, int]]:
    names = [name for name in ("start", "end", "event_time") if name in rows.column_names]
    if not rows.num_rows or not names:
        return
    counted = runs(rows["object_id"])
    begins = np.cumsum([0, *(count for _, count in counted)])[:-1]
    times: list[Any] = [rows[name].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy() for name in names]
    first = np.minimum.reduce([np.minimum.reduceat(each, begins) for each in times])
    last = np.maximum.reduce([np.maximum.reduceat(each, begins) for each in times])
    yield from zip((object_id for object_id, _ in counted), first.tolist(), last.tolist(), strict=True)
