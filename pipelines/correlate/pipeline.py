"""The Beam pipeline that turns facts into incidents. An element is a group of network interfaces, until something is
wrong at one of them; the logic is in the pure modules."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import apache_beam as beam
from clickhouse_connect.driver.client import Client

from connectors.store import incidents, runs, trail
from connectors.store.clickhouse import Store
from connectors.store.migrate import ensure_migrated
from pipelines.configuration import required_timeline
from pipelines.correlate import facts
from pipelines.correlate.blame.finding import Finding, without_times
from pipelines.correlate.blame.judge import blame
from pipelines.correlate.blame.trial import fidelity
from pipelines.correlate.blame.what_if import remaining
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.detect.minutes import Ints
from pipelines.correlate.detect.signals import Signal
from pipelines.correlate.facts import InterfaceFacts
from pipelines.correlate.publish import publish
from pipelines.correlate.settle import known_from_elsewhere
from pipelines.correlate.tell.completeness import Coverage, one_sided, sentence
from pipelines.correlate.tell.incident import changes_of, first_seen, last_seen, parts, tell, wanted, with_keys
from pipelines.runner import check, noting_failures, running
from schemas.errors import FlowtrailError
from schemas.incident import Examined, Incident
from schemas.runner import IN_PROCESS, Runner
from schemas.times import rfc3339

LOG = logging.getLogger(__name__)

BEFORE = timedelta(hours=1)
"""How long before the first sign of an incident CloudTrail must be complete, for its changes to be known."""
SAMPLED_FLOWS = 100
"""Flow records per interface that are compared with the verdict."""
GROUP_FLOWS, GROUP_INTERFACES = 150_000, 200
"""Interfaces are looked at together, up to so many of them and, by the rate of the range, so many flow records: one
query for a group costs little more than one for an interface, and its answer is held in memory."""


@dataclass(frozen=True)
class Job:
    """What every step of a run needs. It travels to the workers, so it holds names and settings only: a step reads the
    facts, the timeline and the deliveries in the store."""

    store: Store
    run: str
    range: Examined
    rejected_lines: int
    without: tuple[str, ...] = ()
    """The eventIDs of calls that a replay takes as not made."""


Group = tuple[InterfaceFacts, ...]


@dataclass(frozen=True)
class Found:
    """The signals of an interface. `high_ports`: those of `facts.high_ports`. `minutes`: how many of the range's
    minutes were delivered, and how many it has."""

    interface: InterfaceFacts
    signals: list[Signal]
    high_ports: tuple[int, ...]
    minutes: tuple[int, int]


@dataclass(frozen=True)
class Trace:
    """A finding, and how complete the facts of its interface are."""

    finding: Finding
    coverage: Coverage


@dataclass(eq=False)
class Correlate(beam.PTransform[beam.PCollection[Group], beam.PCollection[str]]):
    """Groups of interfaces -> the ids of incidents, which are saved as drafts of the run. In between, findings are
    grouped by the key of their incident."""

    job: Job

    def expand(self, groups: beam.PCollection[Group]) -> beam.PCollection[str]:
        ids: beam.PCollection[str] = (
            groups
            | "Detect" >> beam.FlatMap(_detect, self.job).with_output_types(Found)
            | "Blame" >> beam.FlatMap(_blame, self.job).with_output_types(tuple[str, Trace])
            | "By cause" >> beam.GroupByKey()
            | "Tell" >> beam.FlatMap(_tell, self.job).with_output_types(str)
        )
        return ids


def run_correlate(
    store: Store,
    start: datetime,
    end: datetime,
    *,
    lookback: timedelta = timedelta(hours=24),
    runner: Runner = IN_PROCESS,
) -> list[Incident]:
    """Find the incidents of `[start, end)`, save them, and return what is known of the range now, in order of
    `first_seen` and id: what is known from a wider range stays as it is (`pipelines.correlate.settle`).

    Normal traffic is learned from the `lookback` before `start`. The same facts and range give the same incidents, byte
    for byte. Raises FlowtrailError for an empty range, without a snapshot, without flow records in the range, and when
    the store fails; then nothing of the run is visible.
    """
    found = _range(start, end, lookback)
    check(runner, store)
    ensure_migrated(store)
    run = _run_drafts(store, runs.CORRELATE, found, runner)
    client = store.client()
    settled = publish(client, run.job.run, found)
    run.note(client, len(settled.incidents))
    for one in settled.kept:
        LOG.warning("warning: %s", known_from_elsewhere(one))
    return settled.incidents


def run_replay(
    store: Store,
    start: datetime,
    end: datetime,
    *,
    lookback: timedelta = timedelta(hours=24),
    without: Sequence[str] = (),
    runner: Runner = IN_PROCESS,
) -> tuple[str, list[Incident]]:
    """Find the incidents of `[start, end)` under a run of their own, which changes nothing of what is known: the run,
    and the incidents in order of `first_seen` and id. `without`: eventIDs of calls that are taken as not made; of the
    incidents, those are then left that would have happened all the same. Raises as `run_correlate`, and FlowtrailError
    for an eventID that no change has."""
    found = _range(start, end, lookback)
    check(runner, store)
    ensure_migrated(store)
    client = store.client()
    known = {change.event_id for change in required_timeline(store).changes}
    if missing := [event for event in without if event not in known]:
        raise FlowtrailError(
            f"No change has the eventID {missing[0]}.",
            "List them with `flowtrail changes`; failed calls are not stored.",
        )
    run = _run_drafts(store, runs.REPLAY, found, runner, tuple(sorted(set(without))))
    replayed = incidents.drafts(client, run.job.run)
    run.note(client, len(replayed))
    return run.job.run, replayed


@dataclass(frozen=True)
class _Drafted:
    """A run of the pipeline whose incidents are saved as drafts."""

    job: Job
    command: str
    interfaces: int
    flows: int

    def note(self, client: Client, count: int) -> None:
        """Note that it is done."""
        counts = {"incidents": count, "interfaces": self.interfaces, "flows": self.flows}
        runs.note(client, self.job.run, self.command, "done", counts=counts, examined=self.job.range)


def _run_drafts(store: Store, command: str, found: Examined, runner: Runner, without: tuple[str, ...] = ()) -> _Drafted:
    client = store.client()
    extent = facts.extent(client, found.start, found.end)
    if not extent.found:
        raise _no_flows(found, extent)
    timeline = required_timeline(store)
    detail = " ".join([f"{rfc3339(found.start)} to {rfc3339(found.end)}", *without])
    run = runs.begin(client, command, detail)
    job = Job(store, run, found, extent.rejected_lines, without)
    interfaces = facts.interfaces(client, found.start, found.end, timeline)
    if said := one_sided(sum(i.flows for i in interfaces), sum(i.accepts for i in interfaces)):
        LOG.warning("warning: from %s to %s:%s", rfc3339(found.start), rfc3339(found.end), said)
    close = facts.worth_a_look(client, interfaces, _delivered(job), found)
    with running(runner, store, run) as pipeline:
        _ = pipeline | "Interfaces" >> beam.Create(grouped(close, found)) | "Correlate" >> Correlate(job)
    return _Drafted(job, command, len(interfaces), extent.found)


def grouped(interfaces: Sequence[InterfaceFacts], found: Examined) -> list[Group]:
    """The interfaces, in their order, in groups that are looked at together."""
    longer = (found.end - found.since) / (found.end - found.start)
    groups: list[list[InterfaceFacts]] = []
    flows = 0.0
    for interface in interfaces:
        flows += interface.flows * longer
        if not groups or flows > GROUP_FLOWS or len(groups[-1]) == GROUP_INTERFACES:
            groups.append([])
            flows = interface.flows * longer
        groups[-1].append(interface)
    return [tuple(group) for group in groups]


def _detect(group: Group, job: Job) -> Iterator[Found]:
    with noting_failures(job.store, job.run):
        yield from detected(group, job)


def _blame(found: Found, job: Job) -> Iterator[tuple[str, Trace]]:
    with noting_failures(job.store, job.run):
        yield from blamed(found, job)


def _tell(named: tuple[str, Iterable[Trace]], job: Job) -> Iterator[str]:
    """Saves the incidents as drafts: saving one twice is saving it once."""
    with noting_failures(job.store, job.run):
        for incident in told(named, job):
            incidents.save_draft(job.store.client(), job.run, incident)
            yield incident.id


def detected(group: Group, job: Job) -> Iterator[Found]:
    """The interfaces with signals."""
    client, found = job.store.client(), job.range
    names = [interface.interface_id for interface in group]
    high = facts.high_ports(client, names, found.since, found.end)
    cells = facts.minutes_of(client, group, high, found.since, found.end)
    dropped = facts.dropped(client, names, found.since, found.end)
    for interface in group:
        name = interface.interface_id
        covered = facts.covered(interface, _delivered(job), dropped)
        if name in cells and (signals := detect(name, cells[name], covered, found.start, found.lookback)):
            yield Found(interface, signals, high.get(name, ()), _minutes(covered, found))


def blamed(found: Found, job: Job) -> Iterator[tuple[str, Trace]]:
    """The findings of an interface's signals, each with the key of its incident."""
    interface = found.interface
    timeline = required_timeline(job.store)
    findings = blame(found.signals, timeline, job.range.end)
    if interface.untimed:
        findings = [without_times(finding) for finding in findings]
    if job.without:
        altered = required_timeline(job.store, job.without)
        findings = [left for finding in findings if (left := remaining(finding, altered))]
    if not findings:
        return
    flows = facts.sample(
        job.store.client(), interface, found.high_ports, job.range.start, job.range.end, limit=SAMPLED_FLOWS
    )
    agreement = fidelity(flows, timeline, interface.interface_id)
    counts = (interface.flows, interface.accepts, interface.nodata, interface.skipdata)
    coverage = Coverage(interface.interface_id, *counts, *found.minutes, agreement)
    for key, finding in with_keys(findings):
        yield key, Trace(finding, coverage)


