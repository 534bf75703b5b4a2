"""Receipts: one row per object version that is done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from connectors.store.attempts import VOID, batches
from connectors.store.clickhouse import query
from schemas.columnar.batch import Batch
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind


def done(client: Client, object_ids: Iterable[int]) -> dict[int, list[int]]:
    """The attempts with a receipt that are not given up, by object id: these objects are done. There is more than one
    attempt only until two writers have settled which one counts."""
    found: dict[int, list[int]] = {}
    for row in _held(client, object_ids, "load"):
        found.setdefault(row["object_id"], []).append(row["load"])
    return found


def kinds(client: Client, object_ids: Iterable[int]) -> dict[int, ObjectKind]:
    """The kinds of those objects that are done, by object id."""
    return {row["object_id"]: ObjectKind(row["kind"]) for row in _held(client, object_ids, "kind")}


def _held(client: Client, object_ids: Iterable[int], column: str) -> Iterator[dict[str, Any]]:
    for ids in batches(object_ids):
        sql = f"""
            SELECT DISTINCT object_id, {column} FROM {RECEIPTS.name}
            WHERE object_id IN {{ids:Array(UInt64)}} AND load NOT IN ({VOID})
        """  # noqa: S608
        yield from query(client, sql, {"ids": ids}).to_pylist()


def of_attempt(client: Client, attempt: int) -> list[int]:
    """The objects that the attempt has a receipt for, whether or not it counts."""
    sql = f"SELECT DISTINCT object_id FROM {RECEIPTS.name} WHERE load = {attempt:d} ORDER BY object_id"  # noqa: S608
    return [row["object_id"] for row in query(client, sql).to_pylist()]


def of(batch: Batch, load: int, run: str, unenriched: Mapping[int, int]) -> list[Receipt]:
    """The receipt of each object. `unenriched` counts flow records without VPC metadata by object id. Raises ValueError
    unless every record is accounted for."""
    by_table = {name: batch.rows_of_objects(name) for name in batch.tables}
    rejected, spans = by_table.pop(REJECTED_LINES.name, {}), batch.spans()
    written: Counter[int] = Counter()
    for rows in by_table.values():
        written.update(rows)
    made = []
    for source in batch.objects:
        object_id = source.ref.object_id
        first, last = spans.get(object_id, (None, None))
        made.append(
            Receipt(
                ref=source.ref,
                kind=source.kind,
                load=load,
                rows_read=source.read,
                rows_written=written[object_id],
                rows_rejected=rejected.get(object_id, 0),
                skipped_reasons={reason: count for reason, count in source.skipped.items() if count},
                first_time=None if first is None else datetime.fromtimestamp(first, UTC),
                last_time=None if last is None else datetime.fromtimestamp(last, UTC),
                unenriched=unenriched.get(object_id, 0),
                run=run,
            )
        )
    return made


def total(parts: Sequence[Receipt]) -> Receipt:
    """The receipt of an object from those of its pieces (at least one)."""
    skipped: Counter[str] = Counter()
    for part in parts:
        skipped.update(part.skipped_reasons)
    return replace(
        parts[0],
        rows_read=sum(part.rows_read for part in parts),
        rows_written=sum(part.rows_written for part in parts),
        rows_rejected=sum(part.rows_rejected for part in parts),
        skipped_reasons=dict(skipped),
        first_time=min((part.first_time for part in parts if part.first_time), default=None),
        last_time=max((part.last_time for part in parts if part.last_time), default=None),
        unenriched=sum(part.unenriched for part in parts),
    )


def rows(receipts: Sequence[Receipt], parser_version: int) -> pa.Table:
    """Rows of the table `receipts`; the store sets their time."""
    return RECEIPTS.rows([_row(one, parser_version) for one in receipts])


def _row(one: Receipt, parser_version: int) -> dict[str, Any]:
    return {
        "object_id": one.ref.object_id,
        **one.ref.row,
        "kind": one.kind.value,
        "load": one.load,
        "rows_read": one.rows_read,
        "rows_written": one.rows_written,
        "rows_rejected": one.rows_rejected,
        "rows_skipped": one.rows_skipped,
        "skipped_reasons": sorted(one.skipped_reasons.items()),
        "first_time": one.first_time,
        "last_time": one.last_time,
        "parser_version": parser_version,
        "unenriched": one.unenriched,
        "run": one.run,
    }
