"""Adds VPC metadata to each flow, as of the record's `start`. Pure and columnar.

An interface belongs to one subnet, one VPC and at most one instance at a time; its periods record which, and which
network ACL and route table its subnet had. VPC, subnet and instance in the log itself take precedence: AWS wrote them
when the packets passed. Without a flow-direction in the log, the addresses decide: the interface is the end whose
address it had at that time. If it has both addresses or neither, the direction stays ''.
"""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from network.history.periods import InterfacePeriod
from pipelines.ingest.enrich.locate import NOWHERE, locate
from pipelines.ingest.parse.fields import Array, dictionary

DIRECTIONS = ("", "ingress", "egress")
FROM_METADATA = ("vpc_id", "subnet_id", "instance_id", "instance_name", "network_acl_id", "route_table_id")
"""Columns that are filled where the log left them ''; each is also a field of InterfacePeriod."""

_INT64 = np.iinfo(np.int64)


class InterfaceHistory(Protocol):
    """The part of Timeline that enrichment needs."""

    def interface_periods(self, interface_id: str) -> Sequence[InterfacePeriod]: ...


def enrich(flows: pa.Table, timeline: InterfaceHistory | None) -> pa.Table:
    """The same rows in the same order, with `direction` and, where they are '', the FROM_METADATA columns filled.
    Without a timeline only `direction` is filled, as logged. `flows` must have all of these columns, and
    `flow_direction`, `interface_id`, `start`, `srcaddr` and `dstaddr`, with the types of the table `flows`."""
    if flows.num_rows == 0:
        return flows
    flows = flows.unify_dictionaries().combine_chunks()
    logged = _chunk(flows, "flow_direction")
    if timeline is None:
        return _with(flows, "direction", logged)
    interfaces = _chunk(flows, "interface_id")
    periods = _Periods([timeline.interface_periods(name) for name in interfaces.dictionary.to_pylist()])
    period, direction = np.empty(flows.num_rows, np.int64), np.empty(flows.num_rows, np.int32)
    locate(
        _codes(interfaces),
        _seconds(_chunk(flows, "start")),
        _words(_chunk(flows, "srcaddr")),
        _words(_chunk(flows, "dstaddr")),
        periods.first,
        periods.begins,
        periods.ends,
        periods.first_address,
        periods.addresses,
        period,
        direction,
    )
    flows = _with(flows, "direction", _filled(logged, DIRECTIONS, direction))
    known = period != NOWHERE
    for name in FROM_METADATA:
        values = ["", *(getattr(each, name) for each in periods.all)]
        flows = _with(flows, name, _filled(_chunk(flows, name), values, np.where(known, period + 1, 0)))
    return flows


class _Periods:
    """The periods of several interfaces, one after the other, as the arrays that `locate` takes."""

    def __init__(self, by_interface: Sequence[Sequence[InterfacePeriod]]) -> None:
        self.all = [period for periods in by_interface for period in periods]
        self.first = _offsets([len(periods) for periods in by_interface])
        self.begins = np.array([_ceiling(period.valid_from, _INT64.min) for period in self.all], np.int64)
        self.ends = np.array([_ceiling(period.valid_to, _INT64.max) for period in self.all], np.int64)
        self.first_address = _offsets([len(period.addresses) for period in self.all])
        packed = b"".join(_sixteen_bytes(text) for period in self.all for text in period.addresses)
        self.addresses = np.frombuffer(packed, np.dtype("<u8")).reshape(-1, 2)


def _offsets(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)


def _ceiling(moment: datetime | None, open_end: int) -> int:
    """Unix seconds, rounded up: a whole second is in `[from, to)` exactly if it is between the rounded bounds."""
    if moment is None:
        return int(open_end)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds + (moment.microsecond > 0)


def _sixteen_bytes(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _chunk(flows: pa.Table, name: str) -> Array:
    return flows.column(name).chunk(0)


def _codes(column: Array) -> NDArray[np.int32]:
    return np.asarray(column.indices.to_numpy(), np.int32)


def _seconds(column: Array) -> NDArray[np.int64]:
    return np.asarray(column.cast(pa.int64()).to_numpy())


def _words(column: Array) -> NDArray[np.uint64]:
    """Addresses as two 64-bit words each; a null becomes `::`, which no interface has."""
    words: NDArray[np.uint64] = np.frombuffer(column.buffers()[1], np.dtype("<u8")).reshape(-1, 2)[
        column.offset : column.offset + len(column)
    ]
    if column.null_count:
        words = np.where(column.is_null().to_numpy(zero_copy_only=False)[:, None], np.uint64(0), words)
        words.flags.writeable = False  # like Arrow's memory: the loop is compiled for read-only arrays
    return words


def _filled(logged: Array, values: Sequence[str], codes: NDArray[np.integer]) -> Array:
    """The logged texts, or `values[code]` where they are ''."""
    texts: dict[str, int] = {text: code for code, text in enumerate(logged.dictionary.to_pylist())}
    place = np.array([texts.setdefault(text, len(texts)) for text in values], np.int32)
    mine = _codes(logged)
    return dictionary(np.where(mine == texts.get("", -1), place[codes], mine), pa.array(list(texts), pa.string()))


def _with(flows: pa.Table, name: str, column: Array) -> pa.Table:
    at = flows.schema.get_field_index(name)
    return flows.set_column(at, flows.schema.field(at), column)
