"""Blame: which change did it. Pure: signals and a timeline in, findings out.

A change is named only when it is tested: with the configuration just before it the packets of the affected
conversations pass, just after it they do not. Where history does not know enough to say so it is `suspected`; where no
change passes the test, `unexplained`. What was tested and did not do it is never named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipelines.correlate.candidates import AFTER, Candidate, Candidates
from pipelines.correlate.fix import NO_UNDO, Undo, undo
from pipelines.correlate.naming import doubtful_step, names, proof, turned_step
from pipelines.correlate.passage import Passage, packet_of, passage
from pipelines.correlate.signals import Run, Signal
from pipelines.network.packet import Step
from pipelines.network.timeline import Timeline
from pipelines.network.verdict import explain
from schemas.change import ChangeEvent
from schemas.incident import Cause, Certainty, Kind
from schemas.network import Configuration

MOST_RUNS = 1000
"""Peers of a signal that are tested; the rest is left out."""
SAMPLE = 8
"""Conversations that are followed to find what ended it."""
DRAIN = timedelta(minutes=15)
"""Connections that are open when a route is lost send their data again for so long (Linux gives up after 15 retries),
and what they send looks like talk. A route lost longer before the last completed talk is not proven to be the cause."""

COINCIDENCE = timedelta(minutes=2)
"""A weak signal is told, as suspected, when a change that cannot be tested is so near to when it began."""


@dataclass(frozen=True)
class Finding:
    """A signal, or the part of it that one change explains: its `runs` are those. `cause_events` and `ended_by` are
    calls in their order."""

    signal: Signal
    certainty: Certainty
    reason: str
    cause: Cause | None = None
    cause_events: tuple[ChangeEvent, ...] = ()
    ended_by: tuple[ChangeEvent, ...] = ()
    undo: Undo = NO_UNDO


def blame(signals: Sequence[Signal], timeline: Timeline, end: datetime) -> list[Finding]:
    """Findings in the order of the signals; weak signals are left out unless a change explains them, or may. Changes
    at `end` or later play no part."""
    judge = _Judge(Candidates(timeline), end)
    return [finding for signal in signals for finding in judge.of(signal)]


class _Judge:
    def __init__(self, candidates: Candidates, end: datetime) -> None:
        self.candidates = candidates
        self.end = end

    def of(self, signal: Signal) -> list[Finding]:
        """One finding for each change that explains some of the runs, and one for what is left, if that is enough."""
        runs = sorted(signal.runs, key=_loudest)[:MOST_RUNS]
        proven: dict[tuple[str, ...], tuple[Candidate, list[Run]]] = {}
        left: list[Run] = []
        near = self._near(signal)
        for run in runs:
            cause = self._cause(signal, run, near)
            if cause is None:
                left.append(run)
            else:
                proven.setdefault(cause.ids, (cause, []))[1].append(_since(run, cause))
        found = [self._named(replace(signal, runs=tuple(mine)), cause, near) for cause, mine in proven.values()]
        rest = replace(signal, runs=tuple(left))
        if left and (_enough(rest, explained=len(runs) - len(left)) or (not proven and self._doubted(rest, near))):
            found.append(self._unproven(rest, near))
        return sorted(found, key=lambda f: (f.cause is None, f.cause_events[0].order if f.cause_events else ()))

    def _cause(self, signal: Signal, run: Run, near: frozenset[str]) -> Candidate | None:
        """The change nearest to the run that turned its conversation; the latest one before its first failure, else the
        first one during it."""
        turned = [c for c in self._window(signal, run, near) if self._turns(c, signal, run) is True]
        if run.first_bad is None:
            return min(turned, key=lambda c: (abs(c.time - signal.last_good), c.time, c.ids), default=None)
        before = [c for c in turned if c.time <= run.first_bad + AFTER and self._holds(c, signal, run)]
        during = [c for c in turned if c.time > run.first_bad + AFTER]
        return before[-1] if before else during[0] if during else None

    def _window(self, signal: Signal, run: Run, near: frozenset[str]) -> list[Candidate]:
        last_good = signal.last_good if signal.kind is Kind.LOST_TRAFFIC else run.last_good
        last = min(run.last_bad or signal.until, self.end) + AFTER
        found = self.candidates.between(last_good - timedelta(hours=1) - AFTER, last, near)
        return [c for c in found if c.time >= last_good - c.slack and c.time < self.end]

    def _turns(self, candidate: Candidate, signal: Signal, run: Run) -> bool | None:
        """Whether it turned the conversation from good to bad; None when that cannot be known."""
        before = self._passage(candidate.before, signal, run)
        after = self._passage(candidate.after, signal, run)
        if before in (Passage.BAD, Passage.OTHER) or after in (Passage.GOOD, Passage.OTHER):
            return False
        return None if Passage.UNKNOWN in (before, after) else True

    def _holds(self, candidate: Candidate, signal: Signal, run: Run) -> bool:
        """Whether it was still in force when the run began."""
        if run.first_bad is None or run.first_bad - candidate.events[-1].event_time < AFTER:
            return True
        return self._passage(self.candidates.timeline.at(run.first_bad), signal, run) is Passage.BAD

    def _passage(self, configuration: Configuration, signal: Signal, run: Run) -> Passage:
        return passage(signal, explain(packet_of(run.conversation), configuration, signal.interface_id))

    def _near(self, signal: Signal) -> frozenset[str]:
        """The interface, and those of peers inside the VPC."""
        peers = {run.conversation.peer for run in signal.runs}
        interfaces = self.candidates.timeline.at(signal.last_good).interfaces.values()
        return frozenset([signal.interface_id, *(i.id for i in interfaces if peers & set(i.addresses))])

    def _named(self, signal: Signal, whole: Candidate, near: frozenset[str]) -> Finding:
        candidate = self._narrowed(whole, signal)
        run = signal.runs[0]
        packet = packet_of(run.conversation)
        before = explain(packet, candidate.before, signal.interface_id)
        after = explain(packet, candidate.after, signal.interface_id)
        step = turned_step(before, after, candidate.edits)
        certainty, reason = Certainty.PROVEN, proof(signal, step)
        if step.layer == "route" and signal.last_good - candidate.time > DRAIN:
            certainty = Certainty.SUSPECTED
            reason = f"{reason} But talks still completed more than {DRAIN.seconds // 60} minutes after the change."
        ended = self._ended(signal, candidate.events[-1].event_time, near)
        cause, fix = self._told(candidate, step)
        return Finding(signal, certainty, reason, cause, candidate.events, ended, fix)

    def _told(self, candidate: Candidate, step: Step) -> tuple[Cause, Undo]:
        """Of the calls of a change, the last one that edits the rule that is named speaks for it."""
        telling = [e for e in candidate.events if names(self.candidates.of([e]).edits, step.rule)]
        event = (telling or list(candidate.events))[-1]
        who = (event.event_name, event.actor, event.source_ip, event.event_time)
        cause = Cause(candidate.ids, *who, step.layer, step.resource, step.rule)
        return cause, undo(candidate.edits, event.region)

    def _narrowed(self, whole: Candidate, signal: Signal) -> Candidate:
        """Of several calls, the one that turned the conversations, and those on the same entries."""
        if len(whole.events) == 1:
            return whole
        singles = [self.candidates.of([event]) for event in whole.events]
        turning = [c for c in singles if self._turns(c, signal, signal.runs[0]) is True]
        if not turning:
            return whole
        places = {edit.place for edit in turning[-1].edits}
        return self.candidates.of([c.events[0] for c in singles if places & {edit.place for edit in c.edits}])

    def _ended(self, signal: Signal, since: datetime, near: frozenset[str]) -> tuple[ChangeEvent, ...]:
        """The first change after `since` that lets the conversations pass again."""
        last = max((run.recovered for run in signal.runs if run.recovered), default=signal.recovered) or self.end
        sample = signal.runs[:SAMPLE]
        for candidate in self.candidates.between(since, min(last + AFTER, self.end), near):
            if candidate.time >= self.end or candidate.time < since:
                continue
            if all(self._frees(candidate, signal, run) for run in sample):
                return candidate.events
        return ()

    def _frees(self, candidate: Candidate, signal: Signal, run: Run) -> bool:
        """A lost conversation that is rejected from then on is not free."""
        before = self._passage(candidate.before, signal, run)
        return before is Passage.BAD and self._passage(candidate.after, signal, run) is Passage.GOOD

    def _unproven(self, signal: Signal, near: frozenset[str]) -> Finding:
        """Suspected when a change fits and what it did is not known in full; otherwise unexplained, and why."""
        run = signal.runs[0]
        window = self._window(signal, run, near)
        doubtful = [c for c in window if self._turns(c, signal, run) is None]
        ended = self._ended(signal, signal.last_good, near)
        if not doubtful:
            return Finding(signal, Certainty.UNEXPLAINED, self._why(signal, run, len(window)), ended_by=ended)
        candidate = doubtful[-1] if run.first_bad else doubtful[0]
        others = f" {len(doubtful) - 1} more changes are like it." if len(doubtful) > 1 else ""
        reason = (
            "This change fits in time and reach, but it could not be tested: what the configuration held before or"
            f" after it is not known in full. A snapshot from before it would tell.{others}"
        )
        cause, fix = self._told(candidate, doubtful_step(candidate.edits))
        return Finding(signal, Certainty.SUSPECTED, reason, cause, candidate.events, ended, fix)

    def _doubted(self, signal: Signal, near: frozenset[str]) -> bool:
        """Whether a weak signal began just when a change was made that may have done it, as far as history tells."""
        close = (c for c in self._window(signal, signal.runs[0], near) if abs(c.time - signal.last_good) <= COINCIDENCE)
        return any(self._turns(c, signal, signal.runs[0]) is None for c in close)

    def _why(self, signal: Signal, run: Run, tested: int) -> str:
        now = self._passage(self.candidates.timeline.at(run.first_bad or signal.until), signal, run)
        said = {
            Passage.GOOD: "By the configuration as it is known these packets pass",
            Passage.BAD: "The configuration as it is known stops these packets, and did before too",
            Passage.OTHER: "The configuration as it is known does something else with these packets",
            Passage.UNKNOWN: "What the configuration does with these packets is not known",
        }[now]
        many = "1 change in reach was" if tested == 1 else f"{tested} changes in reach were"
        changes = f"{many} tested and would not do it" if tested else "no change is in reach"
        return f"{said}, and {changes}."


def _loudest(run: Run) -> tuple[object, ...]:
    return -run.flows, run.first_bad is None, run.first_bad, run.conversation.peer, run.conversation.peer_port


def _since(run: Run, cause: Candidate) -> Run:
    """What was bad before the cause had another reason; which row is the first one after it is not known."""
    if run.first_bad is None or cause.time <= run.first_bad + AFTER:
        return run
    return replace(run, first_bad=cause.time, first_row=None)


def _enough(rest: Signal, explained: int) -> bool:
    """Whether runs that no change explains are a signal on their own."""
    if not rest.strong:
        return False
    if not explained:
        return True
    if rest.kind is Kind.LOST_TRAFFIC:
        return len(rest.runs) > explained
    lasting = (run for run in rest.runs if run.first_bad and run.last_bad)
    return any(run.flows >= 3 and run.last_bad - run.first_bad >= timedelta(minutes=1) for run in lasting)  # type: ignore[operator]
