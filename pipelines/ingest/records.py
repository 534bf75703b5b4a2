"""A block of typed records, as the loops over text logs read them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Numbers, Tokens
from pipelines.ingest.fields import Array, strings
from schemas.flow import RAW_CAP

_DASH = np.frombuffer(b"-", np.uint8)


class Records:
    """Records from columns, of texts and of integers of any width; the first record has the number `first`."""

    def __init__(self, columns: Sequence[Array], first: int) -> None:
        self.rows = len(columns[0])
        self.fault = np.zeros(self.rows, np.int32)
        self.logs = np.zeros(self.rows, np.int32)
        self.numbers = np.arange(first, first + self.rows, dtype=np.int64)
        self.size = 0
        """Bytes of all values, with delimiters, if they stood in a text log."""
        self._sources: list[Tokens | Numbers] = []
        length = np.full(self.rows, -1, np.int64)
        for column in columns:
            source = self._texts(column, length) if _is_text(column) else _integers(column)
            self._sources.append(source)
            self.size += self.rows * (2 if isinstance(source, Numbers) else 1)
        self.size += int(length.sum())
        self.fault[length > kernel.MAX_LINE] = kernel.LINE_TOO_LONG

    def source(self, field: int) -> Tokens | Numbers:
        return self._sources[field]

    def raw(self, pick: NDArray[np.intp]) -> Array:
        """Records as text: values parted by spaces, at most RAW_CAP bytes of each record."""
        line: Array = pc.call_function("binary_join_element_wise", [*(_shown(s, pick) for s in self._sources), " "])
        buffer, start, stop = _places(line)
        return strings(buffer, start, stop, RAW_CAP)

    def _texts(self, column: Array, length: NDArray[np.int64]) -> Tokens:
        """Places of the values in a buffer that holds each distinct one; notes faults that no field's meaning needs."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        data, start, stop = _places(coded.dictionary)
        missing = start.size
        start, stop = np.append(start, data.size), np.append(stop, data.size + 1)
        data = np.concatenate([data, _DASH])
        empty = start == stop
        start[empty], stop[empty] = data.size - 1, data.size
        buffer = np.zeros(int((stop - start).sum()) + start.size + kernel.BEHIND, np.uint8)
        kernel.spaced(data, start, stop, buffer)
        buffer.flags.writeable = False  # as the bytes of a text log: the loops are compiled for one kind of array
        faults = np.empty(start.size, np.int32)
        kernel.clean(buffer, start, stop, faults)
        codes = np.asarray(coded.indices.fill_null(missing).to_numpy(zero_copy_only=False), np.int64)
        if codes.size and not (codes.min() >= 0 and codes.max() < start.size):
            raise pa.ArrowInvalid("an index leads out of its dictionary")
        start, stop = start[codes], stop[codes]
        length += stop - start + 1
        fault = faults[codes]
        first = fault != kernel.FINE  # of two faults the one that a text log would be told of
        first &= (self.fault == kernel.FINE) | (fault < self.fault)
        self.fault[first] = fault[first]
        return Tokens(buffer, start, stop)


def _is_text(column: Array) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return not pa.types.is_integer(kind)


def _integers(column: Array) -> Numbers:
    plain: Any = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    given = np.asarray(plain.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    values = np.asarray(plain.fill_null(0).to_numpy(zero_copy_only=False))
    return Numbers(
        values.astype(np.int64).view(np.uint64) if values.dtype.kind == "i" else values.astype(np.uint64),
        given,
        values < 0,
    )


def _places(texts: Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Bytes, begins and ends of an array of texts; a null is empty."""
    _, offsets, data = texts.cast(pa.binary()).buffers()
    if not len(texts):
        return np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    buffer = np.frombuffer(data if data is not None else b"", np.uint8)[: places[-1]]
    stop = np.where(texts.is_null().to_numpy(zero_copy_only=False), places[:-1], places[1:])
    return buffer, places[:-1].copy(), stop


def _shown(source: Tokens | Numbers, pick: NDArray[np.intp]) -> Array:
    if isinstance(source, Tokens):
        return strings(source.buffer, source.start[pick], source.stop[pick], RAW_CAP)
    values = source.values[pick]
    signed = values.view(np.int64) if source.negative.any() else values
    shown: Array = pc.if_else(pa.array(source.given[pick]), pa.array(signed).cast(pa.string()), "-")
    return shown
