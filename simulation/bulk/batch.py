"""Records with any list of fields as an Arrow table, and the truth about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa

from simulation.bulk.arrow import Array
from simulation.bulk.fields import Field, is_transit
from simulation.bulk.flows import NODATA, OK, SKIPDATA, Flows, Traffic, numbered
from simulation.bulk.transit import TRANSIT
from simulation.bulk.vpc import VPC, Column, Columns

BLOCK = 1 << 15
"""Number of records that are generated at once."""

_UNKNOWN = pa.array(["alpha", "b%20c", "7", None, "unheard-of:thing"])


@dataclass(frozen=True)
class Truth:
    """What some records contain, whether or not their format has a field for it. `rejected`, `packets`, `bytes` and
    `needles` count OK records only; a transit gateway's log has no rejected records."""

    ok: int = 0
    nodata: int = 0
    skipdata: int = 0
    rejected: int = 0
    needles: int = 0
    packets: int = 0
    bytes: int = 0

    @property
    def records(self) -> int:
        return self.ok + self.nodata + self.skipdata

    def __add__(self, other: "Truth") -> "Truth":
        return Truth(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class Batch:
    """Records: a column per field, with its AWS name and its type in AWS's Parquet files; null stands for `-`."""

    table: pa.Table
    flows: Flows = field(repr=False)
    transit: bool = False

    def truth(self, first: int = 0, stop: int | None = None) -> Truth:
        """The truth about the records in `[first, stop)`, by default about all."""
        part, flows = slice(first, stop), self.flows
        ok, status = flows.ok[part], flows.status[part]
        return Truth(
            ok=int(np.count_nonzero(status == OK)),
            nodata=int(np.count_nonzero(status == NODATA)),
            skipdata=int(np.count_nonzero(status == SKIPDATA)),
            rejected=0 if self.transit else int(np.count_nonzero(flows.rejected[part] & ok)),
            needles=int(np.count_nonzero(flows.needle[part])),
            packets=int(flows.packets[part][ok].sum()),
            bytes=int(flows.bytes[part][ok].sum()),
        )


def version_of(log_fields: Sequence[Field]) -> int:
    """The value of the `version` field: the highest version of the fields."""
    return max(each.version for each in log_fields)


def batch_of(log_fields: Sequence[Field], flows: Flows) -> Batch:
    """These records in this format. A field that AWS does not have (yet) gets arbitrary words."""
    transit = is_transit(log_fields)
    if transit and flows.traffic.window != 60:  # a transit gateway's log has no other window
        flows = Flows(replace(flows.traffic, window=60), flows.ids, flows.slot)
    columns, known = Columns(flows), TRANSIT if transit else VPC
    version = version_of(log_fields)
    arrays = [
        pa.array(np.full(len(flows), version, np.int32))
        if each.name == "version"
        else known.get(each.name, _unknown(each))(columns)
        for each in log_fields
    ]
    schema = pa.schema([(each.name, each.type) for each in log_fields])
    return Batch(pa.Table.from_arrays(arrays, schema=schema), flows, transit)


def batch(
    log_fields: Sequence[Field], traffic: Traffic, rows: int, *, slot: int, stream: int = 0, first: int = 0
) -> Batch:
    """`rows` records of a stream, from its record `first` on, that end in the five minutes after `slot`, in seconds
    since 1970. The same arguments give the same records; other fields give other columns of the same traffic."""
    return batch_of(log_fields, Flows(traffic, numbered(stream, first, rows, traffic), slot))


def batches(
    log_fields: Sequence[Field],
    traffic: Traffic,
    rows: int,
    *,
    slot: int,
    stream: int = 0,
    first: int = 0,
    most: int = BLOCK,
) -> Iterator[Batch]:
    """The same, in batches of at most `most` records."""
    for at in range(first, first + rows, most):
        yield batch(log_fields, traffic, min(most, first + rows - at), slot=slot, stream=stream, first=at)


def _unknown(unknown: Field) -> Column:
    def column(c: Columns) -> Array:
        return c.words(_UNKNOWN, (c.flows.roll(unknown.name) * len(_UNKNOWN)).astype(np.int64))

    return column
