"""Names for Arrow's array types that work at run time, and common operations on arrays."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    Array = pa.Array[Any]
    ChunkedArray = pa.ChunkedArray[Any]
    Type = pa.DataType
else:
    Array, ChunkedArray, Type = pa.Array, pa.ChunkedArray, pa.DataType

DASH = "-"
"""What a log writes for null."""


def take(table: Array, which: NDArray[Any], there: NDArray[np.bool_] | None = None) -> Array:
    """Elements of the table by index (a boolean counts as 0 or 1); null where not `there`."""
    kind = np.int64 if which.dtype == bool else which.dtype
    numbers: Array = pa.array(which.astype(kind), mask=None if there is None else ~there)
    return table.take(numbers)


def joined(*columns: Array | str, separator: str) -> Array:
    """Text joined element by element; null is joined as `-`."""
    options = pc.JoinOptions(null_handling="replace", null_replacement=DASH)
    text: Array = pc.call_function("binary_join_element_wise", [*columns, separator], options)
    return text
