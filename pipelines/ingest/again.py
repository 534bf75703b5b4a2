"""Load given objects once more: dead letters, and objects whose rows the store has lost or duplicated."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from connectors.aws import s3
from connectors.store import dead_letters, doctor, ledger, runs
from pipelines.configuration import timeline_of
from pipelines.ingest.find.kinds import HEAD_BYTES, kind_of_head, kind_of_key
from pipelines.ingest.find.plan import KINDS
from pipelines.ingest.load import Job, LargeObject, Limits, Load, Outcome, ReadLoad, group
from pipelines.ingest.load_objects import load_objects
from pipelines.ingest.read.load import read_pieces
from pipelines.progress import Tell, told
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

_log = logging.getLogger(__name__)

NONE = Outcome()


def load_again(
    job: Job, objects: Iterable[tuple[ObjectRef, ObjectKind]], *, replaced: bool = False, tell: Tell | None = None
) -> Outcome:
    """Read exactly these versions and write them, CloudTrail first; with `replaced`, in the place of whatever the store
    holds of them. An object that can no longer be read stays as it is. `tell` is called with the numbers of objects
    that are done and planned. Raises FlowtrailError when S3 or the store fails; what was done stays done."""
    wanted = dict(objects)
    client = job.store.client()
    loads = {kind: _loads(kind, [ref for ref, its in sorted(wanted.items()) if its is kind]) for kind in KINDS}
    for kind in KINDS:
        runs.plan(client, job.run, kind, [load.refs for load in loads[kind]], first=0, listed=False)
    total = Outcome(other=tuple(ref for ref, kind in sorted(wanted.items()) if kind is ObjectKind.OTHER))

    def prepare(read: ReadLoad | LargeObject) -> Outcome | None:
        try:
            doctor.forget(job.store, _readable(read, job))
        except BadObject as error:
            return Outcome(letters=(DeadLetter(error.ref, error.reason, error.detail),))
        return None

    with told(job.store, job.run, tell):
        for kind in KINDS:
            timeline = timeline_of(job.store) if loads[kind] and kind is ObjectKind.FLOW_LOG else None
            for outcome in load_objects(loads[kind], job, timeline, prepare if replaced else None):
                total += outcome
    return total


def replay(job: Job, refs: Iterable[ObjectRef], *, replaced: bool = False, tell: Tell | None = None) -> Outcome:
    """Load objects of which only the names are known. Takes and raises what `load_again` does."""
    wanted = sorted(set(refs))

    def kind(ref: ObjectRef) -> ObjectKind | DeadLetter:
        try:
            known = kind_of_key(ref.key)
            return known or kind_of_head(s3.read_head(ref, HEAD_BYTES, job.access), job.log_format or None)
        except BadObject as error:
            return DeadLetter(ref, error.reason, error.detail)

    with ThreadPoolExecutor(s3.READERS) as pool:
        kinds = list(zip(wanted, pool.map(kind, wanted), strict=True))
    objects = [(ref, its) for ref, its in kinds if isinstance(its, ObjectKind)]
    letters = tuple(its for _, its in kinds if isinstance(its, DeadLetter))
    dead_letters.put(job.store.client(), job.run, letters)
    return load_again(job, objects, replaced=replaced, tell=tell) + Outcome(letters=letters)


def restore(job: Job, tell: Tell | None = None) -> Outcome:
    """Make rows and receipts agree again: objects for which they do not are read again and replaced, and rows that
    still have no receipt are removed. Raises as `load_again`."""
    client = job.store.client()
    done = load_again(job, doctor.to_read_again(doctor.damaged(client)), replaced=True, tell=tell)
    done += replay(job, doctor.without_receipt(client), replaced=True, tell=tell)
    doctor.remove_surplus(job.store)
    return done


def heal(job: Job) -> Outcome:
    """Repair what a failing disk has destroyed: the engine acknowledges an insert even if it could not write a file of
    the part, and detaches the part at its next start. Without such parts nothing is examined. Raises as `load_again`.
    """
    if not doctor.broken_parts(job.store.client()):
        return NONE
    _log.warning("The database has lost parts of tables, probably due to a failing disk; reading their objects again.")
    found = restore(replace(job, run=runs.begin(job.store.client(), "heal")))
    if not found.letters:
        doctor.drop_broken_parts(job.store)
    return found


def finish(job: Job) -> Outcome:
    """End the attempts of dead processes and load what they left unfinished, as every ingest does first. Raises as
    `load_again`."""
    return load_again(job, [(each.ref, each.kind) for each in ledger.settle(job.store).owed])


def _loads(kind: ObjectKind, refs: Sequence[ObjectRef]) -> list[Load]:
    return [Load(kind, part) for part in group(refs, Limits())]


def _readable(read: ReadLoad | LargeObject, job: Job) -> set[int]:
    """The objects that could be read; a large one, which is written as it is read, is first read through once."""
    if isinstance(read, ReadLoad):
        return set(read.batch.ids)
    for _ in read_pieces(read.ref, job):
        pass
    return {read.ref.object_id}
