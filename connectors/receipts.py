"""Receipts: one row per object version that is done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from connectors.batch import Batch
from connectors.clickhouse import query
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind

IDS_PER_QUERY = 5_000


def done(client: Client, object_ids: Iterable[int]) -> dict[int, list[int]]:
    """The loads that hold a receipt, by object id; more than one only while two writers settle who keeps an object."""
    found: dict[int, list[int]] = {}
    for row in _held(client, object_ids, "load"):
        found.setdefault(row["object_id"], []).append(row["load"])
    return found


def kinds(client: Client, object_ids: Iterable[int]) -> dict[int, ObjectKind]:
    """What the objects are that are done."""
    return {row["object_id"]: ObjectKind(row["kind"]) for row in _held(client, object_ids, "kind")}


def _held(client: Client, object_ids: Iterable[int], column: str) -> Iterator[dict[str, Any]]:
    wanted = sorted(set(object_ids))
    for ids in (wanted[i : i + IDS_PER_QUERY] for i in range(0, len(wanted), IDS_PER_QUERY)):
        sql = f"SELECT DISTINCT object_id, {column} FROM receipts WHERE object_id IN {{ids:Array(UInt64)}}"  # noqa: S608
        yield from query(client, sql, {"ids": ids}).to_pylist()


def of(batch: Batch, load: int) -> list[Receipt]:
    """What became of each object. Raises ValueError unless every record is accounted for."""
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
            )
        )
    return made


def total(parts: Sequence[Receipt]) -> Receipt:
    """The receipt of an object from those of its pieces, of which there is at least one."""
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
    )


def rows(receipts: Sequence[Receipt], parser_version: int, at: datetime) -> pa.Table:
    """Rows of the table `receipts`."""
    return pa.Table.from_pylist([_row(one, parser_version, at) for one in receipts], schema=RECEIPTS.schema)


def _row(one: Receipt, parser_version: int, at: datetime) -> dict[str, Any]:
    return {
        "object_id": one.ref.object_id,
        "bucket": one.ref.bucket,
        "key": one.ref.key,
        "etag": one.ref.etag,
        "version_id": one.ref.version_id,
        "size": one.ref.size,
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
        "at": at,
    }
