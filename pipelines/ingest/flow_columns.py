"""The columns of one object: records go in block by block, the tables of its shape come out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Block
from pipelines.ingest.fields import (
    NO_TEXT,
    AddressField,
    Array,
    ChoiceField,
    Field,
    NumberField,
    TextField,
    dictionary,
    room,
)
from pipelines.ingest.shapes import Shape
from schemas.flow import LOG_STATUS, TEXT
from schemas.table import ADDRESS, SECONDS

ACTIONS = ("", "ACCEPT", "REJECT")
STATUSES = ("", "OK", "NODATA", "SKIPDATA")

_OK = STATUSES.index("OK")


class FlowColumns:
    """Collects records of one layout, of which there are at most `lines`, at most `block` at a time."""

    def __init__(self, shape: Shape, fields: Sequence[str], lines: int, block: int) -> None:
        self._shape = shape
        self._fields: dict[str, Field] = {name: _field(shape, name, lines, block) for name in fields}
        self._line = room(lines, np.uint32)
        self._gaps: dict[str, list[NDArray[Any]]] = {name: [] for name in (*self._gap_fields, LOG_STATUS, "row_no")}
        self.rows = 0

    @property
    def _gap_fields(self) -> list[str]:
        return [column.aws for column in self._shape.gap_columns]

    def read(self, block: Block) -> None:
        """Reads every field of a block, notes in `block.fault` what is wrong, and keeps the good records."""
        # Texts last, since only those of good records are to be remembered.
        for at, field in sorted(enumerate(self._fields.values()), key=lambda item: isinstance(item[1], TextField)):
            field.read(block.source(at), block, at)
        good = block.fault[: block.rows] == kernel.FINE
        status = self._status(block.rows)
        flows = good & (status == _OK)
        count = int(np.count_nonzero(flows))
        pick = slice(0, count) if count == block.rows else np.flatnonzero(flows)
        into = slice(self.rows, self.rows + count)
        for field in self._fields.values():
            field.keep(pick, into)
        self._line[into] = block.numbers[pick]
        self.rows += count
        if count < block.rows and (gaps := np.flatnonzero(good & (status != _OK))).size:
            self._keep_gaps(gaps, status, block)

    def _status(self, rows: int) -> NDArray[Any]:
        """Codes of STATUSES; in a log without log-status a record in which something was measured is OK."""
        if LOG_STATUS in self._fields:
            return self._fields[LOG_STATUS].scratch[:rows]
        measured = [field.given(rows) for name in self._shape.measured if (field := self._fields.get(name)) is not None]
        return np.any(measured, axis=0).astype(np.int32) if measured else np.full(rows, _OK, np.int32)

    def _keep_gaps(self, pick: NDArray[np.intp], status: NDArray[Any], block: Block) -> None:
        for name in self._gap_fields:
            if name in self._fields:
                self._gaps[name].append(self._fields[name].scratch[pick])
        self._gaps[LOG_STATUS].append(status[pick])
        self._gaps["row_no"].append(block.numbers[pick])

    def tables(self, object_id: int) -> dict[str, pa.Table]:
        """Flows and gaps; what VPC metadata adds is there and empty."""
        return {self._shape.flows.name: self._flows(object_id), self._shape.gaps.name: self._gap_table(object_id)}

    def _flows(self, object_id: int) -> pa.Table:
        n, columns = self.rows, self._shape.columns
        spilled = {
            name: field for name, field in self._fields.items() if isinstance(field, TextField) and name not in columns
        }
        made = {columns[name].name: field.array(n) for name, field in self._fields.items() if name in columns}
        made |= {"extra": _spill(spilled, n), "row_no": pa.array(self._line[:n])}
        return _table(self._shape.flow_schema, made, n, object_id)

    def _gap_table(self, object_id: int) -> pa.Table:
        gaps = {name: np.concatenate(pieces) for name, pieces in self._gaps.items() if pieces}
        if not gaps:
            return self._shape.gap_schema.empty_table()
        made = {}
        for column in self._shape.gap_columns:
            field = self._fields.get(column.aws)
            if isinstance(field, TextField):
                made[column.name] = dictionary(gaps[column.aws], field.texts())
            elif field is not None:
                made[column.name] = pa.array(gaps[column.aws].astype(np.int64)).cast(SECONDS)
        made["log_status"] = dictionary(gaps[LOG_STATUS], pa.array(STATUSES))
        made["row_no"] = pa.array(gaps["row_no"].astype(np.uint32))
        return _table(self._shape.gap_schema, made, len(gaps["row_no"]), object_id)


def _field(shape: Shape, name: str, lines: int, block: int) -> Field:
    column = shape.columns.get(name)
    if name == LOG_STATUS:
        return ChoiceField(STATUSES, b"\n", kernel.BAD_STATUS, lines, block)
    if name == "action" and column is not None:
        return ChoiceField(ACTIONS, b"-", kernel.BAD_ACTION, lines, block)
    if column is None or column.arrow == TEXT:
        return TextField(lines, block)
    return AddressField(column, lines, block) if column.arrow == ADDRESS else NumberField(column, lines, block)


def _table(schema: pa.Schema, made: Mapping[str, Array], rows: int, object_id: int) -> pa.Table:
    made = {**made, "object_id": pa.array(np.full(rows, object_id, np.uint64))}
    # A log has few of the fields that it might have: columns of one type that it lacks are one and the same array.
    lacking = {field.type for field in schema if field.name not in made}
    empty = {kind: _nothing(kind, rows) for kind in lacking}
    columns = [made[field.name] if field.name in made else empty[field.type] for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _nothing(kind: Any, rows: int) -> Array:
    return dictionary(np.zeros(rows, np.int32), NO_TEXT) if kind == TEXT else pa.nulls(rows, kind)


def _spill(fields: Mapping[str, TextField], rows: int) -> Array:
    """Maps of field name -> text; a field that is `-` is left out."""
    nothing: Array = pa.array([], pa.string())
    texts = [field.texts() for field in fields.values()]
    first = np.cumsum([0, *(len(distinct) for distinct in texts)])[:-1]
    codes = np.stack([np.zeros(rows, np.int32), *(field.column[:rows] for field in fields.values())], axis=1)[:, 1:]
    given = codes != 0
    offsets: Array = np.concatenate([[0], np.cumsum(np.count_nonzero(given, axis=1))]).astype(np.int32)
    keys: Array = pa.array(list(fields), pa.string()).take(np.nonzero(given)[1])
    items: Array = pa.concat_arrays([nothing, *texts]).take((codes + first)[given])
    return pa.MapArray.from_arrays(offsets, keys, items)
