"""What one object becomes, whatever it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from schemas.object_ref import ObjectKind, ObjectRef

PARSER_VERSION = 2
"""Raise it when the same bytes would become other rows."""


@dataclass(frozen=True)
class Parsed:
    """Rows by table name (`flows`, `coverage`, `tgw_flows`, ..., `rejected_lines`), each table in the registry's
    column order up to and including `object_id` and `row_no`; columns that no field fills may be left out, and the
    writer adds `load` and `chunk`.

    `read` counts every record of the object (not its header lines); `skipped` counts, by reason, records that are
    not kept. read = rows of all tables + skipped, always.
    """

    ref: ObjectRef
    kind: ObjectKind
    read: int
    tables: Mapping[str, pa.Table]
    skipped: Mapping[str, int] = field(default_factory=dict)
