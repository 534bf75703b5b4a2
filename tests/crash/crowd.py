"""One process of several that ingest the same bucket into one store: delays at random, and an exit code.

Exit codes: 0 everything is loaded, `BUSY` objects are left to others, 1 an error. `shared_ids` makes the processes
number their attempts alike, so that two of them can hold the same one: that must be noticed.
"""

import os
import random
import sys
import time
from collections.abc import Mapping
from itertools import count
from multiprocessing.context import ForkServerProcess

from connectors.store import attempts, ledger
from connectors.store.clickhouse import Store
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from schemas.errors import FlowtrailError
from tests.forked import context

BUSY = 3
LONGEST_DELAY = 0.4


def ingest(store: Store, url: str, seed: int, environment: Mapping[str, str], shared_ids: bool) -> None:
    """Ingest the bucket as a process of its own does, and end this process."""
    os.environ.update(environment)
    dice = random.Random(seed)

    def delayed(_: str) -> None:
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, LONGEST_DELAY))

    ledger.failpoint = delayed
    if shared_ids:
        numbers = count(1)
        attempts.new_id = lambda: next(numbers)
    try:
        summary = run_ingest(store, [url], limits=Limits(objects=3))
    except FlowtrailError as error:
        sys.stderr.write(f"{error}\n")
        code = 1
    else:
        code = BUSY if summary.objects_busy else 0
    sys.stderr.flush()
    os._exit(code)  # whatever threads the libraries have left


def start(
    store: Store, url: str, seed: int, environment: Mapping[str, str], *, shared_ids: bool = False
) -> ForkServerProcess:
    """A new process, forked from one that has only imported what is needed."""
    process: ForkServerProcess = context().Process(
        target=ingest, args=(store, url, seed, dict(environment), shared_ids), daemon=True
    )
    process.start()
    return process
