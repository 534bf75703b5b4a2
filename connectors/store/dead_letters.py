"""Objects that could not be read: references in the store, never their content."""

from collections.abc import Iterable, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.store.attempts import VOID
from connectors.store.clickhouse import insert, query
from schemas.ledger import RECEIPTS, DeadLetter
from schemas.object_ref import ObjectRef
from schemas.runs import DEAD_LETTERS

REPLACED = ("gone", "changed")
"""Reasons that are settled as soon as another version of the object is loaded."""

SET_ASIDE, FORGOTTEN = "set-aside", "forgotten"

_COLUMNS = "bucket, key, etag, size, version_id, reason, detail"
_DONE = f"FROM {RECEIPTS.name} WHERE load NOT IN ({VOID})"

OPEN = f"""
SELECT {_COLUMNS} FROM (SELECT * FROM {DEAD_LETTERS.name} ORDER BY at DESC LIMIT 1 BY object_id)
WHERE state = '{SET_ASIDE}' AND object_id NOT IN (SELECT object_id {_DONE})
    AND NOT (reason IN {REPLACED} AND (bucket, key) IN (SELECT bucket, key {_DONE}))
ORDER BY bucket, key, etag
"""  # noqa: S608
"""The last entry of each object that has not been loaded since, nor replaced by a version that has, nor forgotten."""


def put(client: Client, run: str, letters: Sequence[DeadLetter], state: str = SET_ASIDE) -> None:
    """Set these objects aside. Raises FlowtrailError when the store fails."""
    rows = [_row(letter, run, state) for letter in sorted(set(letters), key=lambda each: (each.ref, each.reason))]
    insert(client, DEAD_LETTERS, DEAD_LETTERS.rows(rows))


def forget(client: Client, letters: Sequence[DeadLetter], run: str = "") -> None:
    """Take these objects off the list. They are listed again if they are set aside again."""
    put(client, run, letters, FORGOTTEN)


def set_aside(client: Client) -> list[DeadLetter]:
    """The objects that are set aside now, each once, in order of bucket and key."""
    return _letters(query(client, OPEN).to_pylist())


def of_run(client: Client, run: str) -> list[DeadLetter]:
    """The objects that a run set aside, each once, in order of bucket and key."""
    sql = f"""
        SELECT {_COLUMNS} FROM (
            SELECT * FROM {DEAD_LETTERS.name} WHERE run = {{run:String}} AND state = '{SET_ASIDE}'
            ORDER BY at DESC LIMIT 1 BY object_id
        ) ORDER BY bucket, key, etag
    """  # noqa: S608
    return _letters(query(client, sql, {"run": run}).to_pylist())


def _letters(rows: Iterable[dict[str, Any]]) -> list[DeadLetter]:
    return [
        DeadLetter(
            ObjectRef.of_row(row),
            row["reason"],
            row["detail"],
        )
        for row in rows
    ]


def _row(letter: DeadLetter, run: str, state: str) -> dict[str, Any]:
    ref = letter.ref
    return {
        "object_id": ref.object_id,
        **ref.row,
        "state": state,
        "reason": letter.reason,
        "detail": letter.detail,
        "run": run,
    }
