"""Compare the ledger and the receipts with the rows in the store, and remove rows that should not exist.

Nothing here reads an object again: `pipelines.ingest.again` does, and then replaces an object as a whole. A load that
is not finished needs no repair: `ledger.settle` and the next ingest handle it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import Store, command, query
from connectors.store.migrate import MIGRATIONS
from connectors.store.retention import KEPT_FROM
from schemas.columnar.chunks import DATA
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, RETENTION
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.snapshot import CONFIG_VERSIONS
from schemas.tables import TABLES

IDS_PER_STATEMENT = 1_000


class Fault(StrEnum):
    """What can be wrong."""

    BROKEN_PART = "broken-part"
    WRONG_COUNT = "wrong-count"
    DUPLICATE_ROWS = "duplicate-rows"
    BAD_RECEIPT = "bad-receipt"
    DOUBLE_RECEIPT = "double-receipt"
    ORPHAN_ROWS = "orphan-rows"
    UNFINISHED_LOAD = "unfinished-load"
    UNFINISHED_MIGRATION = "unfinished-migration"
    OLD_VERSIONS = "old-versions"


REPAIRED_BY_READING = (Fault.WRONG_COUNT, Fault.DUPLICATE_ROWS, Fault.BAD_RECEIPT, Fault.DOUBLE_RECEIPT)
"""Faults that are repaired by reading the object again and replacing its rows and its receipt."""


@dataclass(frozen=True)
class Problem:
    """`ref` and `object_kind` identify the object if the fault concerns a single one, `load` the load (0 if there is
    none), `name` the table, part or migration."""

    fault: Fault
    detail: str
    name: str = ""
    load: int = 0
    object_id: int = 0
    ref: ObjectRef | None = None
    object_kind: ObjectKind = ObjectKind.OTHER

    @property
    def where(self) -> str:
        return self.ref.url if self.ref else self.name or f"load {self.load}"


_ROWS = " UNION ALL ".join(
    f"SELECT '{table.name}' AS name, load, chunk, object_id, count() AS n, groupBitmapState(row_no) AS numbers"  # noqa: S608
    f" FROM {table.name} GROUP BY load, chunk, object_id"
    for table in DATA
)
"""Row counts by table, load, chunk and object. The bitmap of row numbers takes at most one bit per row."""

_PAIRS = f"""
SELECT load, object_id, sumIf(n, name != '{REJECTED_LINES.name}') AS written,
    sumIf(n, name = '{REJECTED_LINES.name}') AS rejected, sum(n) AS rows, groupBitmapMerge(numbers) AS different
FROM ({_ROWS}) GROUP BY load, object_id
"""  # noqa: S608

_EXPIRING = f"""made.kind = '{ObjectKind.FLOW_LOG.value}'
    AND ifNull(ifNull(made.first_time, toDateTime(made.at, 'UTC')) <= ({KEPT_FROM}), 0)"""
"""Whether rows of an object may have expired: then fewer rows than in its receipt are not a loss, but more are still a
fault. An object without a time has only rejected lines, which expire by load time."""

_OPEN = "SELECT load FROM ledger GROUP BY load HAVING countIf(state != 'begin') = 0"

RECEIPTS_AND_ROWS = f"""
SELECT bucket, key, etag, size, version_id, object_id, kind, load, rows_read, rows_written, rows_rejected, rows_skipped,
    ifNull(stored.written, 0) AS written, ifNull(stored.rejected, 0) AS rejected,
    ifNull(stored.rows, 0) - ifNull(stored.different, 0) AS doubled,
    count() OVER (PARTITION BY object_id) AS receipts,
    if({_EXPIRING}, written > rows_written OR rejected > rows_rejected,
        written != rows_written OR rejected != rows_rejected) AS miscounted
FROM {RECEIPTS.name} AS made LEFT JOIN ({_PAIRS}) AS stored USING (load, object_id)
QUALIFY receipts > 1 OR miscounted OR doubled != 0
    OR rows_read != rows_written + rows_rejected + rows_skipped
ORDER BY bucket, key, load
"""  # noqa: S608

LEDGER_AND_ROWS = f"""
SELECT made.bucket, made.key, made.etag, made.size, made.version_id, made.object_id AS object_id, made.kind, load, name,
    chunk, sum(due) AS planned, sum(n) AS stored
