"""The columns of a VPC flow log. Null stands for `-`: not measured, not applicable or not known."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.bulk.addresses import ipv4, ipv6
from simulation.bulk.arrow import Array, Type, take
from simulation.bulk.dice import Bools, Ints, rolls
from simulation.bulk.fields import INT32, INT64, STRING
from simulation.bulk.flows import TCP, Flows

SERVICES = (
    "AMAZON",
    "AMAZON_APPFLOW",
    "AMAZON_CONNECT",
    "API_GATEWAY",
    "CHIME_MEETINGS",
    "CHIME_VOICECONNECTOR",
    "CLOUD9",
    "CLOUDFRONT",
    "CODEBUILD",
    "DYNAMODB",
    "EBS",
    "EC2",
    "EC2_INSTANCE_CONNECT",
    "GLOBALACCELERATOR",
    "KINESIS_VIDEO_STREAMS",
    "ROUTE53",
    "ROUTE53_HEALTHCHECKS",
    "ROUTE53_HEALTHCHECKS_PUBLISHING",
    "ROUTE53_RESOLVER",
    "S3",
    "WORKSPACES_GATEWAYS",
)
"""Known values of `pkt-src-aws-service` and `pkt-dst-aws-service`."""

AWS_SHARE = 0.12
_GATEWAY_ENDPOINTS = [SERVICES.index(name) for name in ("S3", "DYNAMODB")]
_STATUS = pa.array(["OK", "NODATA", "SKIPDATA"])
_NO_TEXT = pa.scalar(None, STRING)


class Columns:
    """The columns of some records; values that several columns share are computed once."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

    def known(self, field: str) -> Array:
        """A field of the interface, with or without traffic."""
        return self.of_interface(field, self.flows.interface)

    def next_hop(self, field: str) -> Array:
        """A field of the interface at the other end; null if that is outside, or if nothing was measured."""
        peer = self.flows.peer
        return self.of_interface(field, peer, (peer >= 0) & self.flows.ok)

    def number(self, values: Ints, kind: Type, there: Bools | None = None) -> Array:
        """Numbers; null where nothing was measured, or where not `there`."""
        ok = self.flows.ok if there is None else self.flows.ok & there
        return pa.array(values, kind, mask=~ok)

    def words(self, table: Array, index: Ints | Bools, there: Bools | None = None) -> Array:
        ok = self.flows.ok if there is None else self.flows.ok & there
        return take(table, index, ok)

    def end_of(self, *, source: bool, packet: bool = False) -> Array:
        """The address at one end: as seen by the log, or as carried in the packet."""
        near, far = (self._near_in_packet, self._far_in_packet) if packet else (self._near, self._far)
        near_is_it = self.flows.egress if source else ~self.flows.egress
        return self.measured(pc.if_else(pa.array(near_is_it), near, far))

    def measured(self, values: Array) -> Array:
        if self.flows.ok.all():
            return values
        kept: Array = pc.if_else(pa.array(self.flows.ok), values, _NO_TEXT)
        return kept

    def service(self, *, source: bool) -> Array:
        """The AWS service whose IP range contains the packet's address."""
        host_is_it = (self.flows.egress != source) != self._hidden
        return self.words(_SERVICES, self._service, host_is_it & (self._service >= 0))

    def traffic_path(self) -> Array:
        """The path of egress traffic, 1 to 8 as documented; null for ingress, rejected traffic and transit gateways."""
        flows = self.flows
        nitro = flows.fleet.nitro[flows.interface]
        other = flows.roll_pair("path")
        vpcs = len(flows.fleet) // 64 + 1
        same_vpc = flows.peer % vpcs == flows.interface % vpcs
        endpoint = np.isin(self._service, _GATEWAY_ENDPOINTS)
        path = np.select(
            [flows.peer >= 0, other < 0.02, other < 0.03, other < 0.035, other < 0.05, endpoint],
            [np.where(same_vpc, 1, 4), 3, 5, 6, 0, np.where(nitro, 7, 2)],
            np.where(nitro, 8, 2),
        )
        return self.number(path, INT32, flows.egress & ~flows.rejected & (path > 0))

    @cached_property
    def _service(self) -> Ints:
        flows = self.flows
        roll = rolls(flows.outside, "service")
        service = (roll / AWS_SHARE * len(SERVICES)).astype(np.int64)
        outside = (flows.peer < 0) | self._hidden
        return np.where((roll < AWS_SHARE) & outside & ~flows.needle, service, -1)

    @cached_property
    def _hidden(self) -> Bools:
        """The inner side of a NAT gateway: the packet carries the outside host's address instead of the gateway's."""
        return self.flows.nat & (self.flows.peer >= 0)

    @cached_property
    def _near(self) -> Array:
        """The interface's primary private address, or its IPv6 address."""
        flows = self.flows
        return self._with_v6(ipv4(flows.fleet.address[flows.interface]), flows.interface)

    @cached_property
    def _far(self) -> Array:
        flows = self.flows
        inside = flows.fleet.address[flows.peer]
        return self._with_v6(ipv4(np.where(flows.peer >= 0, inside, flows.outside_address)), flows.peer)

    @cached_property
    def _near_in_packet(self) -> Array:
        """Sometimes a pod's or a secondary address; on the inner side of a NAT gateway, the outside host."""
        flows = self.flows
        pod = (flows.interface % 8 == 1) & (flows.roll_pair("pod") < 0.7)
        if not (pod | self._hidden).any():
            return self._near
        number = np.where(pod, flows.fleet.pod[flows.interface], flows.fleet.address[flows.interface])
        return self._with_v6(ipv4(np.where(self._hidden, flows.outside_address, number)), flows.interface)

    @property
    def _far_in_packet(self) -> Array:
        return self._far

    def _with_v6(self, v4: Array, interface: Ints) -> Array:
        flows = self.flows
        if not flows.v6.any():
            return v4
        chosen = np.flatnonzero(flows.v6)
        own = interface[chosen]
        known = take(flows.fleet.known["ipv6"].combine_chunks(), np.maximum(own, 0))
        text = pc.if_else(pa.array(own >= 0), known, ipv6(flows.outside[chosen]))
        mixed: Array = pc.replace_with_mask(v4, pa.array(flows.v6), text)
        return mixed

    def of_interface(self, field: str, which: Ints, there: Bools | None = None) -> Array:
        table: Array = self.flows.fleet.known[field].combine_chunks()
        return take(table, which, there)


