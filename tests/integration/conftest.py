"""A server for each module: the embedded engine behind ClickHouse's HTTP interface."""

import uuid
from collections.abc import Iterator

import pytest

from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
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


@pytest.fixture
def remote(gateway: Gateway) -> Store:
    store = Store(gateway.url(f"t_{uuid.uuid4().hex}"))
    ensure_migrated(store)
    return store
