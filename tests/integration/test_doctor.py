"""Proves: each kind of damage is found, named and repaired from S3 or the ledger, and nothing else is changed."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store import configuration, doctor, ledger
from connectors.store.clickhouse import Store, command, insert, query
from connectors.store.doctor import Fault
from connectors.store.migrate import MIGRATIONS, ensure_migrated
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from schemas.columnar.batch import Batch
from schemas.configuration import Vpc
from schemas.snapshot import ConfigVersion
from tests import forked
from tests.conftest import Bucket
from tests.contents import contents, faults
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key
from tests.integration.test_ledger import OBJECTS, Died, rows_of
from tests.shared_store import another_process, shared

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for n in range(4):
        bucket.put(flow_key(n), flow_log(n))
    bucket.put(trail_key(1), trail(1))
    return bucket


@pytest.fixture
def loaded(store: Store, filled: Bucket) -> dict[str, Any]:
    """Contents of a store with five objects from a bucket."""
    run_ingest(store, [filled.url], limits=Limits(objects=3))
    return contents(store)


@dataclass(frozen=True)
class Answer:
    code: int
    said: Mapping[str, Any]
    err: str


@pytest.fixture
def ask(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """The command on the test's store, answering in JSON."""
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def run(*words: str) -> Answer:
        result = CliRunner().invoke(app, ["--db", store.db, *words, "--output", "json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Answer(result.exit_code, json.loads(result.stdout) if result.stdout else {}, result.stderr)

    return run


def change(store: Store, statement: str) -> None:
    command(store.client(), f"ALTER TABLE {statement} SETTINGS mutations_sync = 2")


def one_object(store: Store) -> str:
    found = query(store.client(), f"SELECT object_id FROM receipts WHERE key = '{flow_key(1)}'")["object_id"]
    return str(found[0].as_py())


def rows_lost(store: Store) -> None:
    change(store, f"flows DELETE WHERE object_id = {one_object(store)} AND row_no IN (2, 3)")


def rows_doubled(store: Store) -> None:
    command(
        store.client(), f"INSERT INTO flows SELECT * FROM flows WHERE object_id = {one_object(store)} AND row_no = 2"
    )


def lost_and_doubled(store: Store) -> None:
    """The counts still agree."""
    rows_doubled(store)
    change(store, f"flows DELETE WHERE object_id = {one_object(store)} AND row_no = 3")


def receipt_wrong(store: Store) -> None:
    change(store, f"receipts UPDATE rows_read = rows_read + 1 WHERE object_id = {one_object(store)}")


def receipt_doubled(store: Store) -> None:
    columns = "* REPLACE (toUInt64(5) AS load)"
    command(
        store.client(), f"INSERT INTO receipts SELECT {columns} FROM receipts WHERE object_id = {one_object(store)}"
    )


def rows_of_nobody(store: Store) -> None:
    stranger = rows_of(doctor.TABLES["coverage"], [{"object_id": 7, "row_no": 1, "start": NOON, "end": NOON}])
    stranger = stranger.append_column("load", pa.array([77], pa.uint64()))
    insert(store.client(), doctor.TABLES["coverage"], stranger.append_column("chunk", pa.array([1], pa.uint32())))


def receipt_lost(store: Store) -> None:
    """The rows that are left belong to no receipt, and the next ingest would duplicate them."""
    change(store, f"receipts DELETE WHERE object_id = {one_object(store)}")


def loser_left(store: Store) -> None:
    """Rows of a second writer of the same object, which died before it could remove them."""
    columns = "* REPLACE (toUInt64(5) AS load)"
    command(store.client(), f"INSERT INTO flows SELECT {columns} FROM flows WHERE object_id = {one_object(store)}")


def load_open(store: Store) -> None:
    load = query(store.client(), f"SELECT load FROM receipts WHERE object_id = {one_object(store)}")["load"][0].as_py()
    change(store, f"ledger DELETE WHERE load = {load} AND state = 'done'")


def load_half_way(store: Store) -> None:
    load_open(store)
    load = query(store.client(), f"SELECT load FROM receipts WHERE object_id = {one_object(store)}")["load"][0].as_py()
    change(store, f"receipts DELETE WHERE load = {load}")
    change(store, f"flows DELETE WHERE load = {load} AND chunk = 1")


def versions_old(store: Store) -> None:
    client = store.client()
    configuration.save_versions(client, [ConfigVersion("vpc", Vpc("vpc-1", ("10.0.0.0/16",)), None, None)])
    command(client, "INSERT INTO config_versions SELECT * REPLACE (generation + 1 AS generation) FROM config_versions")


DAMAGE: dict[Callable[[Store], None], set[Fault]] = {
    rows_lost: {Fault.WRONG_COUNT},
    rows_doubled: {Fault.WRONG_COUNT, Fault.DUPLICATE_ROWS},
    lost_and_doubled: {Fault.DUPLICATE_ROWS},
    receipt_wrong: {Fault.BAD_RECEIPT},
    receipt_doubled: {Fault.DOUBLE_RECEIPT, Fault.WRONG_COUNT},
    rows_of_nobody: {Fault.ORPHAN_ROWS},
    receipt_lost: {Fault.ORPHAN_ROWS},
    loser_left: {Fault.ORPHAN_ROWS},
    load_open: {Fault.UNFINISHED_LOAD},
    load_half_way: {Fault.UNFINISHED_LOAD},
    versions_old: {Fault.OLD_VERSIONS},
}


def test_a_healthy_store(store: Store, ask: Callable[..., Answer]) -> None:
    assert doctor.examine(store) == []
    ledger.write(store, "run", Batch.of(OBJECTS), 1)
    assert doctor.examine(store) == []
    answer = ask("doctor")
    assert (answer.code, answer.said["healthy"], answer.said["found"]) == (0, True, [])


def test_rows_without_receipt_of_an_object_that_is_gone(
    store: Store, loaded: dict[str, Any], filled: Bucket, ask: Callable[..., Answer]
) -> None:
    """They are all that is left of it, and nothing will duplicate them."""
    receipt_lost(store)
    filled.delete(flow_key(1))
    answer = ask("doctor", "--repair")
    assert (answer.code, [p["fault"] for p in answer.said["left"]]) == (1, ["orphan-rows"] * 3)
    assert contents(store)["flows"] == loaded["flows"]


@pytest.mark.parametrize("plant", DAMAGE, ids=lambda plant: plant.__name__)
def test_damage_is_found_and_repaired(
    store: Store, loaded: dict[str, Any], ask: Callable[..., Answer], plant: Callable[[Store], None]
) -> None:
    plant(store)
    damaged = contents(store)
    found = ask("doctor")
    assert found.code == 1
    assert {problem["fault"] for problem in found.said["found"]} == DAMAGE[plant]
    assert "flowtrail doctor --repair" in found.err
    assert contents(store) == damaged
    for problem in found.said["found"]:
        if problem["key"]:
            assert problem["key"] == flow_key(1)
    mended = ask("doctor", "--repair")
    assert (mended.code, mended.said["healthy"], mended.said["left"]) == (0, True, []), mended
    assert mended.said["done"]
    assert contents(store) == loaded
    assert faults(store) == {}
    assert ask("doctor").code == 0


def test_in_csv_each_problem_is_a_line(store: Store, loaded: dict[str, Any], ask: Callable[..., Answer]) -> None:
    def lines(*words: str) -> list[dict[str, str]]:
        text = CliRunner().invoke(app, ["--db", store.db, "doctor", *words, "-o", "csv"]).stdout
        assert text.startswith("fault,where,detail,table,load,object_id,bucket,key,etag,version_id,left\n")
        return list(csv.DictReader(text.splitlines()))

    assert lines() == []
    rows_doubled(store)
    assert {(one["fault"], one["key"], one["left"]) for one in lines()} == {
        ("wrong-count", flow_key(1), "true"),
        ("duplicate-rows", flow_key(1), "true"),
    }
    assert {one["left"] for one in lines("--repair")} == {"false"}


def test_what_cannot_be_read_again_stays_as_it_is(
    store: Store, loaded: dict[str, Any], filled: Bucket, ask: Callable[..., Answer]
) -> None:
    rows_lost(store)
    damaged = contents(store)
    filled.delete(flow_key(1))
    answer = ask("doctor", "--repair")
    assert answer.code == 1
    assert any("gone" in words for words in answer.said["done"])
    assert {problem["fault"] for problem in answer.said["left"]} == {Fault.WRONG_COUNT}
    assert contents(store) == damaged


def test_a_migration_that_was_left_half_way(store: Store, ask: Callable[..., Answer]) -> None:
    row = {"number": 99, "name": "more", "checksum": "x", "state": "in-progress", "at": NOON}
    insert(store.client(), MIGRATIONS, pa.Table.from_pylist([row]))
    answer = ask("doctor")
    assert answer.code == 1
    assert [(p["fault"], p["where"]) for p in answer.said["found"]] == [("unfinished-migration", "0099_more.sql")]
    refused = ask("doctor", "--repair")
    assert refused.code == 1
    assert "a newer release applied it" in refused.err


def test_an_attempt_of_a_live_process_is_left_alone(store: Store, loaded: dict[str, Any]) -> None:
    """On a server another process may be loading: its rows are not orphans."""

    def dies(name: str) -> None:
        if name == "before-receipts":
            raise Died(name)

    server = shared(store)
    with another_process(server, 77), mock.patch.object(ledger, "failpoint", dies), pytest.raises(Died):
        ledger.write(server, "theirs", Batch.of(OBJECTS), 1)
    assert {problem.fault for problem in doctor.examine(server)} <= {Fault.UNFINISHED_LOAD}
    assert doctor.without_receipt(server.client()) == []
    assert doctor.remove_surplus(server) == 0
    assert ledger.settle(server).busy == {each.ref.object_id for each in OBJECTS}
    assert doctor.remove_surplus(server) == 0
    assert {row["object_id"] for row in query(store.client(), "SELECT object_id FROM flows").to_pylist()} > {
        each.ref.object_id for each in OBJECTS[:2]
    }


def test_parts_that_a_failing_disk_lost(filled: Bucket, tmp_path: Path) -> None:
    """The engine sets the part aside when it starts; doctor reports it, and ingest repairs it by itself."""
    db = tmp_path / "db"

    def process(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return forked.run([sys.executable, "-m", *arguments], timeout=180)

    def ingest() -> dict[str, Any]:
        done = process("tests.integration.ingest_process", str(db), filled.url)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["contents"]
        return found

    def tear() -> None:
        # All parts of the day: their files do not show which are active and which were left by a mutation.
        for file in (db / "store").glob("*/*/20261120_*/count.txt"):
            file.write_bytes(b"")

    before = ingest()
    tear()
    found = process("cli", "--db", str(db), "doctor", "-o", "json")
    assert found.returncode == 1, found.stderr
    assert {p["fault"] for p in json.loads(found.stdout)["found"]} == {Fault.BROKEN_PART, Fault.WRONG_COUNT}
    assert ingest() == before
    assert process("cli", "--db", str(db), "doctor").returncode == 0
    tear()
    mended = process("cli", "--db", str(db), "doctor", "--repair", "-o", "json")
    assert mended.returncode == 0, mended.stderr
    assert any(re.search("dropped [1-9][0-9]* unreadable parts", words) for words in json.loads(mended.stdout)["done"])
    assert ingest() == before


def test_without_a_database(tmp_path: Path, ask: Callable[..., Answer], store: Store) -> None:
    ensure_migrated(store)
    result = CliRunner().invoke(app, ["--db", str(tmp_path / "none"), "doctor"])
    assert result.exit_code == 1
    assert "`flowtrail ingest s3://bucket/AWSLogs/`" in result.stderr
