"""Write a load under the ledger, and say what became of each object."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from connectors import dead_letters, ledger
from connectors.batch import Batch
from connectors.clickhouse import Store
from pipelines.ingest.ahead import Ahead
from pipelines.ingest.loads import Listed, Load
from pipelines.ingest.parsed import PARSER_VERSION
from pipelines.ingest.read import ReadLoad, enriched, read_pieces
from pipelines.network.timeline import Timeline
from schemas.errors import BadObject
from schemas.flow import FLOWS
from schemas.ledger import DeadLetter, Receipt
from schemas.object_ref import ObjectRef

SKIPPED = "skipped:"
COUNTED = ("flows", "coverage", "tgw_flows", "tgw_coverage", "change_events")
"""Tables whose rows the summary counts."""


@dataclass(frozen=True)
class Stored:
    """Objects that this run has done: their receipts, their rows by table, and their flows without VPC metadata."""

    receipts: tuple[Receipt, ...]
    rows: Mapping[str, int] = field(default_factory=dict)
    unenriched: int = 0


@dataclass(frozen=True)
class Known:
    """An object that was done meanwhile, by another load."""

    ref: ObjectRef


Outcome = Stored | Known | DeadLetter | Listed


def write_load(
    read: ReadLoad, store: Store, timeline: Timeline | None = None, log_format: Sequence[str] | None = None
) -> Iterator[Outcome]:
    """What became of each object of the load; a note on the listing is handed through. A large object is read, and
    gets its metadata, here."""
    if read.load.listed is not None:
        yield read.load.listed
        yield from read.load.listed.letters
    yield from read.letters
    if read.large:
        yield _write_large(read.load, store, timeline, log_format)
    elif read.batch.objects:
        batch = read.batch
        receipts = ledger.write(store, read.load.id, batch, PARSER_VERSION)
        known = set(batch.ids) - {receipt.ref.object_id for receipt in receipts}
        yield from (Known(source.ref) for source in batch.objects if source.ref.object_id in known)
        kept = batch.without(known)
        yield Stored(tuple(receipts), kept.rows(), _unenriched(kept))


def _write_large(
    load: Load, store: Store, timeline: Timeline | None, log_format: Sequence[str] | None
) -> Stored | Known | DeadLetter:
    ref = load.refs[0]
    rows: Counter[str] = Counter()
    unenriched = 0

    def pieces() -> Iterator[Batch]:
        nonlocal unenriched
        rows.clear()
        unenriched = 0
        with closing(Ahead(read_pieces(ref, log_format))) as ahead:
            for piece in ahead:
                batch = enriched(piece, timeline)
                rows.update(batch.rows())
                unenriched += _unenriched(batch)
                yield batch

    try:
        made = ledger.write_large(store, load.id, ref, pieces, PARSER_VERSION)
    except BadObject as error:
        return DeadLetter(ref, error.reason, error.detail)
    return Stored(tuple(made), dict(rows), unenriched) if made else Known(ref)


def _unenriched(batch: Batch) -> int:
    flows = batch.tables.get(FLOWS.name)
    if flows is None or "network_acl_id" not in flows.column_names:
        return 0 if flows is None else flows.num_rows
    count = 0
    chunk: Any
    for chunk in flows.column("network_acl_id").chunks:
        texts = chunk.dictionary.to_pylist()
        count += int(np.count_nonzero(chunk.indices.to_numpy() == texts.index(""))) if "" in texts else 0
    return count


def counts(outcome: Outcome) -> Counter[str]:
    """What an outcome adds to the summary, by the summary's names; skipped records by reason, as `skipped:REASON`."""
    match outcome:
        case Listed():
            return Counter(
                objects_listed=outcome.listed,
                objects_known=outcome.known,
                objects_other=outcome.other,
                objects_busy=outcome.busy,
            )
        case Known():
            return Counter(objects_known=1)
        case DeadLetter():
            return Counter()
        case Stored(receipts, rows, unenriched):
            skipped: Counter[str] = Counter()
            for receipt in receipts:
                skipped.update(receipt.skipped_reasons)
            return Counter(
                objects_done=len(receipts),
                rows_read=sum(receipt.rows_read for receipt in receipts),
                rows_written=sum(receipt.rows_written for receipt in receipts),
                rows_rejected=sum(receipt.rows_rejected for receipt in receipts),
                rows_skipped=skipped.total(),
                unenriched=unenriched,
                **{name: rows.get(name, 0) for name in COUNTED},
                **{f"{SKIPPED}{reason}": count for reason, count in skipped.items()},
            )


def note(outcomes: Iterable[Outcome], folder: str) -> None:
    """Leave the outcomes' counts and dead letters in `folder`, for the one who began the run to `gather`."""
    total: Counter[str] = Counter()
    letters = []
    for outcome in outcomes:
        total.update(counts(outcome))
        if isinstance(outcome, DeadLetter):
            letters.append(outcome)
    dead_letters.write(folder, letters)
    (Path(folder) / f"{uuid4().hex}.json").write_text(json.dumps(total), "utf-8")


def gather(folder: str) -> tuple[Counter[str], Sequence[DeadLetter]]:
    """The sum of what was noted, and every dead letter once."""
    total: Counter[str] = Counter()
    for path in Path(folder).glob("*.json"):
        total.update(json.loads(path.read_text("utf-8")))
    return total, dead_letters.read(folder)
