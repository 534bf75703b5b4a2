"""The result of parsing one object of any kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from schemas.object_ref import ObjectKind, ObjectRef

PARSER_VERSION = 3
"""Increase it when the same bytes would become different rows."""


@dataclass(frozen=True)
class Parsed:
    """Rows by table name (`flows`, `coverage`, `tgw_flows`, ..., `rejected_lines`), each table in the registry's
    column order up to and including `object_id` and `row_no`. Columns that no field fills may be left out; the writer
    adds `load` and `chunk`.

    `read` counts every record of the object (not header lines); `skipped` counts, by reason, the records that are not
    kept. Always: read = rows of all tables + skipped.
    """

    ref: ObjectRef
    kind: ObjectKind
    read: int
    tables: Mapping[str, pa.Table]
    skipped: Mapping[str, int] = field(default_factory=dict)
