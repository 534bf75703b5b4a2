"""How far a run is, for a person who waits. Steps are pickled and cannot hold a callback, so they name their run; on
workers in other processes nobody listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import uuid4

_listeners: dict[str, "_Counter"] = {}


class _Counter:
    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self._tell, self._lock = tell, Lock()
        self._done = self._total = 0

    def add(self, done: int, total: int) -> None:
        with self._lock:
            self._done += done
            self._total += total
            self._tell(self._done, self._total)


@contextmanager
def listening(tell: Callable[[int, int], None] | None) -> Iterator[str]:
    """The name of a run; while the block lasts `tell(done, total)` hears of its objects."""
    run = uuid4().hex
    if tell is not None:
        _listeners[run] = _Counter(tell)
    try:
        yield run
    finally:
        _listeners.pop(run, None)


def add(run: str, *, done: int = 0, planned: int = 0) -> None:
    """Objects that were planned or are done."""
    if run in _listeners and (done or planned):
        _listeners[run].add(done, planned)