FROM (
    SELECT load, object_id, toString(table_name) AS name, chunk, rows AS due, 0 AS n
    FROM ledger WHERE state = 'begin' AND table_name != ''
    UNION ALL SELECT load, object_id, name, chunk, 0, n FROM ({_ROWS})
) AS counted
INNER JOIN {RECEIPTS.name} AS made USING (load, object_id)
WHERE load IN (SELECT load FROM ledger WHERE state = 'begin')
GROUP BY ALL HAVING if(max({_EXPIRING}), stored > planned, stored != planned)
ORDER BY made.bucket, made.key, load, chunk
"""  # noqa: S608

_ORPHANS = f"""
SELECT * FROM ({_ROWS})
WHERE load NOT IN ({_OPEN}) AND (load, object_id) NOT IN (SELECT load, object_id FROM {RECEIPTS.name})
"""  # noqa: S608

ORPHANS = f"""
SELECT name, load, uniqExact(object_id) AS objects, sum(n) AS rows
FROM ({_ORPHANS}) GROUP BY name, load ORDER BY name, load
"""  # noqa: S608

_LOST = f"""
SELECT object_id FROM ({_ORPHANS}) WHERE object_id NOT IN (SELECT object_id FROM {RECEIPTS.name})
    AND object_id IN (SELECT object_id FROM ledger WHERE state = 'begin')
"""  # noqa: S608

LOST_RECEIPTS = f"""
SELECT DISTINCT bucket, key, etag, size, version_id FROM ledger
WHERE state = 'begin' AND object_id IN ({_LOST}) ORDER BY bucket, key
"""  # noqa: S608

SURPLUS = f"""
SELECT name, load, groupUniqArray(object_id) AS objects, sum(n) AS rows
FROM ({_ORPHANS}) WHERE object_id NOT IN ({_LOST}) GROUP BY name, load ORDER BY name, load
"""  # noqa: S608

UNFINISHED = """
SELECT load, uniqExact(object_id) AS objects, sum(rows) AS planned, min(at) AS at FROM ledger
GROUP BY load HAVING countIf(state != 'begin') = 0 ORDER BY at, load
"""

BROKEN = f"""
SELECT parts.table AS of_table, parts.name AS part FROM system.detached_parts AS parts
WHERE database = currentDatabase() AND reason LIKE '%broken%'
    AND parts.table IN ({", ".join(f"'{name}'" for name in TABLES)})
