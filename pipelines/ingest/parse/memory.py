"""Reuses memory for columns: a fresh page costs as much as parsing the records that fill it, since the system must
clear it first."""

import weakref
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

_shelves: defaultdict[int, list[NDArray[np.uint8]]] = defaultdict(list)
"""Free blocks, by size in bytes. There are never more of them than were in use at one time."""


def borrow(count: int, dtype: Any) -> NDArray[Any]:
    """An uninitialized array of shape `(count,)`. When the last view of it is gone, including views in Arrow and in the
    engine, its memory is reused."""
    size = count * np.dtype(dtype).itemsize
    shelf = _shelves[size]
    try:
        block = shelf.pop()
    except IndexError:
        block = np.empty(size, np.uint8)
    lent = np.frombuffer(block.data, np.uint8)  # views refer to this array and not to the block
    weakref.finalize(lent, shelf.append, block).atexit = False
    return lent.view(dtype)
