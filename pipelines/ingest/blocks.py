"""The arrays that the kernel fills, block by block."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest import kernel


class Tokens(NamedTuple):
    """Values as text: where in `buffer` each begins and ends."""

    buffer: NDArray[np.uint8]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


class Numbers(NamedTuple):
    """Values as numbers: what they are where `given`, unless `negative`."""

    values: NDArray[np.uint64]
    given: NDArray[np.bool_]
    negative: NDArray[np.bool_]


class Block(Protocol):
    """Some records of an object, of which every field is read for all records at once."""

    rows: int
    fault: NDArray[np.int32]
    """What is wrong with each record; 0: nothing."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Line or record numbers."""
        ...

    def source(self, field: int) -> Tokens | Numbers:
        """The values of a field."""
        ...


class Words(NamedTuple):
    """The distinct texts of a column: an open-addressed hash table of places in the buffer."""

    slot: NDArray[np.int32]
    key: NDArray[np.uint64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def empty(cls, room: int = 1 << 8) -> "Words":
        """Room for so many texts, a power of two; half of the slots stay free, so that probe chains stay short."""
        return cls(
            slot=np.full(2 * room, -1, np.int32),
            key=np.empty(room, np.uint64),
            start=np.empty(room, np.int64),
            stop=np.empty(room, np.int64),
            size=np.zeros(1, np.int64),
        )

    def grown(self) -> "Words":
        """The same texts with four times the room."""
        size = int(self.size[0])
        new = Words.empty(4 * self.key.size)
        for mine, theirs in zip(self[1:4], new[1:4], strict=True):
            theirs[:size] = mine[:size]
        new.size[0] = size
        kernel.rehash(new)
        return new


class Lines:
    """A block of lines, split into tokens."""

    _buffer: NDArray[np.uint8]

    def __init__(self, fields: int, rows: int) -> None:
        self.tokens = np.empty((2, fields, rows), np.int64)
        """Where the tokens of each field begin and end."""
        self.places = np.empty((3, rows), np.int64)
        """Number, begin and end of each line."""
        self.fault = np.empty(rows, np.int32)
        """What is wrong with each line; 0: nothing."""
        self.rows = 0

    @property
    def numbers(self) -> NDArray[np.int64]:
        number: NDArray[np.int64] = self.places[0]
        return number

    def source(self, field: int) -> Tokens:
        return Tokens(self._buffer, *self.tokens[:, field])

    def split(self, buffer: NDArray[np.uint8], at: int, line: int, header: NDArray[np.uint8]) -> tuple[int, int]:
        """Takes the next lines, from byte `at` and line number `line` on; returns where the lines after them begin."""
        self._buffer = buffer
        at, line, self.rows = kernel.split(buffer, at, line, header, self.tokens, self.places, self.fault)
        return at, line