ORDER BY of_table, part
"""  # noqa: S608


def examine(store: Store) -> list[Problem]:
    """All problems, in a fixed order; changes nothing. Raises FlowtrailError when the database or its tables do not
    exist."""
    client = store.reader()
    problems = _migrations(client)
    if problems:  # the tables may not exist
        return problems
    return [*_broken(client), *damaged(client), *_orphans(client), *_unfinished(client), *_versions(client)]


def damaged(client: Client) -> list[Problem]:
    """Objects whose receipts, ledger entries and rows do not agree."""
    found: list[Problem] = []
    for row in query(client, RECEIPTS_AND_ROWS).to_pylist():
        found += [_object_problem(row, fault, detail) for fault, detail in _disagreements(row)]
    for row in query(client, LEDGER_AND_ROWS).to_pylist():
        detail = f"chunk {row['chunk']} in {row['name']} has {row['stored']} rows, the ledger expects {row['planned']}"
        found.append(_object_problem(row, Fault.WRONG_COUNT, detail))
    return found


def broken_parts(client: Client) -> bool:
    """Whether the engine has detached parts that it could not read."""
    return bool(_broken(client))


def to_read_again(problems: Iterable[Problem]) -> list[tuple[ObjectRef, ObjectKind]]:
    """The objects that are repaired by reading them again, each once."""
    found = {p.ref: p.object_kind for p in problems if p.fault in REPAIRED_BY_READING and p.ref is not None}
    return sorted(found.items())


def forget(store: Store, object_ids: Collection[int]) -> None:
    """Remove every row of these objects, then their receipts: a process that dies in between leaves receipts without
    rows, which are found again, and never rows without receipts, which would be duplicated. Open loads, perhaps of
    another process that is replacing the same objects, are left alone."""
    client = store.client()
    busy = ", ".join(str(load) for load in query(client, _OPEN)["load"].to_pylist())
    except_open = f" AND load NOT IN ({busy})" if busy else ""
    for ids in _batches(sorted(object_ids)):
        for table in (*DATA, RECEIPTS):
            _delete(client, table.name, f"object_id IN ({ids}){except_open}")


def without_receipt(client: Client) -> list[ObjectRef]:
    """Objects that have rows of a closed load but no receipt, as recorded in the ledger: each must be read again and
    replaced."""
    return [ObjectRef(*row.values()) for row in query(client, LOST_RECEIPTS).to_pylist()]


def remove_surplus(store: Store) -> int:
    """Remove rows without a receipt, of objects that have a receipt of another load or are not in the ledger; returns
    how many. Open loads are left alone."""
    client, removed = store.client(), 0
    for row in query(client, SURPLUS).to_pylist():
        for ids in _batches(sorted(row["objects"])):
            _delete(client, row["name"], f"load = {row['load']:d} AND object_id IN ({ids})")
        removed += row["rows"]
    return removed


def drop_old_versions(store: Store) -> None:
    """Remove the generations of `config_versions` that a newer one has replaced."""
    client = store.client()
    latest = query(client, f"SELECT max(generation) AS latest FROM {CONFIG_VERSIONS.name}")["latest"][0].as_py()  # noqa: S608
    _delete(client, CONFIG_VERSIONS.name, f"generation < {latest:d}")


def drop_broken_parts(store: Store) -> int:
    """Drop the broken parts of fact tables, ledger and receipts that the engine detached, once their content has been
    restored, and those of `retention`, which is in force again. Returns how many. Parts of other tables stay: their
    content comes from elsewhere."""
    client, dropped = store.client(), 0
    ours = {table.name for table in DATA} | {RECEIPTS.name, RETENTION.name, "ledger"}
    for row in query(client, BROKEN).to_pylist():
        if row["of_table"] in ours:
            part = row["part"].replace("\\", "\\\\").replace("'", "\\'")
            table = quote_identifier(row["of_table"])
            command(client, f"ALTER TABLE {table} DROP DETACHED PART '{part}' SETTINGS allow_drop_detached = 1")
            dropped += 1
    return dropped


def _disagreements(row: dict[str, Any]) -> Iterator[tuple[Fault, str]]:
    if row["receipts"] > 1:
        yield Fault.DOUBLE_RECEIPT, f"{row['receipts']} receipts, this one from load {row['load']}"
    if row["rows_read"] != row["rows_written"] + row["rows_rejected"] + row["rows_skipped"]:
        yield (
            Fault.BAD_RECEIPT,
            f"{row['rows_read']} records read, but {row['rows_written']} written + {row['rows_rejected']} rejected"
            f" + {row['rows_skipped']} skipped",
        )
    if row["miscounted"]:
        yield (
            Fault.WRONG_COUNT,
            f"{row['written']} written and {row['rejected']} rejected rows found, the receipt expects"
            f" {row['rows_written']} and {row['rows_rejected']}",
        )
    if row["doubled"]:
        yield Fault.DUPLICATE_ROWS, f"{row['doubled']} rows repeat the line number of another"


def _object_problem(row: dict[str, Any], fault: Fault, detail: str) -> Problem:
    ref = ObjectRef.of_row(row)
    kind = ObjectKind(row["kind"])
    return Problem(fault, detail, load=row["load"], object_id=row["object_id"], ref=ref, object_kind=kind)


def _migrations(client: Client) -> list[Problem]:
    exists = "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
    if not query(client, exists, {"table": MIGRATIONS.name})["n"][0].as_py():
        return []
    sql = f"SELECT number, any(name) AS file FROM {MIGRATIONS.name} GROUP BY number HAVING countIf(state = 'done') = 0"  # noqa: S608
    return [
        Problem(
            Fault.UNFINISHED_MIGRATION,
            "started but not finished: `flowtrail migrate` finishes it",
            name=f"{row['number']:04d}_{row['file']}.sql",
        )
        for row in query(client, sql).to_pylist()
    ]


def _broken(client: Client) -> list[Problem]:
    return [
        Problem(Fault.BROKEN_PART, f"part {row['part']}: the engine could not read it", name=row["of_table"])
        for row in query(client, BROKEN).to_pylist()
    ]


def _orphans(client: Client) -> list[Problem]:
    return [
        Problem(
            Fault.ORPHAN_ROWS,
            f"{row['rows']} rows of {row['objects']} objects without a receipt from load {row['load']}",
            name=row["name"],
            load=row["load"],
        )
        for row in query(client, ORPHANS).to_pylist()
    ]


def _unfinished(client: Client) -> list[Problem]:
    return [
        Problem(
            Fault.UNFINISHED_LOAD,
            f"{row['objects']} objects, {row['planned']} rows, started {row['at'].isoformat()}",
            load=row["load"],
        )
        for row in query(client, UNFINISHED).to_pylist()
    ]


def _versions(client: Client) -> list[Problem]:
    sql = f"SELECT uniqExact(generation) AS n FROM {CONFIG_VERSIONS.name}"  # noqa: S608
    old = query(client, sql)["n"][0].as_py() - 1
    return [Problem(Fault.OLD_VERSIONS, f"{old} older generations", name=CONFIG_VERSIONS.name)] if old > 0 else []


def _delete(client: Client, table: str, where: str) -> None:
    if query(client, f"SELECT count() AS n FROM {table} WHERE {where}")["n"][0].as_py():  # noqa: S608
        command(client, f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2")


def _batches(ids: Sequence[int]) -> Iterator[str]:
    for first in range(0, len(ids), IDS_PER_STATEMENT):
        yield ", ".join(map(str, ids[first : first + IDS_PER_STATEMENT]))
