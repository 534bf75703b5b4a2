"""Whether one end reaches another, by the configuration at some time and by the latest that is known, beside what the
flow log has of it; and the changes that turned the answer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.store.clickhouse import Store
from console.answers import explain_words as words
from console.answers.ask import ask
from console.answers.explanation import Explanation, Observed, Turned, View
from console.answers.history import Call, timeline_around
from console.answers.words import told
from network.history.timeline import Effect, Timeline
from network.history.turns import Turn, Turns, not_modelled, turns, unexamined
from network.verdict.reach import Question, Reach, Reached, Walk, reach
from schemas.change import ChangeEvent
from schemas.configuration import Configuration
from schemas.times import BEGINNING

SETTLES = timedelta(seconds=60)
"""Times in a flow log may be off by this much: records from so soon after a turn may be of the time before it."""


def explain(store: Store, question: Question, at: datetime | None, now: datetime, lookback: timedelta) -> Explanation:
    """The answer at `at` (None: only now). Flow records are looked at for `lookback` before. Raises FlowtrailError
    without any snapshot, or when the store cannot be read."""
    ends = (question.src.address, question.src.id, question.dst.address, question.dst.id)
    timeline = timeline_around(store, {end for end in ends if end})
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
        story.calls(not_modelled(question, timeline, timeline.at(at), (at, timeline.latest))),
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
        doubts = unexamined(self.question, self.timeline, configuration, moment)
        looked_from = looked_to - min(self.lookback, looked_to - BEGINNING)
        settled = [turn.time] if turn else []
        settled += [event.event_time for event in doubts if event.event_time <= moment]
        compared_from = max([looked_from, *(time + SETTLES for time in settled)])
        observed = self._observed(found, looked_from, looked_to, compared_from)
        disagreements, overruled = _compared(found.walks, observed, compared_from)
        if disagreements and turn and words.leaves_open(found):
            disagreements = (*disagreements, words.LEFT_OPEN)
        calls = self.calls(() if _confirmed(found, observed) else doubts)
        doubtful = found.reach is Reach.REACHABLE and calls
        verdict = Reach.UNKNOWN if doubtful or (overruled and found.reach is not Reach.AMBIGUOUS) else found.reach
        return View(
            moment,
            verdict,
            found.reach,
            words.sentence(self.question, found, verdict, (disagreements, calls), configuration)
            + (_seen(observed, compared_from) if found.reach is Reach.UNKNOWN else ""),
            found.walks,
            tuple(dict.fromkeys(words.why(step) for walk in found.walks for step in walk.unknown)),
            looked_from,
            looked_to,
            compared_from,
            observed,
            disagreements,
            calls,
            self.turned(turn) if turn else None,
            tuple(self._notes(moment, found, configuration, observed)),
        )

    @staticmethod
    def calls(events: Iterable[ChangeEvent]) -> tuple[Call, ...]:
        return tuple(map(Call.of, events))

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
                tuple(row["reasons"]),
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


def _seen(observed: Iterable[Observed], since: datetime) -> str:
    """What the log has, where the model does not know; "" if nothing."""
    requests: Counter[str] = Counter()
    for each in observed:
        requests[each.action] += each.since if each.packet == "request" else 0
    return words.seen(requests["ACCEPT"], requests["REJECT"], since) if requests.total() else ""


def _confirmed(found: Reached, observed: Iterable[Observed]) -> bool:
    """Whether the log has requests and replies that got through, of those that can be compared."""
    through = {each.packet for each in observed if each.action == "ACCEPT" and each.since}
    return found.reach is Reach.REACHABLE and through == {"request", "reply"}


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
            reasons = {r for o in observed if (o.interface_id, o.packet) == (interface_id, packet) for r in o.reasons}
            found.append(words.disagreement(interface_id, packet, action, (contrary, total), since, sorted(reasons)))
            overruled = overruled or contrary == total
    return tuple(found), overruled
