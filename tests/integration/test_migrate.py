"""Proves: the DDL creates the registry's columns on the real engine; migrations apply once, change nothing in a dry
run, and reject a state that they do not know."""

from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from connectors.store import migrate as migrator
from connectors.store.clickhouse import Store, command, query
from connectors.store.migrate import ensure_migrated, migrate, pending, released
from schemas.errors import FlowtrailError
from schemas.tables import TABLES
from schemas.views import VIEWS, View


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_registry_says(store: Store, name: str) -> None:
    described = store.reader().query(f"DESCRIBE TABLE {name}").result_rows
    stored = [(row[0], row[1]) for row in described if row[2] != "ALIAS"]
    assert stored == [(column.name, column.clickhouse) for column in TABLES[name].columns]


def test_every_table_is_in_the_registry(store: Store) -> None:
    names = query(store.reader(), "SELECT name FROM system.tables WHERE database = currentDatabase()")[
        "name"
    ].to_pylist()
    assert set(names) == {*TABLES, *(view.name for view in VIEWS), "migrations"}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_is_what_the_registry_says(store: Store, view: View) -> None:
    described = store.reader().query(f"DESCRIBE TABLE {view.name}").result_rows
    assert [(row[0], row[1]) for row in described] == [(name, kind) for name, kind, _ in view.columns]


def test_applied_once(empty_store: Store) -> None:
    assert migrate(empty_store) == released()
    assert migrate(empty_store) == []
    ensure_migrated(empty_store)
    assert pending(empty_store.client()) == []


def test_the_tests_stores_are_like_a_migrated_one(store: Store, template: Store) -> None:
    fresh = Store(store.db, f"{store.database}_fresh")
    try:
        ensure_migrated(fresh)
        assert made(store) == made(fresh) == made(template)
        rows = "SELECT * EXCEPT at FROM migrations ORDER BY number, state"
        assert query(store.reader(), rows) == query(fresh.reader(), rows)
        assert migrate(store) == []
    finally:
        fresh.server().command(f"DROP DATABASE IF EXISTS {fresh.database} SYNC")


def test_a_dry_run_changes_nothing(empty_store: Store) -> None:
    assert migrate(empty_store, dry_run=True) == released()
    with pytest.raises(FlowtrailError, match="flowtrail ingest s3://bucket/AWSLogs/"):
        empty_store.client()


def test_a_dry_run_creates_no_folder(tmp_path: Path) -> None:
    assert migrate(Store(str(tmp_path / "new")), dry_run=True) == released()
    assert not (tmp_path / "new").exists()


def test_a_changed_file_is_refused(store: Store) -> None:
    store.client().command("ALTER TABLE migrations UPDATE checksum = 'x' WHERE number = 2 SETTINGS mutations_sync = 2")
    with pytest.raises(FlowtrailError, match=r"0002_ledger.*checksum"):
        migrate(store)


