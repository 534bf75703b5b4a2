"""Proves that a narrower look never overwrites a wider one, whatever the order in which ranges are correlated."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.store.reconcile import Judged, reconcile
from schemas.incident import Cause, Certainty, Incident, Kind, State
from tests.correlate_lab import NOON

MINUTE = timedelta(minutes=1)
LENGTH = 120
Span = tuple[int, int]


def spans(longest: int = LENGTH) -> st.SearchStrategy[Span]:
    return st.tuples(st.integers(0, LENGTH - 1), st.integers(1, longest)).map(lambda s: (s[0], min(sum(s), LENGTH)))


def seen(fault: Span, end: int, *, name: str = "a", certainty: Certainty = Certainty.PROVEN) -> Incident:
    """How a fault looks at `end`: it is open as long as its end has not come."""
    first, last = NOON + fault[0] * MINUTE, NOON + min(fault[1], end) * MINUTE
    over = fault[1] < end
    cause = Cause((name,), "DeleteRoute", "arn:alice", "", first, "route", "rtb-1", "")
    return Incident(
        id=name if certainty is Certainty.PROVEN else f"unexplained-{name}",
        kind=Kind.REJECTS,
        state=State.CLOSED if over else State.OPEN,
        certainty=certainty,
        reason="",
        cause=cause if certainty is Certainty.PROVEN else None,
        enis=(f"eni-{name}",),
        protocols=(6,),
        ports=(22,),
        peers=(),
        first_seen=first,
        last_seen=last,
        closed_at=last if over else None,
        closed_by=(),
        fix=None,
        inverse=None,
        timeline=(),
        evidence=(),
        coverage="",
        proof_query="",
    )


def correlated(known: list[Judged], faults: dict[str, Span], span: Span, **how: Certainty) -> list[Judged]:
    """What is known after one more correlation, which sees the faults that were not over before it."""
    found = [seen(f, span[1], name=name, **how) for name, f in faults.items() if f[0] < span[1] and f[1] >= span[0]]
    outcome = reconcile(known, found, NOON + span[0] * MINUTE, NOON + span[1] * MINUTE)
    gone = {judged.incident.id for judged, _ in outcome.withdrawn}
    said = {judged.incident.id: judged for judged in outcome.said}
    rest = [judged for judged in known if judged.incident.id not in gone | said.keys()]
    assert {i.id for i in outcome.kept} <= {judged.incident.id for judged in rest}
    return [*rest, *said.values()]


FAULTS = st.dictionaries(st.sampled_from("abc"), spans(60), min_size=1)
WHOLE = (0, LENGTH)


@given(FAULTS, st.lists(spans(), max_size=5), st.lists(spans(), max_size=5))
def test_after_the_widest_range_narrower_ones_change_nothing(
    faults: dict[str, Span], before: list[Span], after: list[Span]
) -> None:
    known: list[Judged] = []
    for span in [*before, WHOLE]:
        known = correlated(known, faults, span)
    expected = {seen(fault, LENGTH, name=name).id: seen(fault, LENGTH, name=name) for name, fault in faults.items()}
    assert {judged.incident.id: judged.incident for judged in known} == expected
    for span in after:
        known = correlated(known, faults, span)
        assert {judged.incident.id: judged.incident for judged in known} == expected


@given(FAULTS, st.lists(st.integers(1, LENGTH), min_size=1))
def test_watching_one_range_after_another_knows_the_same_as_one_look(faults: dict[str, Span], ticks: list[int]) -> None:
    """Each tick looks at the last half hour; what began before keeps its beginning."""
    known: list[Judged] = []
    for end in range(10, LENGTH + 20, 10):
        known = correlated(known, faults, (max(0, end - 30), end))
    for end in ticks:  # late deliveries: some horizons again, in any order
        known = correlated(known, faults, (max(0, end - 30), end))
    expected = {name: seen(fault, LENGTH + 10, name=name) for name, fault in faults.items()}
    assert {judged.incident.id: judged.incident for judged in known} == expected


@given(FAULTS, spans(), spans())
def test_a_less_certain_finding_never_replaces_a_better_one_that_began_earlier(
    faults: dict[str, Span], one: Span, other: Span
) -> None:
    known = correlated([], faults, one)
    later = correlated(known, faults, other, certainty=Certainty.UNEXPLAINED)
    lost = {j.incident.id for j in known} - {j.incident.id for j in later}
    began = {name: NOON + fault[0] * MINUTE for name, fault in faults.items()}
    assert all(
        (began[name] >= NOON + other[0] * MINUTE and other[1] >= one[1]) or faults[name][1] < other[1] for name in lost
    )


@given(FAULTS)
def test_what_is_explained_later_replaces_what_was_not(faults: dict[str, Span]) -> None:
    known = correlated([], faults, WHOLE, certainty=Certainty.UNEXPLAINED)
    known = correlated(known, faults, WHOLE)
    assert {judged.incident.id for judged in known} == set(faults)
