"""S3 objects become facts: CloudTrail first, then flow logs, which get VPC metadata derived from the changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import apache_beam as beam

from connectors.aws.access import DEFAULT, Access
from connectors.store import configuration, ledger, runs
from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
from pipelines.configuration import save_versions
from pipelines.ingest.again import heal
from pipelines.ingest.find.plan import KINDS, Wanted, distinct, plan
from pipelines.ingest.find.selection import Selection, for_changes
from pipelines.ingest.load import Job, Limits
from pipelines.ingest.load_objects import load_parts
from pipelines.progress import Tell, told
from pipelines.runner import check, noting_failures, running
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.runner import IN_PROCESS, Runner
from schemas.summary import IngestSummary
from schemas.times import TIME_BOUND

LIMITS = Limits()

Parts = tuple[int, ...]
"""Numbers of parts of a run's plan. An element is so small because the objects are in the store."""


@dataclass(eq=False)
class Load(beam.PTransform[beam.PCollection[Parts], beam.PCollection[int]]):
    """Parts of the plan -> the number of objects of each load that was written. Everything else that is to be known of
    them is in the store; nothing depends on where a step runs, nor on what a runner hands back."""

    kind: ObjectKind
    job: Job

    def expand(self, parts: beam.PCollection[Parts]) -> beam.PCollection[int]:
        counts: beam.PCollection[int] = (
            parts
            | "Spread" >> beam.Reshuffle()
            | "Read, enrich and write" >> beam.FlatMap(_load, self.kind, self.job).with_output_types(int)
        )
        return counts


def run_ingest(
    store: Store,
    urls: Sequence[str],
    *,
    access: Access = DEFAULT,
    log_format: Sequence[str] | None = None,
    time_bound: timedelta = TIME_BOUND,
    limits: Limits = LIMITS,
    selection: Selection | None = None,
    given: Sequence[ObjectRef] | None = None,
    runner: Runner = IN_PROCESS,
    tell: Tell | None = None,
) -> IngestSummary:
    """Load every object under `urls`, or of those that are `given`, that is not done yet, and what earlier runs left
    unfinished.

    `selection` narrows down the flow logs; CloudTrail objects of its accounts and regions are read as far as the
    configuration in its range depends on them (`selection.for_changes`). `log_format` names the fields of flow logs
    without a header; records further than `time_bound` from the time in their object's name are rejected. `tell` is
    called with the numbers of objects that are done and planned. Objects that cannot be read are set aside as dead
    letters and tried again by the next run. Raises FlowtrailError when S3 or the store
    fails, and when the store does not account for every listed object; what was done stays done.
    """
    urls = distinct(urls)
    check(runner, store)
    ensure_migrated(store)
    client = store.client()
    job = Job(store, runs.begin(client, "ingest", " ".join(urls)), access, tuple(log_format or ()), time_bound)
    healed = heal(job)
    settled = ledger.settle(store)
    wanted = Wanted(urls, _selections(store, selection), settled.busy, settled.owed, given)
    with told(store, job.run, tell):
        parts = plan(wanted, limits, job)
        for kind in KINDS:
            if kind is ObjectKind.FLOW_LOG:
                save_versions(store)
            if parts[kind]:
                _run(kind, parts[kind], job, runner)
    summary = runs.ingested(client, job.run)
    runs.note(client, job.run, "ingest", "done")
    letters = sorted({*summary.dead_letters, *healed.letters}, key=lambda letter: (letter.ref, letter.reason))
    return replace(summary, dead_letters=letters)


def _selections(store: Store, selection: Selection | None) -> dict[ObjectKind, Selection]:
    if selection is None:
        return {}
    snapshots = configuration.snapshot_times(store.client())
    return {ObjectKind.CLOUDTRAIL: for_changes(selection, snapshots), ObjectKind.FLOW_LOG: selection}


def _run(kind: ObjectKind, count: int, job: Job, runner: Runner) -> None:
    size = runner.share(count)
    parts = [tuple(range(first, min(first + size, count))) for first in range(0, count, size)]
    with running(runner, job.store, job.run) as pipeline:
        _ = pipeline | "Parts" >> beam.Create(parts).with_output_types(Parts) | "Load" >> Load(kind, job)


def _load(parts: Parts, kind: ObjectKind, job: Job) -> Iterator[int]:
    with noting_failures(job.store, job.run):
        for outcome in load_parts(parts, kind, job):
            yield len(outcome.done)
