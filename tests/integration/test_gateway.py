"""Proves: over HTTP, with a real engine, everything works as with a folder; and whatever happens to a request, each row
is loaded once."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.store import attempts, clickhouse, ledger, receipts
from connectors.store.clickhouse import Store, insert, query
from connectors.store.migrate import ensure_migrated, migrate, released
from connectors.store.retention import KEPT, keep, kept
from console.answers.search import Filters, search
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from schemas.errors import FlowtrailError
from schemas.summary import IngestSummary
from schemas.tables import TABLES
from schemas.times import rfc3339
from simulation.aws import environment
from simulation.network import save
from simulation.rows import Reading
from simulation.story import BEGIN, NOW, Telling, logs, put
from tests import forked
from tests.conftest import Bucket
from tests.contents import contents, faults
from tests.e2e.test_story import Flowtrail
from tests.gateway import Fault
from tests.gateway_process import Gateway, started, stopped
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key
from tests.stories import Stories

ROOT = Path(__file__).parents[2]
OBJECTS = {**{flow_key(n): flow_log(n) for n in range(4)}, trail_key(1): trail(1)}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for key, body in OBJECTS.items():
        bucket.put(key, body)
    return bucket


def ingest(store: Store, bucket: Bucket) -> IngestSummary:
    return run_ingest(store, [bucket.url], limits=Limits(objects=3))


_clean: dict[str, Any] = {}


@pytest.fixture
def clean(request: pytest.FixtureRequest, filled: Bucket) -> dict[str, Any]:
    """What an undisturbed run leaves in a folder, computed once: the objects are the same for each test."""
    if not _clean:
        store = request.getfixturevalue("store")
        ingest(store, filled)
        _clean.update(contents(store))
    return _clean


def test_the_tables_are_those_of_the_registry(gateway: Gateway) -> None:
    store = Store(gateway.url("t_migrate"))
    with pytest.raises(FlowtrailError, match="flowtrail ingest s3://bucket/AWSLogs/"):
        store.reader()
    assert migrate(store, dry_run=True) == released()
    assert migrate(store) == released()
    assert migrate(store) == []
    for table in TABLES.values():
        columns = query(
            store.reader(),
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}"
            " AND default_kind != 'ALIAS' ORDER BY position",
            {"t": table.name},
        ).to_pylist()
        assert [(c["name"], c["type"]) for c in columns] == [(c.name, c.clickhouse) for c in table.columns]


def test_ingest_search_and_correlate(remote: Store, filled: Bucket, clean: dict[str, Any]) -> None:
    summary = ingest(remote, filled)
    assert (summary.objects_done, summary.flows, summary.change_events) == (5, 20, 1)
    assert contents(remote) == clean
    assert faults(remote) == {}
    assert ingest(remote, filled).objects_known == 5
    assert contents(remote) == clean
    found = search(remote, Filters(action="REJECT", port=22)).to_json()
    assert len(found["flows"]) == sum(row[12] == "REJECT" for row in clean["flows"])


def test_the_story_gives_the_same_incidents(
    gateway: Gateway, remote: Store, store: Store, stories: Stories, tmp_path: Path
) -> None:
    """Two faults, found and proven: the same answer, byte for byte, from a server as from a folder."""
    with stories.told() as (stage, story):
        save(story.phases[0].answers, tmp_path)
        put(logs(story, Telling(1, 2, next(iter(Reading))), BEGIN, NOW), stage.endpoint, "story")
        told = []
        for target in (store, remote):
            variables = environment(stage.endpoint) | {"FLOWTRAIL_DB": target.db, "FLOWTRAIL_DATABASE": target.database}
            flowtrail = Flowtrail(target, variables)
            flowtrail.run("snapshot", "--from-files", str(tmp_path), "--as-of", rfc3339(BEGIN))
            flowtrail.run("ingest", "s3://story/")
            told.append(flowtrail.look(rfc3339(NOW)))
    assert told[0] == told[1]
    assert [incident["certainty"] for incident in told[1]] == ["proven", "proven"]


def test_records_are_kept_as_long_as_the_setting_says(remote: Store) -> None:
    assert keep(replace(remote, retention=timedelta(days=90))) == sorted(KEPT)
    assert kept(remote.reader()).retention == timedelta(days=90)
    assert keep(replace(remote, retention=timedelta(days=90))) == []
    assert keep(remote) == sorted(KEPT)
    assert kept(remote.reader()).retention is None


def test_a_reader_cannot_write(remote: Store) -> None:
    with pytest.raises(FlowtrailError, match="readonly"):
        clickhouse.command(remote.reader(), "CREATE TABLE x (a UInt8) ENGINE = Memory")
    with pytest.raises(FlowtrailError, match="readonly"):
        insert(remote.reader(), TABLES["coverage"], _coverage(1))
    insert(remote.client(), TABLES["coverage"], _coverage(1))
    assert query(remote.reader(), "SELECT count() AS n FROM coverage")["n"].to_pylist() == [1]


def _coverage(n: int) -> Any:
    import pyarrow as pa

    row = dict.fromkeys(("account_id", "interface_id", "time_source"), "")
    row |= {"start": NOON, "end": NOON, "log_status": "NODATA"}
    row |= {"object_id": n, "row_no": 1, "load": 1, "chunk": 1}
    return pa.Table.from_pylist([row], schema=TABLES["coverage"].schema)


def test_many_object_ids_are_sent_in_a_form(remote: Store) -> None:
    assert receipts.done(remote.client(), range(1, 12_000)) == {}


INSERTS = [rf"INSERT INTO \W?{name}\b" for name in ("ledger", "flows", "rejected_lines", "receipts")]
FAULTS = [
    *(Fault("reset", match) for match in INSERTS),
    *(Fault("truncate", match) for match in INSERTS),
    *(Fault("broken", match, 2) for match in INSERTS[1:3]),
    Fault("away", INSERTS[1], 2),
    Fault("memory", INSERTS[3]),
    Fault("slow", INSERTS[1]),
    Fault("reset", "SELECT .* FROM receipts", 2),
    Fault("truncate", "SELECT .* FROM ledger"),
    Fault("broken", "SELECT .* FROM receipts"),
    Fault("memory", "SELECT .* FROM receipts"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.what}-{fault.match.replace(chr(92), '')}")
def test_a_fault_changes_nothing(
    gateway: Gateway, remote: Store, filled: Bucket, clean: dict[str, Any], fault: Fault
) -> None:
    gateway.order(fault)
    summary = ingest(remote, filled)
    assert gateway.outstanding() == 0
    assert (summary.objects_done, summary.flows) == (5, 20)
    assert contents(remote) == clean
    assert faults(remote) == {}


def test_the_server_goes_away_and_comes_back(
    filled: Bucket, clean: dict[str, Any], gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies in the middle of an ingest; a server started on the same folder has everything that was acknowledged."""
    first = started(tmp_path / "server")
    store = Store(first.url("flowtrail"))
    ensure_migrated(store)
    monkeypatch.setattr(attempts, "TRIES", 2)

    def kill(name: str) -> None:
        if name == "after-chunk:2":
            stopped(first)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "failpoint", kill)
        with pytest.raises(FlowtrailError, match=r"(?s)not confirm|not respond|cannot be reached"):
            ingest(store, filled)
    second = started(tmp_path / "server")
    try:
        again = Store(second.url("flowtrail"))
        ingest(again, filled)
        assert contents(again) == clean
        assert faults(again) == {}
    finally:
        stopped(second)


def test_no_server_is_listening(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FlowtrailError) as caught:
        ensure_migrated(Store("http://default@127.0.0.1:9/x"))
    assert "127.0.0.1:9 cannot be reached" in caught.value.message
    assert "FLOWTRAIL_DB" in caught.value.remedy


def test_who_may_log_in(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(FlowtrailError, match="does not accept the user writer"):
        ensure_migrated(Store(gateway.url("t_users", "writer")))
    (tmp_path / "password").write_text("secret\n", "utf-8")
    monkeypatch.setenv("FLOWTRAIL_PASSWORD_FILE", str(tmp_path / "password"))
    ensure_migrated(Store(gateway.url("t_users", "writer")))


def test_the_command_reports_the_error(gateway: Gateway, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "cli", "--db", "http://default@127.0.0.1:9/x", "status"]
    result = forked.run(arguments)
    assert result.returncode == 1
    assert "error: The ClickHouse server at 127.0.0.1:9 cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr
