"""Whether one end reaches another, by the configuration at some time and by the latest that is known, beside what the
flow log has of it; and the changes that turned the answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.store.clickhouse import Store
from console.answers import explain_words as words
from console.answers.ask import ask
from console.answers.history import Call, timeline_of
from console.answers.words import told
from network.history.timeline import Effect, Timeline
from network.history.turns import Turn, Turns, not_modelled, turns
from network.verdict.explain import Step
from network.verdict.reach import Question, Reach, Reached, Walk, reach
from schemas.change import ChangeEvent
from schemas.configuration import Configuration

SETTLES = timedelta(seconds=60)
"""Times in a flow log may be off by this much: records from so soon after a turn may be of the time before it."""

STEP_COLUMNS = (
    "configuration",
    "verdict",
    "disagreement",
    "from_interface",
    "to_interface",
    "client_ports",
    "step",
    "packet",
    "layer",
    "direction",
    "resource",
    "result",
    "rule",
    "code",
)
"""The columns of the CSV form: one line for each step."""


@dataclass(frozen=True)
class Observed:
    """Flow records of one interface: requests or replies (`packet`), accepted or rejected. `flows` are all of the time
    looked at, `since` those that can be compared with the verdict. `last` is the newest, at `line` of an object."""

    interface_id: str
    packet: str
    action: str
    flows: int
    since: int
    last: datetime
    bucket: str
    key: str
    line: int


@dataclass(frozen=True)
class Turned:
    """The verdict, or what decides it, became another one: by the call, or by one that is not in the store (None)."""

    time: datetime
    call: Call | None
    what: tuple[str, ...]
    before: str
    after: str
    decides: str

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "call": self.call and self.call.to_json()}


@dataclass(frozen=True)
class View:
    """The answer by one configuration.

    `moment`: the time of the configuration. `by_configuration` is the model's verdict; `verdict` is the same unless all
    of the records that can be compared contradict it: then it is unknown, as what decides is not in the model.
    `sentence` says it in words, with every disagreement. Records from `looked_from` to `looked_to` were looked at, and
    those from `compared_from` on compared. `since`: what made it so, None if it is so in all that is known.
    """

    moment: datetime
    verdict: Reach
    by_configuration: Reach
    sentence: str
    walks: tuple[Walk, ...]
    unknown: tuple[str, ...]
    looked_from: datetime
    looked_to: datetime
    compared_from: datetime
    observed: tuple[Observed, ...]
    disagreements: tuple[str, ...]
    since: Turned | None
    notes: tuple[str, ...]

    @property
    def never_worked(self) -> bool:
        """Whether it is blocked in all of the history that is known, and the log has no accepted request either."""
        accepted = any(each.packet == "request" and each.action == "ACCEPT" for each in self.observed)
        return self.verdict is Reach.BLOCKED and self.since is None and not accepted

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "never_worked": self.never_worked,
            "walks": [_walk_json(walk) for walk in self.walks],
            "observed": [vars(each) for each in self.observed],
            "since": self.since and self.since.to_json(),
        }


@dataclass(frozen=True)
class Explanation:
    """`then`: the answer at the time that was asked about, if one was. `now`: by the latest configuration that is
    known. `turned`: what happened between them. `not_examined`: calls between them that may concern the ends and whose
    effect the model does not contain."""

    question: Question
    then: View | None
    now: View
    turned: tuple[Turned, ...]
    not_examined: tuple[Call, ...]

    def to_json(self) -> dict[str, Any]:
        asked = self.question
        return {
            "from": str(asked.src),
            "to": str(asked.dst),
            "protocol": asked.protocol,
            "port": asked.port,
            "client_port": asked.src_port,
            "then": self.then and self.then.to_json(),
            "now": self.now.to_json(),
            "turned": [turn.to_json() for turn in self.turned],
            "not_examined": [call.to_json() for call in self.not_examined],
        }

    def records(self) -> list[dict[str, Any]]:
        """One for each step, or one for a verdict without any."""
        views = [("then", self.then), ("now", self.now)]
        return [record for name, view in views if view is not None for record in _records(name, view)]


def explain(store: Store, question: Question, at: datetime | None, now: datetime, lookback: timedelta) -> Explanation:
    """The answer at `at` (None: only now). Flow records are looked at for `lookback` before. Raises FlowtrailError
    without any snapshot, or when the store cannot be read."""
    timeline = timeline_of(store)
    facts = ask(store, "newest")[0]
    found = turns(question, timeline)
    story = _Story(store, question, timeline, found, lookback, bool(facts["trail_objects"]), timeline.effects())
    newest = facts["flows_last"] or now
    latest = story.view(timeline.latest, newest + timedelta(seconds=1))
    if at is None:
        return Explanation(question, None, latest, (), ())
    return Explanation(
        question,
        story.view(at, at + timedelta(seconds=1)),
        latest,
        tuple(story.turned(turn) for turn in found.after(at)),
        tuple(Call.of(event) for event in not_modelled(question, timeline, at, timeline.latest)),
    )


@dataclass(frozen=True)
class _Story:
    store: Store
    question: Question
    timeline: Timeline
    turns: Turns
    lookback: timedelta
    has_trail: bool
    effects: Mapping[str, Sequence[Effect]]

    def view(self, moment: datetime, looked_to: datetime) -> View:
        """The answer by the configuration at the moment, beside the flow records before `looked_to`."""
        configuration = self.timeline.at(moment)
        found = reach(self.question, configuration)
        turn = self.turns.last(moment)
        looked_from = looked_to - self.lookback
        compared_from = max(looked_from, turn.time + SETTLES) if turn else looked_from
        observed = self._observed(found, looked_from, looked_to, compared_from)
        disagreements, overruled = _compared(found.walks, observed, compared_from)
        if disagreements and turn and words.leaves_open(found):
            disagreements = (*disagreements, words.LEFT_OPEN)
        verdict = Reach.UNKNOWN if overruled and found.reach is not Reach.AMBIGUOUS else found.reach
        return View(
            moment,
            verdict,
            found.reach,
            words.sentence(self.question, found, verdict, disagreements, configuration),
            found.walks,
            tuple(dict.fromkeys(words.why(step) for walk in found.walks for step in walk.unknown)),
            looked_from,
            looked_to,
            compared_from,
            observed,
            disagreements,
            self.turned(turn) if turn else None,
            tuple(self._notes(moment, found, configuration, observed)),
        )

    def turned(self, turn: Turn) -> Turned:
        event = turn.moment.event
        decisive = turn.after.decisive
        step = decisive.decides if decisive else None
        return Turned(
            turn.time,
            Call.of(event) if event else None,
            self._what(event),
            turn.before.reach,
            turn.after.reach,
            words.stopped_by(step) if step else "",
        )

    def _what(self, event: ChangeEvent | None) -> tuple[str, ...]:
        if event is None:
            return ()
        effects = self.effects.get(event.event_id, ())
        return tuple(text for effect in effects if (text := told(effect.before, effect.after)))

    def _observed(
        self, found: Reached, start: datetime, end: datetime, compared_from: datetime
    ) -> tuple[Observed, ...]:
        ends = [(walk.src, walk.dst) for walk in found.walks]
        sources = {a for src, _ in ends for a in (src.address, src.far)} | {self.question.src.address}
        targets = {a for _, dst in ends for a in (dst.address, dst.far)} | {self.question.dst.address}
        parameters = {
            "sources": sorted(sources - {""}),
            "targets": sorted(targets - {""}),
            "interfaces": sorted({end.interface_id for pair in ends for end in pair} - {""}),
            "protocol": self.question.protocol,
            "port": self.question.port,
            "client": self.question.src_port,
            "from": start,
            "to": end,
            "since": compared_from,
        }
        rows = ask(self.store, "observed", parameters)
        return tuple(
            Observed(
                row["interface_id"],
                "request" if row["request"] else "reply",
                row["action"],
                row["flows"],
                row["since"],
                row["last"].astimezone(UTC),
                row["bucket"],
                row["key"],
                row["line"],
            )
            for row in rows
        )

    def _notes(
        self, moment: datetime, found: Reached, configuration: Configuration, observed: Sequence[Observed]
    ) -> Iterable[str]:
        first = self.timeline.snapshots[0]
        if moment < first:
            yield words.before_snapshots(moment, first)
        if moment > self.timeline.latest:
            yield words.after_facts(moment, self.timeline.latest)
        if not self.has_trail:
            yield words.NO_TRAIL
        yield from words.assumptions(found)
        for walk in found.walks:
            counted = {(o.packet, o.action): o.since for o in observed if o.interface_id == walk.dst.interface_id}
            requests, answered = counted.get(("request", "ACCEPT"), 0), any(packet == "reply" for packet, _ in counted)
            if walk.reach is Reach.REACHABLE and requests and not answered:
                yield words.silent(walk, requests)


def _compared(walks: Sequence[Walk], observed: Sequence[Observed], since: datetime) -> tuple[tuple[str, ...], bool]:
    """Where the flow log disagrees with the walks, in words, and whether all of some records that can be compared
    do."""
    expected: dict[tuple[str, str], set[str]] = {}
    for each in (e for walk in walks for e in walk.expected):
        expected.setdefault((each.interface_id, "request"), set()).add(each.request)
        expected.setdefault((each.interface_id, "reply"), set()).add(each.reply)
    found: list[str] = []
    overruled = False
    for (interface_id, packet), actions in expected.items():
        action = next(iter(actions)) if len(actions) == 1 else ""
        counted = {o.action: o.since for o in observed if (o.interface_id, o.packet) == (interface_id, packet)}
        total = sum(counted.values())
        contrary = total - counted.get(action, 0)
        if action == "NONE":  # of a rejected answer nobody knows what it answers
            contrary = counted.get("ACCEPT", 0)
        if action and contrary:
            found.append(words.disagreement(interface_id, packet, action, (contrary, total), since))
            overruled = overruled or contrary == total
    return tuple(found), overruled


def _walk_json(walk: Walk) -> dict[str, Any]:
    return {
        "from_interface": walk.src.interface_id,
        "from_address": walk.src.address,
        "to_interface": walk.dst.interface_id,
        "to_address": walk.dst.address,
        "client_ports": [list(ports) for ports in walk.ports],
        "verdict": walk.reach,
        "steps": [vars(step) for step in walk.steps],
        "decides": walk.decides and vars(walk.decides),
        "unknown": [{**vars(step), "why": words.why(step)} for step in walk.unknown],
        "expected": [vars(each) for each in walk.expected],
        "assumed_to_deliver": sorted(walk.ways),
    }


def _records(name: str, view: View) -> list[dict[str, Any]]:
    common = {
        "configuration": name,
        "verdict": view.verdict,
        "disagreement": " ".join(view.disagreements),
    }
    return [_record(common, walk, n, step) for walk in view.walks for n, step in enumerate(walk.steps, 1)] or [common]


def _record(common: dict[str, Any], walk: Walk, number: int, step: Step) -> dict[str, Any]:
    return {
        **common,
        "from_interface": walk.src.interface_id,
        "to_interface": walk.dst.interface_id,
        "client_ports": words.port_ranges(walk.ports),
        "step": number,
        "packet": step.of,
        "layer": step.layer,
        "direction": step.direction,
        "resource": step.resource,
        "result": step.result,
        "rule": step.rule,
        "code": step.code,
    }
