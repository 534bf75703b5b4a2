"""Proves that the verdict agrees with the simulation's own walk, which reads the raw answers and shares no code, on
random configurations and packets; and that the random ones reach every end that a conversation can have."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.network.describe import resources_from_describe
from pipelines.network.verdict import Packet, explain
from schemas.network import configuration
from simulation.walk import walk
from tests.properties.random_vpc import answers, conversations

EXAMPLES = 2000
ENDS = {
    ("REJECT", "NONE", "rejected"),
    ("REJECT", "NONE", "lost"),
    ("ACCEPT", "NONE", "rejected"),
    ("ACCEPT", "NONE", "lost"),
    ("ACCEPT", "REJECT", "rejected"),
    ("ACCEPT", "LOST", "lost"),
    ("ACCEPT", "ACCEPT", "rejected"),
    ("ACCEPT", "ACCEPT", "completes"),
}
"""Every action, reply and outcome that can go together."""


@pytest.fixture(scope="module")
def reached() -> Iterator[Counter[tuple[str, ...]]]:
    yield Counter()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_the_verdict_is_what_the_walk_finds(data: st.DataObject, reached: Counter[tuple[str, ...]]) -> None:
    described = data.draw(answers())
    known = configuration(resources_from_describe(described))
    for _ in range(3):
        interface_id, *parts = data.draw(conversations(described))
        walked = walk(described, interface_id, *parts)
        verdict = explain(Packet(*parts), known, interface_id)
        assert (verdict.action, verdict.reply, verdict.outcome) == (walked.action, walked.reply, walked.outcome)
        assert (verdict.blocker is None) == (verdict.outcome == "completes")
        side = "ingress" if parts[1] in known.interfaces[interface_id].addresses else "egress"
        reached[walked.action, walked.reply, walked.outcome, side] += 1


def test_every_end_was_reached(reached: Counter[tuple[str, ...]]) -> None:
    print(*sorted(reached.items()), sep="\n")
    assert {end[:3] for end in reached} == ENDS
    assert all(count >= 10 for count in reached.values())
