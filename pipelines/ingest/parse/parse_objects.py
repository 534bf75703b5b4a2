"""Fetched objects of a load become columns. Logs of one layout are parsed together, so that a thousand small objects
cost little more than one large one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa

from pipelines.ingest.parse.cloudtrail import parse_changes
from pipelines.ingest.parse.decompress import PARQUET_MAGIC, PIECE, inflate, inflated
from pipelines.ingest.parse.flow_log import FlowLogs
from pipelines.ingest.parse.log_format import Header, begins_whole, header_of
from pipelines.ingest.parse.parquet import parse_parquet
from pipelines.ingest.parse.time_bounds import ANY, REASON, SAMPLE, TimeBounds, TimeRule, bounds_of_text
from schemas.columnar.batch import Batch
from schemas.errors import BadObject
from schemas.flow import REJECTED_LINES
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

MAX_STORED = 512 << 20
"""The most stored bytes of an object. AWS delivers 75 MB at most; anything larger than this is never fetched."""

MAX_INFLATED = 2 << 30

LARGE_INFLATED = 64 << 20
"""The most bytes of an object's text that are parsed at once; an object with more is large."""


@dataclass(frozen=True)
class Group:
    """The contents of some objects, or why they cannot be read. Nothing was kept of the `large` ones."""

    batches: tuple[Batch, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    large: tuple[ObjectRef, ...] = ()

    @property
    def nbytes(self) -> int:
        return sum(batch.nbytes for batch in self.batches)


NO_RECORDS = (
    "No line is a record of this layout. If the flow log has another format and its objects have no header line, set"
    " FLOWTRAIL_LOG_FORMAT to it and run the same command again."
)

Fetched = tuple[ObjectRef, bytes | DeadLetter | None]
"""An object and its stored bytes, or why it could not be fetched; None if it is too large for memory."""


def parse_group(
    fetched: Sequence[Fetched],
    kind: ObjectKind,
    log_format: Sequence[str] | None = None,
    rule: TimeRule | None = None,
) -> Group:
    """Parses objects; text logs are grouped by layout, in order of first appearance. Objects that cannot be read become
    dead letters. When one turns out to be bad or large, nothing of it is kept: the rest is parsed again without it.
    Without `rule` records may be of any time."""
    letters = [what for _, what in fetched if isinstance(what, DeadLetter)]
    large = [ref for ref, what in fetched if what is None]
    stored = {ref: what for ref, what in fetched if isinstance(what, bytes)}
    while True:
        try:
            batches = _parsed(stored, kind, log_format, rule)
        except BadObject as error:
            letters.append(DeadLetter(error.ref, error.reason, error.detail))
            del stored[error.ref]
        except _TooLarge as error:
            large.append(error.ref)
            del stored[error.ref]
        else:
            if not (refused := _without_records(batches)):
                return Group(batches, tuple(letters), tuple(large))
            letters += refused
            for letter in refused:
                del stored[letter.ref]


def _without_records(batches: Sequence[Batch]) -> list[DeadLetter]:
    """Flow logs of which no line is a record: their layout is another one. Lines that were rejected for their time are
    records."""
    found = []
    for batch in batches:
        rejected = batch.tables.get(REJECTED_LINES.name)
        if rejected is None or not rejected.num_rows:
            continue
        reasons = rejected.column("reason").cast(pa.string()).to_numpy()
        ids, numbers = np.unique(rejected.column("object_id").to_numpy()[reasons != REASON], return_counts=True)
        counts = dict(zip(ids.tolist(), numbers.tolist(), strict=True))
        for source in batch.objects:
            if source.kind is ObjectKind.FLOW_LOG and source.read and counts.get(source.ref.object_id) == source.read:
                found.append(DeadLetter(source.ref, "no-records-of-this-format", NO_RECORDS))
    return found


class _TooLarge(Exception):
    """An object has more text than is parsed at once (LARGE_INFLATED)."""

    def __init__(self, ref: ObjectRef) -> None:
        super().__init__(ref)
        self.ref = ref


def _parsed(
    stored: Mapping[ObjectRef, bytes], kind: ObjectKind, log_format: Sequence[str] | None, rule: TimeRule | None
) -> tuple[Batch, ...]:
    layouts: dict[Header, FlowLogs] = {}
    others = []
    for ref, body in stored.items():
        if kind is ObjectKind.CLOUDTRAIL:
            others.append(parse_changes(ref, inflate(ref, body, max_bytes=MAX_INFLATED), rule))
        elif body.startswith(PARQUET_MAGIC):
            others.append(parse_parquet(ref, body, rule))
        else:
            texts = inflated(ref, [body], len(body), most=PIECE, max_bytes=MAX_INFLATED)
            header, beginning, bounds = opened(ref, texts, log_format, rule)
            if header not in layouts:
                layouts[header] = FlowLogs(header)
            layouts[header].add(ref, _bounded(ref, chain([beginning], texts)), bounds)
    logs = tuple(logs.take() for logs in layouts.values())
    return (*logs, Batch.of(others)) if others else logs


def _bounded(ref: ObjectRef, texts: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for text in texts:
        size += len(text)
        if size > LARGE_INFLATED:
            raise _TooLarge(ref)
        yield text


def opened(
    ref: ObjectRef, texts: Iterator[bytes], log_format: Sequence[str] | None, rule: TimeRule | None
) -> tuple[Header, bytes, TimeBounds]:
    """The layout of a text log, the text that was taken from `texts` to find it, and the times that its records may
    have. Raises as `header_of`."""
    beginning = next(texts)
    while not begins_whole(beginning) and len(beginning) < LARGE_INFLATED and (more := next(texts, b"")):
        beginning += more
    header = header_of(ref, beginning, log_format)
    bounds = ANY if rule is None else rule.of_key(ref.key)
    if bounds is None:
        while len(beginning) < SAMPLE and (more := next(texts, b"")):
            beginning += more
        bounds = bounds_of_text(ref, header, beginning, rule)
    return header, beginning, bounds
