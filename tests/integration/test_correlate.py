"""Proves correlation on the real engine: the SQL counts like a plain loop, the story gives the right incidents in every
reading and format, the same facts give the same bytes, and what cannot be done is reported clearly."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from connectors.store import configuration, incidents
from connectors.store.clickhouse import Store, insert, query
from connectors.store.receipts import rows as receipt_rows
from network.history.timeline import Timeline
from pipelines.correlate import facts
from pipelines.correlate.detect.minutes import MINUTES
from pipelines.correlate.facts import InterfaceFacts
from pipelines.correlate.pipeline import run_correlate
from pipelines.correlate.settle import settle
from schemas.change import CHANGE_EVENTS, ChangeEvent
from schemas.configuration import NetworkAcl, RouteTable
from schemas.errors import FlowtrailError
from schemas.flow import COVERAGE, FLOWS
from schemas.incident import Certainty, Examined, Kind, State
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.snapshot import Snapshot
from tests.correlate_lab import (
    ADMINS,
    ENI,
    PEOPLE,
    SCANNERS,
    WEB,
    Flow,
    clock,
    create_route,
    delete_route,
    deny,
    every,
    flows_table,
    high_ports,
    minutes_table,
    noise,
    outage,
    refused,
    resources,
    seconds,
    undeny,
    usual,
)

DECOYS = (
    deny("15:04", acl="acl-prv", event_id="decoy-other-subnet"),
    deny("14:20", 8080, number=80, event_id="decoy-other-port"),
)
FAULTS = (delete_route("14:32", event_id="route-gone"), deny("15:05", event_id="rule-90", actor="arn:bob"))
FIXES = (create_route("15:50", event_id="route-back"), undeny("15:50:20", event_id="rule-gone"))


def log_object(name: str = "1500") -> ObjectRef:
    key = f"AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/1_vpcflowlogs_eu-central-1_fl-0a1_20261120T{name}Z_ab.log.gz"
    return ObjectRef("logs", key, "etag-flows", 10)


def put_flows(
    store: Store, flows: Sequence[Flow], *, name: str = "1500", directions: bool = True, interface: str = ENI
) -> None:
    ref = log_object(name)
    rows = flows_table(flows, ref.object_id, directions=directions)
    at = rows.schema.get_field_index("interface_id")
    texts = pa.array([interface] * rows.num_rows).cast(rows.schema.field(at).type)
    insert(store.client(), FLOWS, rows.set_column(at, rows.schema.field(at), texts))
    put_receipt(store, ref, ObjectKind.FLOW_LOG, len(flows))


def put_receipt(store: Store, ref: ObjectRef, kind: ObjectKind, count: int) -> None:
    insert(store.client(), RECEIPTS, receipt_rows([Receipt(ref, kind, 1, count, count, 0)], 1))


def put_changes(store: Store, changes: Sequence[ChangeEvent]) -> None:
    ref = ObjectRef("logs", "AWSLogs/1/CloudTrail/eu-central-1/2026/11/20/1_CloudTrail_x.json.gz", "etag-trail", 10)
    rows = [change_row(replace(c, object_id=ref.object_id, row_no=n)) for n, c in enumerate(changes, start=1)]
    insert(store.client(), CHANGE_EVENTS, pa.Table.from_pylist(rows, CHANGE_EVENTS.schema))
    put_receipt(store, ref, ObjectKind.CLOUDTRAIL, len(changes))


def change_row(change: ChangeEvent) -> dict[str, Any]:
    texts = {"request": json.dumps(change.request), "response": json.dumps(change.response)}
    return {**vars(change), **texts, "resources": list(change.resources), "load": 1, "chunk": 0}


def put_snapshot(store: Store, at: str = "08:00") -> None:
    configuration.save_snapshot(store.client(), Snapshot(clock(at), "files", resources()))


def story(reading: str, *, flagged: bool, last: str) -> list[Flow]:
    flags = 2 if flagged else None
    flows = usual("12:00", "14:32", flagged=flagged) + noise("12:00", last, flagged=flagged)
    flows += outage("14:32", "15:05", reading, flagged=flagged)
    until = min(last, "15:50")
    flows += outage("15:05", until, reading, ports=(80, 443), flagged=flagged) + refused("15:05", until, flags=flags)
    return flows + usual("15:50:30", last, flagged=flagged) if last > "15:50" else flows


@pytest.mark.parametrize("reading", ["answers", "requests", "nothing"])
@pytest.mark.parametrize(
    ("flagged", "directions"),
    [(False, False), (False, True), (True, True)],
    ids=["v2-not-enriched", "v2", "v5"],
)
def test_the_story(store: Store, reading: str, flagged: bool, directions: bool) -> None:
    put_snapshot(store)
    put_changes(store, [*FAULTS, *DECOYS, FAULTS[0]])
    put_flows(store, story(reading, flagged=flagged, last="15:45"), directions=directions)
    found = run_correlate(store, clock("14:00"), clock("15:45"))
    assert [(i.kind, i.certainty, i.state) for i in found] == [
        (Kind.LOST_TRAFFIC, Certainty.PROVEN, State.OPEN),
        (Kind.REJECTS, Certainty.PROVEN, State.OPEN),
    ]
    assert [i.cause.event_ids for i in found if i.cause] == [("route-gone",), ("rule-90",)]
    assert "decoy" not in str([i.to_json() for i in found])
    assert set(found[0].peers) >= set(PEOPLE)
    assert found[1].peers == ADMINS
    keys = {piece.key.split("/")[2] for i in found for piece in i.evidence}
    assert keys == {"vpcflowlogs", "CloudTrail"}
    shown = [piece for piece in found[1].evidence if piece.what == "first rejected"]
    assert [(piece.etag, piece.time) for piece in shown] == [("etag-flows", clock("15:05:03"))]
    flows = story(reading, flagged=flagged, last="15:45")
    assert flows[shown[0].line - 2].action == "REJECT"

    later = [flow for flow in story(reading, flagged=flagged, last="16:10") if flow.at >= clock("15:45")]
    put_changes(store, FIXES)
    put_flows(store, later, name="1600", directions=directions)
    closed = run_correlate(store, clock("14:00"), clock("16:10"))
    assert [(i.id, i.state, i.closed_by) for i in closed] == [
        (found[0].id, State.CLOSED, ("route-back",)),
        (found[1].id, State.CLOSED, ("rule-gone",)),
    ]
    assert {i.closed_at for i in closed} == {clock("15:50:30")}
    assert incidents.load(store.client()) == closed


def test_the_same_facts_give_the_same_bytes_and_nothing_is_written_again(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, FAULTS)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    once = run_correlate(store, clock("14:00"), clock("15:45"))
    sql = "SELECT id, generation, body FROM incidents ORDER BY id, generation"
    written = query(store.client(), sql).to_pylist()
    assert run_correlate(store, clock("14:00"), clock("15:45")) == once
    assert query(store.client(), sql).to_pylist() == written
    assert len(once) == 2


def test_a_quiet_day_has_no_incident(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, DECOYS)
    put_flows(store, usual("12:00", "16:00") + noise("12:00", "16:00"))
    assert run_correlate(store, clock("13:00"), clock("16:00")) == []


def test_a_late_snapshot_is_still_useful(store: Store) -> None:
    """It is taken after the faults; the flows were stored without knowing which end is local."""
    now = Timeline([Snapshot(clock("08:00"), "files", resources())], FAULTS).at(clock("15:40"))
    configuration.save_snapshot(store.client(), Snapshot(clock("15:40"), "files", tuple(now.resources())))
    put_changes(store, FAULTS)
    put_flows(store, story("answers", flagged=False, last="15:45"), directions=False)
    found = {i.kind: i for i in run_correlate(store, clock("14:00"), clock("15:45"))}
    assert found[Kind.REJECTS].certainty is Certainty.PROVEN
    assert found[Kind.LOST_TRAFFIC].certainty is Certainty.SUSPECTED
    assert found[Kind.LOST_TRAFFIC].fix is None
    assert "snapshot" in found[Kind.LOST_TRAFFIC].reason


def test_an_unexplained_incident_is_replaced_when_the_change_is_delivered(store: Store) -> None:
    put_snapshot(store)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    before = run_correlate(store, clock("15:00"), clock("15:45"))
    assert {i.certainty for i in before} == {Certainty.UNEXPLAINED}
    put_changes(store, FAULTS)
    after = run_correlate(store, clock("15:30"), clock("15:45"))
    assert {i.certainty for i in after} == {Certainty.PROVEN}
    assert incidents.load(store.client()) == after
    assert not {i.id for i in before} & {i.id for i in after}


def test_a_snapshot_that_comes_a_day_late_corrects_in_place_and_what_was_said_is_kept(store: Store) -> None:
    """The first snapshot was taken without the rights to see network ACLs and route tables."""
    seen = tuple(r for r in resources() if not isinstance(r, NetworkAcl | RouteTable))
    configuration.save_snapshot(store.client(), Snapshot(clock("08:00"), "endpoint", seen))
    put_changes(store, FAULTS)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    before = run_correlate(store, clock("14:00"), clock("15:45"))
    assert {i.certainty for i in before} <= {Certainty.SUSPECTED, Certainty.UNEXPLAINED}

    tomorrow = clock("15:45") + timedelta(days=1)
    now = Timeline([Snapshot(clock("08:00"), "files", resources())], FAULTS).at(clock("15:45"))
    configuration.save_snapshot(store.client(), Snapshot(tomorrow, "endpoint", tuple(now.resources())))
    after = run_correlate(store, clock("14:00"), clock("15:45"))
    found = {i.kind: i for i in after}
    assert found[Kind.REJECTS].certainty is Certainty.PROVEN
    assert found[Kind.REJECTS].cause is not None
    assert found[Kind.REJECTS].cause.event_ids == ("rule-90",)
    assert found[Kind.LOST_TRAFFIC].certainty is Certainty.SUSPECTED, "the route's target was never recorded"
    assert incidents.load(store.client()) == after
    said = [one.incident for i in after for one in incidents.history(store.client(), i.id)]
    assert all(incident in said for incident in before)


def test_incidents_of_another_range_stay(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, FAULTS)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    found = run_correlate(store, clock("14:00"), clock("15:45"))
    assert run_correlate(store, clock("12:00"), clock("14:00")) == []
    assert incidents.load(store.client()) == found
    assert incidents.load(store.client(), found[0].id) == [found[0]]
    assert incidents.load(store.client(), "no-such-id") == []


def test_incidents_no_longer_found_are_deleted_and_may_come_back(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, FAULTS)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    client = store.client()
    found = run_correlate(store, clock("14:00"), clock("15:45"))
    window = Examined(clock("14:00") - timedelta(days=1), clock("14:00"), clock("15:45"))
    later = Examined(clock("15:00") - timedelta(days=1), clock("15:00"), clock("15:45"))
    incidents.write(client, "later", settle(incidents.current(client), [], later).said, 2)
    assert incidents.load(client) == found[:1]
    assert incidents.withdrawn(client) == [found[1].id]
    assert [(one.withdrawn, one.run == "later") for one in incidents.history(client, found[1].id)] == [
        (False, False),
        (True, True),
    ]
    incidents.write(client, "again", settle(incidents.current(client), found, window).said, 3)
    assert incidents.load(client) == found
    generations = query(client, "SELECT max(generation) AS g, count() AS n FROM incidents FINAL").to_pylist()
    assert generations == [{"g": 3, "n": 2}]


def test_an_incident_survives_a_round_trip_through_json(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, [*FAULTS, *FIXES])
    put_flows(store, story("nothing", flagged=False, last="16:10"))
    for incident in run_correlate(store, clock("14:00"), clock("16:10")):
        assert incidents.from_json(json.dumps(incident.to_json())) == incident
        assert incident.closed_at is not None


def test_the_proof_query_shows_the_flows(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, FAULTS)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    for incident in run_correlate(store, clock("14:00"), clock("15:45")):
        rows = query(store.reader(), incident.proof_query).to_pylist()
        assert {row["action"] for row in rows} >= ({"REJECT"} if incident.kind is Kind.REJECTS else {"ACCEPT"})


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("15:00", "15:00", "empty"),
        ("15:00", "14:00", "empty"),
        (
            "17:00",
            "18:00",
            "no flow records between 2026-11-20T17:00:00Z and 2026-11-20T18:00:00Z; the store has them from",
        ),
    ],
)
def test_an_empty_range_is_rejected_with_a_remedy(store: Store, start: str, end: str, message: str) -> None:
    put_snapshot(store)
    put_flows(store, usual("12:00", "12:10"))
    with pytest.raises(FlowtrailError, match=message) as raised:
        run_correlate(store, clock(start), clock(end))
    assert raised.value.remedy


def test_an_empty_store_is_rejected_with_a_remedy(store: Store) -> None:
    put_snapshot(store)
    with pytest.raises(FlowtrailError, match="has none at all") as raised:
        run_correlate(store, clock("12:00"), clock("13:00"))
    assert "flowtrail ingest s3://bucket/AWSLogs/" in raised.value.remedy


def test_without_a_snapshot_it_says_how_to_take_one(store: Store) -> None:
    put_flows(store, usual("12:00", "12:10"))
    with pytest.raises(FlowtrailError, match="no snapshot") as raised:
        run_correlate(store, clock("12:00"), clock("13:00"))
    assert "flowtrail snapshot" in raised.value.remedy


@pytest.mark.parametrize("directions", [False, True])
def test_cells_are_what_a_plain_loop_counts(store: Store, directions: bool) -> None:
    chance = random.Random(7)
    flows = [random_flow(chance) for _ in range(1200)]
    others = [random_flow(chance) for _ in range(600)]
    put_flows(store, flows, directions=directions)
    put_flows(store, others, directions=directions, interface="eni-other")
    ref = log_object()
    interfaces = [InterfaceFacts(eni, ("fl-0a1",), (WEB,), 0, 0, 0, 0) for eni in (ENI, "eni-none", "eni-other")]
    high = facts.high_ports(store.client(), [i.interface_id for i in interfaces], clock("12:00"), clock("13:00"))
    assert {code & 0xFFFF for code in high[ENI]} == {40000, 50000}
    found = facts.minutes_of(store.client(), interfaces, high, clock("12:00"), clock("13:00"))
    assert found.keys() == {ENI, "eni-other"}
    for eni, of in ((ENI, flows), ("eni-other", others)):
        assert set(high.get(eni, ())) == {protocol * 65536 + port for protocol, port in high_ports(of)}
        expected = minutes_table(of).to_pylist()
        for row in expected:
            for name in row:
                if name.endswith("_object") and row[name]:
                    row[name] = ref.object_id
        assert sorted(found[eni].to_pylist(), key=cell_key) == sorted(expected, key=cell_key)
        assert found[eni].schema == MINUTES
        assert len({row["minute"] for row in expected}) > 5


def cell_key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("minute", "ingress", "server", "protocol", "port", "peer"))


def random_flow(chance: random.Random) -> Flow:
    peer = chance.choice([*PEOPLE[:2], "2001:db8::"])
    port, far = chance.choice([22, 80, 0, 40000, 50000]), chance.choice([1024, 443, 0, 40000, *range(1030, 1060)])
    ends = [(peer, far), (WEB, port)]
    chance.shuffle(ends)
    return Flow(
        clock("12:00") + timedelta(seconds=chance.randrange(600)),
        *ends[0],
        *ends[1],
        packets=chance.randrange(20),
        bytes=chance.randrange(3000),
        action=chance.choice(["ACCEPT", "REJECT"]),
        flags=chance.choice([None, 0, 2, 18, 19]),
        protocol=chance.choice([1, 6, 17]),
        lasts=chance.randrange(90),
    )


def test_minutes_are_delivered_by_the_flow_log_of_the_interface(store: Store) -> None:
    """A record covers its minutes, and so does NODATA; SKIPDATA removes a minute; another flow log does not count."""
    client = store.client()
    put_flows(store, [Flow(clock("12:00:30"), SCANNERS[0], 1025, WEB, 23, lasts=100)])
    coverage = [
        {"start": clock(a), "end": clock(b), "log_status": status, "row_no": n, "time_source": ""}
        for n, (a, b, status) in enumerate([("12:05", "12:05:59", "NODATA"), ("12:02:10", "12:02:50", "SKIPDATA")])
    ]
    common = {"account_id": "1", "interface_id": ENI, "object_id": log_object().object_id, "load": 1, "chunk": 0}
    other = ObjectRef("logs", "1_vpcflowlogs_eu-central-1_fl-0bb_20261120T1200Z_ab.log.gz", "e", 1)
    rows = [{**common, **row} for row in coverage]
    nine = {"start": clock("12:09"), "end": clock("12:09")}
    rows.append({**rows[0], **nine, "interface_id": "eni-x", "object_id": other.object_id})
    insert(client, COVERAGE, pa.Table.from_pylist(rows, COVERAGE.schema))
    put_receipt(store, other, ObjectKind.FLOW_LOG, 1)

    delivered = facts.deliveries(client, clock("12:00"), clock("13:00"))
    interface = InterfaceFacts(ENI, ("fl-0a1",), (WEB,), 1, 1, 1, 1)
    gone = facts.dropped(client, [ENI, "eni-x"], clock("12:00"), clock("13:00"))
    minutes = facts.covered(interface, delivered, gone)
    assert minutes.tolist() == [seconds(clock(text)) for text in ("12:00", "12:01", "12:05")]
    assert delivered["fl-0bb"].tolist() == [seconds(clock("12:09"))]


def test_an_outage_of_the_delivery_is_not_an_incident_and_is_reported(store: Store) -> None:
    put_snapshot(store)
    put_changes(store, [deny("15:05")])
    flows = usual("12:00", "14:00") + usual("14:30", "15:05") + refused("15:05", "15:30")
    flows += [flow for flow in usual("15:05", "15:30") if 22 not in (flow.src_port, flow.dst_port)]
    put_flows(store, flows)
    (incident,) = run_correlate(store, clock("13:00"), clock("15:30"))
    assert incident.kind is Kind.REJECTS
    assert "nothing was delivered for 30 of its 150 minutes" in incident.coverage


def test_hostile_names_in_the_log_stay_data(store: Store) -> None:
    put_snapshot(store)
    put_flows(store, usual("12:00", "12:30"))
    client = store.client()
    table = flows_table([Flow(at, PEOPLE[0], 40000, WEB, 80) for at in every(60, "12:00", "12:30")], 99)
    name = "eni'; DROP TABLE flows; --"
    column = pa.array([name] * table.num_rows).cast(table.schema.field("interface_id").type)
    insert(client, FLOWS, table.set_column(table.schema.get_field_index("interface_id"), "interface_id", column))
    assert run_correlate(store, clock("12:00"), clock("12:30")) == []
    assert query(client, "SELECT count() AS n FROM flows")["n"][0].as_py() > 60