def test_a_statement_that_is_not_repeatable_is_refused(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = migrator.Migration(9000, "odd", "CREATE TABLE fine (x UInt8) ENGINE = Memory;\nNONSENSE;")
    monkeypatch.setattr(migrator, "released", lambda: [odd])
    with pytest.raises(ValueError, match="not known to be repeatable: NONSENSE"):
        migrate(empty_store)
    assert pending(empty_store.client(), [odd]) == [odd]


class Stopped(Exception):
    """The process ends here."""


def stop_at(monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool) -> list[str]:
    """From now on the migrator stops at its `number`th statement, before or after it is run; returns what is sent."""
    sent: list[str] = []

    def stopping(client: Client, sql: str) -> None:
        sent.append(sql)
        if len(sent) == number and not after:
            raise Stopped
        command(client, sql)
        if len(sent) == number:
            raise Stopped

    monkeypatch.setattr(migrator, "command", stopping)
    return sent


@pytest.mark.parametrize("state", [0, 4, 6])
def test_stopped_at_any_statement_it_goes_on(
    store: Store, engine_folder: Path, monkeypatch: pytest.MonkeyPatch, state: int
) -> None:
    """Every seventh stop of a migration with rows, where the statements differ in kind: all of them are in `make
    test-crash`."""
    wanted = made(store)
    sweep(engine_folder, monkeypatch, state, wanted, step=7)


@pytest.mark.crash
@pytest.mark.parametrize("state", range(len(released())))
def test_stopped_at_every_statement_it_goes_on(
    store: Store, engine_folder: Path, monkeypatch: pytest.MonkeyPatch, state: int
) -> None:
    sweep(engine_folder, monkeypatch, state, made(store), step=1)


def sweep(folder: Path, monkeypatch: pytest.MonkeyPatch, state: int, wanted: dict[str, str], *, step: int) -> None:
    number, stopped = 1, True
    while stopped:
        for after in (False, True):
            earlier = Store(str(folder), f"t_stopped_{state}_{number}_{after}")
            try:
                before = filled(earlier, monkeypatch, state)
                with monkeypatch.context() as patched:
                    sent = stop_at(patched, number, after=after)
                    stopped = False
                    try:
                        migrate(earlier)
                    except Stopped:
                        stopped = True
                where = f"{'after' if after else 'before'} {sent[-1][:80]}"
                migrate(earlier)
                assert made(earlier) == wanted, where
                assert pending(earlier.client()) == [], where
                if before is not None:
                    assert flows(earlier) == before, where
            finally:
                earlier.server().command(f"DROP DATABASE IF EXISTS {earlier.database} SYNC")
        number += step
    assert number > step


def filled(store: Store, monkeypatch: pytest.MonkeyPatch, state: int) -> Any:
    """A store of the release whose last migration is `state`, with rows; returns them."""
    if not state:
        return None
    with monkeypatch.context() as patched:
        patched.setattr(migrator, "released", lambda: [m for m in released() if m.number <= state])
        migrate(store)
    store.client().command(
        "INSERT INTO flows (start, end, interface_id, row_no) SELECT toDateTime('2026-01-01', 'UTC') + number * 86400"
        " AS day, day, 'eni-1', number FROM numbers(20)"
    )
    return flows(store)


def flows(store: Store) -> Any:
    return query(store.client(), "SELECT start, end, interface_id, row_no FROM flows ORDER BY row_no")


STATES = [migration.number for migration in released()]


def made(store: Store) -> dict[str, str]:
    """The engine's description of each table."""
    sql = "SELECT name, create_table_query AS made FROM system.tables WHERE database = currentDatabase()"
    rows = query(store.reader(), sql).to_pylist()
    return {row["name"]: row["made"].replace(store.database, "db") for row in rows}


@pytest.mark.parametrize("state", STATES)
def test_from_every_earlier_state(
    store: Store, engine_folder: Path, monkeypatch: pytest.MonkeyPatch, state: int
) -> None:
    """A database of any earlier release ends up like a new one, and keeps its rows, also those of more days than one
    insert may have partitions: tables are copied up to the seventh migration."""
    days = 200 if state in (4, 6) else 20
    earlier = Store(str(engine_folder), f"{store.database}_earlier")
    with monkeypatch.context() as patched:
        patched.setattr(migrator, "released", lambda: [m for m in released() if m.number <= state])
        migrate(earlier)
    try:
        earlier.client().command(
            "INSERT INTO flows (start, end, action, interface_id, srcaddr, row_no, load, chunk, object_id, extra)"  # noqa: S608
            " SELECT toDateTime('2026-01-01', 'UTC') + number * 86400 AS day, day, 'REJECT', 'eni-1', '::1', number,"
            f" 1, 1, 7, map('k', 'v') FROM numbers({days:d}) SETTINGS max_partitions_per_insert_block = 0"
        )
        known = "SELECT name FROM system.columns WHERE database = {db:String} AND table = 'flows' AND default_kind = ''"
        columns = ", ".join(query(earlier.client(), known, {"db": earlier.database})["name"].to_pylist())
        rows = f"SELECT {columns} FROM flows ORDER BY row_no"  # noqa: S608
        before = query(earlier.client(), rows)
        assert before.num_rows == days
        assert [m.number for m in migrate(earlier)] == [number for number in STATES if number > state]
        assert made(earlier) == made(store)
        assert query(earlier.client(), rows) == before
        assert migrate(earlier) == []
    finally:
        earlier.server().command(f"DROP DATABASE IF EXISTS {earlier.database} SYNC")


def test_a_newer_database_is_refused(store: Store) -> None:
    with pytest.raises(FlowtrailError, match="newer release"):
        pending(store.client(), released()[:-1])
