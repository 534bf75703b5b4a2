"""Ingest named objects again: those that were set aside, and those that the store has lost or doubled."""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from connectors import config_store, doctor, ledger, s3
from connectors.clickhouse import Store
from pipelines.ingest.kinds import HEAD_BYTES, kind_of_head, kind_of_key
from pipelines.ingest.loads import Limits, Load, group, resumed
from pipelines.ingest.read import ReadLoad, enrich_load, read_load, read_pieces
from pipelines.ingest.write import Known, Stored, write_load
from pipelines.network.timeline import Timeline
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Again:
    """What became of the objects: `done` now, `known` since (another load has done them), `other` (no log), and what
    still cannot be read."""

    done: tuple[ObjectRef, ...] = ()
    known: tuple[ObjectRef, ...] = ()
    other: tuple[ObjectRef, ...] = ()
    letters: tuple[DeadLetter, ...] = ()

    def __add__(self, more: "Again") -> "Again":
        return Again(
            self.done + more.done, self.known + more.known, self.other + more.other, self.letters + more.letters
        )


@dataclass
class _Run:
    store: Store
    log_format: Sequence[str] | None
    replace: bool = False
    done: list[ObjectRef] = field(default_factory=list)
    known: list[ObjectRef] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    progress: Callable[[int, int], None] | None = None
    total: int = 0
    taken: int = 0

    def take(self, load: Load, timeline: Timeline | None) -> None:
        """Read first: what cannot be read again stays as it is."""
        for part in read_load(load, self.log_format):
            read = enrich_load(part, timeline)
            if self.replace:
                try:
                    doctor.forget(self.store, {ref.object_id for ref in self._readable(read)})
                except BadObject as error:
                    self.letters.append(DeadLetter(error.ref, error.reason, error.detail))
                    continue
            for outcome in write_load(read, self.store, timeline, self.log_format):
                match outcome:
                    case Stored(receipts):
                        self.done += [receipt.ref for receipt in receipts]
                    case Known(ref):
                        self.known.append(ref)
                    case DeadLetter():
                        self.letters.append(outcome)
        self.tell(len(load.refs))

    def tell(self, taken: int = 0) -> None:
        """How far it is, to whoever waits."""
        self.taken += taken
        if self.progress and self.total:
            self.progress(self.taken, self.total)

    def _readable(self, read: ReadLoad) -> list[ObjectRef]:
        """The objects that were read; a large one, which is written as it is read, is read through once before."""
        if not read.large:
            return [source.ref for source in read.batch.objects]
        for ref in read.load.refs:
            for _ in read_pieces(ref, self.log_format):
                pass
        return list(read.load.refs)


def ingest_again(
    store: Store,
    objects: Iterable[tuple[ObjectRef, ObjectKind]],
    *,
    log_format: Sequence[str] | None = None,
    limits: Limits | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Again:
    """Read exactly these versions and write them, CloudTrail first; with `replace` in the place of whatever the store
    holds of them. `progress` hears of objects done and planned. Raises FlowtrailError when S3 or the store fails;
    whatever was done stays done."""
    wanted = dict(objects)
    logs = sum(kind is not ObjectKind.OTHER for kind in wanted.values())
    run = _Run(store, log_format, replace, progress=progress, total=logs)
    run.tell()
    for kind in (ObjectKind.CLOUDTRAIL, ObjectKind.FLOW_LOG):
        refs = [ref for ref, its in sorted(wanted.items()) if its is kind]
        timeline = _timeline(store) if refs and kind is ObjectKind.FLOW_LOG else None
        for part in group(refs, limits or Limits()):
            run.take(Load(ledger.new_load(), kind, part), timeline)
    other = tuple(ref for ref, kind in sorted(wanted.items()) if kind is ObjectKind.OTHER)
    return Again(tuple(run.done), tuple(run.known), other, tuple(run.letters))


def replay(store: Store, refs: Iterable[ObjectRef], *, log_format: Sequence[str] | None = None, **more: Any) -> Again:
    """Ingest objects again that are known by name only. Takes and raises what `ingest_again` does."""
    wanted = sorted(set(refs))

    def kind(ref: ObjectRef) -> ObjectKind | DeadLetter:
        try:
            return kind_of_key(ref.key) or kind_of_head(s3.read_head(ref, HEAD_BYTES), log_format)
        except BadObject as error:
            return DeadLetter(ref, error.reason, error.detail)

    with ThreadPoolExecutor(s3.READERS) as pool:
        kinds = list(zip(wanted, pool.map(kind, wanted), strict=True))
    objects = [(ref, its) for ref, its in kinds if isinstance(its, ObjectKind)]
    gone = tuple(its for _, its in kinds if isinstance(its, DeadLetter))
    return ingest_again(store, objects, log_format=log_format, **more) + Again(letters=gone)


def restore(store: Store, *, log_format: Sequence[str] | None = None, **more: Any) -> Again:
    """Make rows and receipts agree again: objects of which they do not are read again and replaced, and what is left
    of rows that no receipt knows is removed. Raises as `ingest_again`."""
    client = store.client()
    wrong = doctor.to_read_again(doctor.damaged(client))
    done = ingest_again(store, wrong, log_format=log_format, replace=True, **more)
    done += replay(store, doctor.without_receipt(client), log_format=log_format, replace=True, **more)
    doctor.remove_surplus(store)
    return done


def heal(store: Store, *, log_format: Sequence[str] | None = None) -> Again:
    """Mend what a failing disk took: the engine acknowledges an insert although a file of its part could not be
    written, and sets the part aside when it starts again. Without such parts nothing is looked at."""
    if not doctor.broken_parts(store.client()):
        return Again()
    _log.warning("The database has lost parts of tables, as of a failing disk: their objects are read again.")
    found = restore(store, log_format=log_format)
    if not found.letters:
        doctor.drop_broken_parts(store)
    return found


def finish(store: Store, *, log_format: Sequence[str] | None = None) -> Again:
    """Finish or give up the loads that were left unfinished, as every ingest does at its begin."""
    run = _Run(store, log_format)
    for unfinished in ledger.settle(store).resumable:
        load = resumed(unfinished)
        if load is None:
            ledger.give_up(store, unfinished.load)
        else:
            run.take(load, _timeline(store) if load.kind is ObjectKind.FLOW_LOG else None)
    return Again(tuple(run.done), tuple(run.known), (), tuple(run.letters))


def _timeline(store: Store) -> Timeline | None:
    snapshots = config_store.load_snapshots(store.client())
    return Timeline(snapshots, config_store.load_changes(store.client())) if snapshots else None
