"""Ingest `DB URL` in a separate process, for tests that kill it half-way.

The answer is one line of JSON: the summary, the rows of each table without load, chunk, run and write times, and the
number of unfinished attempts.
"""

import json
import sys
from dataclasses import asdict
from datetime import timedelta

from connectors.store.clickhouse import Store
from pipelines.ingest.load import Limits
from pipelines.ingest.pipeline import run_ingest
from tests.contents import contents, unfinished

if __name__ == "__main__":
    given = Store(sys.argv[1], wait=timedelta(seconds=1))
    summary = run_ingest(given, [sys.argv[2]], limits=Limits(objects=3))
    answer = {"summary": asdict(summary), "contents": contents(given), "unfinished": unfinished(given)}
    print(json.dumps(answer, default=str))
