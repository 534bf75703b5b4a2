"""Minutes: the flow log, counted. A cell is one minute of one peer and one service of one interface, in one direction.

Everything here is columnar: a column is a numpy array, keys are integer codes, and nothing loops over rows.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Raw = npt.NDArray[np.void]

MAPPED = 0xFFFF
"""The third 32-bit word of an IPv4 address that is mapped into IPv6; those before it are 0."""

_COUNTS = ("flows", "opens", "packets", "bytes", "flags", "first", "last", "end", "local_port", "peer_port")
_POINTERS = ("first_object", "first_row", "last_object", "last_row")

_TYPES: list[tuple[str, pa.DataType]] = [
    ("minute", pa.int64()),
    ("ingress", pa.int64()),
    ("server", pa.int64()),
    ("protocol", pa.int64()),
    ("port", pa.int64()),
    ("peer", pa.binary(16)),
    ("local", pa.binary(16)),
    ("flagged", pa.int64()),
    *((f"{action}_{name}", pa.int64()) for action in ("accept", "reject") for name in _COUNTS),
    *((name, pa.int64()) for name in ("accept_open_first", "accept_open_last")),
    *((f"data_{name}", pa.int64()) for name in ("flows", "first", "last")),
    *((f"{what}_{name}", pa.uint64()) for what in ("accept", "reject", "data") for name in _POINTERS),
]
MINUTES = pa.schema(_TYPES)
"""The result of `minutes.sql`. Times are Unix seconds, `minute` is the first second of the minute. `ingress` and
`server` are 0 or 1; `server`: the local end has the service port. `flagged` counts rows with logged TCP flags.

`accept_*` and `reject_*` are of the rows with that action: their number (`flows`), the number of those that open a
connection (`opens`), the sums of packets and bytes, the OR of their flags, the earliest and latest `start`, the latest
`end`, the ports of the first row (of rejects: of the first that opens a connection, where one does), and the object_id
and row_no of the first and the last row. `accept_open_*` are the earliest and latest `start` of the accepted rows that
open a connection. `data_*` is of the accepted rows that carry data: all of other protocols than TCP, and TCP rows with
at least `DATA_BYTES` more than handshakes have."""

MANY_PORTS = 10
"""A port that is the higher one in conversations with this many lower ports (1024 or more) has a service."""


@dataclass(frozen=True)
class Minutes:
    """The cells of one interface as numpy columns, ordered by service, peer, minute and direction. `service` encodes
    (IPv6 or not, protocol, port, server), `pair` (service, peer). Addresses are 16 bytes."""

    interface_id: str
    columns: dict[str, Ints]
    peer: Raw
    local: Raw
    service: Ints
    pair: Ints

    def __getitem__(self, name: str) -> Ints:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.pair)

    @property
    def request(self) -> Bools:
        """Whether the cell has the direction of requests: towards the service."""
        towards: Bools = self["ingress"] == self["server"]
        return towards


def minutes(interface_id: str, table: pa.Table) -> Minutes:
    """The cells of one interface; `table` has the schema `MINUTES`, its rows in any order."""
    columns = {
        name: table.column(name).to_numpy().astype(np.int64, copy=False)
        for name in MINUTES.names
        if name not in ("peer", "local")
    }
    peer, local = raw(table.column("peer")), raw(table.column("local"))
    high, low = np.ascontiguousarray(peer).view(">u8").reshape(-1, 2).T
    v6 = ((high != 0) | (low >> np.uint64(32) != MAPPED)).astype(np.int64)
    service = v6 << 25 | columns["protocol"] << 17 | columns["port"] << 1 | columns["server"]
    order = np.lexsort((columns["ingress"], columns["minute"], low, high, service))
    service, high, low = service[order], high[order], low[order]
    return Minutes(
        interface_id,
        {name: column[order] for name, column in columns.items()},
        peer[order],
        local[order],
        service,
        starts(service, high, low).cumsum() - 1,
    )


def serves(protocol: int, local_port: int, peer_port: int, high_ports: Collection[int]) -> bool:
    """Whether the local end has the service: the lower port, unless only the higher one is one of `high_ports`
    (protocol * 65536 + port).

    >>> serves(6, 60999, 40000, []), serves(6, 60999, 40000, [6 * 65536 + 60999])
    (False, True)
    """
    local, peer = (protocol * 65536 + port in high_ports for port in (local_port, peer_port))
    if local == peer:
        return local_port <= peer_port
    return not peer if local_port < peer_port else local


def service_of(service: int) -> tuple[int, int, bool]:
    """Protocol, port, and whether the local end has the service, of a `service` code.

    >>> service_of(1 << 25 | 6 << 17 | 443 << 1 | 1)
    (6, 443, True)
    """
    return service >> 17 & 0xFF, service >> 1 & 0xFFFF, bool(service & 1)


def starts(*keys: npt.NDArray[np.generic]) -> Bools:
    """True where a row differs from the one before it in any key; the first row always does."""
    new: Bools = np.ones(len(keys[0]), dtype=np.bool_)
    new[1:] = False
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def raw(column: "pa.ChunkedArray[Any]") -> Raw:
    """A column of 16-byte values, which must not contain nulls, as a numpy array of dtype V16."""
    whole = column.cast(pa.binary(16)).combine_chunks()
    data = whole.buffers()[1]
    return np.frombuffer(memoryview(data) if data else b"", dtype="V16")[whole.offset : whole.offset + len(whole)]
