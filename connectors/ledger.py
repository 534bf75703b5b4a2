"""Each object counts exactly once: the protocol of loads.

begin (objects, expected rows per object and chunk) -> chunks -> receipts (their presence means done) -> done.

A large object is a load alone: its chunks are begun and written one after the other, as it is read.

A process may die anywhere. The next run finds the load begun and not done, and reads the same object versions again:
chunks that arrived are kept, missing ones are inserted, and one with an odd number of rows is replaced. A load of
which nothing arrived is given up and its objects are free again. Insert tokens only guard one request that is sent
twice; a new attempt always has a new token, because the engine may remember the token of an insert that it lost.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import stamina
from clickhouse_connect.driver.client import Client

from connectors import receipts
from connectors.batch import Batch
from connectors.chunks import DATA, Chunk, cut
from connectors.clickhouse import Store, StoreUnavailable, command, insert, query
from connectors.failpoints import failpoint
from schemas.errors import BadObject, FlowtrailError
from schemas.ledger import LEDGER, RECEIPTS, Receipt
from schemas.object_ref import ObjectRef
from schemas.table import Table

LEASE = timedelta(minutes=15)
"""On a server, how long another process's unfinished load is taken to be alive. The embedded engine has one process."""

TRIES = 6
"""How often an insert that the store does not confirm is sent, within two minutes."""

UNFINISHED = """
SELECT
    load,
    groupUniqArrayIf((bucket, key, etag, size, version_id), state = 'begin') AS refs,
    groupUniqArrayIf(toString(table_name), table_name != '') AS tables,
    dateDiff('second', max(at), now64(3)) AS idle
FROM ledger
GROUP BY load
HAVING countIf(state != 'begin') = 0
ORDER BY load
"""

WRITERS = 2
"""Chunks that are inserted at the same time: an insert keeps one core busy."""

_writers = ThreadPoolExecutor(WRITERS, "writer")
_writing = threading.RLock()
"""One load at a time in this process, so that two threads with the same object cannot both find it new."""


@dataclass(frozen=True)
class Unfinished:
    """A load that was begun, of which something arrived, and which is neither done nor given up."""

    load: int
    refs: tuple[ObjectRef, ...]
    tables: frozenset[str]


@dataclass(frozen=True)
class Open:
    """What the ledger holds open: `resumable` loads, and objects that another living process is `busy` with."""

    resumable: tuple[Unfinished, ...]
    busy: frozenset[int]


def new_load() -> int:
    """An id for a load. Chosen when the load is planned: the same load attempted again keeps it."""
    return secrets.randbits(64) or 1


def settle(store: Store) -> Open:
    """Close what can be closed without reading objects: loads with receipts are done; loads of which nothing arrived,
    or whose objects another load has done since, are removed and given up. Returns the rest."""
    client = store.client()
    resumable, busy = [], set[int]()
    with _writing:
        for load, refs, tables, idle in _unfinished(client):
            held = receipts.done(client, (ref.object_id for ref in refs))
            if not store.embedded and idle < LEASE:
                busy |= {ref.object_id for ref in refs}
            elif any(load in loads for loads in held.values()):
                _close(client, load, refs)
            elif held or not any(_arrived(client, load, table) for table in DATA):
                give_up(store, load)
            else:
                resumable.append(Unfinished(load, refs, tables))
    return Open(tuple(resumable), frozenset(busy))


def write(store: Store, load: int, batch: Batch, parser_version: int) -> list[Receipt]:
    """Write a load and return the receipts of the objects that it, and no other, has done; objects that were done
    before are left out. When `load` was begun before, it is finished if these are its objects and its chunks, else what
    arrived of it is removed and the objects are written under a new load. Raises FlowtrailError when the store cannot
    be had; what arrived is then found again by `settle`."""
    client = store.client()
    with _writing:
        held = receipts.done(client, batch.ids)
        if any(load in loads for loads in held.values()):  # a runner repeats a load whose receipts are there
            if not _has(client, load, "done"):
                _close(client, load, [source.ref for source in batch.objects])
            return []
        batch = batch.without(held)
        chunks = cut(batch)
        entries = _begin_entries(batch, chunks)
        begun = _begun(client, load)
        if begun and begun != _plan(entries):
            give_up(store, load)
            load, begun = new_load(), {}
        if not batch.objects:
            return []
        if not begun:
            _put(client, LEDGER, _ledger_rows(load, "begin", entries), load, "state = 'begin'")
            failpoint("after-begin")
        _write_chunks(store, load, chunks, check=bool(begun))
        return _finish(client, load, receipts.of(batch, load), parser_version)