def told(keyed: tuple[str, Iterable[Trace]], job: Job) -> Iterator[Incident]:
    """The incidents of findings with the same key."""
    traces = list(keyed[1])
    coverage = {trace.coverage.interface_id: trace.coverage for trace in traces}
    for findings in parts([trace.finding for trace in traces]):
        yield _incident(findings, coverage, job)


def _incident(findings: Sequence[Finding], coverage: Mapping[str, Coverage], job: Job) -> Incident:
    client, found = job.store.client(), job.range
    enis = [finding.signal.interface_id for finding in findings]
    rows = facts.rows(client, enis, wanted(findings), found.since, found.end)
    objects = facts.objects(client, [event.object_id for event in changes_of(findings)])
    words = sentence([coverage[eni] for eni in sorted(set(enis))], job.rejected_lines)
    first, last = first_seen(findings) - BEFORE, last_seen(findings) + trail.DELIVERY
    calls = trail.sentence(trail.trails(client, first, last), first, last)
    incident = tell(findings, rows, objects, f"{words} {calls}")
    return incident if incident.cause else replace(incident, reason=f"{incident.reason} {calls}")


def _range(start: datetime, end: datetime, lookback: timedelta) -> Examined:
    start, end = start.astimezone(UTC).replace(microsecond=0), end.astimezone(UTC).replace(microsecond=0)
    if start >= end:
        raise FlowtrailError(
            f"The range from {rfc3339(start)} to {rfc3339(end)} is empty.", "Give a --to that is later than --from."
        )
    return Examined(start - max(lookback, timedelta()), start, end)


