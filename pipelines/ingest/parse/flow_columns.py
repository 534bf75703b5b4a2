"""The columns of logs of one layout: records go in block by block, and the tables of its shape come out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.blocks import Block
from pipelines.ingest.parse.fields import AddressField, Array, ChoiceField, Field, NumberField, TextField, dictionary
from pipelines.ingest.parse.log_format import TIME_FIELDS
from pipelines.ingest.parse.memory import borrow
from pipelines.ingest.parse.shapes import Shape
from schemas.flow import FROM_NAME, LOG_STATUS, TEXT, TIME_SOURCE
from schemas.table import ADDRESS, SECONDS

ACTIONS = ("", "ACCEPT", "REJECT")
STATUSES = ("", "OK", "NODATA", "SKIPDATA")

_OK = STATUSES.index("OK")


class FlowColumns:
    """Collects records of one layout, in blocks of at most `block` records, and holds at most `lines` of them."""

    def __init__(self, shape: Shape, fields: Sequence[str], lines: int, block: int) -> None:
        self._shape = shape
        self._lines = lines
        self._fields: dict[str, Field] = {name: _field(shape, name, lines, block) for name in fields}
        # Text fields last, so that only the texts of good records get codes.
        self._values: list[tuple[int, Field]] = [
            (at, field) for at, field in enumerate(self._fields.values()) if not isinstance(field, TextField)
        ]
        self._texts: list[tuple[int, Field]] = [
            (at, field) for at, field in enumerate(self._fields.values()) if isinstance(field, TextField)
        ]
        self._times_from = _time_source(fields)
        for name in TIME_FIELDS:
            if name not in self._fields:
                self._fields[name] = NumberField(shape.columns[name], lines, block)
        self._gap_fields = [column.aws for column in shape.gap_columns if column.aws in self._fields]
        self._begin()

    def _begin(self) -> None:
        self._line, self._log = borrow(self._lines, np.uint32), borrow(self._lines, np.int32)
        self._gaps: dict[str, list[NDArray[Any]]] = {
            name: [] for name in (*self._gap_fields, LOG_STATUS, "row_no", "log")
        }
        self.rows = 0

    def read(
        self, block: Block, lows: NDArray[np.uint64], lengths: NDArray[np.uint64], spans: NDArray[np.uint64]
    ) -> None:
        """Reads every field of a block, sets `block.fault`, and keeps the good records. The times of log number n must
        be from `lows[n]` to `lows[n] + lengths[n]`, in seconds; `spans[n]` are the times of its records if the layout
        has none."""
        for at, field in self._values:
            field.read(block.source(at), block, at)
        if self._times_from:
            self._fill_times(block, spans)
        start, end = (self._fields[name].scratch for name in TIME_FIELDS)
        kernel.times_within(start, end, lows, lengths, block.logs, block.rows, block.fault)
        for at, field in self._texts:
            field.read(block.source(at), block, at)
        good = block.fault[: block.rows] == kernel.FINE
        status = self._status(block.rows)
        flows = good & (status == _OK)
        count = int(np.count_nonzero(flows))
        pick = slice(0, count) if count == block.rows else np.flatnonzero(flows)
        into = slice(self.rows, self.rows + count)
        for field in self._fields.values():
            field.keep(pick, into)
        self._line[into], self._log[into] = block.numbers[pick], block.logs[pick]
        self.rows += count
        if count < block.rows and (gaps := np.flatnonzero(good & (status != _OK))).size:
            self._keep_gaps(gaps, status, block)

    def _fill_times(self, block: Block, spans: NDArray[np.uint64]) -> None:
        logged = self._fields.get(self._times_from)
        for at, name in enumerate(TIME_FIELDS):
            if name != self._times_from:
                field, rows = self._fields[name], block.rows
                field.scratch[:rows] = logged.scratch[:rows] if logged else spans[block.logs[:rows], at]
                field.given(rows)[:] = True

    def _status(self, rows: int) -> NDArray[Any]:
        """Codes of STATUSES. In a log without log-status, a record is OK if any `measured` field has a value."""
        if LOG_STATUS in self._fields:
            return self._fields[LOG_STATUS].scratch[:rows]
        measured = [field.given(rows) for name in self._shape.measured if (field := self._fields.get(name)) is not None]
        return np.any(measured, axis=0).astype(np.int32) if measured else np.full(rows, _OK, np.int32)

    def _keep_gaps(self, pick: NDArray[np.intp], status: NDArray[Any], block: Block) -> None:
        for name in self._gap_fields:
            self._gaps[name].append(self._fields[name].scratch[pick])
        self._gaps[LOG_STATUS].append(status[pick])
        self._gaps["row_no"].append(block.numbers[pick])
        self._gaps["log"].append(block.logs[pick])

    def take(self, object_ids: NDArray[np.uint64]) -> dict[str, pa.Table]:
        """The tables of flows and gaps read since the last call, without columns that no field fills. Log number n is
        the object `object_ids[n]`."""
        taken = {self._shape.flows.name: self._flows(object_ids), self._shape.gaps.name: self._gap_table(object_ids)}
        for field in self._fields.values():
            field.begin()
        self._begin()
        return taken

    def _flows(self, object_ids: NDArray[np.uint64]) -> pa.Table:
        n, columns = self.rows, self._shape.columns
        extra = {
            name: field for name, field in self._fields.items() if isinstance(field, TextField) and name not in columns
        }
        made = {columns[name].name: field.array(n) for name, field in self._fields.items() if name in columns}
        if extra:
            made["extra"] = _extra(extra, n)
        if self._times_from:
            made[TIME_SOURCE.name] = self._time_sources(n)
        made |= {"object_id": pa.array(object_ids[self._log[:n]]), "row_no": pa.array(self._line[:n])}
        return _table(self._shape.flow_schema, made)

    def _time_sources(self, rows: int) -> Array:
        return dictionary(np.ones(rows, np.int32), pa.array(["", self._times_from]))

    def _gap_table(self, object_ids: NDArray[np.uint64]) -> pa.Table:
        if not self._gaps["row_no"]:
            return self._shape.gap_schema.empty_table()
        gaps = {name: np.concatenate(pieces) for name, pieces in self._gaps.items()}
        made = {}
        for name in self._gap_fields:
            field, column = self._fields[name], self._shape.columns[name].name
            if isinstance(field, TextField):
                made[column] = dictionary(gaps[name], field.texts())
            else:
                made[column] = pa.array(gaps[name].astype(np.int64)).cast(SECONDS)
        made["log_status"] = dictionary(gaps[LOG_STATUS], pa.array(STATUSES))
        if self._times_from:
            made[TIME_SOURCE.name] = self._time_sources(len(gaps["row_no"]))
        made["object_id"] = pa.array(object_ids[gaps["log"]])
        made["row_no"] = pa.array(gaps["row_no"].astype(np.uint32))
        return _table(self._shape.gap_schema, made)


def _field(shape: Shape, name: str, lines: int, block: int) -> Field:
    column = shape.columns.get(name)
    if name == LOG_STATUS:
        return ChoiceField(STATUSES, b"\n", kernel.BAD_STATUS, lines, block)
    if name == "action" and column is not None:
        return ChoiceField(ACTIONS, b"-", kernel.BAD_ACTION, lines, block)
    if column is None or column.arrow == TEXT:
        return TextField(lines, block)
    return AddressField(column, lines, block) if column.arrow == ADDRESS else NumberField(column, lines, block)


def _time_source(fields: Sequence[str]) -> str:
    """The `time_source` of a layout's records."""
    logged = [name for name in TIME_FIELDS if name in fields]
    return "" if len(logged) == len(TIME_FIELDS) else logged[0] if logged else FROM_NAME


def _table(schema: pa.Schema, made: Mapping[str, Array]) -> pa.Table:
    fields = [field for field in schema if field.name in made]
    return pa.Table.from_arrays([made[field.name] for field in fields], schema=pa.schema(fields))


def _extra(fields: Mapping[str, TextField], rows: int) -> Array:
    """The map column `extra`: field name -> text. Fields that are `-` are left out."""
    nothing: Array = pa.array([], pa.string())
    texts = [field.texts() for field in fields.values()]
    first = np.cumsum([0, *(len(distinct) for distinct in texts)])[:-1]
    codes = np.stack([np.zeros(rows, np.int32), *(field.column[:rows] for field in fields.values())], axis=1)[:, 1:]
    given = codes != 0
    offsets: Array = np.concatenate([[0], np.cumsum(np.count_nonzero(given, axis=1))]).astype(np.int32)
    keys: Array = pa.array(list(fields), pa.string()).take(np.nonzero(given)[1])
    items: Array = pa.concat_arrays([nothing, *texts]).take((codes + first)[given])
    return pa.MapArray.from_arrays(offsets, keys, items)
