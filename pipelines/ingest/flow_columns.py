"""The columns of one object: lines go in block by block, the tables `flows` and `coverage` come out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Lines
from pipelines.ingest.fields import (
    NO_TEXT,
    AddressField,
    Array,
    Buffer,
    ChoiceField,
    Field,
    NumberField,
    TextField,
    dictionary,
    room,
)
from schemas.flow import BY_AWS_NAME, COVERAGE, FLOWS, LOG_STATUS, TEXT
from schemas.table import ADDRESS, SECONDS, Table

MEASURED = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action")
"""Fields that hold `-` in the record of an interval without traffic."""

ACTIONS = ("", "ACCEPT", "REJECT")
STATUSES = ("", "OK", "NODATA", "SKIPDATA")

_OK = STATUSES.index("OK")
_GAP_FIELDS = ("account-id", "interface-id", "start", "end")


def schema_of(table: Table) -> pa.Schema:
    """The table's schema as parsers give it: up to `object_id` and `row_no`."""
    return pa.schema([field for field in table.schema if field.name not in ("load", "chunk")])


_FLOWS, _COVERAGE = schema_of(FLOWS), schema_of(COVERAGE)


class FlowColumns:
    """Collects lines of one layout, of which there are at most `lines`, at most `block` at a time."""

    def __init__(self, fields: Sequence[str], lines: int, block: int) -> None:
        self._fields: dict[str, Field] = {name: _field(name, lines, block) for name in fields}
        self._line = room(lines, np.uint32)
        self._gaps: dict[str, list[NDArray[Any]]] = {name: [] for name in (*_GAP_FIELDS, LOG_STATUS, "row_no")}
        self.rows = 0

    def read(self, buffer: Buffer, lines: Lines) -> None:
        """Reads every field of a block of lines, notes in `lines.fault` what is wrong, and keeps the good ones."""
        # Texts last, since only those of good lines are to be remembered.
        for at, field in sorted(enumerate(self._fields.values()), key=lambda item: isinstance(item[1], TextField)):
            field.read(buffer, lines, at)
        good = lines.fault[: lines.rows] == kernel.FINE
        status = self._status(lines.rows)
        flows = good & (status == _OK)
        count = int(np.count_nonzero(flows))
        pick = slice(0, count) if count == lines.rows else np.flatnonzero(flows)
        into = slice(self.rows, self.rows + count)
        for field in self._fields.values():
            field.keep(pick, into)
        self._line[into] = lines.places[0, pick]
        self.rows += count
        if count < lines.rows and (gaps := np.flatnonzero(good & (status != _OK))).size:
            self._keep_gaps(gaps, status, lines)

    def _status(self, rows: int) -> NDArray[Any]:
        """Codes of STATUSES; in a log without log-status a record in which something was measured is OK."""
        if LOG_STATUS in self._fields:
            return self._fields[LOG_STATUS].scratch[:rows]
        measured = [field.given(rows) for name in MEASURED if (field := self._fields.get(name)) is not None]
        return np.any(measured, axis=0).astype(np.int32) if measured else np.full(rows, _OK, np.int32)

    def _keep_gaps(self, pick: NDArray[np.intp], status: NDArray[Any], lines: Lines) -> None:
        for name in _GAP_FIELDS:
            if name in self._fields:
                self._gaps[name].append(self._fields[name].scratch[pick])
        self._gaps[LOG_STATUS].append(status[pick])
        self._gaps["row_no"].append(lines.places[0, pick])

    def flows(self, buffer: Buffer, object_id: int) -> pa.Table:
        """The table `flows`; what VPC metadata adds is there and empty."""
        n = self.rows
        known = {BY_AWS_NAME[name].name: field for name, field in self._fields.items() if name in BY_AWS_NAME}
        spilled = {
            name: field
            for name, field in self._fields.items()
            if isinstance(field, TextField) and name not in BY_AWS_NAME
        }
        made = {name: field.array(n, buffer) for name, field in known.items()}
        made |= {"extra": _spill(spilled, n, buffer), "row_no": pa.array(self._line[:n])}
        return _table(_FLOWS, made, n, object_id)

    def coverage(self, buffer: Buffer, object_id: int) -> pa.Table:
        """The table `coverage`."""
        gaps = {name: np.concatenate(pieces) for name, pieces in self._gaps.items() if pieces}
        if not gaps:
            return _COVERAGE.empty_table()
        made = {}
        for name in _GAP_FIELDS:
            field = self._fields.get(name)
            if isinstance(field, TextField):
                made[BY_AWS_NAME[name].name] = dictionary(gaps[name], field.texts(buffer))
            elif field is not None:
                made[name] = pa.array(gaps[name].astype(np.int64)).cast(SECONDS)
        made["log_status"] = dictionary(gaps[LOG_STATUS], pa.array(STATUSES))
        made["row_no"] = pa.array(gaps["row_no"].astype(np.uint32))
        return _table(_COVERAGE, made, len(gaps["row_no"]), object_id)


def _field(name: str, lines: int, block: int) -> Field:
    column = BY_AWS_NAME.get(name)
    if name == LOG_STATUS:
        return ChoiceField(STATUSES, b"", kernel.BAD_STATUS, lines, block)
    if name == "action":
        return ChoiceField(ACTIONS, b"-", kernel.BAD_ACTION, lines, block)
    if column is None or column.arrow == TEXT:
        return TextField(lines, block)
    return AddressField(column, lines, block) if column.arrow == ADDRESS else NumberField(column, lines, block)


def _table(schema: pa.Schema, made: Mapping[str, Array], rows: int, object_id: int) -> pa.Table:
    made = {**made, "object_id": pa.array(np.full(rows, object_id, np.uint64))}
    empty = dictionary(np.zeros(rows, np.int32), NO_TEXT)
    columns = [
        made[field.name] if field.name in made else empty if field.type == TEXT else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _spill(fields: Mapping[str, TextField], rows: int, buffer: Buffer) -> Array:
    """Maps of field name -> text; a field that is `-` is left out."""
    nothing: Array = pa.array([], pa.string())
    texts = [field.texts(buffer) for field in fields.values()]
    first = np.cumsum([0, *(len(distinct) for distinct in texts)])[:-1]
    codes = np.stack([np.zeros(rows, np.int32), *(field.column[:rows] for field in fields.values())], axis=1)[:, 1:]
    given = codes != 0
    offsets: Array = np.concatenate([[0], np.cumsum(np.count_nonzero(given, axis=1))]).astype(np.int32)
    keys: Array = pa.array(list(fields), pa.string()).take(np.nonzero(given)[1])
    items: Array = pa.concat_arrays([nothing, *texts]).take((codes + first)[given])
    return pa.MapArray.from_arrays(offsets, keys, items)