def _no_flows(found: Examined, extent: facts.Extent) -> FlowtrailError:
    none = f"There are no flow records between {rfc3339(found.start)} and {rfc3339(found.end)}"
    if extent.first is None or extent.last is None:
        return FlowtrailError(
            f"{none}: the store has none at all.", "Load some with `flowtrail ingest s3://bucket/AWSLogs/`."
        )
    span = f"{rfc3339(extent.first)} to {rfc3339(extent.last)}"
    return FlowtrailError(
        f"{none}; the store has them from {span}.",
        "Choose a range within that period, or ingest the objects of this range.",
    )


def _minutes(covered: Ints, found: Examined) -> tuple[int, int]:
    """How many minutes of the range were delivered, and how many it has."""
    first, last = int(found.start.timestamp()) // 60 * 60, int(found.end.timestamp())
    inside = covered[(covered >= first) & (covered < last)]
    return len(inside), -(-(last - first) // 60)


def _delivered(job: Job) -> Mapping[str, Ints]:
    return _deliveries(job.store, job.run, job.range.since, job.range.end)


@lru_cache(maxsize=4)
def _deliveries(store: Store, run: str, start: datetime, end: datetime) -> Mapping[str, Ints]:
    """For each flow log, the minutes for which it delivered something; read once per process and run."""
    return facts.deliveries(store.client(), start, end)
