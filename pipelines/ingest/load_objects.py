"""Loads become facts: read ahead, enrich, write, and set aside what cannot be read. One place for every way in which
objects are loaded: by a pipeline, by a replay, by a repair."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace

from connectors.store import dead_letters, runs
from network.history.timeline import Timeline
from pipelines.configuration import timeline_of
from pipelines.ingest.enrich.batch import enriched
from pipelines.ingest.load import Job, LargeObject, Load, Outcome, ReadLoad
from pipelines.ingest.read.ahead import Ahead
from pipelines.ingest.read.load import read_load
from pipelines.ingest.write.load import stream_large_object, write_load
from schemas.object_ref import ObjectKind

LOADS_AHEAD = 2
"""Parts of loads that are read ahead of the one that is being written."""

Read = ReadLoad | LargeObject


def load_objects(
    loads: Iterable[Load], job: Job, timeline: Timeline | None, prepare: Callable[[Read], Outcome | None] | None = None
) -> Iterator[Outcome]:
    """Yields what became of the objects of each load, or part of it, once it is in the store. While one is written the
    next ones are read. `prepare` is called before a part is written; if it returns an outcome, the part is not written.
    Raises FlowtrailError when S3 or the store fails; what was loaded stays loaded."""
    parts = (part for load in loads for part in read_load(load, job))
    with closing(Ahead(parts, LOADS_AHEAD)) as reading:
        for part in reading:
            outcome = (prepare(part) if prepare else None) or _written(part, job, timeline)
            dead_letters.put(job.store.client(), job.run, outcome.letters)
            runs.note_busy(job.store.client(), job.run, outcome.busy)
            yield outcome


def load_parts(numbers: Iterable[int], kind: ObjectKind, job: Job) -> Iterator[Outcome]:
    """The same for parts of the run's plan, as the store has them. CloudTrail needs no VPC metadata."""
    timeline = timeline_of(job.store) if kind is ObjectKind.FLOW_LOG else None
    planned = runs.parts(job.store.client(), job.run, kind, numbers)
    yield from load_objects((Load(kind, refs) for refs in planned), job, timeline)


def _written(part: Read, job: Job, timeline: Timeline | None) -> Outcome:
    if isinstance(part, LargeObject):
        return stream_large_object(part, job, timeline)
    return write_load(replace(part, batch=enriched(part.batch, timeline)), job)
