"""A processor instruction that the loops in `kernel.py` need and Numba does not offer."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def trailing_zeros(_: Any, word: Any) -> Any:
    """The number of trailing zero bits of `word`, both uint64; 64 when it is 0."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate
