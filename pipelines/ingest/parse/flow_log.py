"""A text flow log becomes columns. Pure: bytes in, tables out.

The rules (from AWS's flow log record reference, and from real files):

* The first line that is not blank is the header if it names fields. Otherwise the configured format applies, or else
  the 14 fields of version 2. Field names may be spelled with `_` or `-`. Names not in the registry go to `extra`.
* Tokens are separated by one or more spaces. Lines end in LF or CRLF. Blank lines and repeats of the header are not
  records.
* A log without `start` has its `end` for it, and the reverse; without both, its records are of the five minutes that
  the name of the object gives. Their `time_source` says so.
* `-` is the only null. Numbers consist of digits only. A time above 10^11 is in milliseconds.
* log-status OK goes to `flows`, NODATA and SKIPDATA to `coverage`. In a log without that field, a record in which
  nothing was measured goes to `coverage`, with log_status ''.
* A log with fields that only transit gateways have (`tgw-id`, `resource-type`, ...) goes to `tgw_flows` and
  `tgw_coverage`.
* Any other line goes to `rejected_lines`, with the first reason that applies: line-too-long, control-bytes, not-utf8,
  token-count, and then, field by field, bad-number, out-of-range, no-time, bad-address, bad-action, bad-log-status; at
  last time-out-of-range: a valid record, but far from the time that its object is of (`time_bounds.py`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.ingest.parse.blocks import Lines
from pipelines.ingest.parse.decompress import PARQUET_MAGIC
from pipelines.ingest.parse.fields import Array, strings
from pipelines.ingest.parse.flow_columns import FlowColumns
from pipelines.ingest.parse.log_format import BOM, TIME_FIELDS, Header, aws_name, header_of, names_ends
from pipelines.ingest.parse.parquet import parse_parquet
from pipelines.ingest.parse.parsed import Parsed
from pipelines.ingest.parse.rejects import SCHEMA, rejected
from pipelines.ingest.parse.shapes import schema_of, shape_of
from pipelines.ingest.parse.time_bounds import ANY, TimeBounds, TimeRule, bounds_of_text, periods, spans
from pipelines.ingest.parse.window import Window
from schemas.columnar.batch import Batch, Source
from schemas.columnar.columns import filled, joined
from schemas.errors import BadObject
from schemas.flow import RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.tables import TABLES

MAX_LINES = 1 << 26
"""More lines than 2 GiB of real records have: an object with more is malicious."""

BLOCK_ROWS = 4_000
"""Lines per step of the kernel: its output stays in the processor's cache until it is copied. Not a power of two: then
the tokens of a line would all compete for the same few cache lines, and splitting would take half as long again."""

HELD_ROWS = 1 << 17
"""Records of a table before the next one is started."""

_NAMES_ONLY = r"^ *[a-z][a-z0-9_-]*( +[a-z][a-z0-9_-]*)* *$"


def parse_flow_log(
    ref: ObjectRef, raw: bytes, log_format: Sequence[str] | None = None, rule: TimeRule | None = None
) -> Parsed:
    """The records of one flow log, as the tables of its shape and `rejected_lines`; `raw` is the inflated bytes.

    `log_format` lists the fields (AWS names) of a log without a header. Without `rule` records may be of any time.
    `row_no` is the number of the line in the object, from 1. Parquet, recognized by its first bytes, is passed to
    `parse_parquet`. Raises BadObject when the object as a whole is not a valid log: `bad-header`, `header-changes`,
    `duplicate-field`, `no-time-fields`, `too-many-lines`.
    """
    if raw.startswith(PARQUET_MAGIC):
        parsed = parse_parquet(ref, raw, rule)
        tables, read = parsed.tables, parsed.read
    else:
        header = header_of(ref, raw, log_format)
        logs = FlowLogs(header)
        logs.add(ref, [raw], bounds_of_text(ref, header, raw, rule))
        batch = logs.take()
        tables, read = batch.tables, batch.objects[0].read
    whole = {name: filled(rows, schema_of(TABLES[name])) for name, rows in tables.items()}
    return Parsed(ref, ObjectKind.FLOW_LOG, read, whole)


class FlowLogs:
    """Text flow logs of one layout, one after the other, whose text arrives in pieces of any size."""

    def __init__(self, header: Header) -> None:
        self.rows = 0
        """Records that were read and not taken yet."""
        self._held = 0  # records that were read since `_columns` was last taken
        self._fields = header.fields
        self._header = np.frombuffer(header.line, np.uint8)
        self._window = Window()
        self._block = Lines(len(self._fields), BLOCK_ROWS)
        self._columns = FlowColumns(shape_of(self._fields), self._fields, HELD_ROWS, BLOCK_ROWS)
        self._pieces: list[dict[str, pa.Table]] = []
        self._bad: list[pa.Table] = []
        self._refs: list[ObjectRef] = []
        self._bounds: list[TimeBounds] = []
        self._periods = periods([])
        self._spans = spans([])
        self._ids: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._read: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, ref: ObjectRef, texts: Iterable[bytes], bounds: TimeBounds = ANY) -> None:
        """A whole log. Takes what `begin` does. Raises as `feed`, and whatever `texts` raises; after that nothing more
        can be taken."""
        self.begin(ref, bounds)
        for text in texts:
            self.feed(text)
        self.end()

    def begin(self, ref: ObjectRef, bounds: TimeBounds = ANY) -> None:
        """Start a log, whose text is fed next; `bounds` are the times that its records may have. Its byte order mark,
        if it has one, must be in the first piece."""
        self._refs.append(ref)
        self._bounds.append(bounds)
        self._window.begin()
        self._at_begin = True

    def feed(self, text: bytes) -> None:
        """More text of the log. Raises BadObject `header-changes` or `too-many-lines`."""
        rest = memoryview(text)
        if self._at_begin and text:
            rest = rest[len(BOM) :] if text.startswith(BOM) else rest
            self._at_begin = False
        while rest:
            rest = rest[self._window.put(rest) :]
            if rest:
                self._parse()

    def end(self) -> None:
        """End the log."""
        self._window.end()

    def take(self) -> Batch:
        """The records that were read and not taken yet; its objects are all logs so far, with how many of these records
        each one has. Raises as `feed`."""
        self._parse()
        self._flush()
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
        window, block = self._window, self._block
        self._count_logs()
        if window.complete():
            while window.at < window.stop:
                block.split(window, self._header)
                if window.line > MAX_LINES:
                    raise BadObject(
                        self._refs[window.log - 1],
                        "too-many-lines",
                        f"The object has more than {MAX_LINES} lines; split it.",
                    )
                self._keep()
        window.move_on()

    def _count_logs(self) -> None:
        """Make the arrays that have an element per log as long as there are logs."""
        known, refs = len(self._ids), self._refs
        if known < len(refs):
            self._ids = np.append(self._ids, np.array([ref.object_id for ref in refs[known:]], np.uint64))
            self._read = np.append(self._read, np.zeros(len(refs) - known, np.int64))
            self._periods = periods(self._bounds)
            self._spans = spans(self._refs)

    def _keep(self) -> None:
        block = self._block
        if self._held + block.rows > HELD_ROWS:
            self._flush()
        self._columns.read(block, *self._periods, self._spans)
        if block.fault[: block.rows].any():
            self._bad += rejected(self._ids, self._fields, block, self._raw)
        self._read += np.bincount(block.logs[: block.rows], minlength=len(self._refs))
        self._held += block.rows
        self.rows += block.rows

    def _flush(self) -> None:
        self._pieces.append(self._columns.take(self._ids))
        self._held = 0

    def _raw(self, pick: NDArray[np.intp]) -> Array:
        number, start, stop = (values[pick] for values in self._block.lines)
        raw = strings(self._window.buffer, start, stop, RAW_CAP)
        self._reject_other_header(raw, number, self._block.logs[pick])
        return raw

    def _reject_other_header(self, raw: Array, lines: NDArray[np.int64], logs: NDArray[np.int32]) -> None:
        """Two logs of different formats may be joined into one object: the second would be read under wrong names."""
        names_only: Array = pc.match_substring_regex(raw, _NAMES_ONLY)
        for i in pc.indices_nonzero(names_only).to_pylist():
            names = {aws_name(token) for token in raw[i].as_py().split(" ")}
            if names >= set(TIME_FIELDS) or names_ends(names):
                raise BadObject(
                    self._refs[logs[i]],
                    "header-changes",
                    f"Line {lines[i]} is a header that differs from the first one; split the object.",
                )
