"""One process at a time on a server, for what must not be done twice at once: migrating, and judging what is due.

Each process creates an empty table named after itself, and goes on when it sees no such table of another live process:
of any two, the one that looks last sees the other. The one with the lowest id stays and waits, the others step back.
The embedded engine has one process, which claims nothing.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.store.clickhouse import Store, command, query
from connectors.store.heartbeat import alive, heartbeat, this_process
from schemas.errors import FlowtrailError

MIGRATING, JUDGING = "migrating_", "judging_"
"""What can be claimed: how the names of the tables begin."""
POLL_SECONDS = 0.2
PATIENCE = 3
"""Seconds for which others that claim the same at the same time are given to step back."""

Run = Callable[[str], None]


@contextmanager
def claimed(store: Store, run: Run) -> Iterator[Callable[[], None]]:
    """Wait until no other live process migrates; while the block lasts, none does. The block calls what it is given
    before each statement: it raises FlowtrailError when this process was silent for so long that another took over."""
    if store.embedded:
        yield lambda: None
        return
    heart, claim = heartbeat(store), _Claim(store, MIGRATING, run)

    def check() -> None:
        if heart.is_fresh():
            return
        heart.refresh()
        if claim.others(live=True) or not claim.stands():
            raise FlowtrailError("Another process has taken over the migration.", "Run the same command again.")

    with heart.beating(), claim:
        while others := claim.others(live=True):
            if this_process() > min(others):
                claim.step_back()
                while claim.others(live=True):
                    time.sleep(POLL_SECONDS)
                claim.make()
            else:
                time.sleep(POLL_SECONDS)
        claim.remove_dead()
        yield check


@contextmanager
def claimed_if_free(store: Store, what: str) -> Iterator[bool]:
    """Whether no other live process does `what` while the block lasts. Of several that ask at the same time one may go
    on, unless another has begun before. Raises FlowtrailError when the store fails."""
    if store.embedded:
        yield True
        return
    client = store.client()
    claim = _Claim(store, what, lambda sql: command(client, sql))
    with heartbeat(store).beating(), claim:
        end = time.monotonic() + PATIENCE
        while others := claim.others(live=True):
            if this_process() > min(others) or time.monotonic() > end:
                break
            time.sleep(POLL_SECONDS)
        if others:
            claim.step_back()
        else:
            claim.remove_dead()
        yield not others


class _Claim:
    """The table of this process, which exists within the block."""

    def __init__(self, store: Store, prefix: str, run: Run) -> None:
        self._store, self._prefix, self._run = store, prefix, run
        self._mine = f"{prefix}{this_process()}"

    def __enter__(self) -> None:
        self.make()

    def __exit__(self, *_: object) -> None:
        self.step_back()

    def make(self) -> None:
        self._run(f"CREATE TABLE IF NOT EXISTS {self._mine} (x UInt8) ENGINE = Null")

    def step_back(self) -> None:
        self._run(f"DROP TABLE IF EXISTS {self._mine} SYNC")

    def stands(self) -> bool:
        return self._mine in self._names()

    def others(self, *, live: bool) -> set[int]:
        names = (re.fullmatch(rf"{self._prefix}(\d+)", name) for name in self._names())
        owners = {int(name[1]) for name in names if name} - {this_process()}
        living = alive(self._store, owners)
        return living if live else owners - living

    def remove_dead(self) -> None:
        for dead in self.others(live=False):
            self._run(f"DROP TABLE IF EXISTS {self._prefix}{dead} SYNC")

    def _names(self) -> set[str]:
        sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})"
        return {row["name"] for row in query(self._store.client(), sql, {"prefix": self._prefix}).to_pylist()}