def write_large(
    store: Store, load: int, ref: ObjectRef, read: Callable[[], Iterable[Batch]], parser_version: int
) -> list[Receipt]:
    """As `write`, for one object whose rows come in pieces, again with each call of `read`: the expected rows of a
    chunk are begun just before the chunk is written. What `read` raises is raised, and nothing of the object stays."""
    client = store.client()
    with _writing:
        if load in (loads := receipts.done(client, [ref.object_id]).get(ref.object_id, [])):
            if not _has(client, load, "done"):
                _close(client, load, [ref])
            return []
        begun = _begun(client, load)
        if loads:
            if begun:
                give_up(store, load)
            return []
        try:
            made = _write_pieces(store, load, read(), begun)
        except BadObject:
            give_up(store, load)
            raise
        if made is None:  # not what was begun
            give_up(store, load)
            return write_large(store, new_load(), ref, read, parser_version)
        return _finish(client, load, [made], parser_version)


def _write_pieces(
    store: Store, load: int, pieces: Iterable[Batch], begun: dict[tuple[int, str, int], int]
) -> Receipt | None:
    """The receipt of an object that was written piece by piece; None when other chunks were begun than there are."""
    client = store.client()
    made: list[Receipt] = []
    planned: dict[tuple[int, str, int], int] = {}
    number = 0
    for piece in pieces:
        chunks = cut(piece, number)
        entries = _begin_entries(piece, chunks) if chunks or not made else []
        plan = _plan(entries)
        planned |= plan
        before = {key: begun[key] for key in plan if key in begun}
        if before not in ({}, plan):
            return None
        if entries and not before:
            first, number = number + 1, number + len(chunks)
            where = f"state = 'begin' AND chunk BETWEEN {min(first, number)} AND {number}"
            _put(client, LEDGER, _ledger_rows(load, "begin", entries), load, where)
            failpoint("after-begin")
        number = max([number, *(chunk.number for chunk in chunks)])
        _write_chunks(store, load, chunks, check=bool(before))
        made += receipts.of(piece, load)
    return receipts.total(made) if begun.keys() <= planned.keys() else None


def _finish(client: Client, load: int, made: Sequence[Receipt], parser_version: int) -> list[Receipt]:
    """Every chunk is there: receipts, then done."""
    failpoint("before-receipts")
    if _has(client, load, "given-up"):
        _remove(client, load)
        raise FlowtrailError(
            "Another process gave up this load: this one was silent for too long.", "Run the same command again."
        )
    _put(client, RECEIPTS, receipts.rows(made, parser_version, datetime.now(UTC)), load, "1")
    failpoint("after-receipts")
    kept = _close(client, load, [each.ref for each in made])
    return [each for each in made if each.ref.object_id in kept]


def give_up(store: Store, load: int) -> None:
    """Remove whatever arrived of a load; its objects are free again."""
    client = store.client()
    _remove(client, load)
    _put(client, LEDGER, _ledger_rows(load, "given-up", [{}]), load, "state = 'given-up'")


def _write_chunks(store: Store, load: int, chunks: Sequence[Chunk], *, check: bool) -> None:
    """Insert the chunks, side by side; with `check`, only what the store does not hold already."""
    client = store.client()
    arrived = {table.name: _arrived(client, load, table) for table in DATA} if check else {}

    def write(chunk: Chunk) -> None:
        there = arrived.get(chunk.table.name, {}).get(chunk.number, {})
        if there == chunk.counts:
            return
        mine = store.client()  # of this thread
        if there:
            _delete(mine, chunk.table, f"load = {load} AND chunk = {chunk.number}")
        _put(mine, chunk.table, chunk.stamped(load), load, f"chunk = {chunk.number}", partitions=1)
        failpoint(f"after-chunk:{chunk.number}")

    futures = [_writers.submit(write, chunk) for chunk in chunks]
    wait(futures)  # none goes on when this load is said to have failed
    for future in futures:
        future.result()


def _put(client: Client, table: Table, rows: pa.Table, load: int, part: str, *, partitions: int = 100) -> None:
    """Insert rows of a load and know that they are there once. When the store does not confirm, the same request is
    repeated with its token; then the rows are counted, for a server that died may remember a token and not the rows."""
    token, tries = f"{load}:{secrets.token_hex(8)}", 0
    for attempt in stamina.retry_context(on=StoreUnavailable, attempts=TRIES, timeout=120):
        with attempt:
            tries += 1
            insert(client, table, rows, token=token, partitions=partitions)
    where = f"load = {load} AND {part}"
    if tries > 1 and _count(client, table, where) != rows.num_rows:
        _delete(client, table, where)
        _put(client, table, rows, load, part, partitions=partitions)


