"""Numbered DDL files, each applied once, recorded in a table of the database itself.

A file is marked in-progress before its first statement and done after its last. One that is not done is simply run
again, whatever became of it: every statement is repeatable (`connectors.store.repeatable`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from itertools import count
from pathlib import Path

import pyarrow as pa
import stamina
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from connectors.failpoints import failpoint
from connectors.store.claim import claimed
from connectors.store.clickhouse import Store, StoreUnavailable, command, insert, query
from connectors.store.repeatable import Rebuild, Statement, repeatable
from connectors.store.retention import keep
from schemas.errors import FlowtrailError
from schemas.flow import LOW, TEXT
from schemas.runs import HEARTBEATS
from schemas.table import MILLISECONDS, Column, Table

MIGRATIONS = Table(
    "migrations",
    (
        Column("number", pa.uint32(), "UInt32", "number of the file"),
        Column("name", pa.string(), "String", "name of the file"),
        Column("checksum", pa.string(), "String", "SHA-256 of the file"),
        Column("state", TEXT, LOW, "in-progress or done; append-only"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the entry was written"),
    ),
)


_sent, _done = count(1), count(1)
"""Number the statements of this process, for failpoints."""


@dataclass(frozen=True)
class Migration:
    """One file of `schemas/ddl`: `0001_facts.sql` has number 1 and name `facts`."""

    number: int
    name: str
    sql: str

    @property
    def file(self) -> str:
        return f"{self.number:04d}_{self.name}.sql"

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """The file's statements: each ends with `;` at the end of a line."""
        return [text for part in re.split(r";\s*$", self.sql, flags=re.MULTILINE) if (text := part.strip())]


def released() -> list[Migration]:
    """Every migration of this release, in order."""
    return _files()


def _files() -> list[Migration]:
    named = [(re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name), file) for file in (files("schemas") / "ddl").iterdir()]
    found = [Migration(int(m[1]), m[2], file.read_text("utf-8")) for m, file in named if m]
    return sorted(found, key=lambda migration: migration.number)


def pending(client: Client, migrations: list[Migration] | None = None) -> list[Migration]:
    """Migrations still to be applied. Those left unfinished are among them. Raises FlowtrailError when an applied file
    has changed since, or when the database is newer than this release."""
    migrations = released() if migrations is None else migrations
    states = _states(client)
    by_number = {migration.number: migration for migration in migrations}
    for number, (name, checksum, _) in sorted(states.items()):
        where = f"Migration {number:04d}_{name} of the database {client.database}"
        if number not in by_number:
            raise FlowtrailError(
                f"{where} is unknown to this release: a newer release applied it.",
                "Install that release or a later one.",
            )
        if by_number[number].checksum != checksum:
            raise FlowtrailError(
                f"{where} is not the file that was applied: its checksum differs.",
                "Restore the released file, which must never change, and add a new numbered file instead.",
            )
    return [migration for migration in migrations if states.get(migration.number, ("", "", ""))[2] != "done"]


def migrate(store: Store, *, dry_run: bool = False) -> list[Migration]:
    """Apply pending migrations, creating the database if needed; returns those that were (or, in a dry run, would be)
    applied. A dry run changes nothing."""
    if dry_run and store.embedded and not Path(store.db).is_dir():
        return released()
    server = store.server()
    if not _has_database(server, store.database):
        if dry_run:
            return released()
        _repeat(server, f"CREATE DATABASE IF NOT EXISTS {quote_identifier(store.database)}")
    client = store.client()
    todo = pending(client)
    if dry_run or not todo:
        return todo
    if not store.embedded:
        _repeat(client, _heartbeats())
    with claimed(store, lambda sql: _repeat(client, sql)) as check:
        todo = pending(client)  # another process may have been at it
        for migration in todo:
            _apply(client, migration, check)
    return todo


def ensure_migrated(store: Store) -> None:
    """Called first by every command that writes. If nothing is pending and the retention is as configured, no DDL is
    run."""
    migrate(store)
    keep(store)


def _heartbeats() -> str:
    """Processes that migrate show that they are alive before any file has been applied."""
    head = f"CREATE TABLE IF NOT EXISTS {HEARTBEATS.name}\n"
    return next(sql for migration in _files() for sql in migration.statements if sql.startswith(head))


def _apply(client: Client, migration: Migration, check: Callable[[], None]) -> None:
    def run(sql: str) -> None:
        check()
        _send(client, sql)

    steps = list(repeatable(migration.statements))
    columns = ", ".join(f"{column.name} {column.clickhouse}" for column in MIGRATIONS.columns)
    try:
        _repeat(
            client,
            f"CREATE TABLE IF NOT EXISTS {MIGRATIONS.name} ({columns}) ENGINE = MergeTree ORDER BY (number, at)"
            " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1",
        )
        _note(client, migration, "in-progress")
        for step in steps:
            _run_step(client, step, run)
        check()
        _note(client, migration, "done")
    except FlowtrailError as error:
        raise type(error)(
            f"The migration {migration.file} has stopped: {error.message}",
            "Run the same command again: it goes on where it stopped.",
        ) from error


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _run_step(client: Client, step: Statement | Rebuild, run: Callable[[str], None]) -> None:
    """A step whose outcome is unknown starts anew, by what is there."""
    step.run(client, run)


def _send(client: Client, sql: str) -> None:
    failpoint(f"before-ddl:{next(_sent)}")
    command(client, sql)
    failpoint(f"after-ddl:{next(_done)}")


_repeat = stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)(_send)
"""For statements that may be run again just as they are."""


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _note(client: Client, migration: Migration, state: str) -> None:
    row = {
        "number": migration.number,
        "name": migration.name,
        "checksum": migration.checksum,
        "state": state,
        "at": datetime.now(UTC),
    }
    failpoint(f"before-ddl:{next(_sent)}")
    insert(client, MIGRATIONS, pa.Table.from_pylist([row]))
    failpoint(f"after-ddl:{next(_done)}")


def _states(client: Client) -> dict[int, tuple[str, str, str]]:
    """Name, checksum and state by number."""
    exists = "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
    if not query(client, exists, {"table": MIGRATIONS.name})["n"][0].as_py():
        return {}
    rows = query(
        client,
        f"SELECT number, any(name) AS name, any(checksum) AS checksum, max(state = 'done') AS done"  # noqa: S608
        f" FROM {MIGRATIONS.name} GROUP BY number",
    ).to_pylist()
    return {r["number"]: (r["name"], r["checksum"], "done" if r["done"] else "in-progress") for r in rows}


def _has_database(server: Client, database: str) -> bool:
    found = query(server, "SELECT count() AS n FROM system.databases WHERE name = {name:String}", {"name": database})
    return bool(found["n"][0].as_py())
