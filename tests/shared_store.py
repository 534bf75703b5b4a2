"""The embedded store as if other processes could have it open too, and other processes on other machines."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from unittest import mock

from clickhouse_connect.driver.client import Client

from connectors.store import heartbeat, ledger
from connectors.store.clickhouse import Store

ELSEWHERE = "another machine"


class SharedStore(Store):
    """What a writer on a server does, on the embedded engine: heartbeats, contests and take-overs."""

    @property
    def embedded(self) -> bool:
        return False

    def __post_init__(self) -> None:
        """`db` is a folder, not a URL."""

    def client(self) -> Client:
        return Store(self.db, self.database).client()

    def reader(self) -> Client:
        return Store(self.db, self.database).reader()


def shared(store: Store) -> SharedStore:
    return SharedStore(store.db, store.database, store.retention, store.lease)


def with_lease(store: SharedStore, seconds: float) -> SharedStore:
    return replace(store, lease=timedelta(seconds=seconds))


@contextmanager
def another_process(store: Store, owner: int, machine: str = ELSEWHERE) -> Iterator[None]:
    """What happens in the block is done as by the process `owner`, which is alive until its lease ends."""
    heart = heartbeat.Heartbeat(store, owner)
    with (
        mock.patch.object(heartbeat, "_machine", lambda: machine),
        mock.patch.object(heartbeat, "this_process", lambda: owner),
        mock.patch.object(ledger, "this_process", lambda: owner),
        mock.patch.object(ledger, "heartbeat", lambda _: heart),
        mock.patch.object(ledger, "_active", set()),
        mock.patch.object(ledger, "_writing", threading.RLock()),
        mock.patch.object(ledger, "_writers", ThreadPoolExecutor(1)),
    ):
        yield
