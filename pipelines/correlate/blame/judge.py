"""Blame: which change caused a signal. Pure: signals and a timeline in, findings out.

A change is `proven` only by a test: with the configuration just before it, the packets of the affected conversations
pass; just after it, they do not. Where too little of the configuration's history is known for the test, a change is
`suspected`; where no change passes it, the signal is `unexplained`. A change that fails the test is never named.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from network.history.timeline import Timeline
from network.verdict.explain import explain
from network.verdict.index import index_of
from network.verdict.packet import Step
from network.verdict.routing import lookup, table_of_subnet
from pipelines.correlate.blame.candidates import AFTER, Candidate, Candidates
from pipelines.correlate.blame.finding import Finding, to_undo
from pipelines.correlate.blame.leaving import has_left
from pipelines.correlate.blame.relevance import at_the_edge, may_match, may_show
from pipelines.correlate.blame.trial import Effect, effect, packet_of
from pipelines.correlate.blame.wording import doubtful_step, looks_like, names, proof, turned_step
from pipelines.correlate.detect.signals import Run, Signal
from schemas.change import ChangeEvent
from schemas.configuration import Configuration
from schemas.incident import Cause, Certainty, Kind
from schemas.protocols import TCP

MOST_RUNS = 1000
"""Runs of a signal that are tested, the loudest first; the others are left out."""
SAMPLE = 8
"""Conversations that are tested to find the change that ended it."""
DRAIN = timedelta(minutes=15)
"""Connections that are open when a route is lost retransmit for this long (Linux gives up after 15 retries), which
looks like an exchange of data. A route lost longer than this before the last completed conversation is not proven to be
the cause."""

CHANCE = 0.01
"""A change is not the cause of a silence that had begun before it: conversations as frequent as these would have paused
by chance until the change with a lower probability than this."""

COINCIDENCE = timedelta(minutes=2)
"""A weak signal is reported as suspected if a change that cannot be tested was made within this time of its start."""


def blame(signals: Sequence[Signal], timeline: Timeline, end: datetime) -> list[Finding]:
    """Findings in the order of the signals. Weak signals are left out unless a change explains them, or may. Changes at
    `end` or later are ignored."""
    judge = _Judge(Candidates(timeline), end)
    return [finding for signal in signals for finding in judge.of(signal)]


class _Judge:
    def __init__(self, candidates: Candidates, end: datetime) -> None:
        self.candidates = candidates
        self.end = end

    def of(self, signal: Signal) -> list[Finding]:
        """One finding for each change that explains some of the runs, and one for the other runs if they are enough."""
        stayed = (run for run in signal.runs if not has_left(self.candidates.timeline, signal, run))
        runs = sorted(stayed, key=_loudest)[:MOST_RUNS]
        if not runs:
            return []
        proven: dict[tuple[str, ...], tuple[Candidate, list[Run]]] = {}
        unexplained: list[Run] = []
        near = self._near(signal)
        for run in runs:
            cause = self._cause(signal, run, near)
            if cause is None:
                unexplained.append(run)
            else:
                proven.setdefault(cause.ids, (cause, []))[1].append(_since(run, cause))
        found = [self._named(replace(signal, runs=tuple(own)), cause, near) for cause, own in proven.values()]
        rest = replace(signal, runs=tuple(unexplained))
        explained = len(runs) - len(unexplained)
        if unexplained and (_enough(rest, explained) or (not proven and self._doubted(rest, near))):
            found.append(self._unproven(rest, near))
        return sorted(found, key=lambda f: (f.cause is None, f.cause_events[0].order if f.cause_events else ()))

    def _cause(self, signal: Signal, run: Run, near: frozenset[str]) -> Candidate | None:
        """The change that broke the run's conversation: the latest one before its first failure, otherwise the first
        one during it. Without a logged failure: the one closest to the signal's last good flow."""
        turned = [c for c in self._window(signal, run, near) if self._turns(c, signal, run) is True]
        if run.first_bad is None:
            turned = [c for c in turned if self._holds(c, signal, run)]
            return min(turned, key=lambda c: (abs(c.time - signal.last_good), c.time, c.ids), default=None)
        before = [c for c in turned if c.time <= run.first_bad + AFTER and self._holds(c, signal, run)]
        during = [c for c in turned if c.time > run.first_bad + AFTER]
        return before[-1] if before else during[0] if during else None

    def _window(self, signal: Signal, run: Run, near: frozenset[str]) -> list[Candidate]:
        last_good = signal.last_good if run.first_bad is None else run.last_good
        opened = run.opened if signal.protocol == TCP else None
        last = min(run.last_bad or signal.until, self.end) + AFTER
        first = min(last_good, opened or last_good) - timedelta(hours=1) - AFTER
        found = self.candidates.between(first, last, near)
        return [c for c in found if c.earliest(last_good, opened) <= c.time < self.end]

    def _turns(self, candidate: Candidate, signal: Signal, run: Run) -> bool | None:
        """Whether the change turned the conversation from good to bad; None when that is unknown."""
        if self._too_late(candidate, signal, run):
            return False
        packet = packet_of(run.conversation)
        before = explain(packet, candidate.before, signal.interface_id)
        after = explain(packet, candidate.after, signal.interface_id)
        was, now = effect(signal, before), effect(signal, after)
        if was in (Effect.BAD, Effect.OTHER):
            return False
        if not candidate.modelled:
            return None if may_show(candidate.events[0], signal.kind) else False
        if now is Effect.GOOD and (after.ways - before.ways or at_the_edge(candidate)):
            now = Effect.UNKNOWN  # another way, and nothing is known of what is behind it
        if now is Effect.GOOD and self._stopped_at(candidate, signal, run):
            return None
        if now in (Effect.GOOD, Effect.OTHER):
            return False
        if Effect.UNKNOWN not in (was, now):
            return True
        return None if may_match(candidate, packet) else False

    def _stopped_at(self, candidate: Candidate, signal: Signal, run: Run) -> str:
        """The interface of another VPC, at the other end of the conversation, at which the change stops it; otherwise
        "". The way between two VPCs is not in the model, so that this proves nothing."""
        here = candidate.before.interfaces.get(signal.interface_id)
        if here is None or signal.kind is not Kind.LOST_TRAFFIC:
            return ""
        packet = packet_of(run.conversation)
        for far in index_of(candidate.before).far_ends(here.vpc_id, run.conversation.peer):
            if far.vpc_id != here.vpc_id and far.id in candidate.reach:
                was, now = (explain(packet, each, far.id).outcome for each in (candidate.before, candidate.after))
                if was not in ("rejected", "lost") and now in ("rejected", "lost"):
                    return far.id
        return ""

    def _too_late(self, candidate: Candidate, signal: Signal, run: Run) -> bool:
        """Whether the conversations had fallen silent before the change, by the odds that made the silence a signal."""
        if run.first_bad is not None or not signal.busy:
            return False
        silent = (candidate.time - signal.last_good - AFTER) / timedelta(minutes=1)
        return silent > 0 and (1 - signal.busy) ** silent < CHANCE

    def _holds(self, candidate: Candidate, signal: Signal, run: Run) -> bool:
        """Whether its effect still held when the run started, or in the middle of a silent one."""
        made = candidate.events[-1].event_time
        if run.first_bad is None:
            begun = max(made, signal.last_good)
            moment = begun + (signal.until - begun) / 2
        else:
            moment = run.first_bad
        if moment - made < AFTER and run.first_bad is not None:
            return True
        return self._effect(self.candidates.timeline.at(moment), signal, run) is Effect.BAD

    def _effect(self, configuration: Configuration, signal: Signal, run: Run) -> Effect:
        return effect(signal, explain(packet_of(run.conversation), configuration, signal.interface_id))

    def _near(self, signal: Signal) -> frozenset[str]:
        """The signal's interface, those of its peers inside the VPC, and those on the way to them: of an appliance that
        is a route's target, and in the subnet of a NAT gateway. Nothing for an interface that is not known whose peers
        may be in any of several VPCs: which one it is in would be a guess."""
        known = self.candidates.timeline.at(signal.last_good)
        peers = {run.conversation.peer for run in signal.runs}
        here, index = known.interfaces.get(signal.interface_id), index_of(known)
        far = [end for peer in peers for end in index.far_ends(here.vpc_id if here else "", peer)]
        if here is None and len({end.vpc_id for end in far}) > 1:
            return frozenset()
        ends = {signal.interface_id, *(end.id for end in far)}
        ways = {way for peer in peers for end in ends for way in self._targets(known, end, peer)}
        subnets = {known.nat_gateways[way].subnet_id for way in ways & known.nat_gateways.keys()}
        passed = {i.id for i in known.interfaces.values() if i.subnet_id in subnets}
        return frozenset({*ends, *passed, *(ways & known.interfaces.keys())})

    def _targets(self, configuration: Configuration, interface_id: str, address: str) -> list[str]:
        interface = configuration.interfaces.get(interface_id)
        table = table_of_subnet(configuration, interface.subnet_id) if interface else None
        route = lookup(table, address, configuration.prefix_lists) if table else None
        return [route.target] if route else []

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
            minutes = DRAIN.seconds // 60
            reason = f"{reason} But conversations still completed more than {minutes} minutes after the change."
        ended = self._ended(signal, candidate.events[-1].event_time, near)
        cause = self._described(candidate, step)
        left = to_undo(self.candidates.timeline, candidate, signal, self.end)
        return Finding(signal, certainty, reason, cause, candidate.events, whole.ids, ended, left)

    def _described(self, candidate: Candidate, step: Step) -> Cause:
        """The change as a `Cause`. Name, actor and time are those of its last call that edits the step's rule."""
        editing = [e for e in candidate.events if names(self.candidates.of([e]).edits, step.rule)]
        event = (editing or list(candidate.events))[-1]
        who = (event.event_name, event.actor, event.source_ip, event.event_time)
        return Cause(candidate.ids, *who, step.layer, step.resource, step.rule)

    def _narrowed(self, whole: Candidate, signal: Signal) -> Candidate:
        """Of several calls, for each conversation the last one that broke it, and those that edit the same entries."""
        if len(whole.events) == 1:
            return whole
        singles = [self.candidates.of([event]) for event in whole.events]
        places: set[tuple[str, str, str]] = set()
        for run in signal.runs:
            turning = [c for c in singles if self._turns(c, signal, run) is True]
            if not turning:
                return whole
            places |= {edit.place for edit in turning[-1].edits}
        return self.candidates.of([c.events[0] for c in singles if places & {edit.place for edit in c.edits}])

    def _ended(self, signal: Signal, since: datetime, near: frozenset[str]) -> tuple[ChangeEvent, ...]:
        """The calls of the first change after `since` that lets the conversations pass again; () if there is none."""
        last = max((run.recovered for run in signal.runs if run.recovered), default=signal.recovered) or self.end
        sample = signal.runs[:SAMPLE]
        for candidate in self.candidates.between(since, min(last + AFTER, self.end), near):
            if candidate.time >= self.end or candidate.time < since:
                continue
            if all(self._restores(candidate, signal, run) for run in sample):
                return candidate.events
        return ()

    def _restores(self, candidate: Candidate, signal: Signal, run: Run) -> bool:
        """Whether the conversation is good again; a lost one that is then rejected is not."""
        before = self._effect(candidate.before, signal, run)
        return before is Effect.BAD and self._effect(candidate.after, signal, run) is Effect.GOOD

    def _unproven(self, signal: Signal, near: frozenset[str]) -> Finding:
        """Suspected if a change fits but its effect is not fully known; otherwise unexplained. Both with a reason."""
        run = signal.runs[0]
        window = self._window(signal, run, near)
        doubtful = [c for c in window if self._turns(c, signal, run) is None]
        ended = self._ended(signal, signal.last_good, near)
        if not doubtful:
            return Finding(signal, Certainty.UNEXPLAINED, self._why(signal, run, len(window)), ended_by=ended)
        begun = [c for c in doubtful if run.first_bad and c.time <= run.first_bad + AFTER]
        candidate = begun[-1] if begun else doubtful[0]
        others = f" The same is true of {len(doubtful) - 1} more changes." if len(doubtful) > 1 else ""
        if far := self._stopped_at(candidate, signal, run):
            why = f"it stops these packets at {far}, but the way there is not in the model."
        elif candidate.modelled and not signal.rejects_logged:
            why = (
                "no rejected traffic is logged at this interface, so that a reject would look like this, or not at all."
            )
        else:
            why = self._why_unknown(candidate)
        reason = f"This change fits in time and reach, but its effect could not be tested: {why}{others}"
        cause = self._described(candidate, doubtful_step(candidate))
        left = to_undo(self.candidates.timeline, candidate, signal, self.end)
        return Finding(signal, Certainty.SUSPECTED, reason, cause, candidate.events, candidate.ids, ended, left)

    def _why_unknown(self, candidate: Candidate) -> str:
        return (
            "the configuration before or after it is not fully known. A snapshot from before it would settle it."
            if candidate.modelled
            else "the model of the VPC does not contain what this call does."
        )

    def _doubted(self, signal: Signal, near: frozenset[str]) -> bool:
        """Whether a weak signal started when a change was made that may have caused it but cannot be tested."""
        close = (c for c in self._window(signal, signal.runs[0], near) if abs(c.time - signal.last_good) <= COINCIDENCE)
        return any(c.modelled and self._turns(c, signal, signal.runs[0]) is None for c in close)

    def _why(self, signal: Signal, run: Run, tested: int) -> str:
        now = self._effect(self.candidates.timeline.at(run.first_bad or signal.until), signal, run)
        before = self._effect(self.candidates.timeline.at(run.last_good), signal, run)
        known = {
            Effect.GOOD: "As far as the configuration is known, it lets these packets pass",
            Effect.BAD: "As far as the configuration is known, it stops these packets"
            + (
                ". It would have stopped them before too, when the log shows that they passed, so that something in it"
                " is missing or wrong"
                if before is Effect.BAD
                else ""
            ),
            Effect.OTHER: "As far as the configuration is known, it does something else with these packets",
            Effect.UNKNOWN: "What the configuration does with these packets is unknown",
        }[now]
        many = "1 change in reach was" if tested == 1 else f"{tested} changes in reach were"
        changes = f"{many} tested and would not have caused this" if tested else "no change is in reach"
        if signal.interface_id not in self.candidates.timeline.at(run.last_good).interfaces:
            known = "What the configuration does with these packets is unknown: as far as it is known, it does not have"
            known = f"{known} the interface {signal.interface_id}"
            changes = changes if tested else "nor is it known which changes are in reach"
        return f"{looks_like(signal)}{known}; {changes}."


def _loudest(run: Run) -> tuple[object, ...]:
    return -run.flows, run.first_bad is None, run.first_bad, run.conversation.peer, run.conversation.peer_port


def _since(run: Run, cause: Candidate) -> Run:
    """The run from the cause on: what was bad earlier has another reason. The first row after it is unknown."""
    if run.first_bad is None or cause.time <= run.first_bad + AFTER:
        return run
    return replace(run, first_bad=cause.time, first_row=None)


def _enough(rest: Signal, explained: int) -> bool:
    """Whether runs that no change explains are enough to report."""
    if not rest.strong:
        return False
    if not explained:
        return True
    if rest.kind is Kind.LOST_TRAFFIC:
        return len(rest.runs) > explained
    lasting = (run for run in rest.runs if run.first_bad and run.last_bad)
    return any(run.flows >= 3 and run.last_bad - run.first_bad >= timedelta(minutes=1) for run in lasting)  # type: ignore[operator]
