"""Read ahead: the next elements are produced while one is being written."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Iterates over `source` in a thread that stays at most `depth` elements ahead: each element that is taken lets it
    produce another. It starts at once. Raises whatever `source` raises; `close` ends the thread."""

    def __init__(self, source: Iterable[T], depth: int = 1) -> None:
        self._source = iter(source)
        self._made = threading.Semaphore(0)
        self._wanted = threading.Semaphore(depth)
        self._closed = False
        self._ready: deque[T] = deque()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while True:
            self._made.acquire()
            if not self._ready:
                break
            self._wanted.release()
            yield self._ready.popleft()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop producing, and wait for the element that is being produced."""
        self._closed = True
        self._wanted.release()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wanted.acquire() and not self._closed:
                element = next(self._source, self)
                if element is self:
                    break
                self._ready.append(element)  # type: ignore[arg-type]  # the end marker is not an element
                del element
                self._made.release()
            if isinstance(self._source, Generator):
                self._source.close()
        except BaseException as error:
            self._error = error
        self._made.release()
