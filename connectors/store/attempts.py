"""Entries of the ledger: what is written and read about attempts. The protocol itself is in `ledger.py`."""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import stamina
from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import StoreUnavailable, command, insert, query
from schemas.columnar.batch import Batch
from schemas.columnar.chunks import DATA, Chunk
from schemas.flow import REJECTED_LINES
from schemas.ledger import LEDGER, RECEIPTS
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.runs import DEAD_LETTERS
from schemas.table import Table

TRIES = 6
"""How many times an unconfirmed insert is sent, within two minutes."""

IDS_PER_QUERY = 5_000

OPEN = f"SELECT load FROM {LEDGER.name} GROUP BY load HAVING countIf(state != 'begin') = 0"  # noqa: S608
"""Attempts that are neither done nor given up."""

VOID = f"SELECT load FROM {LEDGER.name} WHERE state = 'given-up'"  # noqa: S608
"""Attempts whose rows and receipts do not count, whether or not they are removed already."""

OWED_DAYS = 30
"""An object of an attempt that was given up longer ago is left to the next listing of its bucket."""


@dataclass(frozen=True)
class Attempt:
    """An attempt as the ledger shows it: the process and run that it belongs to, when it began (by the store's clock),
    and its objects."""

    id: int
    owner: int
    run: str
    began: datetime
    object_ids: frozenset[int]


@dataclass(frozen=True)
class Owed:
    """An object that was begun by an attempt that has been given up, and that nobody has loaded since."""

    ref: ObjectRef
    kind: ObjectKind


def new_id() -> int:
    """An id for an attempt: random, so that no two processes ever share one."""
    return secrets.randbits(64) or 1


