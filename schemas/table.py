"""The one place that pairs Arrow types with ClickHouse types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

ADDRESS = pa.binary(16)
"""An address: 16 bytes, IPv4 mapped into IPv6 (`::ffff:a.b.c.d`), so that both fit in one column."""

SECONDS = pa.timestamp("s", tz="UTC")
MILLISECONDS = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True)
class Column:
    """A column: `name` is the same in Arrow and ClickHouse.

    `aws` is the flow log field name (`${...}`) if the column holds one, `version` the flow log version
    that introduced it, and `nulls` states how "no value" differs from zero. `default` is the expression by which the
    store fills the column when it is not given, such as the server's own time.
    """

    name: str
    arrow: pa.DataType
    clickhouse: str
    meaning: str
    aws: str = ""
    version: int = 0
    nulls: str = "never"
    default: str = ""


@dataclass(frozen=True)
class Table:
    """A ClickHouse table, and the schema of Arrow tables that may be inserted into it."""

    name: str
    columns: Sequence[Column]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(c.name, c.arrow, c.nulls != "never") for c in self.columns])

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def rows(self, values: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Rows to be inserted, without the columns that the store fills by their `default`."""
        schema = pa.schema(
            [field for field, column in zip(self.schema, self.columns, strict=True) if not column.default]
        )
        return pa.Table.from_pylist(list(values), schema=schema)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError when the table has no such column."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")


PROVENANCE: tuple[Column, ...] = (
    Column("object_id", pa.uint64(), "UInt64", "the S3 object version the row was read from (receipts.object_id)"),
    Column(
        "row_no",
        pa.uint32(),
        "UInt32",
        "line number in the object (the header is line 1); record ordinal in JSON and Parquet",
    ),
    Column("load", pa.uint64(), "UInt64", "the load that wrote the row (ledger.load)"),
    Column("chunk", pa.uint32(), "UInt32", "the chunk within the load: one insert, one part"),
)
"""The last columns of every fact table: they trace evidence to bucket, key and line, so that it can be read again."""
