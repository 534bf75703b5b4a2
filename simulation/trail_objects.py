"""CloudTrail objects as AWS delivers them to S3: every 5 minutes, each event some minutes after its call, unordered,
and occasionally twice."""

import gzip
import json
import random
import string
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from simulation.aws import ACCOUNT, REGION
from simulation.flow_log_objects import SLOT, Stored

DELAY = (20, 590)
"""Seconds from a call to its delivery; measured on real trails: 3 to 594."""


def trail_objects(records: Iterable[dict[str, Any]], twice: Iterable[str], prefix: str) -> list[Stored]:
    """One object for each five minutes in which something is delivered. The events in `twice` (eventIDs) are delivered
    again five minutes later, as CloudTrail may do."""
    again = set(twice)
    slots: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        called = datetime.fromisoformat(record["eventTime"]).timestamp()
        delivered = called + random.Random(record["eventID"]).uniform(*DELAY)
        slot = -int(-delivered // SLOT) * SLOT
        slots[slot].append(record)
        if record["eventID"] in again:
            slots[slot + SLOT].append(record)
    return [_stored(slot, slots[slot], prefix) for slot in sorted(slots)]


def _stored(slot: int, records: list[dict[str, Any]], prefix: str) -> Stored:
    rng = random.Random("".join(record["eventID"] for record in records))
    shuffled = rng.sample(records, len(records))
    name = "".join(rng.choices(string.ascii_letters + string.digits, k=16))
    at = datetime.fromtimestamp(slot, UTC)
    folder = f"{prefix}AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{at:%Y/%m/%d}"
    body = json.dumps({"Records": shuffled}, separators=(",", ":")).encode()
    return Stored(
        f"{folder}/{ACCOUNT}_CloudTrail_{REGION}_{at:%Y%m%dT%H%MZ}_{name}.json.gz", gzip.compress(body, mtime=0)
    )
