"""A Parquet flow log becomes columns, by the rules of text logs (`flow_log.py`) and with the same loops.

Names are spelled with `_`, numbers are INT32 or INT64, and everything else is text (AWS's flow log record reference).
A value is missing if it is null, `-` or empty. Texts are read as dictionaries, so that a small file that repeats a long
text takes no more memory than it has bytes. The size that an object would have as text is bounded as for gzip.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.parse.decompress import MAX_RATIO, RATIO_FREE_BYTES
from pipelines.ingest.parse.fields import Array
from pipelines.ingest.parse.flow_columns import FlowColumns
from pipelines.ingest.parse.log_format import aws_name, check_fields
from pipelines.ingest.parse.parsed import Parsed
from pipelines.ingest.parse.records import Records
from pipelines.ingest.parse.rejects import SCHEMA, rejected
from pipelines.ingest.parse.shapes import Shape, shape_of
from pipelines.ingest.parse.time_bounds import SAMPLE_ROWS, TimeRule, bounds_of_blocks, periods, spans
from schemas.columnar.columns import joined
from schemas.errors import BadObject
from schemas.flow import LOG_STATUS, REJECTED_LINES, TEXT
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import ADDRESS

BATCH_ROWS = 1 << 16
MAX_TEXT = 2 << 30

EITHER = ("encryption-status",)
"""Fields that are text in some sources and numbers in others."""


def parse_parquet(ref: ObjectRef, raw: bytes, rule: TimeRule | None = None) -> Parsed:
    """As `parse_flow_log`; `row_no` is the number of the record, from 1. A record with more than 64 KiB of text is
    rejected; rejected records are kept as their values, separated by spaces. Raises BadObject: `bad-parquet`,
    `parquet-types`, `duplicate-field`, `no-time-fields`, `suspicious-ratio`, `too-large`.
    """
    try:
        return _parsed(ref, raw, rule)
    except (pa.ArrowException, OSError) as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise BadObject(
            ref, "bad-parquet", f"The Parquet data cannot be read ({what}); copy the object again from its source."
        ) from error


def _parsed(ref: ObjectRef, raw: bytes, rule: TimeRule | None) -> Parsed:
    schema = pq.read_schema(pa.BufferReader(raw))
    fields = tuple(aws_name(name) for name in schema.names)
    check_fields(ref, fields, "The Parquet schema")
    shape = shape_of(fields)
    kinds = [_value_type(field.type) for field in schema]
    _check_types(ref, shape, fields, kinds)
    coded = [name for name, kind in zip(schema.names, kinds, strict=True) if _is_text(kind)]
    ids = np.array([ref.object_id], np.uint64)
    none = FlowColumns(shape, fields, 1, 1).take(ids)
    pieces: dict[str, list[pa.Table]] = {name: [table] for name, table in none.items()}
    pieces[REJECTED_LINES.name] = [SCHEMA.empty_table()]
    read = size = 0
    with pq.ParquetFile(pa.BufferReader(raw), read_dictionary=coded) as file:

        def blocks() -> Iterator[Records]:
            nonlocal read, size
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                block = Records([_column(shape, *each) for each in zip(fields, batch.columns, strict=True)], read + 1)
                read, size = read + block.rows, size + block.size
                _check_size(ref, size, len(raw))
                yield block

        every = blocks()
        first: list[Records] = []  # a batch ends with its row group, and may be smaller than the sample
        while sum(block.rows for block in first) < SAMPLE_ROWS and (block := next(every, None)) is not None:
            first.append(block)
        bounds = bounds_of_blocks(ref, fields, first, rule)
        for block in chain(first, every):
            columns = FlowColumns(shape, fields, block.rows, block.rows)
            columns.read(block, *periods([bounds]), spans([ref]))
            for name, table in columns.take(ids).items():
                pieces[name].append(table)
            pieces[REJECTED_LINES.name] += rejected(ids, fields, block, block.raw)
        if read != file.metadata.num_rows:
            raise pa.ArrowInvalid(f"{read} records instead of {file.metadata.num_rows}")
    tables = {name: joined(parts) for name, parts in pieces.items()}
    return Parsed(ref, ObjectKind.FLOW_LOG, read, tables)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def _is_number(shape: Shape, field: str) -> bool:
    column = shape.columns.get(field)
    return column is not None and column.arrow not in (TEXT, ADDRESS)


def _check_types(ref: ObjectRef, shape: Shape, fields: Sequence[str], kinds: Sequence[pa.DataType]) -> None:
    """Known fields must have AWS's types. Others may have any type that can be converted to text."""
    wrong = []
    for field, kind in zip(fields, kinds, strict=True):
        if pa.types.is_null(kind):
            continue
        number = _is_number(shape, field)
        if field in shape.columns or field == LOG_STATUS:
            fine = pa.types.is_integer(kind) if number else _is_text(kind)
            if not fine and not (field in EITHER and pa.types.is_integer(kind)):
                wrong.append(f"{field.replace('-', '_')} is {kind} and not {'INT32 or INT64' if number else 'STRING'}")
        elif pa.types.is_nested(kind):
            wrong.append(f"{field.replace('-', '_')} is {kind}, a type that no flow log field has")
    if wrong:
        raise BadObject(ref, "parquet-types", f"{'; '.join(wrong)}. Deliver the log as AWS writes it, or as text.")


def _column(shape: Shape, field: str, column: Array) -> Array:
    """The column as integers if the field is a number, else as text."""
    kind = _value_type(column.type)
    if _is_number(shape, field):
        return column.cast(pa.int64()) if pa.types.is_null(kind) else column
    return column if _is_text(kind) else column.cast(pa.string())


def _check_size(ref: ObjectRef, size: int, stored: int) -> None:
    if size > MAX_TEXT:
        raise BadObject(ref, "too-large", f"The object contains more than {MAX_TEXT} bytes of values; split it.")
    if size > max(RATIO_FREE_BYTES, MAX_RATIO * stored):
        raise BadObject(
            ref,
            "suspicious-ratio",
            f"{stored} stored bytes contain more than {MAX_RATIO} times as many bytes of values. "
            "Inspect the object before you trust it.",
        )
