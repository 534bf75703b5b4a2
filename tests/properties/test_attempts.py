"""Proves: whatever several processes do with the same objects, in whatever order they stop, die, are taken for dead and
go on, in the end each row is there once. The processes are threads that run one at a time, from one point of the
protocol to the next; the store is the real engine."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.store import attempts, doctor, heartbeat, ledger
from connectors.store.clickhouse import Store, command, query
from schemas.columnar.batch import Batch
from tests.contents import faults
from tests.integration.test_ledger import Died, an_object, contents, empty_object
from tests.shared_store import SharedStore, shared

OBJECTS = (an_object("a"), an_object("b", flows=4, days=3), empty_object("c"), an_object("d", flows=2, days=1))
PROCESSES = (1, 2, 3)
WAIT = 60
TABLES = ("flows", "coverage", "rejected_lines", "receipts", "ledger", "heartbeats")

_current = threading.local()


class Process:
    """A process that writes into the store: a thread that halts at each point of the protocol."""

    def __init__(self, store: SharedStore, owner: int) -> None:
        self.owner = owner
        self.heart = heartbeat.Heartbeat(store, owner)
        self.killed = False
        self.at = ""
        self.ended = False
        self.error: BaseException | None = None
        self._go, self._halted = threading.Semaphore(0), threading.Semaphore(0)

    def start(self, work: Callable[[], object]) -> None:
        """Do `work`, as far as its first point."""

        def run() -> None:
            _current.process = self
            try:
                work()
            except Died:
                pass
            except BaseException as error:
                self.error = error
            self.ended = True
            self._halted.release()

        threading.Thread(target=run, daemon=True).start()
        self._wait()

    def step(self) -> None:
        """Go on to the next point, or to the end."""
        self._go.release()
        self._wait()

    def die(self) -> None:
        self.killed = True
        self.step()

    def point(self, name: str) -> None:
        self.at = name
        self._halted.release()
        self._go.acquire()
        if self.killed:
            raise Died(name)

    def _wait(self) -> None:
        assert self._halted.acquire(timeout=WAIT), f"process {self.owner} hangs after {self.at}"
        if self.error:
            raise self.error


class InThread:
    """Runs what is submitted at once: the points of a process are in one thread."""

    @staticmethod
    def submit(work: Callable[..., None], *given: Any) -> "Future[None]":
        done: Future[None] = Future()
        try:
            done.set_result(work(*given))
        except BaseException as error:
            done.set_exception(error)
        return done


class _NoLock:
    def __enter__(self) -> None:
        """The processes have no lock in common."""

    def __exit__(self, *_: object) -> None: ...


def _point(name: str) -> None:
    _current.process.point(name)


@contextmanager
def several_processes() -> Iterator[None]:
    """The ledger finds itself in the process of the thread that runs it."""
    names = {
        "failpoint": _point,
        "this_process": lambda: _current.process.owner,
        "heartbeat": lambda _: _current.process.heart,
        "_writers": InThread,
        "_writing": _NoLock(),
        "time": SimpleNamespace(sleep=lambda _: _point("waits")),
    }
    with (
        mock.patch.multiple(ledger, **names),
        mock.patch.multiple(heartbeat, this_process=names["this_process"], _machine=lambda: ""),
    ):
        yield


class Writers(RuleBasedStateMachine):
    """Several processes and one store."""

    template: SharedStore

    @initialize()
    def begin(self) -> None:
        self.store = self.template
        for table in TABLES:
            command(self.store.client(), f"TRUNCATE TABLE {table}")
        self.processes: dict[int, Process] = {}
        self.owners = iter(range(1, 1000))
        self.patches = several_processes()
        self.patches.__enter__()

    def _new(self) -> Process:
        return Process(self.store, next(self.owners))

    def _start(self, slot: int, work: Callable[[], object], steps: int) -> None:
        process = self.processes[slot] = self._new()
        process.start(work)
        while steps and not process.ended:
            process.step()
            steps -= 1
        self._reap()

    def _reap(self) -> None:
        self.processes = {slot: each for slot, each in self.processes.items() if not each.ended}

    @rule(
        slot=st.sampled_from(PROCESSES),
        chosen=st.sets(st.sampled_from(range(len(OBJECTS))), min_size=1),
        run=st.sampled_from(["one", "other"]),
        read_again=st.booleans(),
        steps=st.integers(0, 12),
    )
    def load(self, slot: int, chosen: set[int], run: str, *, read_again: bool, steps: int) -> None:
        """New, redelivered, or to be replaced."""
        if slot in self.processes:
            return
        objects = [OBJECTS[n] for n in sorted(chosen)]

        def work() -> None:
            ledger.settle(self.store)
            if read_again:
                doctor.forget(self.store, [each.ref.object_id for each in objects])
            ledger.write(self.store, run, Batch.of(objects), 1)

        self._start(slot, work, steps)

    @rule(slot=st.sampled_from(PROCESSES), steps=st.integers(0, 3))
    def settle(self, slot: int, steps: int) -> None:
        if slot not in self.processes:
            self._start(slot, lambda: ledger.settle(self.store), steps)

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), steps=st.integers(1, 6))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        slot = data.draw(st.sampled_from(sorted(self.processes)))
        for _ in range(steps):
            if slot in self.processes:
                self.processes[slot].step()
                self._reap()

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        process = self.processes.pop(data.draw(st.sampled_from(sorted(self.processes))))
        process.die()
        self._silence(process)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def lease_runs_out(self, data: st.DataObject) -> None:
        """The process is halted for so long that the others take it for dead; it may go on later."""
        self._silence(self.processes[data.draw(st.sampled_from(sorted(self.processes)))])

    def _silence(self, process: Process) -> None:
        process.heart._confirmed = float("-inf")
        command(
            self.store.client(),
            f"ALTER TABLE heartbeats DELETE WHERE owner = {process.owner} SETTINGS mutations_sync = 2",
        )

    @invariant()
    def what_is_done_is_there_once(self) -> None:
        """Rows of attempts that are done and were not given up."""
        done = f"SELECT load FROM ledger WHERE state = 'done' AND load NOT IN ({attempts.VOID})"  # noqa: S608
        sql = f"SELECT object_id, row_no FROM flows WHERE load IN ({done}) GROUP BY ALL HAVING count() > 1"  # noqa: S608
        assert query(self.store.client(), sql).num_rows == 0

    def teardown(self) -> None:
        if not hasattr(self, "processes"):
            return
        try:
            while self.processes:
                for process in list(self.processes.values()):
                    process.step()
                self._reap()
            for _ in range(3):  # what a process that was taken for dead inserted last is found by the next ones
                last = self._new()
                last.start(self._load_all)
                while not last.ended:
                    last.step()
            assert Counter(contents(self.store)) == Counter(expected(self.template))
            assert faults(self.store) == {}
        finally:
            self.patches.__exit__(None, None, None)

    def _load_all(self) -> None:
        ledger.settle(self.store)
        ledger.write(self.store, "last", Batch.of(OBJECTS), 1)


_expected: list[tuple[Any, ...]] = []


def expected(store: Store) -> list[tuple[Any, ...]]:
    """The rows of all objects, each once."""
    assert _expected
    return _expected


@pytest.fixture
def machine(store: Store) -> type[Writers]:
    class Here(Writers):
        template = SharedStore(store.db, store.database, None, timedelta(hours=1))

    if not _expected:
        ledger.write(shared(store), "clean", Batch.of(OBJECTS), 1)
        _expected.extend(contents(store))
    return Here


QUICK = settings(
    max_examples=8,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


def test_each_row_is_there_once(machine: type[Writers]) -> None:
    run_state_machine_as_test(machine, settings=QUICK)


@pytest.mark.crash
def test_each_row_is_there_once_in_many_orders(machine: type[Writers]) -> None:
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=300, stateful_step_count=30))


def test_without_removals_the_machine_fails(machine: type[Writers]) -> None:
    with mock.patch.object(attempts, "remove", lambda *_: None), pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=50, phases=[Phase.generate]))
