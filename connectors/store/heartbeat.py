"""Which processes that hold attempts are alive.

On a server, a process shows it by a row of `heartbeats`, written several times within the store's lease, by the
server's clock. A process that has been silent for longer than the lease counts as dead, and one on this machine as soon
as it is gone. The embedded engine has one process only: all others are dead.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from connectors.store.clickhouse import Store, command, query
from schemas.errors import FlowtrailError
from schemas.runs import HEARTBEATS

BEATS_PER_LEASE = 6
"""One beat may be late, and another lost, before the lease runs out."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def _owner_of(pid: int) -> int:
    return secrets.randbits(64) or 1


def this_process() -> int:
    """The id under which this process holds attempts; a forked process has an id of its own."""
    return _owner_of(os.getpid())


def alive(store: Store, owners: Iterable[int]) -> set[int]:
    """Those of `owners` that are alive. Raises FlowtrailError when the store cannot be read."""
    wanted = sorted(set(owners))
    mine = {owner for owner in wanted if owner == this_process()}
    if store.embedded or not set(wanted) - mine:
        return mine
    sql = f"""
        SELECT owner, machine, process, started, dateDiff('millisecond', at, now64(3)) AS silent
        FROM {HEARTBEATS.name} WHERE owner IN {{owners:Array(UInt64)}} ORDER BY at DESC LIMIT 1 BY owner
    """  # noqa: S608
    lease = store.lease.total_seconds() * 1000
    rows = query(store.client(), sql, {"owners": wanted}).to_pylist()
    return mine | {row["owner"] for row in rows if row["silent"] <= lease and not _is_gone(row)}


def _is_gone(row: dict[str, object]) -> bool:
    """Whether the process ran on this machine and has ended."""
    return (
        bool(row["machine"]) and row["machine"] == _machine() and _started(int(str(row["process"]))) != row["started"]
    )


def _machine() -> str:
    """Names this boot of this machine and this namespace of process ids; "" where that cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> int:
    """When the process started, in clock ticks since boot (the 22nd field of /proc/PID/stat); 0 when there is none, or
    when it has ended and only its parent has not noticed yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return 0
    state, *fields = stat.rpartition(")")[2].split()
    return 0 if state in "ZX" else int(fields[18])


class Heartbeat:
    """The heartbeat of one owner on one store, from the first `beating` to the end of the last."""

    def __init__(self, store: Store, owner: int | None = None) -> None:
        self._store, self.owner = store, this_process() if owner is None else owner
        self._lock = threading.Lock()
        self._users = 0
        self._stop = threading.Event()
        self._confirmed = 0.0

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the block lasts, other processes see that this one is alive. Raises FlowtrailError when the first beat
        cannot be written."""
        if self._store.embedded:
            yield
            return
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._beat()
                self._stop = threading.Event()
                threading.Thread(target=self._run, args=(self._stop,), name="heartbeat", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._stop.set()

    def is_fresh(self) -> bool:
        """Whether others must still count this process as alive, by its own clock and with time to spare."""
        return self._store.embedded or time.monotonic() - self._confirmed < self._store.lease.total_seconds() / 2

    def refresh(self) -> None:
        """Beat now. Raises FlowtrailError when the store does not confirm it."""
        self._beat()

    def _beat(self) -> None:
        at = time.monotonic()  # before the request: what counts is when the server may have taken the time
        values = f"{self.owner:d}, '{_machine()}', {os.getpid():d}, {_started(os.getpid()):d}"
        command(
            self._store.client(),
            f"INSERT INTO {HEARTBEATS.name} (owner, machine, process, started) SELECT {values}",
        )
        self._confirmed = at

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._store.lease.total_seconds() / BEATS_PER_LEASE):
            try:
                self._beat()
            except FlowtrailError as error:
                _log.info("The store did not take a heartbeat: %s", error.message)


_beats: dict[tuple[str, str, int], Heartbeat] = {}
_lock = threading.Lock()


def heartbeat(store: Store) -> Heartbeat:
    """This process's heartbeat on the store."""
    key = (store.db, store.database, os.getpid())
    with _lock:
        if key not in _beats:
            _beats[key] = Heartbeat(store)
        return _beats[key]
