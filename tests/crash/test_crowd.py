"""Proves: four processes that ingest one bucket into one server, killed, halted for longer than their lease and started
again at random, leave what a single undisturbed one leaves; and with ids that two of them can hold they do not."""

import gzip
import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest

from connectors.store.clickhouse import Store, command
from connectors.store.migrate import ensure_migrated
from pipelines.ingest.pipeline import run_ingest
from tests.conftest import Bucket, copy
from tests.contents import contents, faults
from tests.crash import crowd
from tests.gateway_process import Gateway, started, stopped
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key

PROCESSES = 4
LEASE = timedelta(seconds=2)
DISTURBANCES = 5
PATIENCE = 90
"""Seconds within which an undisturbed crowd must have come to an end."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = started(tmp_path_factory.mktemp("crowd"))
    yield gateway
    stopped(gateway)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for n in range(12):
        bucket.put(flow_key(n), flow_log(n))
    for n in range(2):
        bucket.put(trail_key(n), trail(n))
    bucket.put(flow_key(20), gzip.compress(b"x" * 1000)[:-5])
    return bucket


@dataclass
class Crowd:
    """Processes on one store, and what is done to them by a seeded schedule."""

    store: Store
    url: str
    seed: int
    shared_ids: bool
    running: list[ForkServerProcess] = field(default_factory=list)
    started: int = 0

    def start(self) -> None:
        self.started += 1
        environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        seed = self.seed * 1000 + self.started
        self.running.append(crowd.start(self.store, self.url, seed, environment, shared_ids=self.shared_ids))

    def disturb(self) -> None:
        """Kill processes, or halt them until they are taken for dead, and start others in their place."""
        dice = random.Random(self.seed)
        for _ in range(DISTURBANCES):
            time.sleep(dice.uniform(0.1, 1.2))
            self.reap()
            chosen = dice.choice(self.running)
            if dice.random() < 0.6:
                chosen.kill()
                chosen.join()
                self.reap()
                continue
            with suppress(ProcessLookupError):
                os.kill(chosen.pid or 0, signal.SIGSTOP)
                time.sleep(LEASE.total_seconds() + dice.uniform(0.1, 0.6))
                os.kill(chosen.pid or 0, signal.SIGCONT)

    def reap(self) -> None:
        """Start a process for each that has ended."""
        for process in [each for each in self.running if not each.is_alive()]:
            assert process.exitcode in (0, crowd.BUSY, -signal.SIGKILL), f"exit code {process.exitcode}"
            self.running.remove(process)
            self.start()

    def settle(self) -> None:
        """Leave the processes alone until each has ended, and let one more run until nothing is left."""
        end = time.monotonic() + PATIENCE
        for process in self.running:
            process.join(max(end - time.monotonic(), 0))
            assert process.exitcode in (0, crowd.BUSY), f"exit code {process.exitcode}"
        self.running.clear()
        left = crowd.BUSY
        while left == crowd.BUSY and time.monotonic() < end:
            self.start()
            last = self.running.pop()
            last.join(max(end - time.monotonic(), 0))
            assert last.exitcode is not None
            left = last.exitcode
        assert left == 0

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.join()


Round = Callable[..., dict[str, Any]]


@pytest.fixture
def play(server: Gateway, filled: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Round]:
    """A function that plays the round of a seed on a database of its own; it returns how the outcome differs from an
    undisturbed run."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    template = Store(server.url("t_template"), lease=LEASE)
    ensure_migrated(template)
    undisturbed = Store(server.url("t_undisturbed"), lease=LEASE)
    copy(template, undisturbed.database)
    run_ingest(undisturbed, [filled.url])
    clean = contents(undisturbed)
    assert (len(clean["receipts"]), len(clean["flows"])) == (14, 60)

    def play(seed: int, *, shared_ids: bool = False) -> dict[str, Any]:
        database = f"t_{uuid.uuid4().hex}"
        store = replace(undisturbed, db=server.url(database), database=database)
        copy(template, database)
        crowd = Crowd(store, filled.url, seed, shared_ids)
        try:
            for _ in range(PROCESSES):
                crowd.start()
            crowd.disturb()
            crowd.settle()
            found = contents(store)
            different = {
                f"{name} (expected, found)": (len(rows), len(found[name]))
                for name, rows in clean.items()
                if found[name] != rows
            }
            return {**different, **faults(store)}
        finally:
            crowd.stop()
            command(template.server(), f"DROP DATABASE IF EXISTS {database} SYNC")

    yield play
    command(template.server(), "DROP DATABASE IF EXISTS t_undisturbed SYNC")


@pytest.mark.parametrize("seed", range(2))
def test_a_few_rounds(play: Round, seed: int) -> None:
    assert play(seed) == {}


@pytest.mark.crash
def test_many_rounds(play: Round) -> None:
    found = {seed: play(seed) for seed in range(100, 150)}
    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}


def test_with_ids_that_two_processes_can_hold_it_fails(play: Round) -> None:
    for seed in range(6):
        try:
            if play(seed, shared_ids=True):
                return
        except AssertionError:  # a process found that the store does not account for its objects
            return
    pytest.fail("nobody noticed that two processes held the same attempt")
