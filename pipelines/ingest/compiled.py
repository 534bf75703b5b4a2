"""How hot loops are compiled: by Numba, without the GIL, kept on disk between runs where there is a place for it."""

import logging
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles at the first call. The machine code is kept beside the source, or, when that cannot be written, in
    the user's cache folder (or in NUMBA_CACHE_DIR). Where none of these can be written it is made anew in each run.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError as error:  # Numba found no folder for its cache
        logging.getLogger(__name__).info("compiling in every run: %s; set NUMBA_CACHE_DIR to a folder", error)
        return njit(nogil=True)(function)
