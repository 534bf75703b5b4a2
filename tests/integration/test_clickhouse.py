"""Proves: what the user sees when a database cannot be opened; readers cannot write; values are never run as SQL."""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from connectors.store.clickhouse import Store, insert, query
from connectors.store.migrate import MIGRATIONS
from schemas.errors import FlowtrailError
from tests import forked

OPEN = (
    "import sys; from datetime import timedelta; from connectors.store.clickhouse import Store;"
    " Store(sys.argv[1], 'system', wait=timedelta(seconds=1)).client(); print('open')"
)


def opened_by_another_process(folder: Path) -> subprocess.CompletedProcess[str]:
    return forked.run([sys.executable, "-c", OPEN, str(folder)], timeout=120)


def test_locked_by_another_process(store: Store, engine_folder: Path) -> None:
    other = opened_by_another_process(engine_folder)
    assert other.returncode != 0
    assert "in use by another process" in other.stderr
    assert "FLOWTRAIL_DB" in other.stderr


def test_many_that_open_a_folder_at_once_wait_for_each_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN.replace("seconds=1", "seconds=60"), str(tmp_path / "db")]
    pipe = subprocess.PIPE
    going = [forked.Popen(command, stdout=pipe, stderr=pipe) for _ in range(8)]
    answers = [process.communicate(timeout=120) for process in going]
    assert [answer for answer, _ in answers] == ["open\n"] * 8, answers


def test_a_folder_that_was_left_behind_opens(tmp_path: Path) -> None:
    code = OPEN + "; import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    killed = forked.run([sys.executable, "-c", code, str(tmp_path / "db")])
    assert killed.returncode == -9
    assert (tmp_path / "db" / "status").exists()
    assert opened_by_another_process(tmp_path / "db").stdout == "open\n"


def test_a_folder_that_cannot_exist(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    other = opened_by_another_process(tmp_path / "file" / "db")
    assert "cannot be opened: Not a directory" in other.stderr
    assert "FLOWTRAIL_DB" in other.stderr


def test_two_folders_in_one_process(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FlowtrailError, match="another process"):
        Store(str(tmp_path / "second")).client()


def test_no_database(empty_store: Store, tmp_path: Path) -> None:
    for make in (empty_store.client, empty_store.reader, Store(str(tmp_path / "none")).reader):
        with pytest.raises(FlowtrailError, match=r"no database.*\n.*flowtrail ingest s3://bucket/AWSLogs/"):
            make()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO flows (interface_id) VALUES ('x')",
        "DROP TABLE flows",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "CREATE TABLE t (x UInt8) ENGINE = Memory",
    ],
)
def test_a_reader_cannot_write(store: Store, sql: str) -> None:
    with pytest.raises(DatabaseError):
        store.reader().command(sql)
    with pytest.raises(FlowtrailError):
        query(store.reader(), sql)
    assert query(store.reader(), "SELECT count() AS n FROM flows")["n"].to_pylist() == [0]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; DROP TABLE flows",
        "SELECT ';' ;; SELECT 2",
        "SELECT 1 /* ; */ ; -- '\nSELECT 2",
        "SELECT 'it\\'s; SELECT 2",
        "SELECT $a$ ' $a$; SELECT 2 --'",
        "SELECT 1 INTO OUTFILE 'written'",
        "SELECT 1 INTO/**/OUTFILE 'written'",
        "SELECT 1 into -- c\n outfile 'written'",
    ],
)
def test_a_query_is_one_statement_and_writes_no_file(
    store: Store, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FlowtrailError, match=r"single query|write a file"):
        query(store.client(), sql)
    assert query(store.client(), "SELECT count() AS n FROM flows")["n"].to_pylist() == [0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT 'a;b' AS x;", "SELECT 'a;b' AS x ; ;\n", "/* ; */ SELECT 'a;b' AS x -- ;"])
def test_a_semicolon_in_a_text_or_at_the_end(store: Store, sql: str) -> None:
    assert query(store.reader(), sql)["x"].to_pylist() == ["a;b"]


def test_a_query_that_fails_half_way_leaves_nothing_for_the_next(store: Store) -> None:
    failing = "SELECT number, throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000"
    for client in (store.reader(), store.client()):
        with pytest.raises(FlowtrailError, match="throwIf"):
            query(client, failing if client is store.client() else failing.split(" SETTINGS", maxsplit=1)[0])
        assert query(client, "SELECT 2 AS x").to_pylist() == [{"x": 2}]


def test_values_are_not_sql(store: Store) -> None:
    nasty = "x'; DROP TABLE flows; --"
    assert query(store.reader(), "SELECT {p:String} AS p", {"p": nasty})["p"].to_pylist() == [nasty]
    with pytest.raises(FlowtrailError):
        query(store.reader(), "SELECT {p:UInt8} AS p", {"p": "1 OR 1"})
    with pytest.raises(ValueError, match="no parameter"):
        query(store.reader(), "SELECT %(p)s AS p", {"p": nasty})


def test_types_of_an_answer(store: Store) -> None:
    sql = "SELECT toDateTime64(now(), 0, 'UTC') AS t, toIPv6('::ffff:1.2.3.4') AS a, toLowCardinality('x') AS s"
    answer = query(store.reader(), sql)
    assert answer.schema.types == [pa.timestamp("s", "UTC"), pa.binary(16), pa.string()]


def test_insert_casts_and_refuses_nulls(store: Store) -> None:
    row = {"number": 9007, "name": "n", "checksum": "c", "state": "s", "at": datetime(2026, 1, 1, 0, 0, 0, 1234, UTC)}
    insert(store.client(), MIGRATIONS, pa.Table.from_pylist([row]))
    found = query(store.client(), "SELECT name, at FROM migrations WHERE number = 9007").to_pylist()
    assert found == [{"name": "n", "at": datetime(2026, 1, 1, 0, 0, 0, 1000, UTC)}]
    with pytest.raises(ValueError, match=r"migrations\.name has 1 nulls"):
        insert(store.client(), MIGRATIONS, pa.Table.from_pylist([{**row, "name": None}]))


def test_a_token_counts_once_and_without_one_nothing_is_lost(store: Store) -> None:
    from schemas.ledger import LEDGER

    blank = {"bucket": "", "key": "", "etag": "", "version_id": "", "table_name": "", "size": 0, "object_id": 0}
    row = {**blank, "load": 1, "state": "begin", "chunk": 0, "rows": 0, "owner": 1, "at": datetime.now(UTC)}
    for token in ("t", "t", "", ""):
        insert(store.client(), LEDGER, pa.Table.from_pylist([row]), token=token)
    assert query(store.client(), "SELECT count() AS n FROM ledger")["n"].to_pylist() == [3]


def test_a_client_per_thread(store: Store) -> None:
    clients = [store.client()]
    thread = threading.Thread(target=lambda: clients.append(store.client()))
    thread.start()
    thread.join()
    assert clients[0] is store.client()
    assert clients[0] is not clients[1]


def test_a_server_that_does_not_exist() -> None:
    with pytest.raises(FlowtrailError, match=r"127\.0\.0\.1:9 cannot be reached.*\n.*FLOWTRAIL_DB"):
        Store("http://127.0.0.1:9/db").client()


def test_urls() -> None:
    assert Store("https://ann@host:8443/trails").database == "trails"
    assert Store("https://ann@host").database == "flowtrail"
    with pytest.raises(FlowtrailError, match=r"password.*\n.*FLOWTRAIL_PASSWORD") as caught:
        Store("https://ann:hunter2@host")
    assert "hunter2" not in str(caught.value)
