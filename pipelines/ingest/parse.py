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

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.batch import Batch, Source
from connectors.columns import filled, joined
from pipelines.ingest.blocks import Lines
from pipelines.ingest.decompress import PARQUET_MAGIC
from pipelines.ingest.fields import Array, strings
from pipelines.ingest.flow_columns import FlowColumns
from pipelines.ingest.log_format import BOM, TIME_FIELDS, Header, aws_name, header_of
from pipelines.ingest.parquet import parse_parquet
from pipelines.ingest.parsed import Parsed
from pipelines.ingest.rejects import SCHEMA, rejected
from pipelines.ingest.shapes import schema_of, shape_of
from pipelines.ingest.text import Text
from schemas.errors import BadObject
from schemas.flow import RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.tables import TABLES

MAX_LINES = 1 << 26
"""More lines than 2 GiB of records have: beyond it an object is made to do harm."""

BLOCK_ROWS = 4_000
"""Lines per step of the kernel: what it writes stays in the processor's cache until it is moved on. No power of two:
places of a line's tokens would then all compete for the same few lines of the cache, and take half as long again."""

HELD_ROWS = 1 << 17
"""Records of a table before the next one is begun."""

_NAMES_ONLY = r"^ *[a-z][a-z0-9_-]*( +[a-z][a-z0-9_-]*)* *$"


def parse_flow_log(ref: ObjectRef, raw: bytes, log_format: Sequence[str] | None = None) -> Parsed:
    """The records of one flow log, `raw` being the inflated bytes, as the tables of its shape and `rejected_lines`.

    `log_format` names the fields (AWS names) of a log without a header. `row_no` is the number of the line in the
    object, the first being 1. Parquet, known by its first bytes, is left to `parse_parquet`. Raises BadObject when the
    object as a whole is no such log: `bad-header`, `header-changes`, `duplicate-field`, `no-time-fields`,
    `too-many-lines`.
    """
    if raw.startswith(PARQUET_MAGIC):
        parsed = parse_parquet(ref, raw)
        tables, read = parsed.tables, parsed.read
    else:
        logs = FlowLogs(header_of(ref, raw, log_format))
        logs.add(ref, [raw])
        batch = logs.take()
        tables, read = batch.tables, batch.objects[0].read
    whole = {name: filled(rows, schema_of(TABLES[name])) for name, rows in tables.items()}
    return Parsed(ref, ObjectKind.FLOW_LOG, read, whole)


class FlowLogs:
    """Text flow logs of one layout, one after the other, whose text comes in pieces of any size."""

    def __init__(self, header: Header) -> None:
        self.rows = 0
        """Records that were read and not yet taken."""
        self._held = 0  # of them, those that are in `_columns` or were refused meanwhile
        self._fields = header.fields
        self._header = np.frombuffer(header.line, np.uint8)
        self._text = Text()
        self._block = Lines(len(self._fields), BLOCK_ROWS)
        self._columns = FlowColumns(shape_of(self._fields), self._fields, HELD_ROWS, BLOCK_ROWS)
        self._pieces: list[dict[str, pa.Table]] = []
        self._bad: list[pa.Table] = []
        self._refs: list[ObjectRef] = []
        self._ids: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._read: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, ref: ObjectRef, texts: Iterable[bytes]) -> None:
        """All of a log. Raises as `parse_flow_log`, and what `texts` raises; then nothing can be taken any more."""
        self.begin(ref)
        for text in texts:
            self.feed(text)
        self.end()

    def begin(self, ref: ObjectRef) -> None:
        """What is fed from now on is text of this log; the first piece holds its byte order mark, if it has one."""
        self._refs.append(ref)
        self._ids = np.append(self._ids, np.uint64(ref.object_id))
        self._read = np.append(self._read, 0)
        self._text.begin()
        self._at_begin = True

    def feed(self, text: bytes) -> None:
        """More text of the log."""
        rest = memoryview(text)
        if self._at_begin and text:
            rest = rest[len(BOM) :] if text.startswith(BOM) else rest
            self._at_begin = False
        while rest:
            rest = rest[self._text.put(rest) :]
            if rest:
                self._parse()

    def end(self) -> None:
        """That was all of the log."""
        self._text.end()

    def take(self) -> Batch:
        """The records that were read and not yet taken, and all logs so far, with how many of these records are of
        each."""
        self._parse()
        self._set_down()
        names = dict.fromkeys(name for piece in self._pieces for name in piece)
        tables = {name: joined([piece[name] for piece in self._pieces]) for name in names}
        tables[REJECTED_LINES.name] = pa.concat_tables([SCHEMA.empty_table(), *self._bad])
        objects = tuple(
            Source(ref, ObjectKind.FLOW_LOG, read) for ref, read in zip(self._refs, self._read.tolist(), strict=True)
        )
        self._pieces, self._bad = [], []
        self._read[:] = self.rows = 0
        return Batch(objects, tables)

    def _parse(self) -> None:
        text, block = self._text, self._block
        if text.complete():
            while text.at < text.stop:
                block.split(text, self._header)
                if text.line > MAX_LINES:
                    raise BadObject(
                        self._refs[text.log - 1],
                        "too-many-lines",
                        f"The object has more than {MAX_LINES} lines; split it.",
                    )
                self._keep()
        text.move_on()

    def _keep(self) -> None:
        block = self._block
        if self._held + block.rows > HELD_ROWS:
            self._set_down()
        self._columns.read(block)
        if block.fault[: block.rows].any():
            self._bad += rejected(self._ids, self._fields, block, self._raw)
        self._read += np.bincount(block.logs[: block.rows], minlength=len(self._refs))
        self._held += block.rows
        self.rows += block.rows

    def _set_down(self) -> None:
        self._pieces.append(self._columns.take(self._ids))
        self._held = 0

    def _raw(self, pick: NDArray[np.intp]) -> Array:
        number, start, stop = (places[pick] for places in self._block.places)
        raw = strings(self._text.buffer, start, stop, RAW_CAP)
        self._refuse_other_header(raw, number, self._block.logs[pick])
        return raw

    def _refuse_other_header(self, raw: Array, lines: NDArray[np.int64], logs: NDArray[np.int32]) -> None:
        """Two logs of different formats joined into one object: what follows would be read under wrong names."""
        names_only: Array = pc.match_substring_regex(raw, _NAMES_ONLY)
        for i in pc.indices_nonzero(names_only).to_pylist():
            if {aws_name(token) for token in raw[i].as_py().split(" ")} >= set(TIME_FIELDS):
                raise BadObject(
                    self._refs[logs[i]],
                    "header-changes",
                    f"Line {lines[i]} is a header that differs from the first one; split the object.",
                )
