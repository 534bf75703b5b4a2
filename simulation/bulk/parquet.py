"""Records as a Parquet file with AWS's types: names with `_`, columns compressed with gzip, null for `-`.

No file written by AWS was available for comparison. Whether text columns contain null or a literal `-`, and whether
`protocol` has 32 bits (field reference) or 64 (Athena's table), is therefore an option.
"""

from collections.abc import Iterable, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.bulk.arrow import DASH, ChunkedArray
from simulation.bulk.fields import INT64, STRING, Field

LEVEL = 6
"""Gzip level of columns: 9, Arrow's default, takes three times as long for no gain."""


def schema_of(log_fields: Sequence[Field], *, wide_protocol: bool = False) -> pa.Schema:
    """The schema of the file; with `wide_protocol` the protocol is INT64."""
    wide = ("protocol",) if wide_protocol else ()
    return pa.schema([(field.column, INT64 if field.name in wide else field.type) for field in log_fields])


def write(
    sink: IO[bytes],
    log_fields: Sequence[Field],
    tables: Iterable[pa.Table],
    *,
    dashes: bool = False,
    wide_protocol: bool = False,
) -> None:
    """Writes a file with one row group per table; with `dashes`, text columns have `-` instead of null."""
    schema = schema_of(log_fields, wide_protocol=wide_protocol)
    with pq.ParquetWriter(sink, schema, compression="gzip", compression_level=LEVEL, store_schema=False) as writer:
        for table in tables:
            columns = [_dashed(column) if dashes else column for column in table.columns]
            writer.write_table(pa.Table.from_arrays(columns, names=schema.names).cast(schema))


def _dashed(column: ChunkedArray) -> ChunkedArray:
    if column.type != STRING:
        return column
    filled: ChunkedArray = pc.call_function("coalesce", [column, DASH])
    return filled
