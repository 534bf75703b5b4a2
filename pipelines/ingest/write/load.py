"""Write parsed objects under the ledger, and report what became of each."""

from collections.abc import Iterator
from contextlib import closing

from connectors.store import ledger
from network.history.timeline import Timeline
from pipelines.ingest.enrich.batch import enriched, unenriched
from pipelines.ingest.load import Job, LargeObject, Outcome, ReadLoad
from pipelines.ingest.parse.parsed import PARSER_VERSION
from pipelines.ingest.read.ahead import Ahead
from pipelines.ingest.read.load import read_pieces
from schemas.columnar.batch import Batch
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectRef


def write_load(read: ReadLoad, job: Job) -> Outcome:
    """What became of the objects of an enriched load. Raises FlowtrailError when the store fails."""
    batch = read.batch
    if not batch.objects:
        return Outcome(letters=read.letters)
    written = ledger.write(job.store, job.run, batch, PARSER_VERSION, unenriched(batch))
    return _outcome(written, [source.ref for source in batch.objects]) + Outcome(letters=read.letters)


def stream_large_object(large: LargeObject, job: Job, timeline: Timeline | None) -> Outcome:
    """Read, enrich and write an object piece by piece, never holding all of it. One that cannot be read becomes a dead
    letter. Raises FlowtrailError when S3 or the store fails."""
    ref = large.ref

    def pieces() -> Iterator[tuple[Batch, int]]:
        with closing(Ahead(read_pieces(ref, job))) as ahead:
            for piece in ahead:
                batch = enriched(piece, timeline)
                yield batch, sum(unenriched(batch).values())

    try:
        written = ledger.write_large(job.store, job.run, ref, pieces, PARSER_VERSION)
    except BadObject as error:
        return Outcome(letters=(DeadLetter(ref, error.reason, error.detail),))
    return _outcome(written, [ref])


def _outcome(written: ledger.Written, refs: list[ObjectRef]) -> Outcome:
    return Outcome(
        done=tuple(receipt.ref for receipt in written.receipts),
        known=tuple(ref for ref in refs if ref.object_id in written.known),
        busy=tuple(ref for ref in refs if ref.object_id in written.busy),
    )
