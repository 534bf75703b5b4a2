"""Proves that snapshots, changes and versions are read from a real store exactly as they were written, each once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from connectors.store import configuration
from connectors.store.clickhouse import Store, insert, query
from connectors.store.configuration import load_changes, load_snapshots, resource_of, save_snapshot, save_versions
from network.history.timeline import Timeline
from pipelines.configuration import save_versions as bring_up_to_date
from pipelines.ingest.parse.cloudtrail import parse_changes
from schemas.change import CHANGE_EVENTS
from schemas.configuration import AclAssociation, AclEntry, NetworkAcl, Route, RouteTable, Subnet, Vpc
from schemas.object_ref import ObjectRef
from schemas.snapshot import Snapshot
from tests.unit.cloudtrail import document, record

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
RESOURCES = (
    Vpc("vpc-1", ("10.0.0.0/16",)),
    Subnet("subnet-1", "vpc-1", ("10.0.1.0/24",), name="caf\u00e9 \u2028 'quoted' \\"),
    RouteTable("rtb-1", "vpc-1", (Route("0.0.0.0/0", "igw-1"),)),
    NetworkAcl("acl-1", "vpc-1", True, (AclEntry(100, False, "allow"),), (AclAssociation("aclassoc-1", "subnet-1"),)),
)
SNAPSHOT = Snapshot(NOON, "files", RESOURCES, "123456789012", "eu-central-1")


def test_snapshots_come_back_and_count_once(store: Store) -> None:
    client = store.client()
    first = save_snapshot(client, SNAPSHOT)
    assert save_snapshot(client, replace(SNAPSHOT, resources=RESOURCES[::-1])) == first
    later = save_snapshot(client, replace(SNAPSHOT, as_of=NOON + timedelta(hours=1)))
    assert later != first
    found = load_snapshots(client)
    assert [s.as_of for s in found] == [NOON, NOON + timedelta(hours=1)]
    assert set(found[0].resources) == set(RESOURCES)
    assert (found[0].source, found[0].account_id, found[0].region) == ("files", "123456789012", "eu-central-1")
    assert len(query(client, "SELECT * FROM config_snapshots")) == 2 * len(RESOURCES)


def test_an_empty_store_has_no_snapshot_and_no_change(store: Store) -> None:
    assert load_snapshots(store.client()) == []
    assert load_changes(store.client()) == []


def stored(store: Store, key: str, *records: dict[str, object]) -> None:
    parsed = parse_changes(ObjectRef("b", key, "e", 1), document(*records))
    rows = parsed.tables["change_events"]
    rows = rows.append_column("load", pa.array([1] * len(rows), pa.uint64()))
    insert(store.client(), CHANGE_EVENTS, rows.append_column("chunk", pa.array([0] * len(rows), pa.uint32())))


def test_changes_come_back_in_order_each_once(store: Store) -> None:
    early = record("DeleteRoute", {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}, event_id="b")
    late = record("CreateNetworkAcl", {"vpcId": "vpc-1"}, event_id="a", at="2026-11-20T15:05:00Z")
    stored(store, "one", late, early)
    stored(store, "two", early, late)
    changes = load_changes(store.client())
    assert [c.event_id for c in changes] == ["b", "a"]
    assert changes[0].event_time == datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
    assert changes[0].request == {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}
    assert changes[0].resources == ("rtb-1",)
    lowest = min(ObjectRef("b", key, "e", 1).object_id for key in ("one", "two"))
    assert {c.object_id for c in changes} == {lowest}


def test_versions_replace_all_older_ones(store: Store) -> None:
    client = store.client()
    stored(store, "one", record("DeleteRoute", {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}))
    timeline = Timeline([SNAPSHOT], load_changes(client))
    save_versions(client, Timeline([SNAPSHOT], []).versions())
    save_versions(client, timeline.versions())
    rows = query(client, "SELECT * FROM config_versions ORDER BY resource_type, valid_from NULLS FIRST").to_pylist()
    assert len({row["generation"] for row in rows}) == 1
    assert [resource_of(row["resource_type"], row["body"]) for row in rows] == [
        version.resource for version in timeline.versions()
    ]
    tables = [row for row in rows if row["resource_type"] == "route-table"]
    assert [(row["begun_by"], row["ended_by"], row["exact"]) for row in tables] == [
        ("", "e-1", True),
        ("e-1", "", True),
    ]
    assert tables[0]["valid_from"] is None
    assert tables[0]["valid_to"] == tables[1]["valid_from"] == datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
    assert tables[1]["valid_to"] is None


DELETED = record("DeleteRoute", {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"})


@pytest.mark.parametrize("bits", [0, 2**32 - 1], ids=["counts", "does-not-count"])
def test_two_that_write_versions_at_once_leave_those_of_all_facts(
    store: Store, monkeypatch: pytest.MonkeyPatch, bits: int
) -> None:
    """One has read the facts of before, and writes when the other has written: whichever generation then counts."""
    client = store.client()
    save_snapshot(client, SNAPSHOT)
    write: Callable[..., None] = configuration.insert

    def later(*given: object) -> None:
        monkeypatch.setattr(configuration, "insert", write)
        stored(store, "one", DELETED)
        with monkeypatch.context() as patched:
            patched.setattr(configuration.secrets, "randbits", lambda _: bits)
            bring_up_to_date(store)
        write(*given)

    monkeypatch.setattr(configuration, "insert", later)
    bring_up_to_date(store)
    rows = query(client, "SELECT resource_id, ended_by FROM config_versions WHERE resource_type = 'route-table'")
    assert sorted(row["ended_by"] for row in rows.to_pylist()) == ["", "e-1"]
    assert configuration.built_from(client, "config_versions") == configuration.version(client)
