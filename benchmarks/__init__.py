"""What it costs, measured beside its peers on the same bytes in the same run. `python -m benchmarks` runs all."""

import logging

logging.disable(logging.WARNING)  # Beam warns of what it misses when it is imported
