"""Every field of a flow log, in documented order, with the type of its column in AWS's Parquet files.

Source: the AWS tables of available fields for VPC flow logs (versions 2 to 11; 6 has none) and of the default format of
transit gateway flow logs. The types for versions 7 and later come from secondary sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from simulation.bulk.arrow import Type

STRING: Type = pa.string()
INT32: Type = pa.int32()
INT64: Type = pa.int64()


@dataclass(frozen=True)
class Field:
    """A field, `${name}` in a log format; `version` is the one that introduced it."""

    name: str
    version: int
    type: Type = STRING

    @property
    def column(self) -> str:
        """Its column name in a Parquet file."""
        return self.name.replace("-", "_")


def _fields(version: int, names: str, numbers: Mapping[str, Type]) -> tuple[Field, ...]:
    return tuple(Field(name, version, numbers.get(name, STRING)) for name in names.split())


_COUNTERS = dict.fromkeys(("packets", "bytes", "start", "end"), INT64)
_NUMBERS = dict.fromkeys(("version", "srcport", "dstport", "protocol", "tcp-flags", "traffic-path"), INT32) | _COUNTERS

VPC_FIELDS: tuple[Field, ...] = (
    *_fields(
        2,
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
        "log-status",
        _NUMBERS,
    ),
    *_fields(3, "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr", _NUMBERS),
    *_fields(4, "region az-id sublocation-type sublocation-id", _NUMBERS),
    *_fields(5, "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path", _NUMBERS),
    *_fields(
        7,
        "ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id "
        "ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id",
        _NUMBERS,
    ),
    *_fields(8, "reject-reason", _NUMBERS),
    *_fields(9, "resource-id", _NUMBERS),
    *_fields(10, "encryption-status", _NUMBERS),
    *_fields(
        11,
        "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type "
        "next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type",
        _NUMBERS,
    ),
)
"""The fields of versions 2 to 11."""

_LOST = ("packets-lost-no-route", "packets-lost-blackhole", "packets-lost-mtu-exceeded", "packets-lost-ttl-expired")

TRANSIT_FIELDS: tuple[Field, ...] = _fields(
    6,
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id "
    "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id "
    "tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status "
    "type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags "
    "region flow-direction pkt-src-aws-service pkt-dst-aws-service",
    _NUMBERS | dict.fromkeys(("protocol", *_LOST), INT64),
)
"""The default format of a transit gateway's log, which is all the fields it can have."""

VERSIONS = (2, 3, 4, 5, 7, 8, 9, 10, 11)
_BY_NAME = {field.name: field for field in VPC_FIELDS}


def fields_up_to(version: int) -> tuple[Field, ...]:
    """All fields that a log format of this version can have: 14 for version 2, 54 for version 11."""
    return tuple(field for field in VPC_FIELDS if field.version <= version)


def log_format(names: str | Sequence[str]) -> tuple[Field, ...]:
    """A custom VPC format in the given order: names, or one line as in `LogFormat` (`${start} ${end}`) or in a header.

    Raises ValueError for a name that AWS does not have or that is repeated.
    """
    words = names.split() if isinstance(names, str) else names
    plain = [word.removeprefix("${").removesuffix("}") for word in words]
    unknown = [name for name in plain if name not in _BY_NAME]
    if unknown or len(set(plain)) < len(plain):
        raise ValueError(f"not a VPC flow log format: unknown {unknown}, of {plain}")
    return tuple(_BY_NAME[name] for name in plain)


def is_transit(fields: Sequence[Field]) -> bool:
    """Whether these are fields of a transit gateway's log."""
    return any(field.name in ("tgw-id", "resource-type") for field in fields)
