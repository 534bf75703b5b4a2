"""Records as lines of text: a header, fields separated by one space, `-` for null, `\n` at the end of each line."""

from collections.abc import Sequence

import pyarrow as pa

from simulation.bulk.arrow import joined
from simulation.bulk.fields import STRING, Field


def header(log_fields: Sequence[Field]) -> bytes:
    return " ".join(field.name for field in log_fields).encode("ascii") + b"\n"


class Lines:
    """The lines of a table, in order."""

    def __init__(self, table: pa.Table) -> None:
        *before, last = [column.combine_chunks().cast(STRING) for column in table.columns]
        lines = joined(*before, joined(last, "\n", separator=""), separator=" ")
        _, offsets, text = lines.buffers()
        self._text = memoryview(text) if text is not None else memoryview(b"")
        self._offsets = memoryview(offsets).cast("i") if offsets is not None else memoryview(b"\0\0\0\0").cast("i")
        self._rows = len(lines)

    def part(self, first: int = 0, stop: int | None = None) -> memoryview:
        """The bytes of the lines in `[first, stop)`, without copying."""
        end = self._rows if stop is None else stop
        return self._text[self._offsets[first] : self._offsets[end]]


def lines(table: pa.Table) -> memoryview:
    """All lines of a table, without the header."""
    return Lines(table).part()
