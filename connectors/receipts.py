"""Receipts: one row per object version that is done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import query
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind, ObjectRef

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


def receipt(
    ref: ObjectRef,
    kind: ObjectKind,
    load: int,
    *,
    read: int,
    tables: Mapping[str, pa.Table],
    skipped: Mapping[str, int],
) -> Receipt:
    """What became of an object whose rows by table are `tables`. Raises ValueError unless every record is accounted
    for."""
    rejected = tables[REJECTED_LINES.name].num_rows if REJECTED_LINES.name in tables else 0
    first, last = _span(tables.values())
    return Receipt(
        ref=ref,
        kind=kind,
        load=load,
        rows_read=read,
        rows_written=sum(rows.num_rows for rows in tables.values()) - rejected,
        rows_rejected=rejected,
        skipped_reasons={reason: count for reason, count in skipped.items() if count},
        first_time=first,
        last_time=last,
    )


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


def _span(tables: Iterable[pa.Table]) -> tuple[datetime | None, datetime | None]:
    """First start and last end of an object's records; a change happens at one moment."""
    bounds = [bound for rows in tables for bound in _bounds(rows)]
    return (min(bounds), max(bounds)) if bounds else (None, None)


def _bounds(rows: pa.Table) -> Iterator[datetime]:
    if rows.num_rows:
        for name in {"start", "end", "event_time"}.intersection(rows.column_names):
            column = rows.column(name)
            yield from (pc.min(column).as_py(), pc.max(column).as_py())
