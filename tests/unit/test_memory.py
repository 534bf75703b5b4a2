"""Proves: memory is lent again when nobody holds any view of it, also in Arrow, and not before."""

import gc

import numpy as np
import pyarrow as pa

from pipelines.ingest.parse.memory import borrow

ODD = 12_347  # a size that nothing else asks for


def place(array: np.ndarray) -> int:  # type: ignore[type-arg]
    return int(array.__array_interface__["data"][0])


def test_memory_is_lent_again_when_the_last_view_is_gone() -> None:
    first = borrow(ODD, np.uint64)
    where = place(first)
    column = pa.Array.from_buffers(pa.uint64(), 10, [None, pa.py_buffer(first[5:15])])
    view = first[100:].reshape(-1, 1)
    del first
    assert place(borrow(ODD, np.uint64)) != where
    del view
    gc.collect()
    assert place(borrow(ODD, np.uint64)) != where
    del column
    gc.collect()
    assert where in {place(borrow(ODD, np.uint64)), place(borrow(ODD, np.uint64)), place(borrow(ODD, np.uint64))}


def test_kinds_of_one_size_share() -> None:
    made = borrow(ODD, np.uint32)
    where = place(made)
    del made
    assert place(borrow(2 * ODD, np.uint16)) == where
    assert borrow(3, "V16").dtype.itemsize == 16
