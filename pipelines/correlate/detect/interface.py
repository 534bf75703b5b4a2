"""Detect: what is wrong at one network interface, from its flow records alone. Pure and columnar.

Two kinds of signal: peers that were accepted and are now rejected (`rejects.py`), and traffic that is no longer
answered (`lost.py`). `blame` determines which change caused them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.correlate.detect.conversations import conversations
from pipelines.correlate.detect.lost import Past, lost_signals
from pipelines.correlate.detect.minutes import Ints, minutes
from pipelines.correlate.detect.rejects import reject_signals, rejected_runs
from pipelines.correlate.detect.signals import Signal


def detect(
    interface_id: str, table: pa.Table, covered: Sequence[int] | Ints, start: datetime, lookback: timedelta
) -> list[Signal]:
    """Signals of the interface that were not over before `start`, in a fixed order.

    `table` has the schema `MINUTES`: the interface's records from `start - lookback` to the end of the range.
    `covered` are the minutes (Unix seconds) for which the interface's flow log delivered something.
    """
    c = minutes(interface_id, table)
    if not len(c):
        return []
    t = conversations(c)
    rejected = rejected_runs(c, t)
    since = int(start.timestamp())
    known = np.unique(np.asarray(covered, dtype=np.int64))
    lost = lost_signals(c, t, Past(known, since, int(lookback.total_seconds())), rejected)
    if not c["reject_flows"].any():
        lost = [replace(signal, rejects_logged=False) for signal in lost]
    return [*reject_signals(c, t, rejected, since), *lost]
