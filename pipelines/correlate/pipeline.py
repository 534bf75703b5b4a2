"""Facts become incidents: the Beam pipeline. An element is one network interface; what it does is in the pure files."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apache_beam as beam

from connectors import config_store, incident_store
from connectors.clickhouse import Store
from connectors.migrate import ensure_migrated
from pipelines.correlate import facts
from pipelines.correlate.blame import Finding, blame
from pipelines.correlate.cells import Ints
from pipelines.correlate.coverage import Coverage, sentence
from pipelines.correlate.detect import detect
from pipelines.correlate.facts import InterfaceFacts
from pipelines.correlate.fidelity import fidelity
from pipelines.correlate.signals import Signal
from pipelines.correlate.tell import changes_of, tell, wanted, with_keys
from pipelines.network.timeline import Timeline
from pipelines.runner import in_process
from schemas.errors import FlowtrailError
from schemas.incident import Incident
from schemas.times import rfc3339

SAMPLED_FLOWS = 100
"""Flow records of each interface that the verdict is compared with."""


@dataclass(frozen=True)
class Range:
    """`[start, end)`, with what came before as far as `since`."""

    start: datetime
    end: datetime
    since: datetime

    @property
    def lookback(self) -> timedelta:
        return self.start - self.since


@dataclass(frozen=True)
class Context:
    """What every step needs. `delivered`: by flow log the minutes of which it delivered something."""

    store: Store
    timeline: Timeline
    range: Range
    delivered: dict[str, Ints]
    rejected_lines: int


@dataclass(frozen=True)
class Found:
    """The signals of an interface, and how many of the range's minutes were delivered, out of all."""

    interface: InterfaceFacts
    signals: list[Signal]
    minutes: tuple[int, int]


@dataclass(frozen=True)
class Trace:
    """A finding, and how complete the facts of its interface are."""

    finding: Finding
    coverage: Coverage


@dataclass(eq=False)
class Correlate(beam.PTransform[beam.PCollection[InterfaceFacts], beam.PCollection[Incident]]):
    """Interfaces -> incidents. In between, findings are put together by what names their incident."""

    context: Context

    def expand(self, interfaces: beam.PCollection[InterfaceFacts]) -> beam.PCollection[Incident]:
        incidents: beam.PCollection[Incident] = (
            interfaces
            | "Detect" >> beam.Map(detected, self.context).with_output_types(Found)
            | "Blame" >> beam.FlatMap(blamed, self.context).with_output_types(tuple[str, Trace])
            | "By cause" >> beam.GroupByKey()
            | "Tell" >> beam.Map(told, self.context).with_output_types(Incident)
        )
        return incidents


def run_correlate(
    store: Store, start: datetime, end: datetime, *, lookback: timedelta = timedelta(hours=24)
) -> list[Incident]:
    """The incidents of `[start, end)`, saved in place of what was known of that range; by first sign and id.

    What is normal is learned from the `lookback` before. The same facts and range give the same incidents, byte for
    byte. Raises FlowtrailError for an empty range, without a snapshot, without flow records in the range, and when the
    store fails.
    """
    found = _range(start, end, lookback)
    ensure_migrated(store)
    client = store.client()
    timeline = Timeline(config_store.load_snapshots(client), config_store.load_changes(client))
    extent = facts.extent(client, found.start, found.end)
    if not extent.found:
        raise _no_flows(found, extent)
    interfaces = facts.interfaces(client, found.start, found.end, timeline)
    delivered = facts.deliveries(client, found.since, found.end)
    context = Context(store, timeline, found, delivered, extent.rejected_lines)
    with tempfile.TemporaryDirectory() as folder:
        with in_process() as pipeline:
            created = pipeline | "Interfaces" >> beam.Create(interfaces)
            _ = created | "Correlate" >> Correlate(context) | "Leave" >> beam.Map(_leave, folder)
        incidents = _gathered(folder)
    incident_store.save(client, incidents, found.start, found.end)
    return incidents


def detected(interface: InterfaceFacts, context: Context) -> Found:
    """What is out of order at an interface."""
    client, found = context.store.client(), context.range
    cells = facts.cells_of(client, interface, found.since, found.end)
    covered = facts.covered(client, interface, context.delivered, found.since, found.end)
    signals = detect(interface.interface_id, cells, covered, found.start, found.lookback)
    return Found(interface, signals, _minutes(covered, found))


def blamed(found: Found, context: Context) -> Iterator[tuple[str, Trace]]:
    """Which changes did it, each finding with what names its incident."""
    interface = found.interface
    findings = blame(found.signals, context.timeline, context.range.end)
    if not findings:
        return
    flows = facts.sample(context.store.client(), interface, context.range.start, context.range.end, SAMPLED_FLOWS)
    agreement = fidelity(flows, context.timeline, interface.interface_id)
    counts = (interface.flows, interface.nodata, interface.skipdata)
    coverage = Coverage(interface.interface_id, *counts, *found.minutes, agreement)
    for key, finding in with_keys(findings):
        yield key, Trace(finding, coverage)


def told(named: tuple[str, Iterable[Trace]], context: Context) -> Incident:
    """The incident of findings that share a cause."""
    traces = list(named[1])
    findings = [trace.finding for trace in traces]
    client, found = context.store.client(), context.range
    enis = [finding.signal.interface_id for finding in findings]
    rows = facts.rows(client, enis, wanted(findings), found.since, found.end)
    objects = facts.objects(client, [event.object_id for event in changes_of(findings)])
    coverage = {trace.coverage.interface_id: trace.coverage for trace in traces}
    words = sentence([coverage[eni] for eni in sorted(coverage)], context.rejected_lines)
    return tell(findings, rows, objects, words)


def _range(start: datetime, end: datetime, lookback: timedelta) -> Range:
    start, end = start.astimezone(UTC).replace(microsecond=0), end.astimezone(UTC).replace(microsecond=0)
    if start >= end:
        raise FlowtrailError(
            f"The range from {rfc3339(start)} to {rfc3339(end)} is empty.", "Give a --to that is later than --from."
        )
    return Range(start, end, start - max(lookback, timedelta()))


def _no_flows(found: Range, extent: facts.Extent) -> FlowtrailError:
    none = f"There are no flow records between {rfc3339(found.start)} and {rfc3339(found.end)}"
    if extent.first is None or extent.last is None:
        return FlowtrailError(
            f"{none}: the store holds none at all.", "Load some: flowtrail ingest s3://bucket/AWSLogs/"
        )
    covers = f"{rfc3339(extent.first)} to {rfc3339(extent.last)}"
    return FlowtrailError(
        f"{none}; ingest covers {covers}.", "Choose a range in there, or ingest the objects of yours."
    )


def _minutes(covered: Ints, found: Range) -> tuple[int, int]:
    """Minutes of the range that were delivered, and all of them."""
    first, last = int(found.start.timestamp()) // 60 * 60, int(found.end.timestamp())
    inside = covered[(covered >= first) & (covered < last)]
    return len(inside), -(-(last - first) // 60)


def _leave(incident: Incident, folder: str) -> None:
    """Where the one who began the run will look for it: a runner hands nothing back."""
    (Path(folder) / f"{incident.id}.json").write_text(json.dumps(incident.to_json()), "utf-8")


def _gathered(folder: str) -> list[Incident]:
    found = (json.loads(path.read_text("utf-8")) for path in Path(folder).glob("*.json"))
    return sorted((incident_store.from_json(body) for body in found), key=lambda i: (i.first_seen, i.id))
