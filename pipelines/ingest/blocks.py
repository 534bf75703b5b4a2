"""The arrays that the kernel reads and fills."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest.kernel import rehash


class Layout(NamedTuple):
    """What stands where in a line; one element per field, in the file's order."""

    kind: NDArray[np.uint8]
    row: NDArray[np.int64]
    """Which row of `Block.numbers`, `Block.addresses` or `Block.codes` the field fills."""
    limit: NDArray[np.uint64]
    """Largest number the field may hold."""
    measured: NDArray[np.bool_]
    """Whether a value here proves, in a log without log-status, that the record is a flow."""
    decided: NDArray[np.bool_]
    """One element: True where no such proof is needed."""
    header: NDArray[np.uint8]
    """The header's tokens, joined by single spaces: such a line is no record."""


class Words(NamedTuple):
    """Distinct texts, by column: an open-addressed hash table of places in the buffer."""

    slot: NDArray[np.int32]
    hash: NDArray[np.uint64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    column: NDArray[np.int32]
    code: NDArray[np.int32]
    """Number of the word within its column, from 1 on; 0 is the empty text."""
    per_column: NDArray[np.int32]
    last: NDArray[np.int32]
    """The word that the column had in the line before; -1: none."""
    size: NDArray[np.int64]


class Block(NamedTuple):
    """Columns of the good lines (one element of the last axis each) and the places of the bad ones."""

    numbers: NDArray[np.uint64]
    has_number: NDArray[np.uint8]
    addresses: NDArray[np.uint64]
    """16 bytes each, as two little-endian words; `address_bytes` is the same memory."""
    address_bytes: NDArray[np.uint8]
    has_address: NDArray[np.uint8]
    codes: NDArray[np.int32]
    action: NDArray[np.int32]
    status: NDArray[np.int32]
    line: NDArray[np.uint32]
    fault: NDArray[np.int32]
    fault_start: NDArray[np.int64]
    fault_stop: NDArray[np.int64]
    fault_line: NDArray[np.uint32]


def words(columns: int, room: int = 1 << 12) -> Words:
    """An empty table for the texts of so many columns."""
    return Words(
        slot=np.full(2 * room, -1, np.int32),
        hash=np.empty(room, np.uint64),
        start=np.empty(room, np.int64),
        stop=np.empty(room, np.int64),
        column=np.empty(room, np.int32),
        code=np.empty(room, np.int32),
        per_column=np.zeros(columns, np.int32),
        last=np.full(columns, -1, np.int32),
        size=np.zeros(1, np.int64),
    )


def grown(old: Words) -> Words:
    """The same words with four times the room."""
    new = words(old.last.size, 4 * old.code.size)
    size = int(old.size[0])
    for name in ("hash", "start", "stop", "column", "code"):
        getattr(new, name)[:size] = getattr(old, name)[:size]
    new.size[0] = size
    rehash(new, new.slot)
    return new._replace(per_column=old.per_column, last=old.last)


def block(numbers: int, addresses: int, texts: int, rows: int) -> Block:
    """Room for so many rows; a group that the layout does not use still has one column, since arrays keep their
    number of dimensions."""
    room = np.zeros((max(addresses, 1), rows, 2), np.dtype("<u8"))
    return Block(
        numbers=np.zeros((max(numbers, 1), rows), np.uint64),
        has_number=np.zeros((max(numbers, 1), rows), np.uint8),
        addresses=room,
        address_bytes=room.view(np.uint8),
        has_address=np.zeros((max(addresses, 1), rows), np.uint8),
        codes=np.zeros((max(texts, 1), rows), np.int32),
        action=np.zeros(rows, np.int32),
        status=np.zeros(rows, np.int32),
        line=np.zeros(rows, np.uint32),
        fault=np.zeros(rows, np.int32),
        fault_start=np.zeros(rows, np.int64),
        fault_stop=np.zeros(rows, np.int64),
        fault_line=np.zeros(rows, np.uint32),
    )
