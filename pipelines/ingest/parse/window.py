"""A window over the text of consecutive logs, which arrives in pieces; it advances by complete lines."""

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest.parse.kernel import PADDING

SIZE = 1 << 20
"""Bytes of the window, few enough to stay in the processor's cache until their lines have been read."""

LINE_KEPT = 128 << 10
"""Bytes that are kept of a line that fills the window: more than the longest valid line has."""

_NEVER = 1 << 63


class Window:
    """The text to be read is `buffer[at:stop]`: complete lines, of which the first is number `line` of its log. Logs
    begin at the positions `begins`; `log` of them are before `at`."""

    def __init__(self, size: int = SIZE) -> None:
        self._capacity = size - PADDING
        self._bytes = bytearray(size)
        self._filled = 0
        self._begins: list[int] = []
        self.buffer: NDArray[np.uint8] = np.frombuffer(self._bytes, np.uint8)
        self.buffer.flags.writeable = False  # the loops are compiled for read-only arrays
        self.begins: NDArray[np.uint64] = np.empty(0, np.uint64)
        self.at = self.stop = self.log = 0
        self.line = 1

    def begin(self) -> None:
        """Start the next log: text that is put from now on belongs to it."""
        self._begins.append(self._filled)

    def put(self, text: memoryview) -> int:
        """Takes as many bytes of `text` as fit, and returns their number. If some are left, read the lines first."""
        size = min(len(text), self._capacity - 1 - self._filled)  # one byte is kept for `end`
        self._bytes[self._filled : self._filled + size] = text[:size]
        self._filled += size
        return size

    def end(self) -> None:
        """End the log: its last line gets a newline if it has none."""
        if self._filled and self._bytes[self._filled - 1] != ord("\n"):
            self._bytes[self._filled] = ord("\n")
            self._filled += 1

    def complete(self) -> bool:
        """Whether there are complete lines; sets `stop` to the end of the last one, and `begins`."""
        self.stop = self._bytes.rfind(b"\n", 0, self._filled) + 1
        self.begins = np.array([*self._begins, _NEVER], np.uint64)
        return self.stop > 0

    def move_on(self) -> None:
        """Discard what was read, to free space. Of a line that fills the window, and so is longer than any valid line,
        only the beginning is kept, and whether the rest is blank."""
        rest = self._bytes[self.at : self._filled]
        if len(rest) >= self._capacity - 1:
            rest = rest[:LINE_KEPT] + (b"x" if rest[LINE_KEPT:].strip(b" ") else b"")
        self._bytes[: len(rest)] = rest
        self._filled = len(rest)
        self._begins = [max(begin - self.at, 0) for begin in self._begins]
        self.at = self.stop = 0
