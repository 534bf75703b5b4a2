"""A Parquet flow log becomes columns, by the rules of text logs (`parse.py`) and the same loops.

Names are spelt with `_`, numbers are INT32 or INT64, everything else is text (AWS's reference of both). A value is
missing where it is null, `-` or empty. Texts are read as dictionaries, so that a small file which repeats a long text
takes no more memory than it has bytes; and what an object would come to as text is bounded as for gzip.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.columns import joined
from pipelines.ingest.decompress import MAX_RATIO, RATIO_FREE_BYTES
from pipelines.ingest.fields import Array
from pipelines.ingest.flow_columns import FlowColumns
from pipelines.ingest.log_format import aws_name, check_fields
from pipelines.ingest.parsed import Parsed
from pipelines.ingest.records import Records
from pipelines.ingest.rejects import SCHEMA, rejected
from pipelines.ingest.shapes import Shape, shape_of
from schemas.errors import BadObject
from schemas.flow import LOG_STATUS, REJECTED_LINES, TEXT
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import ADDRESS

BATCH_ROWS = 1 << 16
MAX_TEXT = 2 << 30

EITHER = ("encryption-status",)
"""Fields that some sources give as text and others as numbers."""


def parse_parquet(ref: ObjectRef, raw: bytes) -> Parsed:
    """As `parse_flow_log`; `row_no` is the ordinal of the record, the first being 1. A rejected record is kept as its
    values, parted by spaces; its texts may have 64 KiB in all. Raises BadObject: `bad-parquet`, `parquet-types`,
    `duplicate-field`, `no-time-fields`, `suspicious-ratio`, `too-large`.
    """
    try:
        return _parsed(ref, raw)
    except (pa.ArrowException, OSError) as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise BadObject(
            ref, "bad-parquet", f"The Parquet data cannot be read ({what}); copy the object again from its source."
        ) from error


def _parsed(ref: ObjectRef, raw: bytes) -> Parsed:
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
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            block = Records([_column(shape, *each) for each in zip(fields, batch.columns, strict=True)], read + 1)
            read, size = read + block.rows, size + block.size
            _check_size(ref, size, len(raw))
            columns = FlowColumns(shape, fields, block.rows, block.rows)
            columns.read(block)
            for name, table in columns.take(ids).items():
                pieces[name].append(table)
            pieces[REJECTED_LINES.name] += rejected(ids, fields, block, block.raw)
        if read != file.metadata.num_rows:
            raise pa.ArrowInvalid(f"{read} records where {file.metadata.num_rows} should be")
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
    """Known fields have AWS's types. Of others, any type will do that a text can be made of."""
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
            wrong.append(f"{field.replace('-', '_')} is {kind}, which no field of a flow log is")
    if wrong:
        raise BadObject(
            ref, "parquet-types", f"{'; '.join(wrong)}. Deliver the log as AWS writes it, or as text, instead."
        )


def _column(shape: Shape, field: str, column: Array) -> Array:
    """A column as integers where the field is a number, else as text."""
    kind = _value_type(column.type)
    if _is_number(shape, field):
        return column.cast(pa.int64()) if pa.types.is_null(kind) else column
    return column if _is_text(kind) else column.cast(pa.string())


def _check_size(ref: ObjectRef, size: int, stored: int) -> None:
    if size > MAX_TEXT:
        raise BadObject(ref, "too-large", f"The object holds more than {MAX_TEXT} bytes of values; split it.")
    if size > max(RATIO_FREE_BYTES, MAX_RATIO * stored):
        raise BadObject(
            ref,
            "suspicious-ratio",
            f"{stored} stored bytes hold more than {MAX_RATIO} times as many bytes of values. "
            "Look at the object before you trust it.",
        )
