"""Some steps ahead: while an element is being written the next ones are read."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Iterates over `source` in a thread that is `depth` elements ahead, and no more: the next element is made when one
    has been taken. It begins at once. What `source` raises is raised here; `close` ends the thread."""

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
        """Nothing more is made; waits for what is being made."""
        self._closed = True
        self._wanted.release()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wanted.acquire() and not self._closed:
                element = next(self._source, self)
                if element is self:
                    break
                self._ready.append(element)  # type: ignore[arg-type]  # the mark of the end is no element
                del element
                self._made.release()
            if isinstance(self._source, Generator):
                self._source.close()
        except BaseException as error:
            self._error = error
        self._made.release()
