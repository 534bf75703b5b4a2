"""Ingest `DB URL LETTERS` in a process of its own, for tests that end it half-way.

The answer is one line of JSON: the summary, each table's rows without load, chunk and times of writing, and the number
of unfinished loads.
"""

import json
import sys
from dataclasses import asdict

from connectors.clickhouse import Store
from pipelines.ingest.loads import Limits
from pipelines.ingest.pipeline import run_ingest

FACTS = ("flows", "coverage", "rejected_lines", "change_events")


def contents(store: Store) -> dict[str, list[list[str]]]:
    """Every row as text, in a fixed order."""
    found = {}
    for name in FACTS:
        sql = f"SELECT * EXCEPT (load, chunk) FROM {name} ORDER BY object_id, row_no"  # noqa: S608
        rows = store.reader().query(sql).result_rows
        found[name] = [list(map(str, row)) for row in rows]
    rows = store.reader().query("SELECT * EXCEPT (load, at) FROM receipts ORDER BY object_id").result_rows
    found["receipts"] = [list(map(str, row)) for row in rows]
    return found


def unfinished(store: Store) -> int:
    """Loads that were begun and neither done nor given up."""
    sql = "SELECT load FROM ledger GROUP BY load HAVING countIf(state != 'begin') = 0"
    return len(store.reader().query(sql).result_rows)


if __name__ == "__main__":
    given = Store(sys.argv[1])
    summary = run_ingest(given, [sys.argv[2]], dead_letter_folder=sys.argv[3], limits=Limits(objects=3))
    answer = {"summary": asdict(summary), "contents": contents(given), "unfinished": unfinished(given)}
    print(json.dumps(answer, default=str))
