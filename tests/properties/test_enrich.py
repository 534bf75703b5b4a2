"""enrich gives every row the same values as a slow and obvious row-by-row lookup, and changes nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from network.history.periods import InterfacePeriod
from pipelines.ingest.enrich.flows import FROM_METADATA, enrich
from pipelines.ingest.parse.flow_log import parse_flow_log
from schemas.object_ref import ObjectRef

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
INTERFACES = [f"eni-{n}" for n in range(4)]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1", "::ffff:10.0.0.2", "203.0.113.5"]
HEADER = "interface-id srcaddr dstaddr start end vpc-id subnet-id instance-id flow-direction"


@dataclass(frozen=True)
class History:
    """A stand-in for a Timeline, with made-up answers."""

    periods: dict[str, tuple[InterfacePeriod, ...]]

    def interface_periods(self, interface_id: str) -> Sequence[InterfacePeriod]:
        return self.periods.get(interface_id, ())


def row_by_row(rows: list[dict[str, Any]], history: History | None) -> list[dict[str, Any]]:
    return [_enriched(row, history) for row in rows]


def _enriched(row: dict[str, Any], history: History | None) -> dict[str, Any]:
    row = {**row, "direction": row["flow_direction"]}
    if history is None:
        return row
    for period in history.interface_periods(row["interface_id"]):
        after = period.valid_from is None or period.valid_from <= row["start"]
        before = period.valid_to is None or row["start"] < period.valid_to
        if after and before:
            for name in FROM_METADATA:
                row[name] = row[name] or getattr(period, name)
            mine = {_bytes(text) for text in period.addresses}
            leaves, arrives = row["srcaddr"] in mine, row["dstaddr"] in mine
            if not row["direction"] and leaves != arrives:
                row["direction"] = "egress" if leaves else "ingress"
    return row


def _bytes(text: str) -> bytes:
    address = ip_address(text)
    return address.packed if address.version == 6 else IPv6Address(f"::ffff:{text}").packed


EITHER = st.booleans()
CHAIN, FIRST, STEPS = st.integers(0, 4), st.integers(-3, 3), st.sampled_from([0, 0.001, 0.5, 1, 1, 2, 3.25])
FOUND = [st.sampled_from(["", f"{name}-1", f"{name}-2"]) for name in FROM_METADATA]
OWN = st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=3)
LOGS, LINES, MOMENTS, CUT = st.integers(1, 3), st.integers(0, 12), st.integers(-4, 12), st.integers(0, 2)
GIVEN = [st.sampled_from(["-", "-", f"{name}-1", f"{name}-9"]) for name in FROM_METADATA[:3]]
WHOSE, WHERE = st.sampled_from([*INTERFACES, "-"]), st.sampled_from([*ADDRESSES, "-"])
DIRECTIONS = st.sampled_from(["-", "-", "ingress", "egress"])


@st.composite
def period_chains(draw: st.DrawFn) -> tuple[InterfacePeriod, ...]:
    """Periods in time order, some adjacent, some not, and some with boundaries within a second."""
    count = draw(CHAIN)
    moment, periods = NOON + timedelta(seconds=draw(FIRST)), []
    for n in range(count):
        begin = moment + timedelta(seconds=draw(STEPS))
        moment = begin + timedelta(seconds=draw(STEPS) or 1)
        texts = [draw(found) for found in FOUND]
        addresses = tuple(draw(OWN))
        first, last = n == 0 and draw(EITHER), n == count - 1 and draw(EITHER)
        periods.append(InterfacePeriod(None if first else begin, None if last else moment, *texts, addresses))
    return tuple(periods)


@st.composite
def flow_tables(draw: st.DrawFn) -> pa.Table:
    """Rows of one to three logs, as in one load: each with its own dictionaries."""
    tables = []
    for number in range(draw(LOGS)):
        lines = [HEADER]
        for _ in range(draw(LINES)):
            start = int(NOON.timestamp()) + draw(MOMENTS)
            logged = [draw(given) for given in GIVEN]
            lines.append(
                f"{draw(WHOSE)} {draw(WHERE)} {draw(WHERE)} {start} {start} {' '.join(logged)} {draw(DIRECTIONS)}"
            )
        ref = ObjectRef("logs", f"{number}.log", "etag", 1)
        tables.append(parse_flow_log(ref, "\n".join(lines).encode()).tables["flows"])
    return pa.concat_tables(tables).slice(draw(CUT))


histories = st.none() | st.dictionaries(st.sampled_from(INTERFACES), period_chains()).map(History)


@settings(max_examples=500, deadline=None)
@given(flow_tables(), histories)
def test_rows_are_enriched_as_of_their_start(flows: pa.Table, history: History | None) -> None:
    enriched = enrich(flows, history)
    enriched.validate(full=True)
    assert enriched.schema == flows.schema
    assert enriched.to_pylist() == row_by_row(flows.to_pylist(), history)
