"""The interfaces of an account: instances, pods, ECS tasks and AWS-managed ones, with everything a log records of them.

Tables are built with loops over interfaces, never over records.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from simulation.bulk.dice import Bools, Ints

HOSTS = 6 * (1 << 13)
"""Number of addresses in a VPC that are assigned."""

NAT, BALANCER, ENDPOINT, REGIONAL_NAT = "nat_gateway", "network_load_balancer", "vpc_endpoint", "regional_nat_gateway"
_MANAGED = {13: NAT, 14: BALANCER, 15: ENDPOINT}
_SUBLOCATIONS = {7: "localzone", 23: "wavelength", 39: "outpost"}
_TEAMS = ("web", "api%20gateway", "caf%C3%A9", "batch%2Fnight", "db", None)


@dataclass(frozen=True)
class Fleet:
    """One row per interface in `known`, by AWS field name (null: `-`); `address` and `pod` are IPv4 as numbers."""

    known: pa.Table
    address: Ints
    pod: Ints
    nat: Bools
    nitro: Bools
    phase: Ints
    """Second of the minute at which its windows end, 1 to 60."""
    idle: int
    """Number of interfaces without traffic; they are the last ones."""

    def __len__(self) -> int:
        return self.known.num_rows

    @property
    def active(self) -> int:
        return len(self) - self.idle


@lru_cache(maxsize=32)
def fleet(interfaces: int, account: str, region: str, seed: int) -> Fleet:
    """The interfaces of one account and region. About 1 in 5 does not belong to an instance; about 1 in 16 is idle."""
    name = f"{account} {region} {seed}"
    rows = [_interface(name, account, region, number, interfaces) for number in range(interfaces)]
    known = pa.table({field: pa.array([row[field] for row in rows], pa.string()) for field in rows[0]})
    number = np.arange(interfaces)
    vpc, place = number % _vpcs(interfaces), number // _vpcs(interfaces)
    host = 10 + place // 6
    address = (10 << 24) + (vpc % 256 << 16) + (place % 6 << 13) + host
    kinds = known["interface-type"].to_pylist()
    return Fleet(
        known=known,
        address=address,
        pod=(100 << 24) + (64 + vpc % 64 << 16) + (address & 0xFFFF),
        nat=np.array([kind == NAT for kind in kinds]),
        nitro=number % 4 != 2,
        phase=np.array([1 + int(_hex(f"{name} phase {i}", 4), 16) % 60 for i in number]),
        idle=max(interfaces // 16, int(interfaces > 1)),
    )


def _vpcs(interfaces: int) -> int:
    return interfaces // 64 + 1


def _hex(text: str, digits: int = 17) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()[:digits]


def _interface(name: str, account: str, region: str, number: int, interfaces: int) -> dict[str, str | None]:
    vpc, place = number % _vpcs(interfaces), number // _vpcs(interfaces)
    subnet = place % 6
    regional_nat = number == 29
    kind = REGIONAL_NAT if regional_nat else _MANAGED.get(number % 16, "interface")
    sublocation = _SUBLOCATIONS.get(number % 64)
    fargate = kind == "interface" and number % 8 == 6
    instance = kind == "interface" and not fargate
    made_by_service = kind == ENDPOINT and number % 32 == 31

    def an_id(prefix: str, *parts: object) -> str:
        return f"{prefix}-0{_hex(' '.join(map(str, (name, prefix, *parts))), 16)}"

    return {
        "account-id": "unknown" if made_by_service else account,
        "interface-id": None if regional_nat else an_id("eni", number),
        "ipv6": f"2600:1f{vpc % 200:x}:{subnet + 1:x}00::{place + 1:x}",
        "vpc-id": an_id("vpc", vpc),
        "subnet-id": None if regional_nat else an_id("subnet", vpc, subnet),
        "instance-id": an_id("i", number) if instance else None,
        "region": region,
        "az-id": None if sublocation else f"{_zone_prefix(region)}-az{subnet % 3 + 1}",
        "sublocation-type": sublocation,
        "sublocation-id": _sublocation_id(sublocation, region, an_id),
        "resource-id": an_id("nat", number) if regional_nat else None,
        "interface-type": kind,
        "tgw-id": an_id("tgw"),
        "tgw-attachment-id": an_id("tgw-attach", vpc),
        **dict(_ecs(name, account, region, number, fargate=fargate, on_instance=instance and number % 8 == 3)),
        **dict(_tags(number, instance=instance)),
    }


def _zone_prefix(region: str) -> str:
    """Prefix of the zone ids of a region: `use1` for `us-east-1`, whose zones are `use1-az1` and so on."""
    area, *middle, number = region.split("-")
    return area + "".join(word[0] for word in middle) + number


def _sublocation_id(kind: str | None, region: str, an_id: Callable[..., str]) -> str | None:
    if kind is None:
        return None
    return an_id("op", region) if kind == "outpost" else f"{region}-{kind[:3]}-1a"


def _ecs(
    name: str, account: str, region: str, number: int, *, fargate: bool, on_instance: bool
) -> Iterator[tuple[str, str | None]]:
    cluster, task, host = f"shop-{number % 3}", _hex(f"{name} task {number}", 32), _hex(f"{name} host {number}", 32)
    arn = f"arn:aws:ecs:{region}:{account}"
    values = {
        "ecs-cluster-arn": f"{arn}:cluster/{cluster}",
        "ecs-cluster-name": cluster,
        "ecs-container-instance-arn": f"{arn}:container-instance/{cluster}/{host}" if on_instance else None,
        "ecs-container-instance-id": host if on_instance else None,
        "ecs-container-id": f"{task}-{number * 7919:010d}",
        "ecs-second-container-id": f"{task}-{number * 104729:010d}" if number % 16 < 8 else None,
        "ecs-service-name": f"service-{number % 5}" if number % 3 else None,
        "ecs-task-definition-arn": f"{arn}:task-definition/orders:{number % 9 + 1}",
        "ecs-task-arn": f"{arn}:task/{cluster}/{task}",
        "ecs-task-id": task,
    }
    yield from values.items() if fargate or on_instance else dict.fromkeys(values).items()


def _tags(number: int, *, instance: bool) -> Iterator[tuple[str, str | None]]:
    yield "instance-tag", _TEAMS[number % 6] if instance else None
    yield "instance-tag-2", f"cost%3A{number % 40}" if instance and number % 5 else None
    yield "interface-tag", _TEAMS[number // 6 % 6]
    yield "interface-tag-2", "%E2%9C%93" if number % 7 == 0 else None
    yield "asg-tag", f"asg-{number % 4}" if instance and number % 4 < 2 else None
    yield "asg-tag-2", "blue" if instance and number % 4 == 1 else None
