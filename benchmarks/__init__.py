"""Benchmarks against comparable tools, on the same bytes in the same run. `python -m benchmarks` runs them all."""

import logging

logging.disable(logging.WARNING)  # on import, Beam warns about optional packages that are missing
