"""One class per kind of field: how a block of lines is read, and how what was read becomes an Arrow column.

A field reads into `scratch`, which is as long as a block and stays in the processor's cache, and then moves the rows
that are kept to `column`, in the column's own width. When a column is taken the field begins a new one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Block, Numbers, Places, Tokens, Words
from pipelines.ingest.memory import room
from schemas.table import SECONDS, Column

Array = Any
"""A pyarrow.Array. Its stubs miss what numpy arrays convert to and what a dictionary array has."""

Pick = slice | NDArray[np.intp]
Buffer = NDArray[np.uint8]

MANY_TEXTS = 1 << 14
"""Distinct texts of a field above which the next column begins without them: they need not be held for ever."""

LARGEST_TIME = 2**32 - 1
"""ClickHouse's DateTime has 32 bits of seconds."""

NO_TEXT: Array = pa.array([""])


class Field(ABC):
    """A field of a layout."""

    scratch: NDArray[Any]
    column: NDArray[Any]

    @abstractmethod
    def begin(self) -> None:
        """A new column, with room for the field's `lines`."""

    @abstractmethod
    def read(self, source: Any, block: Block, field: int) -> None:
        """Reads field number `field` of a block; records that already have a fault are left out. `source` is Tokens,
        or, for fields that are numbers, also Numbers."""

    @abstractmethod
    def given(self, rows: int) -> NDArray[np.bool_]:
        """Where the block has a value, and not `-`."""

    def keep(self, pick: Pick, into: slice) -> None:
        """Moves rows of the block to the column."""
        self.column[into] = self.scratch[pick]

    @abstractmethod
    def array(self, rows: int) -> Array:
        """The column's first `rows` rows."""


class _Fixed(Field):
    """Values of one width, with nulls."""

    def __init__(self, arrow: pa.DataType, stored: Any, lines: int, block: int) -> None:
        """`stored`: what a value is in memory."""
        self._arrow = arrow
        self._stored = np.dtype(stored)
        self._lines = lines
        self._given = np.zeros(block, np.bool_)
        self.begin()

    def begin(self) -> None:
        self._valid = room(self._lines, np.bool_)
        self.column = room(self._lines, self._stored)

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
    """Numbers and times."""

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
    """Addresses: 16 bytes each, held as two little-endian words."""

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
    """Texts as codes; code 0 is ''."""

    def __init__(self, lines: int, block: int) -> None:
        self._lines = lines
        self.scratch = np.zeros(block, np.int32)
        self.begin()

    def begin(self) -> None:
        self.column = room(self._lines, np.int32)

    def given(self, rows: int) -> NDArray[np.bool_]:
        return np.asarray(self.scratch[:rows] != 0, np.bool_)

    @abstractmethod
    def texts(self) -> Array:
        """The text of each code."""

    def array(self, rows: int) -> Array:
        return dictionary(self.column[:rows], self.texts())


class ChoiceField(_Coded):
    """One of a few texts of at most 8 bytes. `null` is the token that stands for none of them; a control byte,
    which no text has, when none may."""

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
    """Any text; codes in order of first sight."""

    def __init__(self, lines: int, block: int) -> None:
        self._words = Words.empty()
        super().__init__(lines, block)

    def begin(self) -> None:
        """A new column goes on with the codes of the one before, unless they are very many."""
        super().begin()
        if self._words.size[0] > MANY_TEXTS:
            self._words = Words.empty()

    def read(self, source: Tokens, block: Block, field: int) -> None:
        row = 0
        while row < block.rows:
            row = kernel.texts(*source, row, block.rows, self._words, self.scratch, block.fault)
            if row < block.rows:
                self._words = self._words.grown(int(source.stop[row] - source.start[row]))

    def texts(self) -> Array:
        words = self._words
        size = int(words.size[0])
        data = words.data[: words.place[size]]
        data.flags.writeable = False
        return pa.concat_arrays(
            [NO_TEXT, strings(data, words.place[:size], words.place[1 : size + 1], kernel.MAX_LINE)]
        )


def strings(buffer: Buffer, starts: Places, stops: Places, cap: int) -> Array:
    """Pieces of the buffer as Arrow strings: at most `cap` bytes of each, undecodable bytes as `\\xNN`."""
    data, offsets = kernel.gather(buffer, starts, stops, cap)
    return pa.StringArray.from_buffers(len(starts), _buffer(offsets), _buffer(data))


def _buffer(values: Any) -> pa.Buffer:
    return pa.py_buffer(values)


def dictionary(codes: NDArray[np.int32], texts: Array) -> Array:
    """A TEXT column; the kernel's codes are right by construction and not checked again."""
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)
