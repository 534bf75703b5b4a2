"""Proves that the verdict agrees with the simulation's own walk, which reads the raw answers and shares no code, on
random configurations and packets; and that these cover every outcome that a conversation can have."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.aws.describe import resources_from_describe
from network.verdict.explain import Packet, explain
from schemas.configuration import configuration
from simulation.walk import walk
from tests.properties.random_vpc import answers, conversations

EXAMPLES = 2000
ANSWERS = answers()
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
"""Every possible combination of action, reply and outcome."""


def test_the_verdict_is_what_the_walk_finds() -> None:
    reached: Counter[tuple[str, ...]] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        described = data.draw(ANSWERS)
        known = configuration(resources_from_describe(described))
        for _ in range(3):
            interface_id, *parts = data.draw(conversations(described))
            walked = walk(described, interface_id, *parts)
            verdict = explain(Packet(*parts), known, interface_id)
            assert (verdict.action, verdict.reply, verdict.outcome) == (walked.action, walked.reply, walked.outcome)
            assert (verdict.blocker is None) == (verdict.outcome == "completes")
            side = "ingress" if parts[1] in known.interfaces[interface_id].addresses else "egress"
            reached[walked.action, walked.reply, walked.outcome, side] += 1

    compare()
    print(*sorted(reached.items()), sep="\n")
    assert {end[:3] for end in reached} == ENDS
    assert all(count >= 10 for count in reached.values())
