"""One migrator at a time on a server.

Each migrator creates an empty table named after itself, and goes on when it sees no such table of another live process:
of any two, the one that looks last sees the other. The one with the lowest id stays and waits, the others step back.
The embedded engine has one process, which claims nothing.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import Store, query
from connectors.store.heartbeat import alive, heartbeat, this_process
from schemas.errors import FlowtrailError

PREFIX = "migrating_"
POLL_SECONDS = 0.2

Run = Callable[[str], None]


@contextmanager
def claimed(store: Store, run: Run) -> Iterator[Callable[[], None]]:
    """Wait until no other live process migrates; while the block lasts, none does. The block calls what it is given
    before each statement: it raises FlowtrailError when this process was silent for so long that another took over."""
    if store.embedded:
        yield lambda: None
        return
    mine = f"{PREFIX}{this_process()}"
    client = store.client()
    create = f"CREATE TABLE IF NOT EXISTS {mine} (x UInt8) ENGINE = Null"
    heart = heartbeat(store)

    def check() -> None:
        if heart.is_fresh():
            return
        heart.refresh()
        if _others(store, client, live=True) or mine not in _claims(client):
            raise FlowtrailError("Another process has taken over the migration.", "Run the same command again.")

    with heart.beating():
        run(create)
        try:
            while others := _others(store, client, live=True):
                if this_process() > min(others):
                    run(f"DROP TABLE IF EXISTS {mine} SYNC")
                    while _others(store, client, live=True):
                        time.sleep(POLL_SECONDS)
                    run(create)
                else:
                    time.sleep(POLL_SECONDS)
            for dead in _others(store, client, live=False):
                run(f"DROP TABLE IF EXISTS {PREFIX}{dead} SYNC")
            yield check
        finally:
            run(f"DROP TABLE IF EXISTS {mine} SYNC")


def _claims(client: Client) -> set[str]:
    sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})"
    return {row["name"] for row in query(client, sql, {"prefix": PREFIX}).to_pylist()}


def _others(store: Store, client: Client, *, live: bool) -> set[int]:
    names = (re.fullmatch(rf"{PREFIX}(\d+)", name) for name in _claims(client))
    owners = {int(name[1]) for name in names if name} - {this_process()}
    living = alive(store, owners)
    return living if live else owners - living
