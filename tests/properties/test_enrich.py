"""enrich gives every row what a slow, obvious look-up row by row gives it, and changes nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.enrich import FROM_METADATA, enrich
from pipelines.ingest.parse import parse_flow_log
from pipelines.network.periods import InterfacePeriod
from schemas.object_ref import ObjectRef

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
INTERFACES = [f"eni-{n}" for n in range(4)]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1", "::ffff:10.0.0.2", "203.0.113.5"]
HEADER = "interface-id srcaddr dstaddr start end vpc-id subnet-id instance-id flow-direction"


@dataclass(frozen=True)
class History:
    """What a Timeline answers, made up."""

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


@st.composite
def period_chains(draw: st.DrawFn) -> tuple[InterfacePeriod, ...]:
    """Periods in time order, some touching, some apart, with borders in the middle of a second too."""
    steps = st.sampled_from([0, 0.001, 0.5, 1, 1, 2, 3.25])
    count = draw(st.integers(0, 4))
    moment, periods = NOON + timedelta(seconds=draw(st.integers(-3, 3))), []
    for n in range(count):
        begin = moment + timedelta(seconds=draw(steps))
        moment = begin + timedelta(seconds=draw(steps) or 1)
        texts = [draw(st.sampled_from(["", f"{name}-1", f"{name}-2"])) for name in FROM_METADATA]
        addresses = tuple(draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=3)))
        first, last = n == 0 and draw(st.booleans()), n == count - 1 and draw(st.booleans())
        periods.append(InterfacePeriod(None if first else begin, None if last else moment, *texts, addresses))
    return tuple(periods)


@st.composite
def flow_tables(draw: st.DrawFn) -> pa.Table:
    """Rows of one to three logs, as one load holds them: each with its own dictionaries."""
    tables = []
    for number in range(draw(st.integers(1, 3))):
        lines = [HEADER]
        for _ in range(draw(st.integers(0, 12))):
            address = st.sampled_from([*ADDRESSES, "-"])
            start = int(NOON.timestamp()) + draw(st.integers(-4, 12))
            logged = [draw(st.sampled_from(["-", "-", f"{name}-1", f"{name}-9"])) for name in FROM_METADATA[:3]]
            lines.append(
                f"{draw(st.sampled_from([*INTERFACES, '-']))} {draw(address)} {draw(address)} {start} {start} "
                f"{' '.join(logged)} {draw(st.sampled_from(['-', '-', 'ingress', 'egress']))}"
            )
        ref = ObjectRef("logs", f"{number}.log", "etag", 1)
        tables.append(parse_flow_log(ref, "\n".join(lines).encode()).tables["flows"])
    return pa.concat_tables(tables).slice(draw(st.integers(0, 2)))


histories = st.none() | st.dictionaries(st.sampled_from(INTERFACES), period_chains()).map(History)


@settings(max_examples=500, deadline=None)
@given(flow_tables(), histories)
def test_rows_are_enriched_as_of_their_start(flows: pa.Table, history: History | None) -> None:
    enriched = enrich(flows, history)
    enriched.validate(full=True)
    assert enriched.schema == flows.schema
    assert enriched.to_pylist() == row_by_row(flows.to_pylist(), history)
