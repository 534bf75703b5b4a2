"""The contents of a store in a form that can be compared between runs, and faults that no store may have."""

from typing import Any

from connectors.store.clickhouse import Store, query

FACTS = ("flows", "coverage", "rejected_lines", "change_events")
ROWS = " UNION ALL ".join(f"SELECT object_id, row_no, '{name}' AS tab FROM {name}" for name in FACTS)

DOUBLED = f"SELECT object_id, row_no FROM ({ROWS}) GROUP BY object_id, row_no HAVING count() > 1"

UNEVEN = f"""
SELECT key FROM receipts LEFT JOIN (
    SELECT object_id, countIf(tab != 'rejected_lines') AS written, countIf(tab = 'rejected_lines') AS rejected
    FROM ({ROWS}) GROUP BY object_id
) AS stored USING object_id
WHERE rows_read != rows_written + rows_rejected + rows_skipped OR rows_written != written OR rows_rejected != rejected
"""

STRANGERS = f"SELECT DISTINCT object_id FROM ({ROWS}) WHERE object_id NOT IN (SELECT object_id FROM receipts)"

UNFINISHED = "SELECT load FROM ledger GROUP BY load HAVING countIf(state != 'begin') = 0"


def contents(store: Store) -> dict[str, list[list[str]]]:
    """Every row as text, in a fixed order, without load, chunk, run and write times."""
    found = {}
    for name in FACTS:
        sql = f"SELECT * EXCEPT (load, chunk) FROM {name} ORDER BY object_id, row_no"
        found[name] = [list(map(str, row)) for row in store.reader().query(sql).result_rows]
    rows = store.reader().query("SELECT * EXCEPT (load, run, at) FROM receipts ORDER BY object_id").result_rows
    found["receipts"] = [list(map(str, row)) for row in rows]
    return found


def unfinished(store: Store) -> int:
    """Number of attempts that are neither done nor given up."""
    return len(store.reader().query(UNFINISHED).result_rows)


def faults(store: Store) -> dict[str, list[Any]]:
    """Rows that exist more than once, receipts that do not add up or do not match the rows, rows of objects without a
    receipt, and attempts left open."""
    asked = {"doubled": DOUBLED, "uneven": UNEVEN, "without receipt": STRANGERS, "unfinished": UNFINISHED}
    found = {name: query(store.reader(), sql).to_pylist() for name, sql in asked.items()}
    return {name: rows for name, rows in found.items() if rows}
