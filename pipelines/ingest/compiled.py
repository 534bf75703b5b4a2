"""Compiles hot loops with Numba, without the GIL; the machine code is cached on disk where a folder is writable."""

import logging
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` at its first call. The machine code is cached next to the source or, if that folder is not
    writable, in the user's cache folder (or in NUMBA_CACHE_DIR). Without a writable folder each run compiles again.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError as error:  # Numba found no folder for its cache
        logging.getLogger(__name__).info("compiling in every run: %s; set NUMBA_CACHE_DIR to a writable folder", error)
        return njit(nogil=True)(function)
