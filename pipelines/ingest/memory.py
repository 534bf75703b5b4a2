"""Memory for columns that is used again: a fresh page costs as much as reading the records that fill it, since the
system must clear it first."""

import weakref
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

_shelves: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)
"""Blocks that nobody holds, by their size in bytes. There are never more than were held at one time."""


def room(count: int, kind: Any) -> NDArray[Any]:
    """An array of so many values, not yet set. When the last view of it is gone, wherever it is held, in Arrow or in
    the engine, its memory is lent again."""
    size = count * np.dtype(kind).itemsize
    shelf = _shelves[size]
    try:
        block = shelf.pop()
    except IndexError:
        block = np.empty(size, np.uint8)
    lent = np.frombuffer(block.data, np.uint8)  # views refer to this array, and not to the block
    weakref.finalize(lent, shelf.append, block).atexit = False
    return lent.view(kind)
