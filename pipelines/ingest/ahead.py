"""One step ahead: while an element is being written the next one is read."""

import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Iterates over `source` in a thread that is one element ahead, and no more: an element is made when the one before
    it has been taken. It begins at once. What `source` raises is raised here; `close` ends the thread."""

    def __init__(self, source: Iterable[T]) -> None:
        self._source = iter(source)
        self._made = threading.Semaphore(0)
        self._wanted = threading.Semaphore(1)
        self._closed = False
        self._slot: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while True:
            self._made.acquire()
            if not self._slot:
                break
            element = self._slot.pop()
            self._wanted.release()
            yield element
            del element
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
                self._slot.append(element)  # type: ignore[arg-type]  # the mark of the end is no element
                del element
                self._made.release()
            if isinstance(self._source, Generator):
                self._source.close()
        except BaseException as error:
            self._error = error
        self._made.release()
