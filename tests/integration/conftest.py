"""A server for each module: the embedded engine behind ClickHouse's HTTP interface."""

import uuid
from collections.abc import Iterator

import pytest

from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
from tests.conftest import copy
from tests.gateway_process import Gateway, started, stopped


@pytest.fixture(scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = started(tmp_path_factory.mktemp("gateway"))
    yield gateway
    stopped(gateway)


@pytest.fixture
def gateway(_gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """The server, without faults. A proxy in the environment is not used for addresses on loopback."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _gateway.order()
    yield _gateway
    _gateway.order()


@pytest.fixture(scope="module")
def _remote_template(_gateway: Gateway) -> Store:
    made = Store(_gateway.url("t_template"))
    ensure_migrated(made)
    return made


@pytest.fixture
def remote(gateway: Gateway, _remote_template: Store) -> Store:
    """A migrated, empty store for one test."""
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    copy(_remote_template, store.database)
    return store
