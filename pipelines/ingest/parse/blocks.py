"""The arrays that the kernel fills, block by block."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.window import Window

FOUND = 1 << 10
"""Delimiters that are located per step."""

Positions = NDArray[np.int32] | NDArray[np.int64]


class Tokens(NamedTuple):
    """Values as text: value n is `buffer[start[n]:stop[n]]`."""

    buffer: NDArray[np.uint8]
    start: Positions
    stop: Positions


class Numbers(NamedTuple):
    """Values as numbers: `values` applies where `given` is set and `negative` is not."""

    values: NDArray[np.uint64]
    given: NDArray[np.bool_]
    negative: NDArray[np.bool_]


class Block(Protocol):
    """Some records; each field is read for all of them at once."""

    rows: int
    fault: NDArray[np.int32]
    """The fault of each record (see `kernel`); 0: none."""

    logs: NDArray[np.int32]
    """The number of the log that each record belongs to, from 0."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Line or record numbers, from 1."""
        ...

    def source(self, field: int) -> Tokens | Numbers:
        """The values of a field."""
        ...


class TextTable(NamedTuple):
    """The distinct texts of a column, and a hash table of them with open addressing. Text n of `size[0]` is
    `data[place[n]:place[n + 1]]` and has the hash `key[n]`; `slot` holds numbers of texts, -1 where free."""

    slot: NDArray[np.int32]
    key: NDArray[np.uint64]
    place: NDArray[np.int64]
    data: NDArray[np.uint8]
    size: NDArray[np.int64]

    @classmethod
    def empty(cls, capacity: int = 1 << 8, length: int = 1 << 13) -> "TextTable":
        """A table for `capacity` texts, a power of two, of `length` bytes in all. Half of the slots stay free, so that
        probe chains stay short."""
        return cls(
            slot=np.full(2 * capacity, -1, np.int32),
            key=np.empty(capacity, np.uint64),
            place=np.zeros(capacity + 1, np.int64),
            data=np.empty(length, np.uint8),
            size=np.zeros(1, np.int64),
        )

    def grown(self, longest: int) -> "TextTable":
        """A copy with four times the capacity, and bytes enough for one more text of `longest` bytes."""
        size = int(self.size[0])
        used = int(self.place[size])
        new = TextTable.empty(4 * self.key.size, 4 * self.data.size + longest)
        new.key[:size], new.place[: size + 1], new.data[:used] = (
            self.key[:size],
            self.place[: size + 1],
            self.data[:used],
        )
        new.size[0] = size
        kernel.rehash(new)
        return new


class Lines:
    """A block of lines, split into tokens."""

    _buffer: NDArray[np.uint8]

    def __init__(self, fields: int, rows: int) -> None:
        self.tokens = np.empty((2, fields, rows), np.int32)
        """Where the tokens of each field start and stop."""
        self.lines = np.empty((3, rows), np.int64)
        """Number, start and stop of each line."""
        self.logs = np.empty(rows, np.int32)
        self.fault = np.empty(rows, np.int32)
        """The fault of each line (see `kernel`); 0: none."""
        self.rows = 0
        self._found = np.empty(FOUND, np.uint32)

    @property
    def numbers(self) -> NDArray[np.int64]:
        number: NDArray[np.int64] = self.lines[0]
        return number

    def source(self, field: int) -> Tokens:
        return Tokens(self._buffer, *self.tokens[:, field])

    def split(self, window: Window, header: NDArray[np.uint8]) -> None:
        """Takes the next lines of `window`, as many as fit in the block, and splits them."""
        self._buffer = window.buffer
        window.at, window.line, window.log, self.rows = kernel.split(
            window.buffer,
            window.at,
            window.stop,
            window.line,
            window.begins,
            window.log,
            header,
            self.tokens,
            self.lines,
            self.logs,
            self.fault,
            self._found,
        )
