"""The picture of an incident: flow records with data, without data and rejected, over time, with the changes marked and
missing data hatched. Pure: it computes where things are, and a template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.answers.text import utc
from console.answers.traffic import Traffic
from schemas.incident import Incident, TimelineEntry

WIDTH, HEIGHT = 960, 180
LEFT, TOP, BOTTOM = 44, 24, 24
TICKS = 6


@dataclass(frozen=True)
class Bar:
    """A step: where it is, how high its parts are (each on top of the one before), and what it says."""

    x: float
    width: float
    parts: Sequence[tuple[str, float, float]]
    says: str


@dataclass(frozen=True)
class Mark:
    """A change, with its number in the list below the chart."""

    x: float
    number: int
    kind: str
    says: str


@dataclass(frozen=True)
class Band:
    """A period for which nothing was delivered."""

    x: float
    width: float
    says: str


@dataclass(frozen=True)
class Chart:
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    bands: Sequence[Band]
    ticks: Sequence[tuple[float, str]]
    highest: int

    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    base: int = HEIGHT - BOTTOM


def chart(traffic: Traffic, found: Incident) -> Chart:
    """The picture of an incident's traffic."""
    seconds = (traffic.end - traffic.start).total_seconds()
    step = traffic.step.total_seconds()

    def x(moment: datetime) -> float:
        place = LEFT + (WIDTH - LEFT) * (moment - traffic.start).total_seconds() / seconds
        return round(min(max(place, LEFT), WIDTH), 1)

    highest = max((each.data + each.empty + each.rejected for each in traffic.steps), default=0)
    scale = (HEIGHT - TOP - BOTTOM) / max(highest, 1)
    width = round(max((WIDTH - LEFT) * step / seconds - 1, 1), 1)
    bars = []
    for each in traffic.steps:
        parts, base = [], float(HEIGHT - BOTTOM)
        for name, count in (("data", each.data), ("empty", each.empty), ("rejected", each.rejected)):
            if count:
                base -= count * scale
                parts.append((name, round(base, 1), round(count * scale, 1)))
        says = f"{utc(each.start)}: {each.data} with data, {each.empty} accepted without data, {each.rejected} rejected"
        bars.append(Bar(x(each.start), width, parts, says))
    marks = [
        Mark(x(entry.time), number, kind, f"{utc(entry.time)}: {entry.what}")
        for number, entry in enumerate(found.timeline, 1)
        if (kind := _kind(entry, found))
    ]
    bands = [
        Band(
            x(gap.start),
            round(max(x(gap.end) - x(gap.start), 1), 1),
            f"{gap.interface_id}: nothing was delivered for {utc(gap.start)} to {utc(gap.end)}",
        )
        for gap in traffic.gaps
    ]
    ticks = [
        (x(moment), f"{moment:%H:%M}" if seconds < 86_400 else f"{moment:%d %H:%M}")
        for moment in (traffic.start + (traffic.end - traffic.start) * n / TICKS for n in range(TICKS))
    ]
    return Chart(bars, marks, bands, ticks, highest)


def _kind(entry: TimelineEntry, found: Incident) -> str:
    """Changes are marked; when records were first and last seen is seen in the bars."""
    if entry.what.startswith("ended by"):
        return "closed"
    return "cause" if found.cause and entry.time == found.cause.time else ""
