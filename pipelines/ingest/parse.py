"""A text flow log becomes columns. Pure: bytes in, tables out.

The rules (AWS's flow-log record reference, and what was seen of real files):

* The first line that is not blank is the header when it names fields; else the configured format holds, else the 14
  fields of version 2. Field names may be spelt with `_` or `-`. Names the registry does not know go to `extra`.
* Tokens are parted by runs of spaces; lines end in LF or CRLF; blank lines and repeats of the header are no records.
* `-` is the only null. Numbers are digits and nothing else. A time above 10^11 is in milliseconds.
* log-status OK goes to `flows`, NODATA and SKIPDATA to `coverage`. A log without that field has no way to say it:
  there, a record in which nothing was measured is coverage, with log_status ''.
* Any other line goes to `rejected_lines` with the first reason of: line-too-long, control-bytes, not-utf8,
  token-count, and then, field by field, bad-number, out-of-range, no-time, bad-address, bad-action, bad-log-status.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.ingest import kernel
from pipelines.ingest.blocks import Lines
from pipelines.ingest.decompress import PARQUET_MAGIC
from pipelines.ingest.fields import Array, Buffer, dictionary, strings
from pipelines.ingest.flow_columns import FlowColumns, schema_of
from pipelines.ingest.log_format import BOM, TIME_FIELDS, aws_name, header_of
from pipelines.ingest.parsed import Parsed
from schemas.errors import BadObject
from schemas.flow import RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef

MAX_LINES = 1 << 26
"""More lines than 2 GiB of records have: beyond it an object is made to do harm."""

BLOCK_ROWS = 1 << 13
"""Lines per step of the kernel: what it writes stays in the processor's cache until it is moved on."""

_REJECTED = schema_of(REJECTED_LINES)
_NAMES_ONLY = r"^ *[a-z][a-z0-9_-]*( +[a-z][a-z0-9_-]*)* *$"
_LINE_FAULTS = {
    kernel.LINE_TOO_LONG: "line-too-long",
    kernel.CONTROL_BYTES: "control-bytes",
    kernel.NOT_UTF8: "not-utf8",
    kernel.TOKEN_COUNT: "token-count",
    kernel.NO_TIME: "no-time",
    kernel.BAD_ACTION: "bad-action",
    kernel.BAD_STATUS: "bad-log-status",
}
_FIELD_FAULTS = {
    kernel.BAD_NUMBER: "bad-number",
    kernel.OUT_OF_RANGE: "out-of-range",
    kernel.BAD_ADDRESS: "bad-address",
}


def parse_flow_log(ref: ObjectRef, raw: bytes, log_format: Sequence[str] | None = None) -> Parsed:
    """The records of one text flow log, `raw` being the inflated bytes, as `flows`, `coverage`, `rejected_lines`.

    `log_format` names the fields (AWS names) of a log without a header. `row_no` is the number of the line in the
    object, the first being 1. Raises BadObject when the object as a whole is no such log: `parquet`,
    `transit-gateway`, `bad-header`, `header-changes`, `duplicate-field`, `no-time-fields`, `too-many-lines`.
    """
    if raw.startswith(PARQUET_MAGIC):
        raise BadObject(
            ref, "parquet", "The flow log is in Parquet format, which is not read yet; deliver it as plain text."
        )
    header = header_of(ref, raw, log_format)
    if not raw.endswith(b"\n"):
        raw += b"\n"
    buffer = np.frombuffer(raw, np.uint8)
    most = min(len(raw) // (2 * len(header.fields)) + 1, MAX_LINES)  # a field takes a byte and a delimiter
    columns = FlowColumns(header.fields, most, min(most, BLOCK_ROWS))
    block = Lines(len(header.fields), min(most, BLOCK_ROWS))
    rejected = []
    at, line, read = len(BOM) if raw.startswith(BOM) else 0, 1, 0
    while at < buffer.size:
        at, line = block.split(buffer, at, line, np.frombuffer(header.line, np.uint8))
        if line > MAX_LINES:
            raise BadObject(ref, "too-many-lines", f"The object has more than {MAX_LINES} lines; split it.")
        columns.read(buffer, block)
        if block.fault[: block.rows].any():
            rejected.append(_rejected(ref, header.fields, buffer, block))
        read += block.rows
    tables = {
        "flows": columns.flows(buffer, ref.object_id),
        "coverage": columns.coverage(buffer, ref.object_id),
        "rejected_lines": pa.concat_tables([_REJECTED.empty_table(), *rejected]),
    }
    return Parsed(ref, ObjectKind.FLOW_LOG, read, tables)


def _rejected(ref: ObjectRef, fields: Sequence[str], buffer: Buffer, block: Lines) -> pa.Table:
    bad = np.flatnonzero(block.fault[: block.rows])
    number, start, stop = (places[bad] for places in block.places)
    raw = strings(buffer, start, stop, RAW_CAP)
    _refuse_other_header(ref, raw, number)
    faults, codes = np.unique(block.fault[bad], return_inverse=True)
    reasons = pa.array([_reason(int(fault), fields) for fault in faults], pa.string())
    return pa.Table.from_arrays(
        [
            dictionary(codes.astype(np.int32), reasons),
            raw,
            pa.array(np.full(len(bad), ref.object_id, np.uint64)),
            pa.array(number.astype(np.uint32)),
        ],
        schema=_REJECTED,
    )


def _reason(fault: int, fields: Sequence[str]) -> str:
    field, kind = divmod(fault, 1 << 16)
    return _LINE_FAULTS[kind] if kind in _LINE_FAULTS else f"{_FIELD_FAULTS[kind]}:{fields[field]}"


def _refuse_other_header(ref: ObjectRef, raw: Array, lines: NDArray[np.int64]) -> None:
    """Two logs of different formats joined into one object: what follows would be read under wrong names."""
    names_only: Array = pc.match_substring_regex(raw, _NAMES_ONLY)
    for i in pc.indices_nonzero(names_only).to_pylist():
        if {aws_name(token) for token in raw[i].as_py().split(" ")} >= set(TIME_FIELDS):
            raise BadObject(
                ref, "header-changes", f"Line {lines[i]} is a header that differs from the first one; split the object."
            )
