"""Proves what a run may change of what is known, on random outages and random ranges, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipelines.correlate.settle import settle
from schemas.incident import Cause, Certainty, Evidence, Examined, Incident, Kind, Said, State, TimelineEntry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOOKBACK = timedelta(hours=24)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@dataclass(frozen=True)
class Outage:
    """What really happened: the minutes in which each interface was cut off, and when traffic was back, if it was."""

    name: str
    bad: tuple[tuple[str, int], ...]
    back: int | None

    def seen(self, now: Examined, certainty: Certainty = Certainty.PROVEN) -> Incident | None:
        """What a run over the range finds: like correlation it reads its lookback too, and knows nothing after."""
        known = [(eni, at(minute)) for eni, minute in self.bad if at(minute) < now.end]
        if not any(now.start <= time for _, time in known):
            return None
        enis = tuple(sorted({eni for eni, time in known if now.start <= time}))
        times = [time for eni, time in known if eni in enis]
        closed = None if self.back is None or at(self.back) >= now.end else at(self.back)
        cause = Cause((self.name,), "DeleteRoute", "arn:alice", "", times[0], "route", "rtb-1", "")
        return Incident(
            id=self.name,
            kind=Kind.REJECTS,
            state=State.CLOSED if closed else State.OPEN,
            certainty=certainty,
            reason="",
            cause=cause,
            enis=enis,
            protocols=(6,),
            ports=(22,),
            peers=("192.0.2.1",),
            first_seen=min(times),
            last_seen=max(times),
            closed_at=closed,
            closed_by=("fix",) if closed else (),
            fix=None,
            inverse=None,
            timeline=(TimelineEntry(min(times), "first reject"), TimelineEntry(max(times), "last reject")),
            evidence=(Evidence("first rejected", min(times), "b", "k", "e", 1, ""),),
            coverage=f"{now.start} to {now.end}",
            proof_query="",
        )


@st.composite
def outages(draw: st.DrawFn) -> list[Outage]:
    made, first = [], 10
    for name in ("one", "two")[: draw(st.integers(1, 2))]:
        enis = [f"eni-{name}-{n}" for n in range(draw(st.integers(1, 2)))]
        bad = [(eni, first + m) for eni in enis for m in draw(st.lists(st.integers(0, 40), min_size=1, unique=True))]
        last = max(minute for _, minute in bad)
        made.append(Outage(name, tuple(sorted(bad, key=lambda b: b[1])), draw(st.sampled_from([None, last + 5]))))
        first += 60
    return made


@st.composite
def ranges(draw: st.DrawFn) -> Examined:
    start = draw(st.one_of(st.integers(0, 10), st.integers(0, 150)))
    end = draw(st.one_of(st.just(160), st.integers(start + 1, 160)))
    return Examined(at(start) - LOOKBACK, at(start), at(end))


def run(known: Sequence[Said], true: Sequence[Outage], now: Examined) -> list[Said]:
    """What is known after a run, as the store keeps it."""
    found = [seen for outage in true if (seen := outage.seen(now))]
    return after(known, found, now)


def after(known: Sequence[Said], found: Sequence[Incident], now: Examined) -> list[Said]:
    stored = {said.incident.id: said for said in known}
    for said in settle(known, found, now).said:
        if said.withdrawn:
            del stored[said.incident.id]
        else:
            stored[said.incident.id] = said
    return sorted(stored.values(), key=lambda said: said.incident.id)


@given(outages(), st.lists(ranges(), min_size=1, max_size=4), ranges())
def test_a_range_within_what_is_known_changes_nothing(
    true: list[Outage], before: list[Examined], inner: Examined
) -> None:
    known: list[Said] = []
    for now in before:
        known = run(known, true, now)
    stay = {said.incident.id: said for said in known if said.examined and inner.within(said.examined)}
    left = {said.incident.id: said for said in run(known, true, inner)}
    for name, old in stay.items():
        new, was = left[name].incident, old.incident
        assert (new.state, new.closed_at, new.first_seen, new.last_seen) == (
            was.state,
            was.closed_at,
            was.first_seen,
            was.last_seen,
        )
        assert set(new.enis) == set(was.enis)
        if not (inner.start <= was.first_seen and was.last_sign < inner.end):
            assert left[name] == old


@given(outages(), ranges(), ranges())
def test_what_is_closed_opens_only_by_a_look_as_late(true: list[Outage], first: Examined, second: Examined) -> None:
    """Even with other facts, by which it is not over."""
    known = run([], true, first)
    left = {said.incident.id: said.incident for said in run(known, [replace(o, back=None) for o in true], second)}
    for said in known:
        if said.incident.state is State.CLOSED and second.end < first.end:
            assert left[said.incident.id].state is State.CLOSED


@given(outages(), st.lists(ranges(), min_size=1, max_size=4))
def test_nothing_that_was_seen_is_lost(true: list[Outage], looks: list[Examined]) -> None:
    """Whatever the order: interfaces, first and last signs stay, and the latest end tells whether it is over."""
    known: list[Said] = []
    for now in looks:
        known = run(known, true, now)
    for outage in true:
        seen = [(now, incident) for now in looks if (incident := outage.seen(now))]
        said = next((one for one in known if one.incident.id == outage.name), None)
        assert (said is None) == (not seen)
        if said is None:
            continue
        incident = said.incident
        assert set(incident.enis) == {eni for _, each in seen for eni in each.enis}
        assert incident.first_seen == min(each.first_seen for _, each in seen)
        assert incident.last_seen == max(each.last_seen for _, each in seen)
        last = max(now.end for now, _ in seen)
        assert incident.state == next(each.state for now, each in seen if now.end == last)
        assert said.examined is not None
        assert said.examined.end == last


@given(outages(), st.lists(ranges(), min_size=2, max_size=4, unique=True), st.randoms())
def test_the_order_of_runs_does_not_matter(true: list[Outage], looks: list[Examined], chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = chance.sample(looks, len(looks))
    results = []
    for order in (looks, shuffled):
        known: list[Said] = []
        for now in order:
            known = run(known, true, now)
        results.append(
            [(i.id, i.state, i.first_seen, i.last_seen, i.closed_at, i.enis) for i in (s.incident for s in known)]
        )
    assert results[0] == results[1]


@given(outages(), ranges(), ranges(), st.booleans())
def test_only_what_a_run_has_seen_whole_is_withdrawn(
    true: list[Outage], first: Examined, second: Examined, shorter: bool
) -> None:
    """The second run finds nothing at all, as with other facts."""
    known = run([], true, first)
    now = replace(second, since=second.start) if shorter else second
    gone = {said.incident.id: said for said in settle(known, [], now).said}
    assert all(said.withdrawn for said in gone.values())
    for said in known:
        incident = said.incident
        whole = now.start <= incident.first_seen and incident.last_sign < now.end and not shorter
        assert (incident.id in gone) == (whole or (first.within(now) and now.since <= first.since))


@given(outages(), ranges())
def test_the_same_run_again_changes_nothing_and_judges_anew(true: list[Outage], now: Examined) -> None:
    known = run([], true, now)
    assert run(known, true, now) == known
    doubted = [seen for outage in true if (seen := outage.seen(now, Certainty.SUSPECTED))]
    assert [said.incident for said in after(known, doubted, now)] == doubted


def test_a_range_that_ends_earlier_does_not_open_what_a_later_one_saw_closed() -> None:
    true = Outage("one", (("eni-1", 10), ("eni-1", 20)), 25)
    wide = Examined(at(0) - LOOKBACK, at(0), at(160))
    known = run([], [true], wide)
    assert known[0].incident.state is State.CLOSED
    inner = replace(wide, end=at(60))
    assert run(known, [replace(true, back=None)], inner) == known
    assert run(known, [replace(true, back=None)], wide)[0].incident.state is State.OPEN
