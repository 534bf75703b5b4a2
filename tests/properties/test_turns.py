"""Proves on random histories that every turn of an answer is found, at the change that made it and at no other, and
that what a change is said to have done is what it did."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.aws.describe import resources_from_describe
from network.history.timeline import Timeline
from network.history.turns import turns
from network.verdict.reach import Question, Reach, Reached, Where, reach
from schemas.configuration import configuration
from tests.properties.random_vpc import answers, conversation
from tests.properties.test_timeline import BEGIN, LENGTHS, SEEDS, snapshot, told

RUNS = settings(max_examples=300, deadline=None, derandomize=True)
ANSWERS = answers()
OUTSIDE, INSIDE = Where("203.0.113.9"), Where("10.0.0.10")
QUESTIONS = (
    Question(OUTSIDE, INSIDE, 6, 22),
    Question(INSIDE, OUTSIDE, 6, 443),
    Question(OUTSIDE, Where(id="eni-1"), 6, 80),
)


def essence(found: Reached) -> tuple[object, ...]:
    return found.reach, tuple((walk.ports, walk.decides) for walk in found.walks)


def test_every_turn_is_found_at_its_change() -> None:
    reached: Counter[Reach] = Counter()

    @RUNS
    @given(SEEDS, LENGTHS, st.sampled_from(QUESTIONS))
    def compare(seed: int, length: int, question: Question) -> None:
        changes, truth = told(seed, length)
        timeline = Timeline([snapshot(BEGIN, truth[0])], changes)
        answers = [reach(question, config) for config in truth]
        expected = [
            (event.event_id, answers[n].reach, answers[n + 1].reach)
            for n, event in enumerate(changes)
            if essence(answers[n]) != essence(answers[n + 1])
        ]
        found = turns(question, timeline)
        assert [
            (t.moment.event and t.moment.event.event_id, t.before.reach, t.after.reach) for t in found.turns
        ] == expected
        reached.update(after for _, _, after in expected)

    compare()
    assert all(reached[each] >= 1 for each in (Reach.REACHABLE, Reach.BLOCKED, Reach.PARTLY)), reached


@settings(RUNS, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ANSWERS, ANSWERS, SEEDS)
def test_looking_at_a_part_of_the_resources_gives_the_same_answer(one: Any, other: Any, seed: int) -> None:
    """Between two snapshots that have little in common."""
    _, src, dst, protocol, _, dst_port = conversation(random.Random(seed).choice, other)
    question = Question(Where(src), Where(dst), protocol, dst_port)
    later = BEGIN + timedelta(hours=1)
    worlds = [configuration(resources_from_describe(answers)) for answers in (one, other)]
    timeline = Timeline([snapshot(BEGIN, worlds[0]), snapshot(later, worlds[1])], [])
    found = turns(question, timeline)
    for turn in found.turns:
        assert turn.before == reach(question, timeline.at(turn.time - timedelta(milliseconds=1)))
        assert turn.after == reach(question, timeline.at(turn.time))
    last = found.last(later)
    earliest = reach(question, timeline.at(BEGIN))
    assert essence(last.after if last else earliest) == essence(reach(question, timeline.at(later)))


@RUNS
@given(SEEDS, LENGTHS)
def test_what_a_change_did_is_what_it_did(seed: int, length: int) -> None:
    changes, truth = told(seed, length)
    effects = Timeline([snapshot(BEGIN, truth[0])], changes).effects()
    for number, event in enumerate(changes):
        before, after = ({r.id: r for r in config.resources()} for config in truth[number : number + 2])
        differ = [(before.get(k), after.get(k)) for k in before.keys() | after.keys() if before.get(k) != after.get(k)]
        found = [(effect.before, effect.after) for effect in effects.get(event.event_id, [])]
        assert len(found) == len(differ)
        assert all(pair in differ for pair in found)
