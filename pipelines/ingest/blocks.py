"""The arrays that the kernel fills, block by block."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.text import Text

FOUND = 1 << 10
"""Places of delimiters that are looked up at a time."""

Places = NDArray[np.int32] | NDArray[np.int64]


class Tokens(NamedTuple):
    """Values as text: where in `buffer` each begins and ends."""

    buffer: NDArray[np.uint8]
    start: Places
    stop: Places


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

    logs: NDArray[np.int32]
    """The log that each record is of, by its number."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Line or record numbers."""
        ...

    def source(self, field: int) -> Tokens | Numbers:
        """The values of a field."""
        ...


class Words(NamedTuple):
    """The distinct texts of a column, one after the other in `data`, and an open-addressed hash table of them. Text n
    is at `place[n]` to `place[n + 1]`."""

    slot: NDArray[np.int32]
    key: NDArray[np.uint64]
    place: NDArray[np.int64]
    data: NDArray[np.uint8]
    size: NDArray[np.int64]

    @classmethod
    def empty(cls, room: int = 1 << 8, length: int = 1 << 13) -> "Words":
        """Room for so many texts, a power of two, of so many bytes in all; half of the slots stay free, so that probe
        chains stay short."""
        return cls(
            slot=np.full(2 * room, -1, np.int32),
            key=np.empty(room, np.uint64),
            place=np.zeros(room + 1, np.int64),
            data=np.empty(length, np.uint8),
            size=np.zeros(1, np.int64),
        )

    def grown(self, longest: int) -> "Words":
        """The same texts with four times the room, and bytes enough for one more of `longest`."""
        size = int(self.size[0])
        used = int(self.place[size])
        new = Words.empty(4 * self.key.size, 4 * self.data.size + longest)
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
        """Where the tokens of each field begin and end."""
        self.places = np.empty((3, rows), np.int64)
        """Number, begin and end of each line."""
        self.logs = np.empty(rows, np.int32)
        self.fault = np.empty(rows, np.int32)
        """What is wrong with each line; 0: nothing."""
        self.rows = 0
        self._found = np.empty(FOUND, np.uint32)

    @property
    def numbers(self) -> NDArray[np.int64]:
        number: NDArray[np.int64] = self.places[0]
        return number

    def source(self, field: int) -> Tokens:
        return Tokens(self._buffer, *self.tokens[:, field])

    def split(self, text: Text, header: NDArray[np.uint8]) -> None:
        """Takes the next lines of `text`, as many as there is room for."""
        self._buffer = text.buffer
        text.at, text.line, text.log, self.rows = kernel.split(
            text.buffer,
            text.at,
            text.stop,
            text.line,
            text.begins,
            text.log,
            header,
            self.tokens,
            self.places,
            self.logs,
            self.fault,
            self._found,
        )
