"""The columns of one object: which field of a line fills which, and how they become Arrow tables without a copy."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Block, Layout, Words
from schemas.flow import BY_AWS_NAME, COVERAGE, FLOWS, LOG_STATUS, TEXT
from schemas.table import ADDRESS, SECONDS, Column, Table

MEASURED = frozenset({"srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action"})
"""Fields that hold `-` in a record of an interval without traffic."""

_OK = kernel.STATUSES.index("OK")
_NO_TEXT = pa.array([""])


def schema_of(table: Table) -> pa.Schema:
    """The table's schema as parsers give it: up to `object_id` and `row_no`."""
    return pa.schema([field for field in table.schema if field.name not in ("load", "chunk")])


class FlowColumns:
    """Collects blocks of parsed lines. `layout` tells the kernel where each field of a line goes."""

    def __init__(self, fields: Sequence[str], header: bytes, lines: int) -> None:
        """Room for at most `lines` records; memory that no record needs is never touched."""
        self.numbers: list[Column] = []
        self.addresses: list[Column] = []
        self.texts: list[str] = []
        kinds, rows, limits = [], [], []
        for name in fields:
            column = BY_AWS_NAME.get(name)
            kind, group = self._place(name, column)
            kinds.append(kind)
            rows.append(len(group) - 1 if group is not None else 0)
            limits.append(_limit(column))
        measured = [name in MEASURED for name in fields]
        self.layout = Layout(
            kind=np.array(kinds, np.uint8),
            row=np.array(rows, np.int64),
            limit=np.array(limits, np.uint64),
            measured=np.array(measured),
            decided=np.array([LOG_STATUS in fields or not any(measured)]),
            header=np.frombuffer(header, np.uint8),
        )
        self.rows = 0
        self._values = [np.empty(lines, _dtype(column)) for column in self.numbers]
        self._addresses = [np.empty((lines, 2), np.dtype("<u8")) for _ in self.addresses]
        self._has_number = [np.empty(lines, np.bool_) for _ in self.numbers]
        self._has_address = [np.empty(lines, np.bool_) for _ in self.addresses]
        self._codes = [np.empty(lines, np.int32) for _ in self.texts]
        self._action = np.empty(lines, np.int32)
        self._line = np.empty(lines, np.uint32)
        self._gaps: list[list[NDArray[np.generic]]] = []

    def _place(self, name: str, column: Column | None) -> tuple[int, list[Column] | list[str] | None]:
        """The kind of a field, and the group of columns that it has just joined."""
        if name == LOG_STATUS:
            return kernel.STATUS, None
        if name == "action":
            return kernel.ACTION, None
        if column is None or column.arrow == TEXT:
            self.texts.append(name)
            return kernel.TEXT, self.texts
        if column.arrow == ADDRESS:
            self.addresses.append(column)
            return kernel.ADDRESS, self.addresses
        self.numbers.append(column)
        return kernel.TIME if column.arrow == SECONDS else kernel.NUMBER, self.numbers

    def add(self, block: Block, rows: int) -> None:
        """Takes over the first `rows` lines of a block: flows into the columns, the rest as gaps in coverage."""
        flows = block.status[:rows] == _OK
        pick: slice | NDArray[np.intp] = slice(0, rows)
        count = int(np.count_nonzero(flows))
        if count < rows:
            pick = np.flatnonzero(flows)
            self._add_gaps(block, np.flatnonzero(~flows))
        into = slice(self.rows, self.rows + count)
        for i, values in enumerate(self._values):
            values[into] = block.numbers[i, pick]
            self._has_number[i][into] = block.has_number[i, pick]
        for i, addresses in enumerate(self._addresses):
            addresses[into] = block.addresses[i, pick]
            self._has_address[i][into] = block.has_address[i, pick]
        for i, codes in enumerate(self._codes):
            codes[into] = block.codes[i, pick]
        self._action[into] = block.action[pick]
        self._line[into] = block.line[pick]
        self.rows += count

    def _add_gaps(self, block: Block, pick: NDArray[np.intp]) -> None:
        times = [i for i, column in enumerate(self.numbers) if column.arrow == SECONDS]
        self._gaps.append(
            [
                *(block.codes[self.texts.index(name), pick] for name in self._gap_texts()),
                *(block.numbers[i, pick].astype(np.int64) for i in times),
                block.status[pick],
                block.line[pick],
            ]
        )

    def _gap_texts(self) -> list[str]:
        return [name for name in ("account-id", "interface-id") if name in self.texts]

    def flows(self, raw: NDArray[np.uint8], words: Words, object_id: int) -> pa.Table:
        """The table `flows`; what VPC metadata adds is there and empty."""
        n = self.rows
        made: dict[str, pa.Array] = {"action": _dictionary(self._action[:n], pa.array(kernel.ACTIONS))}
        for column, values, valid in zip(self.numbers, self._values, self._has_number, strict=True):
            made[column.name] = _fixed(column.arrow, values[:n], valid[:n])
        for column, addresses, valid in zip(self.addresses, self._addresses, self._has_address, strict=True):
            made[column.name] = _fixed(column.arrow, addresses[:n], valid[:n])
        spilled = []
        for i, name in enumerate(self.texts):
            dictionary = self._distinct(raw, words, i)
            if name in BY_AWS_NAME:
                made[BY_AWS_NAME[name].name] = _dictionary(self._codes[i][:n], dictionary)
            else:
                spilled.append((name, self._codes[i][:n], dictionary))
        made["extra"] = _spill(spilled, n)
        made["object_id"] = pa.array(np.full(n, object_id, np.uint64))
        made["row_no"] = pa.array(self._line[:n])
        return _table(FLOWS, made, n)

    def coverage(self, raw: NDArray[np.uint8], words: Words, object_id: int) -> pa.Table:
        """The table `coverage`."""
        texts = self._gap_texts()
        times = [column.name for column in self.numbers if column.arrow == SECONDS]
        columns = [np.concatenate(pieces) for pieces in zip(*self._gaps, strict=True)]
        if not columns:
            return schema_of(COVERAGE).empty_table()
        made: dict[str, pa.Array] = {
            BY_AWS_NAME[name].name: _dictionary(codes, self._distinct(raw, words, self.texts.index(name)))
            for name, codes in zip(texts, columns, strict=False)
        }
        for name, values in zip(times, columns[len(texts) :], strict=False):
            made[name] = pa.array(values).cast(SECONDS)
        made["log_status"] = _dictionary(columns[-2], pa.array(kernel.STATUSES))
        made["row_no"] = pa.array(columns[-1])
        n = len(columns[-1])
        made["object_id"] = pa.array(np.full(n, object_id, np.uint64))
        return _table(COVERAGE, made, n)

    def _distinct(self, raw: NDArray[np.uint8], words: Words, column: int) -> pa.Array:
        """The texts of a column by their codes; code 0 is ''."""
        size = int(words.size[0])
        pick = np.flatnonzero(words.column[:size] == column)
        return pa.concat_arrays([_NO_TEXT, strings(raw, words.start[pick], words.stop[pick], kernel.MAX_LINE)])


