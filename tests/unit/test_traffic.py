"""Proves: the traffic of an incident is drawn where it was, by a page and in a terminal."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.answers.gaps import Gap
from console.answers.traffic import Step, Traffic
from console.terminal.screen import Screen
from console.terminal.traffic import show_traffic
from console.web.chart import LEFT, WIDTH, chart
from schemas.incident import Cause, Certainty, Incident, Kind, State, TimelineEntry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CAUSE = Cause(("e-1",), "DeleteRoute", "ann", "203.0.113.9", NOON + 10 * MINUTE, "route", "rtb-1", "0.0.0.0/0 -> igw-1")
FOUND = Incident(
    id="i-1",
    kind=Kind.LOST_TRAFFIC,
    state=State.CLOSED,
    certainty=Certainty.PROVEN,
    reason="tested",
    cause=CAUSE,
    enis=("eni-1",),
    protocols=(6,),
    ports=(22,),
    peers=("192.0.2.1",),
    first_seen=NOON + 10 * MINUTE,
    last_seen=NOON + 14 * MINUTE,
    closed_at=NOON + 16 * MINUTE,
    closed_by=("e-2",),
    fix=None,
    inverse=None,
    timeline=(
        TimelineEntry(NOON + 10 * MINUTE, "DeleteRoute on rtb-1"),
        TimelineEntry(NOON + 11 * MINUTE, "first unanswered flow"),
        TimelineEntry(NOON + 15 * MINUTE, "ended by CreateRoute on rtb-1"),
    ),
    evidence=(),
    coverage="",
    proof_query="",
)
STEPS = [Step(NOON + n * MINUTE, *((8, 0, 0) if n < 10 or n >= 15 else (0, 4, 4))) for n in range(20) if n != 3]
GAP = Gap("eni-1", NOON + 3 * MINUTE, NOON + 4 * MINUTE)
TRAFFIC = Traffic(NOON, NOON + 20 * MINUTE, MINUTE, STEPS, [GAP])


def test_bars_marks_and_gaps_are_where_they_were() -> None:
    drawn = chart(TRAFFIC, FOUND)
    assert len(drawn.bars) == 19
    minute = (WIDTH - LEFT) / 20
    assert [round((bar.x - LEFT) / minute) for bar in drawn.bars] == [n for n in range(20) if n != 3]
    assert [[kind for kind, _, _ in bar.parts] for bar in drawn.bars[8:10]] == [["data"], ["empty", "rejected"]]
    for bar in drawn.bars:  # all are eight records high, one part on top of the other
        assert sum(height for _, _, height in bar.parts) == pytest.approx(drawn.base - drawn.top, abs=0.2)
        assert min(y for _, y, _ in bar.parts) == pytest.approx(drawn.top, abs=0.2)
    assert [(mark.number, mark.kind) for mark in drawn.marks] == [(1, "cause"), (3, "closed")]
    assert [round((mark.x - LEFT) / minute, 1) for mark in drawn.marks] == [10, 15]
    assert [(round((band.x - LEFT) / minute), round(band.width / minute)) for band in drawn.bands] == [(3, 1)]
    assert drawn.highest == 8


def test_nothing_to_draw_is_drawn() -> None:
    empty = chart(replace(TRAFFIC, steps=[], gaps=[]), replace(FOUND, cause=None, timeline=()))
    assert (empty.bars, empty.marks, empty.bands, empty.highest) == ([], [], [], 0)


def lines(traffic: Traffic, encoding: str = "utf-8") -> list[str]:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding=encoding)
    show_traffic(traffic, FOUND, Screen(out))
    out.flush()
    return written.getvalue().decode(encoding).splitlines()


def test_in_a_terminal() -> None:
    assert lines(TRAFFIC) == [
        "",
        "Traffic",
        "  with data ███ ██████     █████",
        "  no data             ▄▄▄▄▄",
        "  rejected            ▄▄▄▄▄",
        "                      C    E",
        "  2026-11-20 12:00:00Z to 2026-11-20 12:20:00Z, 1 min a column, at most 8 records;"
        " C: the change, E: what ended it",
        "  eni-1: nothing was delivered from 2026-11-20 12:03:00Z to 2026-11-20 12:04:00Z",
    ]
    assert lines(TRAFFIC, "ascii")[2] == "  with data @@@ @@@@@@     @@@@@"
    assert lines(replace(TRAFFIC, steps=[])) == []


def test_many_steps_are_put_together_evenly() -> None:
    steps = [Step(NOON + n * MINUTE, 1, 0, 0) for n in range(150)]
    shown = lines(Traffic(NOON, NOON + 150 * MINUTE, MINUTE, steps, []))
    assert shown[2] == "  with data " + "█" * 75
    assert "2 min a column, at most 2 records" in shown[-1]
