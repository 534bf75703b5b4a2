"""The traffic of an incident over time: what carried data, what was asked for in vain and what was rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.gaps import Gap, gaps
from schemas.flow import DATA_BYTES, HANDSHAKE_BYTES
from schemas.incident import Incident

AROUND = timedelta(minutes=30)
"""How long before the incident and after its last sign is shown."""
STEPS = (60, 300, 900, 3_600, 21_600)
"""The lengths of a step in seconds; the shortest with which there are no more than `MOST_STEPS` is taken."""
MOST_STEPS = 150
MOST_PEERS = 1_000
"""With more, the traffic of all peers is shown."""
MOST_ENIS = 5
"""Delivery gaps are looked for at so many interfaces."""


@dataclass(frozen=True)
class Step:
    """Flow records that start in a step: accepted ones that carry data (`data`), accepted ones that do not, as of a
    connection that is asked for and never answered (`empty`), and rejected ones."""

    start: datetime
    data: int
    empty: int
    rejected: int


@dataclass(frozen=True)
class Traffic:
    """`steps` are those of `[start, end)` with records, in order, each `step` long."""

    start: datetime
    end: datetime
    step: timedelta
    steps: Sequence[Step]
    gaps: Sequence[Gap]

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "step_seconds": int(self.step.total_seconds()),
            "steps": [vars(step) for step in self.steps],
            "gaps": [gap.to_json() for gap in self.gaps],
        }


def traffic(store: Store, found: Incident) -> Traffic:
    """The traffic of the incident's interfaces, protocols, ports and peers. Raises FlowtrailError when the store cannot
    be read."""
    start = min(found.first_seen, found.cause.time if found.cause else found.first_seen) - AROUND
    end = found.last_sign + AROUND
    seconds = (end - start).total_seconds()
    step = next((each for each in STEPS if seconds / each <= MOST_STEPS), STEPS[-1])
    start = datetime.fromtimestamp(int(start.timestamp()) // step * step, UTC)
    peers = list(found.peers) if len(found.peers) <= MOST_PEERS else []
    parameters = {
        "enis": list(found.enis),
        "protocols": list(found.protocols),
        "ports": list(found.ports),
        "peers": peers,
        "handshake_bytes": HANDSHAKE_BYTES,
        "data_bytes": DATA_BYTES,
        "from": start,
        "to": end,
        "step": step,
    }
    missing = [gap for eni in found.enis[:MOST_ENIS] for gap in gaps(store, start, end, eni)]
    rows = ask(store, "traffic", parameters)
    steps = [Step(row["start"].astimezone(UTC), row["data"], row["empty"], row["rejected"]) for row in rows]
    return Traffic(start, end, timedelta(seconds=step), steps, missing)
