"""One class per kind of field: how a block of lines is read, and how what was read becomes an Arrow column.

A field reads into `scratch`, which is as long as a block and stays in the processor's cache, and then moves the rows
that are kept to `column`, in the column's own width. A column has room for every line of the object; memory that no
row needs is never touched.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Lines, Words
from schemas.table import SECONDS, Column

Array = Any
"""A pyarrow.Array. Its stubs miss what numpy arrays convert to and what a dictionary array has."""

Pick = slice | NDArray[np.intp]
Buffer = NDArray[np.uint8]

LARGEST_TIME = 2**32 - 1
"""ClickHouse's DateTime has 32 bits of seconds."""

NO_TEXT: Array = pa.array([""])


def room(count: int, kind: Any) -> NDArray[Any]:
    """An array of so many values, not yet set, in Arrow's memory pool: what an object frees there is kept for the next
    one, while the system would have to clear every page of it again."""
    size = np.dtype(kind).itemsize
    return np.frombuffer(pa.allocate_buffer(count * size), kind)  # type: ignore[call-overload,no-any-return]


class Field(ABC):
    """A field of a layout."""

    scratch: NDArray[Any]
    column: NDArray[Any]

    @abstractmethod
    def read(self, buffer: Buffer, lines: Lines, field: int) -> None:
        """Reads the tokens of field number `field`; lines that already have a fault are left out."""

    @abstractmethod
    def given(self, rows: int) -> NDArray[np.bool_]:
        """Where the block has a value, and not `-`."""

    def keep(self, pick: Pick, into: slice) -> None:
        """Moves rows of the block to the column."""
        self.column[into] = self.scratch[pick]

    @abstractmethod
    def array(self, rows: int, buffer: Buffer) -> Array:
        """The column's first `rows` rows."""


class _Fixed(Field):
    """Values of one width, with nulls."""

    def __init__(self, arrow: pa.DataType, lines: int, block: int) -> None:
        self._arrow = arrow
        self._given = np.zeros(block, np.bool_)
        self._valid = room(lines, np.bool_)

    def given(self, rows: int) -> NDArray[np.bool_]:
        return self._given[:rows]

    def keep(self, pick: Pick, into: slice) -> None:
        super().keep(pick, into)
        self._valid[into] = self._given[pick]

    def array(self, rows: int, buffer: Buffer) -> Array:
        valid = self._valid[:rows]
        bitmap = None if valid.all() else _buffer(np.packbits(valid, bitorder="little"))
        return pa.Array.from_buffers(self._arrow, rows, [bitmap, _buffer(self.column[:rows])])


class NumberField(_Fixed):
    """Numbers and times."""

    def __init__(self, column: Column, lines: int, block: int) -> None:
        super().__init__(column.arrow, lines, block)
        self._time = column.arrow == SECONDS
        self._limit = np.uint64(LARGEST_TIME if self._time else 2**column.arrow.bit_width - 1)
        self.scratch = np.zeros(block, np.uint64)
        self.column = room(lines, np.int64 if self._time else column.arrow.to_pandas_dtype())

    def read(self, buffer: Buffer, lines: Lines, field: int) -> None:
        start, stop = lines.tokens[:, field]
        kernel.numbers(
            buffer, start, stop, lines.rows, self._limit, self._time, field, self.scratch, self._given, lines.fault
        )


class AddressField(_Fixed):
    """Addresses: 16 bytes each, held as two little-endian words."""

    def __init__(self, column: Column, lines: int, block: int) -> None:
        super().__init__(column.arrow, lines, block)
        self.scratch = np.zeros((block, 2), np.dtype("<u8"))
        self.column = room(2 * lines, np.dtype("<u8")).reshape(-1, 2)

    def read(self, buffer: Buffer, lines: Lines, field: int) -> None:
        start, stop = lines.tokens[:, field]
        octets = self.scratch.view(np.uint8)
        kernel.addresses(buffer, start, stop, lines.rows, field, self.scratch, octets, self._given, lines.fault)


class _Coded(Field):
    """Texts as codes; code 0 is ''."""

    def __init__(self, lines: int, block: int) -> None:
        self.scratch = np.zeros(block, np.int32)
        self.column = room(lines, np.int32)

    def given(self, rows: int) -> NDArray[np.bool_]:
        return np.asarray(self.scratch[:rows] != 0, np.bool_)

    @abstractmethod
    def texts(self, buffer: Buffer) -> Array:
        """The text of each code."""

    def array(self, rows: int, buffer: Buffer) -> Array:
        return dictionary(self.column[:rows], self.texts(buffer))


class ChoiceField(_Coded):
    """One of a few texts of at most 8 bytes. `null` is the token that stands for none of them, if one may."""

    def __init__(self, texts: Sequence[str], null: bytes, fault: int, lines: int, block: int) -> None:
        super().__init__(lines, block)
        self._texts = pa.array(texts)
        self._fault = fault
        tokens = [null, *(text.encode() for text in texts[1:])]
        self._options = np.array([int.from_bytes(token, "little") for token in tokens], np.uint64)

    def read(self, buffer: Buffer, lines: Lines, field: int) -> None:
        start, stop = lines.tokens[:, field]
        kernel.choices(buffer, start, stop, lines.rows, self._options, self._fault, self.scratch, lines.fault)

    def texts(self, buffer: Buffer) -> Array:
        return self._texts


class TextField(_Coded):
    """Any text; codes in order of first sight."""

    def __init__(self, lines: int, block: int) -> None:
        super().__init__(lines, block)
        self._words = Words.empty()

    def read(self, buffer: Buffer, lines: Lines, field: int) -> None:
        start, stop = lines.tokens[:, field]
        row = 0
        while row < lines.rows:
            row = kernel.texts(buffer, start, stop, row, lines.rows, self._words, self.scratch, lines.fault)
            if row < lines.rows:
                self._words = self._words.grown()

    def texts(self, buffer: Buffer) -> Array:
        size = int(self._words.size[0])
        distinct = strings(buffer, self._words.start[:size], self._words.stop[:size], kernel.MAX_LINE)
        return pa.concat_arrays([NO_TEXT, distinct])


def strings(buffer: Buffer, starts: NDArray[np.int64], stops: NDArray[np.int64], cap: int) -> Array:
    """Pieces of the buffer as Arrow strings: at most `cap` bytes of each, undecodable bytes as `\\xNN`."""
    data, offsets = kernel.gather(buffer, starts, stops, cap)
    return pa.StringArray.from_buffers(len(starts), _buffer(offsets), _buffer(data))


def _buffer(values: Any) -> pa.Buffer:
    return pa.py_buffer(values)


def dictionary(codes: NDArray[np.int32], texts: Array) -> Array:
    """A TEXT column; the kernel's codes are right by construction and not checked again."""
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)
