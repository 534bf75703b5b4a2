"""Random numbers that depend only on the record's number and the question: a record is the same in any format, any
slice and any batch size.

The mixing function is that of SplitMix64 (Steele, Lea and Flood, 2014).
"""

import zlib

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def bits(ids: Ids, question: str, seed: int = 0) -> Ids:
    """64 random bits for each number."""
    salt = np.array([zlib.crc32(question.encode()), seed], dtype=np.uint64)
    offset = _mix(salt * _STEP).sum(dtype=np.uint64)
    return _mix(ids * _STEP + offset)


def rolls(ids: Ids, question: str, seed: int = 0) -> Floats:
    """A number in [0, 1) for each number."""
    return (bits(ids, question, seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(z: Ids) -> Ids:
    z = z.copy()
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        z ^= z >> np.uint64(shift)
        z *= factor
    z ^= z >> np.uint64(31)
    return z
