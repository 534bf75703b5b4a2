"""S3 objects become facts: CloudTrail first, then flow logs, which get the VPC metadata that the changes tell of."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from connectors import config_store, dead_letters, ledger
from connectors.clickhouse import Store
from connectors.migrate import ensure_migrated
from pipelines.coders import ColumnarCoder
from pipelines.ingest import once
from pipelines.ingest import progress as progressing
from pipelines.ingest.again import heal
from pipelines.ingest.ahead import Ahead
from pipelines.ingest.loads import Limits, Listing, Load, distinct, list_loads, resumed
from pipelines.ingest.read import ReadLoad, enrich_load, read_load
from pipelines.ingest.select import Selection, for_changes
from pipelines.ingest.write import SKIPPED, Outcome, gather, note, write_load
from pipelines.network.timeline import Timeline
from pipelines.runner import in_process
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind

LOADS_AHEAD = 2
"""Loads that are read before the one before them is written."""

coders.registry.register_coder(ReadLoad, ColumnarCoder)


@dataclass(frozen=True)
class IngestSummary:
    """What a run did. Every object listed is done, known, other (no log), busy (in another living process's load) or a
    dead letter; objects of loads that an earlier run left unfinished may be done besides. `unenriched` are flows of
    interfaces that no snapshot knows."""

    objects_listed: int = 0
    objects_done: int = 0
    objects_known: int = 0
    objects_other: int = 0
    objects_busy: int = 0
    rows_read: int = 0
    rows_written: int = 0
    rows_rejected: int = 0
    rows_skipped: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    dead_letter_file: str = ""
    change_events: int = 0
    flows: int = 0
    coverage: int = 0
    tgw_flows: int = 0
    tgw_coverage: int = 0
    unenriched: int = 0


@dataclass(eq=False)
class ListLoads(beam.PTransform[beam.PCollection[str], beam.PCollection[Load]]):
    """URLs -> loads of objects that are not done yet."""

    listing: Listing

    def expand(self, urls: beam.PCollection[str]) -> beam.PCollection[Load]:
        loads: beam.PCollection[Load] = (
            urls
            | "List and plan" >> beam.FlatMap(_list_loads, self.listing).with_output_types(Load)
            | "Spread" >> beam.Reshuffle()
        )
        return loads


class ReadAhead(beam.DoFn):
    """Loads -> what they hold, in their order. The next loads of the bundle are read while one is written."""

    def __init__(self, log_format: Sequence[str] | None) -> None:
        self._log_format = log_format
        self._reading: Ahead[ReadLoad | None] | None = None

    def start_bundle(self) -> None:
        self._loads: SimpleQueue[Load | None] = SimpleQueue()
        self._open = 0
        self._reading = Ahead(self._read_all(), LOADS_AHEAD)
        self._read = iter(self._reading)

    def process(self, element: Load) -> Iterator[ReadLoad]:
        self._loads.put(element)
        self._open += 1
        if self._open > LOADS_AHEAD:
            yield from self._oldest()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        self._loads.put(None)
        while self._open:
            for read in self._oldest():
                yield GlobalWindows.windowed_value(read)
        self._reading = None

    def teardown(self) -> None:
        if self._reading is not None:  # the bundle failed
            self._loads.put(None)
            self._reading.close()

    def _read_all(self) -> Iterator[ReadLoad | None]:
        """In the thread that reads: what each load holds, then None."""
        while (load := self._loads.get()) is not None:
            yield from read_load(load, self._log_format)
            yield None

    def _oldest(self) -> Iterator[ReadLoad]:
        """What the oldest load holds that was not handed on yet."""
        self._open -= 1
        while (read := next(self._read)) is not None:
            yield read


@dataclass(eq=False)
class Ingest(beam.PTransform[beam.PCollection[Load], beam.PCollection[Outcome]]):
    """Loads -> outcomes: what became of each object. In between, an element is a load's tables."""

    store: Store
    timeline: Timeline | None = None
    log_format: Sequence[str] | None = None
    run: str = ""

    def expand(self, loads: beam.PCollection[Load]) -> beam.PCollection[Outcome]:
        outcomes: beam.PCollection[Outcome] = (
            loads
            | "Read and parse" >> beam.ParDo(ReadAhead(self.log_format)).with_output_types(ReadLoad)
            | "Enrich" >> beam.Map(enrich_load, self.timeline).with_output_types(ReadLoad)
            | "Write"
            >> beam.FlatMap(_write_load, self.store, self.timeline, self.log_format, self.run).with_output_types(
                Outcome
            )
        )
        return outcomes


@dataclass(eq=False)
class Note(beam.PTransform[beam.PCollection[Outcome], beam.PCollection[None]]):
    """Outcomes -> counts and dead letters in a folder: the way back to the one who began the run."""

    folder: str

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[None]:
        left: beam.PCollection[None] = (
            outcomes
            | "Batch" >> beam.BatchElements(min_batch_size=500, max_batch_size=5_000)
            | "Leave" >> beam.Map(note, self.folder)
        )
        return left


def run_ingest(
    store: Store,
    urls: Sequence[str],
    *,
    dead_letter_folder: str,
    log_format: Sequence[str] | None = None,
    limits: Limits | None = None,
    selection: Selection | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> IngestSummary:
    """Load every object under `urls` that is not done yet, and finish what an earlier run left unfinished.

    `selection` narrows down the flow logs; CloudTrail of its accounts and regions is read as far as the configuration
    in its range depends on it (`select.for_changes`). `log_format` are the AWS field names of flow logs without a
    header. `progress` hears of objects done and planned.
    Objects that cannot be read become dead letters in `dead_letter_folder` and are tried again by the next run. Raises
    FlowtrailError when S3 or the store fails; whatever was done stays done.
    """
    urls = distinct(urls)
    ensure_migrated(store)
    healed = heal(store, log_format=log_format)
    found = ledger.settle(store)
    left = [resumed(unfinished) for unfinished in found.resumable]
    for load, unfinished in zip(left, found.resumable, strict=True):
        if load is None:
            ledger.give_up(store, unfinished.load)
    loads = [load for load in left if load is not None]
    resuming = frozenset(ref.object_id for load in loads for ref in load.refs)
    with (
        tempfile.TemporaryDirectory() as folder,
        progressing.listening(progress) as run,
        once.remembering(run),
    ):
        snapshots = config_store.snapshot_times(store.client()) if selection else ()
        changes = for_changes(selection, snapshots) if selection else None
        flow_logs = Listing(
            store, ObjectKind.FLOW_LOG, limits or Limits(), log_format, selection, resuming, found.busy, run
        )
        trails = replace(flow_logs, kind=ObjectKind.CLOUDTRAIL, selection=changes)
        _run_changes(urls, trails, Ingest(store, None, log_format, run), loads, folder)
        _run_flow_logs(urls, flow_logs, Ingest(store, build_timeline(store), log_format, run), loads, folder)
        total, letters = gather(folder)
    letters = sorted({*letters, *healed.letters}, key=lambda letter: (letter.ref, letter.reason))
    return _summary(total, letters, dead_letters.write(dead_letter_folder, letters))


def build_timeline(store: Store) -> Timeline | None:
    """The configuration at any time, from the store's snapshots and changes; its versions are saved for queries. None
    without any snapshot."""
    client = store.client()
    snapshots = config_store.load_snapshots(client)
    if not snapshots:
        return None
    timeline = Timeline(snapshots, config_store.load_changes(client))
    config_store.save_versions(client, timeline.versions())
    return timeline


def _run_changes(urls: Sequence[str], listing: Listing, ingest: Ingest, left: Iterable[Load], folder: str) -> None:
    """CloudTrail is little, and often there is none: it is listed here, and no pipeline is run then."""
    begun = _unfinished(left, listing)
    new = [load for url in urls for load in _list_loads(url, listing)]
    if begun or any(load.refs for load in new):
        with in_process() as pipeline:
            loads = pipeline | "Listed" >> beam.Create([*begun, *new]).with_output_types(Load)
            _ = loads | "Ingest" >> ingest | "Note" >> Note(folder)
    else:
        note((load.listed for load in new if load.listed is not None), folder)


def _run_flow_logs(urls: Sequence[str], listing: Listing, ingest: Ingest, left: Iterable[Load], folder: str) -> None:
    begun = _unfinished(left, listing)
    with in_process() as pipeline:
        unfinished = pipeline | "Left unfinished" >> beam.Create(begun).with_output_types(Load)
        new = pipeline | "Places" >> beam.Create(urls) | "List" >> ListLoads(listing)
        _ = (unfinished, new) | "Both" >> beam.Flatten() | "Ingest" >> ingest | "Note" >> Note(folder)


def _unfinished(left: Iterable[Load], listing: Listing) -> list[Load]:
    """Loads of the listing's kind that an earlier run left."""
    loads = [load for load in left if load.kind is listing.kind]
    progressing.add(listing.run, planned=sum(len(load.refs) for load in loads))
    return loads


def _list_loads(url: str, listing: Listing) -> Iterator[Load]:
    for load in list_loads(url, listing):
        progressing.add(listing.run, planned=len(load.refs))
        yield load


def _write_load(
    read: ReadLoad, store: Store, timeline: Timeline | None, log_format: Sequence[str] | None, run: str
) -> Iterator[Outcome]:
    yield from write_load(read, store, timeline, log_format)
    progressing.add(run, done=len(read.load.refs))


def _summary(total: Counter[str], letters: Sequence[DeadLetter], file: str) -> IngestSummary:
    skipped = {name.removeprefix(SKIPPED): count for name, count in total.items() if name.startswith(SKIPPED)}
    plain = {name: count for name, count in total.items() if not name.startswith(SKIPPED)}
    return IngestSummary(**plain, skipped=skipped, dead_letters=list(letters), dead_letter_file=file)
