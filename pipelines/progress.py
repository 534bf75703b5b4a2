"""How far a run is, for a person who waits: read from the store, wherever the work is done."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.store import runs
from connectors.store.clickhouse import Store
from schemas.errors import FlowtrailError

Tell = Callable[[int, int], None]
"""Called with the objects of a run that have come to an end, and with those that are planned."""

SECONDS = 0.5


@contextmanager
def told(store: Store, run: str, tell: Tell | None) -> Iterator[None]:
    """While the block lasts, `tell` is called every half second, and once at its end."""
    if tell is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS):
            _report(store, run, tell)

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
        _report(store, run, tell)
    finally:
        ended.set()
        thread.join()


def _report(store: Store, run: str, tell: Tell) -> None:
    try:
        tell(*runs.progress(store.client(), run))
    except FlowtrailError:
        return  # whoever does the work has the same trouble and says so
