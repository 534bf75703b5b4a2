"""The text of logs that follow each other, as it comes: a window that moves on line by line."""

import numpy as np
from numpy.typing import NDArray

from pipelines.ingest.kernel import BEHIND

ROOM = 1 << 20
"""Bytes that are looked at together: they stay in the processor's cache until their lines have been read."""

LINE_KEPT = 128 << 10
"""More than the longest line that may be."""

_NEVER = 1 << 63


class Text:
    """What is to be read is `buffer[at:stop]`, complete lines, of which the first has the number `line`. Logs begin at
    `begins`; `log` of these places lie before `at`."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room - BEHIND
        self._bytes = bytearray(room)
        self._filled = 0
        self._begins: list[int] = []
        self.buffer: NDArray[np.uint8] = np.frombuffer(self._bytes, np.uint8)
        self.buffer.flags.writeable = False  # the loops are compiled for one kind of array
        self.begins: NDArray[np.uint64] = np.empty(0, np.uint64)
        self.at = self.stop = self.log = 0
        self.line = 1

    def begin(self) -> None:
        """What is put from now on is of the next log."""
        self._begins.append(self._filled)

    def put(self, text: memoryview) -> int:
        """Takes as much of `text` as there is room for, and says how much that was; less than all of it: read first."""
        size = min(len(text), self._room - 1 - self._filled)  # one byte is kept for `end`
        self._bytes[self._filled : self._filled + size] = text[:size]
        self._filled += size
        return size

    def end(self) -> None:
        """Ends the last line of the log, if nothing else does."""
        if self._filled and self._bytes[self._filled - 1] != ord("\n"):
            self._bytes[self._filled] = ord("\n")
            self._filled += 1

    def complete(self) -> bool:
        """Whether there are complete lines; `stop` is then behind the last of them."""
        self.stop = self._bytes.rfind(b"\n", 0, self._filled) + 1
        self.begins = np.array([*self._begins, _NEVER], np.uint64)
        return self.stop > 0

    def move_on(self) -> None:
        """Makes room: what was read is gone. Of a line that fills the window, and so is longer than any line may be,
        only the beginning is kept, and whether it is blank."""
        rest = self._bytes[self.at : self._filled]
        if len(rest) >= self._room - 1:
            rest = rest[:LINE_KEPT] + (b"x" if rest[LINE_KEPT:].strip(b" ") else b"")
        self._bytes[: len(rest)] = rest
        self._filled = len(rest)
        self._begins = [max(place - self.at, 0) for place in self._begins]
        self.at = self.stop = 0
