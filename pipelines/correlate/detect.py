"""Detect: what is out of order at one network interface, from its cells alone. Pure and columnar.

Two signals: peers that were let in and are refused (`flips.py`), and traffic that is no longer answered (`losses.py`).
Which change caused them is `blame.py`'s question.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.correlate.cells import Ints, cells
from pipelines.correlate.flips import refusals, reject_signals
from pipelines.correlate.losses import Past, loss_signals
from pipelines.correlate.signals import Signal
from pipelines.correlate.talks import talks


def detect(
    interface_id: str, table: pa.Table, covered: Sequence[int] | Ints, start: datetime, lookback: timedelta
) -> list[Signal]:
    """Signals of `[start, ...)`, in a fixed order.

    `table` has the schema `CELLS`: the cells of the interface from `start - lookback` to the end of the range.
    `covered` are the minutes (Unix seconds) of which the interface's flow log delivered something.
    """
    c = cells(interface_id, table)
    if not len(c):
        return []
    t = talks(c)
    refused = refusals(c, t)
    since = int(start.timestamp())
    minutes = np.unique(np.asarray(covered, dtype=np.int64))
    return [
        *reject_signals(c, t, refused, since),
        *loss_signals(c, t, Past(minutes, since, int(lookback.total_seconds())), refused),
    ]
