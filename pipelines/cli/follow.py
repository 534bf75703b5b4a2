"""List again and again, and load what is new, until told to end."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from pipelines.cli.base import say
from schemas.errors import FlowtrailError
from schemas.times import rfc3339

if TYPE_CHECKING:
    from pipelines.ingest.pipeline import IngestSummary

BLINK = 0.2
"""Seconds after which a signal is noticed at the latest while waiting."""


class Ending:
    """Set by the first SIGINT or SIGTERM; a second one does what it always does."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
        say("Ending when what was begun is done; once more to end at once (nothing is lost or counted twice).")


@contextmanager
def ending() -> Iterator[Ending]:
    """Signals ask for an end while in it."""
    end = Ending()
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def follow(once: Callable[[], "IngestSummary"], every: timedelta, during: timedelta | None) -> "IngestSummary":
    """`once` until a signal or `during` has passed, `every` so often; the sum of it all. What goes wrong at first is
    raised as ever; later on it is said and tried again at the next turn."""
    finish = None if during is None else time.monotonic() + during.total_seconds()
    with ending() as end:
        total = latest = once()
        tell(latest)
        while not end.asked and _wait(every.total_seconds(), finish, end):
            try:
                found = once()
            except FlowtrailError as error:
                say(f"warning: {error.message} {error.remedy}".rstrip())
                say(f"Trying again in {every.total_seconds():g} s.")
                continue
            if found.objects_done or set(found.dead_letters) != set(latest.dead_letters):
                tell(found)
            total, latest = add(total, found), found
    return total


def _wait(seconds: float, finish: float | None, end: Ending) -> bool:
    """Until the next turn; False when there is none."""
    turn = time.monotonic() + seconds
    until = turn if finish is None else min(turn, finish)
    while not end.asked and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, BLINK))
    return not end.asked and (finish is None or turn < finish)


def add(total: "IngestSummary", latest: "IngestSummary") -> "IngestSummary":
    """What all turns did; what was listed, and what is set aside now, is as the latest found it."""
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
    """A line for each turn that did something."""
    aside = f", {len(summary.dead_letters)} objects set aside" if summary.dead_letters else ""
    now = rfc3339(datetime.now(UTC).replace(microsecond=0))
    say(f"{now} {summary.objects_done} objects loaded, {summary.rows_written} records written{aside}")
