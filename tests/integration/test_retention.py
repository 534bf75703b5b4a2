"""Proves: the TTL of the tables follows the setting, and expired records are neither lost, nor read again, nor new."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store import doctor, ledger, runs
from connectors.store import migrate as migrator
from connectors.store.clickhouse import Store, command, query
from connectors.store.doctor import Fault
from connectors.store.migrate import ensure_migrated, migrate, released
from connectors.store.retention import KEPT, keep, kept
from pipelines.ingest import again
from pipelines.ingest.load import Job, Outcome
from pipelines.ingest.parse import parse_objects
from pipelines.ingest.pipeline import run_ingest
from schemas.errors import FlowtrailError
from schemas.summary import IngestSummary
from tests.conftest import REGION, Bucket
from tests.integration.test_ingest import ACCOUNT, HEADER, trail, trail_key
from tests.integration.test_ledger import Died
from tests.integration.test_migrate import made

DAY = timedelta(days=1)
MONTH = 30 * DAY
ANY_TIME = timedelta(days=3650)
"""Objects here hold records of a year and of a day ago side by side."""

SYNC = "SETTINGS mutations_sync = 2"
NOW = datetime.now(UTC).replace(microsecond=0)


def key(age: timedelta) -> str:
    at = NOW - age
    folder = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{at:%Y/%m/%d}"
    return f"{folder}/{ACCOUNT}_vpcflowlogs_{REGION}_fl-1_{at:%Y%m%dT%H%MZ}_{int(age.total_seconds()):08x}.log.gz"


def log(*ages: timedelta, rejected: int = 1) -> bytes:
    """Three records and an interval without data for each age, and some lines that are not records."""
    lines = [HEADER]
    for age in ages:
        at = int((NOW - age).timestamp())
        lines += [f"2 {ACCOUNT} eni-1 203.0.113.{n} 10.0.0.1 4000{n} 22 6 1 840 {at} {at + 9} ACCEPT OK" for n in "123"]
        lines.append(f"2 {ACCOUNT} eni-1 - - - - - - - {at} {at + 9} - NODATA")
    lines += ["2 no record"] * rejected
    return gzip.compress("\n".join([*lines, ""]).encode())


@pytest.fixture
def monthly(store: Store) -> Store:
    """The store with a retention of one month."""
    return replace(store, retention=MONTH)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    """Objects with records from a year ago, from over a month ago and yesterday, and from yesterday."""
    bucket.put(key(365 * DAY), log(365 * DAY))
    bucket.put(key(40 * DAY), log(40 * DAY, DAY))
    bucket.put(key(DAY), log(DAY))
    return bucket


def restore(store: Store) -> Outcome:
    return again.restore(Job(store, runs.begin(store.client(), "doctor"), time_bound=ANY_TIME))


def ingest(store: Store, bucket: Bucket) -> IngestSummary:
    return run_ingest(store, [bucket.url], time_bound=ANY_TIME)


def count(store: Store, table: str = "flows") -> int:
    found: int = query(store.reader(), f"SELECT count() AS n FROM {table}")["n"][0].as_py()  # noqa: S608
    return found


def until(store: Store, rows: int, table: str = "flows") -> None:
    """Wait until the engine has dropped what has expired."""
    end = monotonic() + 30
    while count(store, table) != rows and monotonic() < end:
        sleep(0.1)
    assert count(store, table) == rows


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, ["--db", store.db, *words])

    return call


def test_the_ttl_is_what_the_setting_says(store: Store, monthly: Store) -> None:
    plain = made(store)
    assert keep(monthly) == sorted(KEPT)
    assert set(KEPT) == {"flows", "coverage", "tgw_flows", "tgw_coverage"}
    for name, text in made(store).items():
        assert ("toIntervalSecond(2592000)" in text and "ttl_only_drop_parts = 1" in text) == (name in KEPT), name
    assert keep(monthly) == []
    assert keep(replace(store, retention=90 * DAY)) == sorted(KEPT)
    assert "toIntervalSecond(7776000)" in made(store)["flows"]
    assert keep(store) == sorted(KEPT)
    assert made(store) == plain
    assert keep(store) == []


def test_a_database_of_an_earlier_release_gets_it(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(migrator, "released", lambda: [m for m in released() if m.number <= 6])
        migrate(empty_store)
    ensure_migrated(replace(empty_store, retention=MONTH))
    assert "toIntervalSecond(2592000)" in made(empty_store)["tgw_flows"]


@pytest.mark.parametrize("dies", range(1, 20))
def test_a_change_that_dies_half_way_is_finished_by_the_next_run(
    store: Store, monthly: Store, monkeypatch: pytest.MonkeyPatch, dies: int
) -> None:
    plain, steps = made(store), 0

    def dying(*given: object) -> None:
        nonlocal steps
        steps += 1
        if steps == dies:
            raise Died
        command(*given)  # type: ignore[arg-type]

    for wanted in (monthly, store):
        with monkeypatch.context() as patched:
            steps = 0
            patched.setattr("connectors.store.retention.command", dying)
            if dies <= 14 or wanted is store:
                with pytest.raises(Died):
                    keep(wanted)
        keep(wanted)
        assert keep(wanted) == []
        assert ("toIntervalSecond(2592000)" in made(store)["flows"]) == (wanted is monthly)
    assert made(store) == plain


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(
    store: Store, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = made(store)
    monkeypatch.setenv("FLOWTRAIL_RETENTION", "90d")
    told = run("migrate", "--dry-run")
    assert "would apply to flows: records are kept for 90 days" in told.stdout
    assert made(store) == before
    assert count(store, "retention") == 0
    none = CliRunner().invoke(app, ["--db", str(tmp_path / "none"), "migrate", "--dry-run"])
    assert "would apply to flows: records are kept for 90 days" in none.stdout
    assert not (tmp_path / "none").exists()
    done = json.loads(run("migrate", "-o", "json").stdout)
    assert (done["applied"], done["retention_changed"]) == ([], sorted(KEPT))
    assert done["retention_seconds"] == 90 * 86_400
    assert "Nothing to do" in run("migrate").stdout
    monkeypatch.delenv("FLOWTRAIL_RETENTION")
    assert "applied to flows: records are kept forever" in run("migrate").stdout
    assert made(store) == before


def test_a_user_who_may_not_alter_tables_is_told_who_may(monthly: Store) -> None:
    class Loader(Store):
        def client(self):  # type: ignore[no-untyped-def]
            return self.reader()

    assert keep(Loader(monthly.db, monthly.database)) == []
    with pytest.raises(FlowtrailError, match="cannot be changed") as refused:
        keep(Loader(monthly.db, monthly.database, MONTH))
    assert "flowtrail migrate" in refused.value.remedy


def test_what_has_expired_is_neither_lost_nor_read_again_nor_new(store: Store, monthly: Store, filled: Bucket) -> None:
    assert ingest(store, filled).flows == 12
    assert doctor.examine(store) == []
    keep(monthly)
    until(store, 6)
    until(store, 2, "coverage")
    assert count(store, "receipts") == 3
    for wanted in (
        monthly,
        store,
        replace(store, retention=400 * DAY),
    ):  # whatever the retention is from now on
        keep(wanted)
        assert doctor.examine(wanted) == []
        repeated = ingest(wanted, filled)
        assert (repeated.objects_known, repeated.objects_done) == (3, 0)
        filled_keys = [key(365 * DAY), key(40 * DAY), key(DAY)]
        assert restore(wanted) == Outcome(), filled_keys
        assert count(store) == 6


def test_what_is_lost_otherwise_is_still_found(store: Store, monthly: Store, filled: Bucket) -> None:
    ingest(monthly, filled)
    until(store, 6)
    recent = "object_id IN (SELECT object_id FROM receipts WHERE key LIKE '%_fl-1_{}%')"
    command(
        store.client(),
        f"ALTER TABLE flows DELETE WHERE {recent.format(f'{NOW - DAY:%Y%m%d}')} AND srcport = 40001"
        " SETTINGS mutations_sync = 2",
    )
    assert {problem.fault for problem in doctor.examine(store)} == {Fault.WRONG_COUNT}
    assert {problem.ref.key for problem in doctor.examine(store) if problem.ref} == {key(DAY)}
    assert len(restore(store).done) == 1
    assert doctor.examine(store) == []
    assert count(store) == 6


def test_changes_do_not_expire(store: Store, monthly: Store, bucket: Bucket) -> None:
    bucket.put(trail_key(1), trail(1))
    ingest(monthly, bucket)
    age = timedelta(days=400)
    for column in ("first_time", "last_time", "at"):
        command(
            store.client(),
            f"ALTER TABLE receipts UPDATE {column} = {column} - {age.total_seconds():.0f} WHERE 1 {SYNC}",
        )
    keep(monthly)
    assert doctor.examine(store) == []
    command(store.client(), f"ALTER TABLE change_events DELETE WHERE 1 {SYNC}")
    assert {problem.fault for problem in doctor.examine(store)} == {Fault.WRONG_COUNT}
    restore(monthly)
    assert doctor.examine(store) == []


def test_too_many_rows_of_an_object_that_expires_are_a_fault(store: Store, monthly: Store, filled: Bucket) -> None:
    ingest(monthly, filled)
    until(store, 6)
    for _ in range(2):  # three become twelve, of six
        command(
            store.client(),
            "INSERT INTO flows SELECT * REPLACE (row_no + 100 AS row_no) FROM flows"
            " WHERE object_id IN (SELECT object_id FROM receipts WHERE first_time < now() - 3000000)",
        )
    assert Fault.WRONG_COUNT in {problem.fault for problem in doctor.examine(store)}
    restore(monthly)
    until(store, 6)
    assert doctor.examine(store) == []


def test_objects_older_than_the_retention_are_done_and_their_rows_expire(
    store: Store, monthly: Store, bucket: Bucket
) -> None:
    ensure_migrated(monthly)
    bucket.put(key(365 * DAY), log(365 * DAY))
    done = ingest(monthly, bucket)
    assert (done.objects_done, done.rows_read, done.rows_written) == (1, 5, 4)
    until(store, 0)
    until(store, 0, "coverage")
    assert ingest(monthly, bucket).objects_known == 1
    assert doctor.examine(store) == []


@pytest.mark.parametrize("point", ["after-begin", "after-chunk:1", "after-chunk:2", "after-chunk:3", "before-receipts"])
def test_an_interrupted_load_whose_rows_expire_is_finished(
    store: Store, monthly: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, *, point: str
) -> None:
    ensure_migrated(monthly)
    bucket.put(key(40 * DAY), log(40 * DAY, DAY))

    def die(here: str) -> None:
        if here == point:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "failpoint", die)
        with pytest.raises(RuntimeError, match="Died"):
            ingest(monthly, bucket)
    sleep(1.5)
    assert ingest(monthly, bucket).objects_done == 1
    until(store, 3)
    until(store, 1, "coverage")
    assert ingest(monthly, bucket).objects_known == 1
    assert doctor.examine(store) == []


def test_a_ttl_that_was_removed_leaves_no_part_that_would_still_expire(
    store: Store, monthly: Store, filled: Bucket
) -> None:
    """A part expires at the time stored in it, until that is recalculated."""
    ingest(monthly, filled)
    until(store, 6)
    keep(store)
    sql = (
        "SELECT toUnixTimestamp(min(delete_ttl_info_max)) AS first FROM system.parts"
        " WHERE active AND rows > 0 AND database = {db:String} AND table IN ('flows', 'coverage')"
    )
    assert query(store.client(), sql, {"db": store.database})["first"][0].as_py() > (NOW + 5_000 * DAY).timestamp()


def test_rejected_lines_expire_with_the_last_record_of_their_object(
    store: Store, monthly: Store, filled: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_objects, "_without_records", lambda _: [])  # earlier releases loaded such an object
    filled.put(key(2 * DAY), log(rejected=4))
    ingest(store, filled)
    assert count(store, "rejected_lines") == 7
    keep(monthly)
    assert count(store, "rejected_lines") == 6
    until(store, 6)
    assert doctor.examine(store) == []
    command(
        store.client(),
        "ALTER TABLE receipts UPDATE at = at - INTERVAL 40 DAY WHERE rows_rejected = 4 SETTINGS mutations_sync = 2",
    )
    keep(monthly)
    assert count(store, "rejected_lines") == 2
    assert doctor.examine(store) == []


def test_status_and_search_say_from_when_on_records_are_kept(
    store: Store, monthly: Store, filled: Bucket, run: Callable[..., Result]
) -> None:
    ingest(store, filled)
    assert "forever" in run("status").stdout
    assert json.loads(run("status", "-o", "json").stdout)["retention_seconds"] is None
    assert "not kept" not in run("search").stdout
    keep(monthly)
    until(store, 6)
    text = run("status").stdout
    assert "records are kept for 30 days: those from before" in text
    answer = json.loads(run("status", "-o", "json").stdout)
    assert answer["retention_seconds"] == 30 * 86_400
    since = datetime.fromisoformat(answer["kept_from"])
    assert abs(since - (datetime.now(UTC) - MONTH)) < timedelta(minutes=2)
    assert "are not kept" in run("search").stdout
    assert "No records are known to be missing" not in run("search").stdout
    assert "are not kept" not in run("search", "--from", "2d").stdout
    assert "are not kept: normal traffic before" in run("correlate", "--from", "30d").stderr
    assert "are not kept" not in run("correlate", "--from", "3d").stderr
    found = json.loads(run("search", "--from", "60d", "-o", "json").stdout)["coverage"]
    assert found["kept_from"] is not None
    keep(store)
    assert kept(store.reader()).retention is None
    assert "from before" in run("status").stdout
    assert "are not kept" in run("search").stdout
