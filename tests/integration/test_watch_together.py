"""Proves: several processes that watch one server judge each time once and tell each message once, or, when they are
killed, at least once; together they find what one finds alone."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.store.claim import JUDGING, claimed_if_free
from connectors.store.clickhouse import Store, command, query
from pipelines.correlate.pipeline import run_correlate
from tests import forked
from tests.correlate_lab import clock
from tests.integration.test_correlate import put_snapshot
from tests.integration.test_watch import STEPS, TOLD, Delivery, arrive, known

WATCHER = """
import json, sys
from datetime import timedelta
from connectors.store import watching
from connectors.store.clickhouse import Store
from console.answers.message import message
from pipelines.watch.turn import run_turn
from schemas.summary import IngestSummary

class Listing:
    name = "listing"
    def send(self, message):
        with open(sys.argv[2], "a") as file:
            file.write(message.title + "\\n")

watching.CLAIMED = 3  # a message that a dead process was about to send need not wait a minute
store = Store(sys.argv[1], lease=timedelta(seconds=3))
print("ready", flush=True)
for line in sys.stdin:
    turn = run_turn(store, IngestSummary, [Listing()], message)
    print(json.dumps([[start.isoformat(), end.isoformat()] for start, end in turn.judged]), flush=True)
"""
PROCESSES = 4


class Watchers:
    """Processes that each run a turn whenever they are told to."""

    def __init__(self, store: Store, told: Path) -> None:
        self._command = [sys.executable, "-c", WATCHER, store.db, str(told)]
        self._running = [self._started() for _ in range(PROCESSES)]

    def _started(self) -> forked.Popen:
        process = forked.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert _line(process) == "ready"
        return process

    def turn(self, kill: float | None = None) -> list[list[str]]:
        """All run a turn at the same time; returns what they judged. With `kill`, one of them is killed after so many
        seconds, and another process takes its place."""
        for each in self._running:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        if kill is not None:
            time.sleep(kill)
            self._running[0].kill()
            self._running[0].communicate()
            self._running = [*self._running[1:], self._started()]
        answering = self._running[:-1] if kill is not None else self._running
        return [judged for each in answering for judged in json.loads(_line(each))]

    def end(self) -> None:
        for each in self._running:
            each.kill()
            each.communicate()


def _line(process: forked.Popen) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def watchers(store: Store, told: Path) -> Iterator[Watchers]:
    found = Watchers(store, told)
    try:
        yield found
    finally:
        found.end()


def until_told(processes: Watchers, told: Path, titles: Sequence[str]) -> None:
    """Of two that claim a message at the same time neither sends it: it is told some seconds later."""
    end = time.monotonic() + 60
    while not (told.exists() and set(titles) <= set(told.read_text().splitlines())) and time.monotonic() < end:
        time.sleep(0.5)
        processes.turn()


def test_four_judge_each_time_once_and_tell_each_message_once(remote: Store, tmp_path: Path) -> None:
    put_snapshot(remote)
    delivery = Delivery(remote)
    with watchers(remote, tmp_path / "told") as processes:
        for number in range(len(STEPS)):
            arrive(delivery, number)
            judged = processes.turn()
            while not judged:  # all of them stepped back
                judged = processes.turn()
            assert len(judged) == 1, judged
            assert judged[0][1] == clock(STEPS[number]).isoformat()
            assert processes.turn() == []
        until_told(processes, tmp_path / "told", TOLD)
    assert sorted((tmp_path / "told").read_text().splitlines()) == sorted(TOLD)
    together = known(remote)
    run_correlate(remote, clock("12:00"), clock("16:11"))
    assert known(remote) == together
    left = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})"
    assert query(remote.client(), left, {"prefix": JUDGING}).num_rows == 0


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.crash) for n in range(2, 12))])
def test_processes_are_killed_at_random(remote: Store, tmp_path: Path, seed: int) -> None:
    put_snapshot(remote)
    delivery, chance = Delivery(remote), random.Random(seed)
    with watchers(remote, tmp_path / "told") as processes:
        for number in range(len(STEPS)):
            arrive(delivery, number)
            processes.turn(kill=chance.uniform(0, 1.2))
        due = "SELECT count() AS n FROM receipts WHERE load NOT IN (SELECT load FROM judged)"
        while query(remote.client(), due)["n"][0].as_py():
            processes.turn()
        until_told(processes, tmp_path / "told", [title for title in TOLD if title.startswith("Over")])
    told = (tmp_path / "told").read_text().splitlines()
    # At least once: of a process that is killed between sending and noting, another one sends the message again.
    assert set(told) >= {title for title in TOLD if title.startswith("Over")}
    assert set(told) <= set(TOLD)
    together = known(remote)
    run_correlate(remote, clock("12:00"), clock("16:11"))
    assert known(remote) == together


def test_a_claim_that_another_process_holds(remote: Store) -> None:
    with claimed_if_free(remote, JUDGING) as mine:
        assert mine
        code = (
            "import sys; from connectors.store.claim import *; from connectors.store.clickhouse import Store\n"
            "with claimed_if_free(Store(sys.argv[1]), JUDGING) as mine: print(mine)"
        )
        assert forked.run([sys.executable, "-c", code, remote.db]).stdout == "False\n"
    assert forked.run([sys.executable, "-c", code, remote.db]).stdout == "True\n"
    command(remote.client(), f"CREATE TABLE {JUDGING}12345 (x UInt8) ENGINE = Null")  # of a process that is gone
    assert forked.run([sys.executable, "-c", code, remote.db]).stdout == "True\n"
