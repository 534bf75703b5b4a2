"""Proves: on a server, several processes may migrate at once, and whatever happens to a statement, the tables
are those of a clean migration."""

import subprocess
import sys
import uuid
from typing import Any

import pytest

from connectors.store import migrate as migrator
from connectors.store.clickhouse import Store, command, query
from connectors.store.migrate import ensure_migrated, migrate, released
from schemas.errors import FlowtrailError
from tests import forked
from tests.gateway import Fault
from tests.gateway_process import Gateway

MIGRATORS = """
import sys
from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
ensure_migrated(Store(sys.argv[1]))
"""


def tables(store: Store) -> list[Any]:
    """What the server says of each table, without the database's name."""
    sql = "SELECT name, replaceAll(create_table_query, currentDatabase(), 'db') AS made FROM system.tables"
    return query(store.client(), f"{sql} WHERE database = currentDatabase() ORDER BY name").to_pylist()


@pytest.mark.parametrize("many", [2, 4])
def test_several_migrate_a_new_server_at_once(gateway: Gateway, remote: Store, many: int) -> None:
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    running = [forked.Popen([sys.executable, "-c", MIGRATORS, store.db], stderr=subprocess.PIPE) for _ in range(many)]
    said = [each.communicate(timeout=120)[1] for each in running]
    assert [each.returncode for each in running] == [0] * many, said
    assert tables(store) == tables(remote)
    noted = "SELECT number, count() AS n FROM migrations WHERE state = 'done' GROUP BY number"
    assert {row["n"] for row in query(store.client(), noted).to_pylist()} == {1}


def test_several_migrate_a_server_with_rows_at_once(
    gateway: Gateway, remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    with monkeypatch.context() as patched:
        patched.setattr(migrator, "released", lambda: [m for m in released() if m.number <= 4])
        migrate(store)
    columns = "start, end, interface_id, row_no"
    rows = "SELECT '2026-01-01', '2026-01-01', 'eni', number FROM numbers(500)"
    command(store.client(), f"INSERT INTO flows ({columns}) {rows}")
    running = [forked.Popen([sys.executable, "-c", MIGRATORS, store.db]) for _ in range(3)]
    assert [each.wait(120) for each in running] == [0, 0, 0]
    assert query(store.client(), "SELECT count() AS n, uniqExact(row_no) AS u FROM flows").to_pylist() == [
        {"n": 500, "u": 500}
    ]
    assert tables(store) == tables(remote)


DDL = [r"CREATE DATABASE", r"CREATE TABLE IF NOT EXISTS migrations", r"CREATE TABLE IF NOT EXISTS flows\b"]
DDL += [r"CREATE TABLE flows_by_action", r"INSERT INTO flows_by_interval", r"RENAME TABLE flows TO"]
DDL += [r"RENAME TABLE flows_by", r"DROP TABLE IF EXISTS flows_by", r"ALTER TABLE (flows|ledger)\s+ADD"]
DDL += [r"ALTER TABLE tgw_flows MODIFY SETTING", r"INSERT INTO \W?migrations", r"CREATE TABLE IF NOT EXISTS migrating"]


@pytest.mark.parametrize("match", DDL)
@pytest.mark.parametrize(
    "what", ["reset", *(pytest.param(what, marks=pytest.mark.crash) for what in ("reset-before", "broken"))]
)
def test_a_fault_while_migrating_changes_nothing(gateway: Gateway, remote: Store, what: str, match: str) -> None:
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    gateway.order(Fault(what, match, 2))
    ensure_migrated(store)
    assert gateway.outstanding() == 0
    assert tables(store) == tables(remote)


def test_a_lasting_fault_while_migrating_says_to_run_it_again(gateway: Gateway, remote: Store) -> None:
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    gateway.order(Fault("broken", "RENAME TABLE", 1000))
    with pytest.raises(FlowtrailError, match=r"0005_flows_by_action.sql has stopped.*\n.*Run the same command again"):
        migrate(store)
    gateway.order()
    migrate(store)
    assert tables(store) == tables(remote)
