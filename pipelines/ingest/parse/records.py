"""A block of typed records, in the form that the loops over text logs read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.blocks import Numbers, Tokens
from pipelines.ingest.parse.fields import Array, strings
from schemas.flow import RAW_CAP

_DASH = np.frombuffer(b"-", np.uint8)


class Records:
    """Records from columns of texts and of integers of any width; the first record has the number `first`."""

    def __init__(self, columns: Sequence[Array], first: int) -> None:
        self.rows = len(columns[0])
        self.fault = np.zeros(self.rows, np.int32)
        self.logs = np.zeros(self.rows, np.int32)
        self.numbers = np.arange(first, first + self.rows, dtype=np.int64)
        self.size = 0
        """Bytes that all values would have in a text log, with delimiters."""
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
        """Records as text: values separated by spaces, at most RAW_CAP bytes of each record."""
        line: Array = pc.call_function("binary_join_element_wise", [*(_shown(s, pick) for s in self._sources), " "])
        buffer, start, stop = _positions(line)
        return strings(buffer, start, stop, RAW_CAP)

    def _texts(self, column: Array, length: NDArray[np.int64]) -> Tokens:
        """The values, each distinct one once in a buffer; sets the faults that do not depend on the field."""
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        data, start, stop = _positions(coded.dictionary)
        missing = start.size
        start, stop = np.append(start, data.size), np.append(stop, data.size + 1)
        data = np.concatenate([data, _DASH])
        empty = start == stop
        start[empty], stop[empty] = data.size - 1, data.size
        buffer = np.zeros(int((stop - start).sum()) + start.size + kernel.PADDING, np.uint8)
        kernel.spaced(data, start, stop, buffer)
        buffer.flags.writeable = False  # like the bytes of a text log: the loops are compiled for read-only arrays
        faults = np.empty(start.size, np.int32)
        kernel.clean(buffer, start, stop, faults)
        codes = np.asarray(coded.indices.fill_null(missing).to_numpy(zero_copy_only=False), np.int64)
        if codes.size and not (codes.min() >= 0 and codes.max() < start.size):
            raise pa.ArrowInvalid("an index is outside of its dictionary")
        start, stop = start[codes], stop[codes]
        length += stop - start + 1
        fault = faults[codes]
        first = fault != kernel.FINE  # of two faults, the one that a text log would get
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


def _positions(texts: Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Bytes, starts and stops of an array of texts; a null is empty."""
    _, offsets, data = texts.cast(pa.binary()).buffers()
    if not len(texts):
        return np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    buffer = np.frombuffer(data if data is not None else b"", np.uint8)[: bounds[-1]]
    stop = np.where(texts.is_null().to_numpy(zero_copy_only=False), bounds[:-1], bounds[1:])
    return buffer, bounds[:-1].copy(), stop


def _shown(source: Tokens | Numbers, pick: NDArray[np.intp]) -> Array:
    if isinstance(source, Tokens):
        return strings(source.buffer, source.start[pick], source.stop[pick], RAW_CAP)
    values = source.values[pick]
    signed = values.view(np.int64) if source.negative.any() else values
    shown: Array = pc.if_else(pa.array(source.given[pick]), pa.array(signed).cast(pa.string()), "-")
    return shown