def _close(client: Client, load: int, refs: Sequence[ObjectRef]) -> set[int]:
    """Of two loads that hold a receipt for the same object the lower one keeps it: whoever sees the conflict removes
    the other's rows, then its receipt. Both look after writing their receipts, so one of them sees it. Then the load is
    done; returns the objects that it keeps."""
    held = receipts.done(client, (ref.object_id for ref in refs))
    for loser in {other for loads in held.values() for other in loads if other != min(loads)}:
        lost = [object_id for object_id, loads in held.items() if loser in loads and loser != min(loads)]
        where = f"load = {loser} AND object_id IN ({', '.join(map(str, lost))})"
        for table in (*DATA, RECEIPTS):
            _delete(client, table, where)
    _put(client, LEDGER, _ledger_rows(load, "done", [{}]), load, "state = 'done'")
    return {object_id for object_id, loads in held.items() if min(loads) == load}


def _begin_entries(batch: Batch, chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
    """One entry per object and chunk; an object without rows has one without a table."""
    refs = {source.ref.object_id: source.ref for source in batch.objects}
    entries = [
        {**_identity(refs[object_id]), "table_name": chunk.table.name, "chunk": chunk.number, "rows": rows}
        for chunk in chunks
        for object_id, rows in sorted(chunk.counts.items())
    ]
    empty = refs.keys() - {entry["object_id"] for entry in entries}
    return entries + [{**_identity(refs[object_id]), "chunk": 0, "rows": 0} for object_id in sorted(empty)]


def _identity(ref: ObjectRef) -> dict[str, Any]:
    return {
        "bucket": ref.bucket,
        "key": ref.key,
        "etag": ref.etag,
        "version_id": ref.version_id,
        "size": ref.size,
        "object_id": ref.object_id,
    }


def _plan(entries: Iterable[dict[str, Any]]) -> dict[tuple[int, str, int], int]:
    """Rows by object, table and chunk."""
    return {(entry["object_id"], entry.get("table_name", ""), entry["chunk"]): entry["rows"] for entry in entries}


def _begun(client: Client, load: int) -> dict[tuple[int, str, int], int]:
    sql = f"SELECT object_id, table_name, chunk, rows FROM {LEDGER.name} WHERE load = {load:d} AND state = 'begin'"  # noqa: S608
    return {} if _has(client, load, "given-up") else _plan(query(client, sql).to_pylist())


def _ledger_rows(load: int, state: str, entries: Sequence[dict[str, Any]]) -> pa.Table:
    blank = dict.fromkeys(("bucket", "key", "etag", "version_id", "table_name"), "")
    numbers = dict.fromkeys(("size", "object_id", "chunk", "rows"), 0)
    common = {"load": load, "state": state, "at": datetime.now(UTC)}
    return pa.Table.from_pylist([{**blank, **numbers, **entry, **common} for entry in entries], schema=LEDGER.schema)


def _unfinished(client: Client) -> list[tuple[int, tuple[ObjectRef, ...], frozenset[str], timedelta]]:
    """Load, objects, tables and time since the last entry of each load that is neither done nor given up."""
    found = []
    for row in query(client, UNFINISHED).to_pylist():
        refs = tuple(sorted(ObjectRef(*ref.values()) for ref in row["refs"]))
        found.append((row["load"], refs, frozenset(row["tables"]), timedelta(seconds=row["idle"])))
    return found


def _has(client: Client, load: int, state: str) -> bool:
    return bool(_count(client, LEDGER, f"load = {load} AND state = '{state}'"))


def _arrived(client: Client, load: int, table: Table) -> dict[int, dict[int, int]]:
    """Rows of a load that the store holds, by chunk and object."""
    sql = f"SELECT chunk, object_id, count() AS rows FROM {table.name} WHERE load = {load:d} GROUP BY chunk, object_id"  # noqa: S608
    counts: dict[int, dict[int, int]] = {}
    for row in query(client, sql).to_pylist():
        counts.setdefault(row["chunk"], {})[row["object_id"]] = row["rows"]
    return counts


def _count(client: Client, table: Table, where: str) -> int:
    rows: int = query(client, f"SELECT count() AS n FROM {table.name} WHERE {where}")["n"][0].as_py()  # noqa: S608
    return rows


def _remove(client: Client, load: int) -> None:
    for table in (*DATA, RECEIPTS):
        _delete(client, table, f"load = {load:d}")


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _delete(client: Client, table: Table, where: str) -> None:
    """Delete and wait. A mutation rewrites parts, so nothing is asked of a table that holds no such rows."""
    if _count(client, table, where):
        command(client, f"ALTER TABLE {table.name} DELETE WHERE {where} SETTINGS mutations_sync = 2")
