"""A flow log becomes columns: here a text one. Pure: bytes in, tables out.

The rules (AWS's flow-log record reference, and what was seen of real files):

* The first line that is not blank is the header when it names fields; else the configured format holds, else the 14
  fields of version 2. Field names may be spelt with `_` or `-`. Names the registry does not know go to `extra`.
* Tokens are parted by runs of spaces; lines end in LF or CRLF; blank lines and repeats of the header are no records.
* `-` is the only null. Numbers are digits and nothing else. A time above 10^11 is in milliseconds.
* log-status OK goes to `flows`, NODATA and SKIPDATA to `coverage`. A log without that field has no way to say it:
  there, a record in which nothing was measured is coverage, with log_status ''.
* A log with fields that only transit gateways have (`tgw-id`, `resource-type`, ...) goes to `tgw_flows` and
  `tgw_coverage`.
* Any other line goes to `rejected_lines` with the first reason of: line-too-long, control-bytes, not-utf8,
  token-count, and then, field by field, bad-number, out-of-range, no-time, bad-address, bad-action, bad-log-status.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.ingest.blocks import Lines
from pipelines.ingest.decompress import PARQUET_MAGIC
from pipelines.ingest.fields import Array, Buffer, strings
from pipelines.ingest.flow_columns import FlowColumns
from pipelines.ingest.log_format import BOM, TIME_FIELDS, aws_name, header_of
from pipelines.ingest.parquet import parse_parquet
from pipelines.ingest.parsed import Parsed
from pipelines.ingest.rejects import SCHEMA, rejected
from pipelines.ingest.shapes import shape_of
from schemas.errors import BadObject
from schemas.flow import RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef

MAX_LINES = 1 << 26
"""More lines than 2 GiB of records have: beyond it an object is made to do harm."""

BLOCK_ROWS = 1 << 13
"""Lines per step of the kernel: what it writes stays in the processor's cache until it is moved on."""

_NAMES_ONLY = r"^ *[a-z][a-z0-9_-]*( +[a-z][a-z0-9_-]*)* *$"


def parse_flow_log(ref: ObjectRef, raw: bytes, log_format: Sequence[str] | None = None) -> Parsed:
    """The records of one flow log, `raw` being the inflated bytes, as the tables of its shape and `rejected_lines`.

    `log_format` names the fields (AWS names) of a log without a header. `row_no` is the number of the line in the
    object, the first being 1. Parquet, known by its first bytes, is left to `parse_parquet`. Raises BadObject when the
    object as a whole is no such log: `bad-header`, `header-changes`, `duplicate-field`, `no-time-fields`,
    `too-many-lines`.
    """
    if raw.startswith(PARQUET_MAGIC):
        return parse_parquet(ref, raw)
    return FlowLog(ref, raw, log_format).read(raw)


class FlowLog:
    """A text flow log whose lines are read window by window; `beginning` is text from its start, with the header if it
    has one. Raises as `parse_flow_log`."""

    def __init__(self, ref: ObjectRef, beginning: bytes, log_format: Sequence[str] | None = None) -> None:
        self._ref = ref
        self._header = header_of(ref, beginning, log_format)
        self._line = 1

    def read(self, window: bytes) -> Parsed:
        """The records of the next lines, which `window` holds from first to last."""
        ref, fields = self._ref, self._header.fields
        at = len(BOM) if self._line == 1 and window.startswith(BOM) else 0
        if not window.endswith(b"\n"):
            window += b"\n"
        buffer, header = np.frombuffer(window, np.uint8), np.frombuffer(self._header.line, np.uint8)
        most = min(len(window) // (2 * len(fields)) + 1, MAX_LINES)  # a field takes a byte and a delimiter
        columns = FlowColumns(shape_of(fields), fields, most, min(most, BLOCK_ROWS))
        block = Lines(len(fields), min(most, BLOCK_ROWS))
        bad: list[pa.Table] = []
        read = 0
        while at < buffer.size:
            at, self._line = block.split(buffer, at, self._line, header)
            if self._line > MAX_LINES:
                raise BadObject(ref, "too-many-lines", f"The object has more than {MAX_LINES} lines; split it.")
            columns.read(block)
            if block.fault[: block.rows].any():
                bad += rejected(ref, fields, block, lambda pick: _raw(ref, buffer, block, pick))
            read += block.rows
        tables = {
            **columns.tables(ref.object_id),
            REJECTED_LINES.name: pa.concat_tables([SCHEMA.empty_table(), *bad]),
        }
        return Parsed(ref, ObjectKind.FLOW_LOG, read, tables)


def _raw(ref: ObjectRef, buffer: Buffer, block: Lines, pick: NDArray[np.intp]) -> Array:
    number, start, stop = (places[pick] for places in block.places)
    raw = strings(buffer, start, stop, RAW_CAP)
    _refuse_other_header(ref, raw, number)
    return raw


def _refuse_other_header(ref: ObjectRef, raw: Array, lines: NDArray[np.int64]) -> None:
    """Two logs of different formats joined into one object: what follows would be read under wrong names."""
    names_only: Array = pc.match_substring_regex(raw, _NAMES_ONLY)
    for i in pc.indices_nonzero(names_only).to_pylist():
        if {aws_name(token) for token in raw[i].as_py().split(" ")} >= set(TIME_FIELDS):
            raise BadObject(
                ref, "header-changes", f"Line {lines[i]} is a header that differs from the first one; split the object."
            )
