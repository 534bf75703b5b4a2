"""The columns of a transit gateway's flow log: the same records as they cross the gateway. They have no action."""

import numpy as np
import pyarrow as pa

from simulation.bulk.arrow import Array, take
from simulation.bulk.fields import INT32, INT64
from simulation.bulk.flows import ACK, PSH, SYN, TCP
from simulation.bulk.vpc import MEASURED, Column, Columns

URG = 32
LOSSES = {"no-route": 0.01, "blackhole": 0.005, "mtu-exceeded": 0.002, "ttl-expired": 0.001}
"""Share of records that lost packets, by reason."""

_DIRECTIONS = pa.array(["egress", "ingress"])
_RESOURCES = pa.array(["TransitGateway", "TransitGatewayAttachment"])
_ENDS = {"vpc-account-id": "account-id", "vpc-id": "vpc-id", "subnet-id": "subnet-id", "az-id": "az-id"}
_ENDS["eni"] = "interface-id"


def _constant(field: str) -> Column:
    return lambda c: c.known(field)


def _end(field: str, *, source: bool) -> Column:
    """A field of the interface at one end; null for an end outside any VPC, and where nothing was measured."""

    def column(c: Columns) -> Array:
        near_is_it = c.flows.egress == source
        which = np.where(near_is_it, c.flows.interface, c.flows.peer)
        return c.of_interface(field, which, c.flows.ok & (which >= 0))

    return column


def _lost(reason: str, share: float) -> Column:
    def column(c: Columns) -> Array:
        roll = c.flows.roll(f"lost {reason}") / share
        lost = np.where(roll < 1, 1 + (c.flows.packets - 1) * roll, 0)
        return c.number(lost.astype(np.int64), INT64)

    return column


def _flags(c: Columns) -> Array:
    """TCP flags; transit gateways also record PSH, ACK and URG."""
    flows = c.flows
    first = flows.blocked | (flows.flags == SYN)
    data = np.where(first, 0, ACK | PSH) | np.where(flows.roll("urgent") < 0.001, URG, 0)
    return c.number(np.where(flows.protocol == TCP, flows.flags | data, 0), INT32)


TRANSIT: dict[str, Column] = {
    **MEASURED,
    **{name: _constant(name) for name in ("account-id", "tgw-id", "tgw-attachment-id", "region")},
    **{f"tgw-src-{name}": _end(field, source=True) for name, field in _ENDS.items()},
    **{f"tgw-dst-{name}": _end(field, source=False) for name, field in _ENDS.items()},
    **{f"packets-lost-{reason}": _lost(reason, share) for reason, share in LOSSES.items()},
    "resource-type": lambda c: take(_RESOURCES, c.flows.interface % 3 > 0),
    "tgw-pair-attachment-id": lambda c: c.next_hop("tgw-attachment-id"),
    "protocol": lambda c: c.number(c.flows.protocol, INT64),
    "tcp-flags": _flags,
    "flow-direction": lambda c: c.words(_DIRECTIONS, c.flows.egress),
}
