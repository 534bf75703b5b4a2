"""Proves, with Docker: everything works on a real ClickHouse server too. Run by `make test-docker`; without Docker it
fails, because it was explicitly requested."""

import os
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from connectors.store import attempts, clickhouse, doctor, ledger
from connectors.store.clickhouse import Store, query
from connectors.store.migrate import ensure_migrated, migrate, released
from console.answers.search import Filters, search
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from schemas.columnar.batch import Batch
from schemas.errors import FlowtrailError
from schemas.tables import TABLES
from tests.conftest import Bucket
from tests.contents import contents, faults
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key
from tests.integration.test_ledger import OBJECTS as HANDMADE

pytestmark = pytest.mark.docker

IMAGE = os.environ.get("FLOWTRAIL_TEST_CLICKHOUSE", "clickhouse/clickhouse-server:26.9")
OBJECTS = {**{flow_key(n): flow_log(n) for n in range(6)}, trail_key(1): trail(1)}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    try:
        docker.from_env().ping()
    except docker.errors.DockerException as error:
        pytest.fail(f"These tests need a Docker engine, and none answers: {error}", pytrace=False)
    container = DockerContainer(IMAGE).with_exposed_ports(8123).with_env("CLICKHOUSE_PASSWORD", "secret")
    container = container.with_env("CLICKHOUSE_USER", "flowtrail").with_env("CLICKHOUSE_DB", "flowtrail")
    with container.waiting_for(HttpWaitStrategy(8123, "/ping").for_status_code(200)) as running:
        yield running


@pytest.fixture
def remote(server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FLOWTRAIL_PASSWORD", "secret")
    host, port = server.get_container_host_ip(), server.get_exposed_port(8123)
    store = Store(f"http://flowtrail@{host}:{port}/flowtrail")
    yield store
    clickhouse.command(store.server(), "DROP DATABASE IF EXISTS flowtrail SYNC")


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for key, body in OBJECTS.items():
        bucket.put(key, body)
    return bucket


def test_the_tables_are_those_of_the_registry(remote: Store) -> None:
    assert migrate(remote) == released()
    assert migrate(remote) == []
    sql = (
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}"
        " AND default_kind != 'ALIAS' ORDER BY position"
    )
    for table in TABLES.values():
        columns = query(remote.reader(), sql, {"t": table.name}).to_pylist()
        assert [(c["name"], c["type"]) for c in columns] == [(c.name, c.clickhouse) for c in table.columns]


def test_the_same_rows_as_in_a_folder(remote: Store, store: Store, filled: Bucket) -> None:
    for target in (store, remote):
        summary = run_ingest(target, [filled.url], limits=Limits(objects=3))
        assert (summary.objects_done, summary.flows) == (7, 30)
    assert contents(remote) == contents(store)
    assert faults(remote) == {}
    assert doctor.examine(remote) == []
    assert run_ingest(remote, [filled.url]).objects_known == 7
    rejects = search(remote, Filters(action="REJECT")).to_json()["flows"]
    assert rejects == search(store, Filters(action="REJECT")).to_json()["flows"]


def test_a_reader_cannot_write(remote: Store) -> None:
    ensure_migrated(remote)
    with pytest.raises(FlowtrailError, match=r"(?i)readonly"):
        clickhouse.command(remote.reader(), "CREATE TABLE x (a UInt8) ENGINE = Memory")


@pytest.mark.parametrize("point", ["after-begin", "after-chunk:2", "before-receipts", "after-receipts"])
def test_a_writer_that_dies(remote: Store, store: Store, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    class Died(BaseException):
        pass

    def reached(name: str) -> None:
        if name == point:
            raise Died

    ensure_migrated(remote)
    ledger.write(store, "run", Batch.of(HANDMADE), 1)
    with monkeypatch.context() as patched, pytest.raises(Died):
        patched.setattr(ledger, "failpoint", reached)
        ledger.write(remote, "run", Batch.of(HANDMADE), 1)
    assert not ledger.settle(remote).busy  # a process knows which of its own attempts have ended
    ledger.write(remote, "run", Batch.of(HANDMADE), 1)
    assert contents(remote) == contents(store)
    assert faults(remote) == {}


def test_two_writers_of_the_same_objects(remote: Store, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one starts before the first is done: it sees no receipts, and resolves the conflict afterwards."""
    ensure_migrated(remote)
    ledger.write(store, "run", Batch.of(HANDMADE), 1)
    to_come = iter((100, 200))
    monkeypatch.setattr(attempts, "new_id", lambda: next(to_come))
    ledger.write(remote, "run", Batch.of(HANDMADE), 1)
    see, calls = ledger.receipts.done, []

    def blind_at_first(client: Any, ids: Any) -> dict[int, list[int]]:
        calls.append(1)
        return {} if len(calls) <= 2 else see(client, ids)

    monkeypatch.setattr(ledger.receipts, "done", blind_at_first)
    assert not ledger.write(remote, "other", Batch.of(HANDMADE), 1).receipts
    assert contents(remote) == contents(store)
    assert faults(remote) == {}
