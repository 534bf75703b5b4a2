"""The objects of a world as AWS delivers them: version 2 or 5, late, twice, and for clean windows sometimes missing."""

import gzip
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from simulation.aws import ACCOUNT, REGION
from simulation.flow_log_objects import HEADERS, SLOT, Stored, Version
from simulation.trail_objects import trail_objects
from simulation.worlds.world import Row, World


def objects(world: World) -> list[Stored]:
    rng = random.Random(f"objects {world.kind} {world.seed}")
    version: Version = rng.choice((2, 5))
    slots: dict[int, list[str]] = defaultdict(list)
    for row in sorted(world.rows, key=lambda row: row[8:10]):
        slots[row[9] // SLOT * SLOT].append(_line(row, version))
    made = [_stored(world, slot, lines, version) for slot, lines in sorted(slots.items())]
    missing = rng.sample(made[2:12], 1) if rng.random() < 0.3 else []
    twice = [record["eventID"] for record in world.records[:1]]
    return [o for o in made if o not in missing] + trail_objects(world.records, twice, f"{world.number}/")


def late(world: World, stored: Sequence[Stored]) -> list[Stored]:
    """Those of a world's objects that are delivered an hour late: a few flow logs, and sometimes all of CloudTrail."""
    rng = random.Random(f"late {world.kind} {world.seed}")
    trail = rng.random() < 0.25
    return [each for each in stored if (trail if "/CloudTrail/" in each.key else rng.random() < 0.1)]


def _line(row: Row, version: Version) -> str:
    eni, src, dst, sport, dport, protocol, packets, size, begin, end, action, flags, egress = row
    line = (
        f"{version} {ACCOUNT} {eni} {src} {dst} {sport} {dport} {protocol} {packets} {size} {begin} {end} {action} OK"
    )
    if version == 5:
        kind = "IPv6" if ":" in src else "IPv4"
        way = "egress 8" if egress else "ingress -"
        line += f" - - - {flags} {kind} {src} {dst} {REGION} use1-az1 - - - - {way}"
    return line


def _stored(world: World, slot: int, lines: list[str], version: Version) -> Stored:
    at = datetime.fromtimestamp(slot, UTC)
    body = gzip.compress("\n".join([HEADERS[version], *lines, ""]).encode("ascii"), compresslevel=1, mtime=0)
    name = f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0{world.number:016x}_{at:%Y%m%dT%H%MZ}_{slot % 2**32:08x}.log.gz"
    return Stored(f"{world.number}/AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{at:%Y/%m/%d}/{name}", body)
