"""Flow log objects as AWS delivers them to S3: default (version 2) or all version 5 fields, gzip, every 5 minutes.

An object with 16:20 in its name holds records with `end` from 16:20:00 to 16:24:59; key layout and header are as
documented.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

import numpy as np

from simulation.aws import ACCOUNT, REGION
from simulation.fates import Ints
from simulation.segments import WINDOW, Bools
from simulation.traffic import Logged

Version = Literal[2, 5]
SLOT = 300
NONE = "-"

HEADERS: dict[Version, str] = {
    2: "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status"
}
HEADERS[5] = (
    f"{HEADERS[2]} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type "
    "sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)


@dataclass(frozen=True)
class Stored:
    """An object to be put into a bucket."""

    key: str
    body: bytes


def flow_log_objects(logs: Sequence[Logged], version: Version, prefix: str, period: tuple[int, int]) -> list[Stored]:
    """The objects whose five minutes start in the period, `[begin, end)` in whole seconds since 1970."""
    ends = np.concatenate([column for log in logs for column in (log.rows.end, log.idle + WINDOW - 1)])
    lines = [line for log in logs for line in (*_records(log, version), *_idle_records(log, version))]
    slots = ends // SLOT * SLOT
    return [
        _stored(int(slot), [lines[i] for i in np.flatnonzero(slots == slot)], logs[0], version, prefix)
        for slot in np.unique(slots)
        if period[0] <= slot < period[1]
    ]


def _stored(slot: int, lines: list[str], log: Logged, version: Version, prefix: str) -> Stored:
    mixed = sorted(lines, key=lambda line: blake2b(line.encode(), digest_size=8).digest())  # AWS guarantees no order
    body = gzip.compress("\n".join([HEADERS[version], *mixed, ""]).encode("ascii"), compresslevel=6, mtime=0)
    at = datetime.fromtimestamp(slot, UTC)
    flow_log = "fl-0" + blake2b(f"{log.endpoint.vpc_id} {version}".encode(), digest_size=8).hexdigest()
    name = f"{ACCOUNT}_vpcflowlogs_{REGION}_{flow_log}_{at:%Y%m%dT%H%MZ}_{blake2b(body, digest_size=4).hexdigest()}"
    return Stored(f"{prefix}AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{at:%Y/%m/%d}/{name}.log.gz", body)


def _records(log: Logged, version: Version) -> Iterator[str]:
    rows, address = log.rows, log.addresses
    head = f"{version} {ACCOUNT} {log.endpoint.interface_id}"
    tail = _metadata(log)
    columns = (
        (rows.src, rows.dst, rows.src_port, rows.dst_port, rows.protocol, rows.packets, rows.bytes),
        (rows.begin, rows.end, rows.rejected, rows.flags, rows.egress, rows.path),
    )
    numbers = [_list(column) for group in columns for column in group]
    for src, dst, sport, dport, protocol, packets, size, begin, end, rejected, flags, egress, path in zip(
        *numbers, strict=True
    ):
        line = (
            f"{head} {address[src]} {address[dst]} {sport} {dport} {protocol} {packets} {size} {begin} {end} "
            f"{'REJECT' if rejected else 'ACCEPT'} OK"
        )
        if version == 5:
            direction = f"egress {path or NONE}" if egress else f"ingress {NONE}"
            line += f" {tail[0]} {flags} IPv4 {address[src]} {address[dst]} {tail[1]} {direction}"
        yield line


def _idle_records(log: Logged, version: Version) -> Iterator[str]:
    tail = _metadata(log)
    for begin in _list(log.idle):
        line = f"{version} {ACCOUNT} {log.endpoint.interface_id} - - - - - - - {begin} {begin + WINDOW - 1} - NODATA"
        yield line if version == 2 else f"{line} {tail[0]} - - - - {tail[1]} - -"


def _metadata(log: Logged) -> tuple[str, str]:
    """The fields before and after those of the packet: vpc, subnet, instance; region, zone, sublocation, services."""
    here = log.endpoint
    return f"{here.vpc_id} {here.subnet_id} {here.instance_id}", f"{REGION} {here.az_id} - - - -"


def _list(column: Ints | Bools) -> list[int]:
    listed: list[int] = column.tolist()
    return listed
