"""One class per kind of field: how it is read from a block, and how its values become an Arrow column.

A field reads into `scratch`, which is as long as a block and stays in the processor's cache, and then copies the rows
that are kept to `column`, at the column's own width. When a column is taken, the field starts a new one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.blocks import Block, Numbers, Positions, TextTable, Tokens
from pipelines.ingest.parse.memory import borrow
from schemas.table import SECONDS, Column

Array = Any
"""A pyarrow.Array. Its stubs lack conversions from numpy arrays and the attributes of dictionary arrays."""

Pick = slice | NDArray[np.intp]
Buffer = NDArray[np.uint8]

MANY_TEXTS = 1 << 14
"""Distinct texts of a field above which the next column starts without them, so that they are not held forever."""

LARGEST_TIME = 2**32 - 1
"""ClickHouse's DateTime has 32 bits of seconds."""

NO_TEXT: Array = pa.array([""])


class Field(ABC):
    """A field of a layout."""

    scratch: NDArray[Any]
    column: NDArray[Any]

    @abstractmethod
    def begin(self) -> None:
        """Start a new column, with space for the field's `lines`."""

    @abstractmethod
    def read(self, source: Any, block: Block, field: int) -> None:
        """Reads field number `field` of a block into `scratch`, and sets faults of the block; records that already have
        one are skipped. `source` is Tokens or, for numeric fields, possibly Numbers."""

    @abstractmethod
    def given(self, rows: int) -> NDArray[np.bool_]:
        """Where the first `rows` records of the block have a value, and not `-`."""

    def keep(self, pick: Pick, into: slice) -> None:
        """Copies rows of the block to the column."""
        self.column[into] = self.scratch[pick]

    @abstractmethod
    def array(self, rows: int) -> Array:
        """The first `rows` rows of the column, as an Arrow array."""


class _Fixed(Field):
    """Values of fixed width, with nulls."""

    def __init__(self, arrow: pa.DataType, stored: Any, lines: int, block: int) -> None:
        """`stored`: the numpy dtype of a value in memory."""
        self._arrow = arrow
        self._stored = np.dtype(stored)
        self._lines = lines
        self._given = np.zeros(block, np.bool_)
        self.begin()

    def begin(self) -> None:
        self._valid = borrow(self._lines, np.bool_)
        self.column = borrow(self._lines, self._stored)

    def given(self, rows: int) -> NDArray[np.bool_]:
        return self._given[:rows]

    def keep(self, pick: Pick, into: slice) -> None:
        super().keep(pick, into)
        self._valid[into] = self._given[pick]

    def array(self, rows: int) -> Array:
        valid = self._valid[:rows]
        bitmap = None if valid.all() else _buffer(np.packbits(valid, bitorder="little"))
        return pa.Array.from_buffers(self._arrow, rows, [bitmap, _buffer(self.column[:rows])])


class NumberField(_Fixed):
    """Integers, and times in seconds."""

    def __init__(self, column: Column, lines: int, block: int) -> None:
        self._time = column.arrow == SECONDS
        super().__init__(column.arrow, np.int64 if self._time else column.arrow.to_pandas_dtype(), lines, block)
        self._limit = np.uint64(LARGEST_TIME if self._time else 2**column.arrow.bit_width - 1)
        self.scratch = np.zeros(block, np.uint64)

    def read(self, source: Tokens | Numbers, block: Block, field: int) -> None:
        rules = (block.rows, self._limit, self._time, field, self.scratch, self._given, block.fault)
        if isinstance(source, Tokens):
            kernel.numbers(*source, *rules)
        else:
            self.scratch[: block.rows] = source.values
            kernel.integers(source.given, source.negative, *rules)


class AddressField(_Fixed):
    """Addresses: 16 bytes each, held as two little-endian 64-bit words."""

    def __init__(self, column: Column, lines: int, block: int) -> None:
        super().__init__(column.arrow, "V16", lines, block)
        self.scratch = np.zeros((block, 2), np.dtype("<u8"))

    def begin(self) -> None:
        super().begin()
        self.column = self.column.view(np.dtype("<u8")).reshape(-1, 2)

    def read(self, source: Tokens, block: Block, field: int) -> None:
        octets = self.scratch.view(np.uint8)
        kernel.addresses(*source, block.rows, field, self.scratch, octets, self._given, block.fault)


class _Coded(Field):
    """Texts as int32 codes; code 0 is ''."""

    def __init__(self, lines: int, block: int) -> None:
        self._lines = lines
        self.scratch = np.zeros(block, np.int32)
        self.begin()

    def begin(self) -> None:
        self.column = borrow(self._lines, np.int32)

    def given(self, rows: int) -> NDArray[np.bool_]:
        return np.asarray(self.scratch[:rows] != 0, np.bool_)

    @abstractmethod
    def texts(self) -> Array:
        """The text of each code."""

    def array(self, rows: int) -> Array:
        return dictionary(self.column[:rows], self.texts())


class ChoiceField(_Coded):
    """One of a few texts of at most 8 bytes. `null` is the token that means none of them; when null is not allowed, it
    is a control byte, which no token contains."""

    def __init__(self, texts: Sequence[str], null: bytes, fault: int, lines: int, block: int) -> None:
        super().__init__(lines, block)
        self._texts = pa.array(texts)
        self._fault = fault
        tokens = [null, *(text.encode() for text in texts[1:])]
        self._options = np.array([int.from_bytes(token, "little") for token in tokens], np.uint64)

    def read(self, source: Tokens, block: Block, field: int) -> None:
        kernel.choices(*source, block.rows, self._options, self._fault, self.scratch, block.fault)

    def texts(self) -> Array:
        return self._texts


class TextField(_Coded):
    """Any text; codes are in order of first appearance."""

    def __init__(self, lines: int, block: int) -> None:
        self._table = TextTable.empty()
        super().__init__(lines, block)

    def begin(self) -> None:
        """A new column continues with the codes of the previous one, unless there are more than MANY_TEXTS."""
        super().begin()
        if self._table.size[0] > MANY_TEXTS:
            self._table = TextTable.empty()

    def read(self, source: Tokens, block: Block, field: int) -> None:
        row = 0
        while row < block.rows:
            row = kernel.texts(*source, row, block.rows, self._table, self.scratch, block.fault)
            if row < block.rows:
                self._table = self._table.grown(int(source.stop[row] - source.start[row]))

    def texts(self) -> Array:
        table = self._table
        size = int(table.size[0])
        data = table.data[: table.place[size]]
        data.flags.writeable = False
        return pa.concat_arrays(
            [NO_TEXT, strings(data, table.place[:size], table.place[1 : size + 1], kernel.MAX_LINE)]
        )


def strings(buffer: Buffer, starts: Positions, stops: Positions, cap: int) -> Array:
    """Slices of the buffer as an Arrow string array: at most `cap` bytes of each, invalid UTF-8 as `\\xNN`."""
    data, offsets = kernel.gather(buffer, starts, stops, cap)
    return pa.StringArray.from_buffers(len(starts), _buffer(offsets), _buffer(data))


def _buffer(values: Any) -> pa.Buffer:
    return pa.py_buffer(values)


def dictionary(codes: NDArray[np.int32], texts: Array) -> Array:
    """A TEXT column. The codes are valid by construction and are not checked again."""
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)
