"""List repeatedly and load new objects, until stopped."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from cli.base import say, say_retries
from cli.interrupt import INTERRUPTED, end, noted
from schemas.errors import FlowtrailError
from schemas.times import rfc3339

if TYPE_CHECKING:
    from schemas.summary import IngestSummary

Round = TypeVar("Round")

POLL = 0.2
"""Seconds: the longest time until a signal is noticed while waiting."""


class Ending:
    """Set by SIGTERM, which lets the current round finish, and by SIGINT, which gives it a moment
    (`cli.interrupt`). A second signal ends the process at once, as it would without this."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            end()
        self.asked = True
        if number == signal.SIGINT:
            noted()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        say("Stopping after the current load" + ("." if number == signal.SIGTERM else ", or within two seconds."))


@contextmanager
def ending() -> Iterator[Ending]:
    """While this context is open, signals set the yielded `Ending` instead of killing the process."""
    end = Ending()
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def repeat(
    once: Callable[[], Round], every: timedelta, during: timedelta | None, tell: Callable[[Round], None]
) -> None:
    """Call `once` at intervals of `every`, until a signal or until `during` has passed, and `tell` of each round.

    An error in the first round is raised. In later rounds it is printed as a warning, and the next round tries again.
    """
    finish = None if during is None else time.monotonic() + during.total_seconds()
    with ending() as end:
        tell(once())
        while not end.asked and _wait(every.total_seconds(), finish, end):
            try:
                tell(once())
            except FlowtrailError as error:
                say(f"warning: {error.message} {error.remedy}".rstrip())
                say(f"Retrying in {every.total_seconds():g} s.")


def follow(once: Callable[[], "IngestSummary"], every: timedelta, during: timedelta | None) -> "IngestSummary":
    """Load by `once`, as `repeat` does, and tell of rounds in which something happened. Returns the sum of all."""
    rounds: list[IngestSummary] = []  # the sum of all, and the latest

    def told(found: "IngestSummary") -> None:
        total, latest = rounds or (None, None)
        if latest is None or found.objects_done or set(found.dead_letters) != set(latest.dead_letters):
            tell(found)
        rounds[:] = [add(total, found) if total else found, found]

    repeat(once, every, during, told)
    return rounds[0]


def apart(once: Callable[[], Round]) -> Round:
    """What `once`, which must be picklable, returns or raises in a process of its own.

    A process that has opened an embedded database can only give it back by ending: the engine can be stopped, but leaks
    some threads and files each time. Raises FlowtrailError when the process is killed.
    """
    with ProcessPoolExecutor(1, _forking(), initializer=_depend) as process:
        try:
            return process.submit(once).result()
        except BrokenProcessPool:
            raise FlowtrailError(
                "The process that loads this round was killed.",
                "Nothing is lost or doubled. If it happens again, check the memory that it may use.",
            ) from None


@cache
def _forking() -> ForkServerContext:
    """Forks processes from one that has imported what a round needs, which takes longer than most rounds. SIGTERM,
    which systemd sends to all processes, does not reach that one: it ends when this one has ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cli.preloaded"])
    resource_tracker.ensure_running()  # not below, where it would unblock the signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return context


def _depend() -> None:
    """Leave signals, which a terminal or systemd sends to all processes, to the parent, and end when it has ended."""
    say_retries()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(INTERRUPTED)


def _wait(seconds: float, finish: float | None, end: Ending) -> bool:
    """Wait for the next round; False when there is none."""
    due = time.monotonic() + seconds
    until = due if finish is None else min(due, finish)
    while not end.asked and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, POLL))
    return not end.asked and (finish is None or due < finish)


def add(total: "IngestSummary", latest: "IngestSummary") -> "IngestSummary":
    """The sum of both rounds. Objects listed and dead letters are those of the latest."""
    counts = ("objects_done", "rows_read", "rows_written", "rows_rejected", "rows_skipped", "unenriched")
    tables = ("change_events", "flows", "coverage", "tgw_flows", "tgw_coverage")
    reasons = total.skipped.keys() | latest.skipped.keys()
    return replace(
        latest,
        **{name: getattr(total, name) + getattr(latest, name) for name in (*counts, *tables)},
        objects_known=max(0, latest.objects_known - total.objects_done),
        skipped={reason: total.skipped.get(reason, 0) + latest.skipped.get(reason, 0) for reason in sorted(reasons)},
    )


def tell(summary: "IngestSummary") -> None:
    """Print one line about a round."""
    aside = f", {len(summary.dead_letters)} objects set aside" if summary.dead_letters else ""
    now = rfc3339(datetime.now(UTC).replace(microsecond=0))
    say(f"{now} {summary.objects_done} objects loaded, {summary.rows_written} records written{aside}")