def strings(raw: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], cap: int) -> pa.Array:
    """Pieces of `raw` as Arrow strings: at most `cap` bytes of each, undecodable bytes as `\\xNN`."""
    data, offsets = kernel.gather(raw, starts, stops, cap)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(data))


def _table(table: Table, made: dict[str, pa.Array], rows: int) -> pa.Table:
    schema = schema_of(table)
    empty = _dictionary(np.zeros(rows, np.int32), _NO_TEXT)
    arrays = [
        made[field.name] if field.name in made else empty if field.type == TEXT else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _limit(column: Column | None) -> int:
    """The largest number a field may hold; a time must fit ClickHouse's DateTime, 32 bits of seconds."""
    if column is None or column.arrow == SECONDS:
        return 2**32 - 1
    return 2**column.arrow.bit_width - 1 if pa.types.is_integer(column.arrow) else 0


def _dtype(column: Column) -> np.dtype[np.generic]:
    return np.dtype(np.int64) if column.arrow == SECONDS else np.dtype(column.arrow.to_pandas_dtype())


def _fixed(kind: pa.DataType, values: NDArray[np.generic], valid: NDArray[np.bool_]) -> pa.Array:
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values)])


def _dictionary(codes: NDArray[np.int32], texts: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), texts, safe=False)


def _spill(fields: Sequence[tuple[str, NDArray[np.int32], pa.Array]], rows: int) -> pa.Array:
    """Maps of field name -> text; a field that is `-` is left out."""
    if not fields:
        offsets = np.zeros(rows + 1, np.int32)
        return pa.MapArray.from_arrays(pa.array(offsets), pa.array([], pa.string()), pa.array([], pa.string()))
    first = np.cumsum([0, *(len(texts) for _, _, texts in fields)])[:-1]
    codes = np.stack([codes for _, codes, _ in fields], axis=1)
    given = codes != 0
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(given, axis=1))]).astype(np.int32)
    keys = pa.array([name for name, _, _ in fields]).take(pa.array(np.nonzero(given)[1]))
    items = pa.concat_arrays([texts for _, _, texts in fields]).take(pa.array((codes + first)[given]))
    return pa.MapArray.from_arrays(pa.array(offsets), keys, items)