_SERVICES = pa.array(SERVICES)
_ACTIONS = pa.array(["ACCEPT", "REJECT"])
_DIRECTIONS = pa.array(["ingress", "egress"])
_TYPES = pa.array(["IPv4", "IPv6"])
_REASONS = pa.array(["BPA", "EC"])
_ENCRYPTION = pa.array(["0", "1", "2", "3", None])

Column = Callable[[Columns], Array]


def status(c: Columns) -> Array:
    return take(_STATUS, c.flows.status)


def flags(c: Columns) -> Array:
    """TCP flags; `-` for ICMP and 0 for other protocols without flags, as both occur."""
    return c.number(c.flows.flags, INT32, c.flows.protocol >= TCP)


def _reject_reason(c: Columns) -> Array:
    roll = c.flows.roll_pair("reason")
    return c.words(_REASONS, roll > 0.04, c.flows.blocked & (roll < 0.06) & ~c.flows.needle)


def _encryption(c: Columns) -> Array:
    roll = c.flows.roll_pair("encryption")
    return c.words(_ENCRYPTION, np.searchsorted([0.3, 0.6, 0.7, 0.75], roll))


MEASURED: dict[str, Column] = {
    "srcaddr": lambda c: c.end_of(source=True),
    "dstaddr": lambda c: c.end_of(source=False),
    "srcport": lambda c: c.number(c.flows.ports[0], INT32),
    "dstport": lambda c: c.number(c.flows.ports[1], INT32),
    "protocol": lambda c: c.number(c.flows.protocol, INT32),
    "packets": lambda c: c.number(c.flows.packets, INT64),
    "bytes": lambda c: c.number(c.flows.bytes, INT64),
    "start": lambda c: pa.array(c.flows.times[0]),
    "end": lambda c: pa.array(c.flows.times[1]),
    "log-status": status,
    "type": lambda c: c.words(_TYPES, c.flows.v6),
    "pkt-src-aws-service": lambda c: c.service(source=True),
    "pkt-dst-aws-service": lambda c: c.service(source=False),
    "flow-direction": lambda c: c.words(_DIRECTIONS, c.flows.egress),
}
"""Fields that VPC and transit gateway logs have in common."""

_ECS = (
    *("cluster-arn", "cluster-name", "container-instance-arn", "container-instance-id", "container-id"),
    *("second-container-id", "service-name", "task-definition-arn", "task-arn", "task-id"),
)
_KNOWN = (
    *("account-id", "interface-id", "vpc-id", "subnet-id", "instance-id", "region", "az-id", "sublocation-type"),
    *("sublocation-id", "resource-id", "interface-type"),
    *(f"ecs-{name}" for name in _ECS),
    *(f"{of}-tag{number}" for of in ("instance", "interface", "asg") for number in ("", "-2")),
)
_NEXT_HOP = ("interface-id", "subnet-id", "az-id", "vpc-id", "interface-type")


def _known(field: str) -> Column:
    return lambda c: c.known(field)


def _next_hop(field: str) -> Column:
    return lambda c: c.next_hop(field)


VPC: dict[str, Column] = {
    **MEASURED,
    **{name: _known(name) for name in _KNOWN},
    **{f"next-hop-{name}": _next_hop(name) for name in _NEXT_HOP},
    "action": lambda c: c.words(_ACTIONS, c.flows.rejected),
    "tcp-flags": flags,
    "pkt-srcaddr": lambda c: c.end_of(source=True, packet=True),
    "pkt-dstaddr": lambda c: c.end_of(source=False, packet=True),
    "traffic-path": Columns.traffic_path,
    "reject-reason": _reject_reason,
    "encryption-status": _encryption,
}
