"""What a flow log describes: interfaces of a VPC, or attachments of transit gateways. Each has its own tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from schemas.flow import BY_AWS_NAME, COVERAGE, FLOWS
from schemas.table import Column, Table
from schemas.tgw import TGW_BY_AWS_NAME, TGW_COVERAGE, TGW_FLOWS


@dataclass(frozen=True)
class Shape:
    """The tables of a log: OK records go to `flows`, others to `gaps`. `columns` are by AWS field name; other fields go
    to `extra`. `measured` fields are `-` in the record of an interval without traffic."""

    flows: Table
    gaps: Table
    columns: Mapping[str, Column]
    measured: Sequence[str]

    @cached_property
    def gap_columns(self) -> tuple[Column, ...]:
        """Columns of `gaps` that a field of the log fills, except the status."""
        return tuple(column for column in self.gaps.columns if column.aws in self.columns)

    @cached_property
    def flow_schema(self) -> pa.Schema:
        return schema_of(self.flows)

    @cached_property
    def gap_schema(self) -> pa.Schema:
        return schema_of(self.gaps)


def schema_of(table: Table) -> pa.Schema:
    """The table's schema as parsers produce it: without `load` and `chunk`, which the writer adds."""
    return pa.schema([field for field in table.schema if field.name not in ("load", "chunk")])


_COUNTED = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes")
_LOST = tuple(name for name in TGW_BY_AWS_NAME if name.startswith("packets-lost-"))
_ONLY_TRANSIT = TGW_BY_AWS_NAME.keys() - BY_AWS_NAME.keys()

VPC = Shape(FLOWS, COVERAGE, BY_AWS_NAME, (*_COUNTED, "action"))
TRANSIT = Shape(TGW_FLOWS, TGW_COVERAGE, TGW_BY_AWS_NAME, (*_COUNTED, *_LOST))


def shape_of(fields: Sequence[str]) -> Shape:
    """TRANSIT if any field occurs only in logs of transit gateways, otherwise VPC."""
    return TRANSIT if _ONLY_TRANSIT.intersection(fields) or any(f.startswith("tgw-") for f in fields) else VPC