def begin_entries(batch: Batch, chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
    """One entry per object and chunk; an object without rows has one without a table."""
    sources = {source.ref.object_id: source for source in batch.objects}
    entries: list[dict[str, Any]] = [
        {"table_name": chunk.table.name, "chunk": chunk.number, "rows": rows, "object_id": object_id}
        for chunk in chunks
        for object_id, rows in sorted(chunk.counts.items())
    ]
    empty = sources.keys() - {entry["object_id"] for entry in entries}
    entries += [{"chunk": 0, "rows": 0, "object_id": object_id} for object_id in sorted(empty)]
    return [
        {**entry, **_identity(sources[entry["object_id"]].ref, sources[entry["object_id"]].kind)} for entry in entries
    ]


def rows(attempt: int, state: str, entries: Sequence[Mapping[str, Any]], run: str = "", owner: int = 0) -> pa.Table:
    """Rows of the ledger; the store sets their time."""
    texts = dict.fromkeys(("bucket", "key", "etag", "version_id", "table_name", "kind"), "")
    numbers = dict.fromkeys(("size", "object_id", "chunk", "rows"), 0)
    common = {"load": attempt, "state": state, "run": run, "owner": owner}
    return LEDGER.rows([{**texts, **numbers, **entry, **common} for entry in entries])


def put(client: Client, table: Table, rows: pa.Table, attempt: int, part: str, *, partitions: int = 100) -> None:
    """Insert rows of an attempt and ensure that they are stored exactly once. When the store does not confirm, the same
    request is repeated with its token; then the rows are counted, for a server that died may remember a token and not
    the rows. `part` is the condition that selects them among the attempt's rows in the table."""
    token, tries = f"{attempt}:{secrets.token_hex(8)}", 0
    for sending in stamina.retry_context(on=StoreUnavailable, attempts=TRIES, timeout=120):
        with sending:
            tries += 1
            insert(client, table, rows, token=token, partitions=partitions)
    where = f"load = {attempt} AND {part}"
    if tries > 1 and count(client, table, where) != rows.num_rows:
        delete(client, table, where)
        put(client, table, rows, attempt, part, partitions=partitions)


def put_state(client: Client, attempt: int, state: str, owner: int = 0) -> None:
    """Note that the attempt is in this state; `owner` is the process that gives it up. Several processes may give up
    the same attempt: once is enough."""
    if not has(client, attempt, state):
        put(client, LEDGER, rows(attempt, state, [{}], owner=owner), attempt, f"state = '{state}' AND owner = {owner}")


def has(client: Client, attempt: int, state: str) -> bool:
    """Whether the attempt has ever been in this state."""
    return bool(count(client, LEDGER, f"load = {attempt} AND state = '{state}'"))


def touching(client: Client, object_ids: Iterable[int]) -> list[Attempt]:
    """Open attempts at any of these objects, with those of the objects that they hold."""
    found: dict[int, Attempt] = {}
    for ids in batches(object_ids):
        sql = f"""
            SELECT load, any(owner) AS owner, any(run) AS run, min(at) AS began, groupUniqArray(object_id) AS ids
            FROM {LEDGER.name} WHERE state = 'begin' AND object_id IN {{ids:Array(UInt64)}} AND load NOT IN (
                SELECT load FROM {LEDGER.name} WHERE state != 'begin'
            ) GROUP BY load
        """  # noqa: S608
        for row in query(client, sql, {"ids": ids}).to_pylist():
            known = found.get(row["load"])
            more = frozenset(row["ids"]) | (known.object_ids if known else frozenset())
            began = min(row["began"], known.began) if known else row["began"]
            found[row["load"]] = Attempt(row["load"], row["owner"], row["run"], began, more)
    return list(found.values())


def open_attempts(client: Client) -> list[Attempt]:
    """Every open attempt, in order of id."""
    sql = f"""
        SELECT load, any(owner) AS owner, any(run) AS run, min(at) AS began, groupUniqArray(object_id) AS ids
        FROM {LEDGER.name} WHERE load IN ({OPEN}) GROUP BY load ORDER BY load
    """  # noqa: S608
    return [
        Attempt(row["load"], row["owner"], row["run"], row["began"], frozenset(row["ids"]))
        for row in query(client, sql).to_pylist()
    ]


def still_open(client: Client, ids: Collection[int]) -> set[int]:
    """Those of these attempts that are open."""
    named = ", ".join(map(str, ids))
    sql = f"SELECT load FROM {LEDGER.name} WHERE load IN ({named}) GROUP BY load HAVING countIf(state != 'begin') = 0"  # noqa: S608
    return {row["load"] for row in query(client, sql).to_pylist()}


def to_clear(client: Client, *, again: bool) -> list[int]:
    """Attempts that were given up and whose rows are not known to be removed. With `again` also those that others gave
    up within a day and of which there are rows: their process may have inserted something since."""
    sql = f"""
        SELECT load, countIf(state = 'cleared') = 0 AS dirty FROM {LEDGER.name}
        WHERE load IN ({VOID}) GROUP BY load
        HAVING dirty OR (max(at) > now64(3) - INTERVAL 1 DAY
            AND anyIf(owner, state = 'given-up') != anyIf(owner, state = 'begin'))
        ORDER BY load
    """  # noqa: S608
    found = query(client, sql).to_pylist()
    dirty = [row["load"] for row in found if row["dirty"]]
    others = [row["load"] for row in found if not row["dirty"]]
    return [*dirty, *sorted(_with_rows(client, others))] if again and others else dirty


def _with_rows(client: Client, ids: Collection[int]) -> set[int]:
    named = ", ".join(map(str, ids))
    union = " UNION ALL ".join(
        f"SELECT DISTINCT load FROM {table.name} WHERE load IN ({named})"  # noqa: S608
        for table in (*DATA, RECEIPTS)
    )
    return {row["load"] for row in query(client, union).to_pylist()}


def owed(client: Client) -> list[Owed]:
    """Objects that were begun, given up, and neither loaded, set aside nor begun again since."""
    sql = f"""
        SELECT bucket, key, etag, size, version_id, any(kind) AS kind, groupUniqArray(toString(table_name)) AS tables
        FROM {LEDGER.name} WHERE state = 'begin'
            AND load IN ({VOID} AND at > now64(3) - INTERVAL {OWED_DAYS} DAY)
            AND object_id NOT IN (SELECT object_id FROM {RECEIPTS.name} WHERE load NOT IN ({VOID}))
            AND object_id NOT IN (SELECT object_id FROM {DEAD_LETTERS.name})
            AND object_id NOT IN (SELECT object_id FROM {LEDGER.name} WHERE load IN ({OPEN}))
        GROUP BY bucket, key, etag, size, version_id ORDER BY bucket, key
    """  # noqa: S608
    return [Owed(ObjectRef.of_row(row), kind) for row in query(client, sql).to_pylist() if (kind := _kind(row))]


def _kind(row: Mapping[str, Any]) -> ObjectKind | None:
    """As noted; entries of older releases have only the tables of the object's rows. None where these do not tell: such
    an object is left to the next listing of its bucket."""
    if row["kind"]:
        return ObjectKind(row["kind"])
    tables = set(row["tables"]) - {"", REJECTED_LINES.name}
    return None if not tables else ObjectKind.CLOUDTRAIL if "change_events" in tables else ObjectKind.FLOW_LOG


def remove(client: Client, attempt: int, object_ids: Collection[int] | None = None) -> None:
    """Remove the rows and receipts of an attempt, of some objects or of all."""
    for ids in [None] if object_ids is None else batches(object_ids):
        chosen = "" if ids is None else f" AND object_id IN ({', '.join(map(str, ids))})"
        for table in (*DATA, RECEIPTS):
            delete(client, table, f"load = {attempt:d}{chosen}")


def count(client: Client, table: Table, where: str) -> int:
    """How many rows of the table fulfil the condition."""
    found: int = query(client, f"SELECT count() AS n FROM {table.name} WHERE {where}")["n"][0].as_py()  # noqa: S608
    return found


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def delete(client: Client, table: Table, where: str) -> None:
    """Delete and wait. A mutation rewrites parts, so a table without such rows is left alone."""
    if count(client, table, where):
        command(client, f"ALTER TABLE {table.name} DELETE WHERE {where} SETTINGS mutations_sync = 2")


def batches(object_ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids, sorted and each once, as many at a time as go into one query."""
    wanted = sorted(set(object_ids))
    return (wanted[i : i + IDS_PER_QUERY] for i in range(0, len(wanted), IDS_PER_QUERY))


def _identity(ref: ObjectRef, kind: ObjectKind) -> dict[str, Any]:
    return {**ref.row, "object_id": ref.object_id, "kind": kind.value}
