"""An incident's traffic over time in a terminal: a line for each kind of record, as high as there are many."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from console.answers.text import span, utc
from console.answers.traffic import Step, Traffic
from console.terminal.screen import Screen
from schemas.incident import Incident

BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
WIDEST = 100
KINDS: Sequence[tuple[str, str, Callable[[Step], int]]] = (
    ("with data", "green", lambda step: step.data),
    ("no data", "yellow", lambda step: step.empty),
    ("rejected", "red", lambda step: step.rejected),
)


def show_traffic(traffic: Traffic, found: Incident, screen: Screen) -> None:
    """The lines, the changes below them, and what they mean."""
    if not traffic.steps:
        return
    levels = BLOCKS if "utf" in (screen.console.encoding or "").lower() else PLAIN
    steps = -((traffic.start - traffic.end) // traffic.step)
    column = -(-steps // WIDEST) * traffic.step  # whole steps, so that every column is of the same length
    width = -((traffic.start - traffic.end) // column)

    def at(moment: datetime) -> int:
        return min(max(int((moment - traffic.start) / column), 0), width - 1)

    counts = {name: [0] * width for name, _, _ in KINDS}
    for step in traffic.steps:
        for name, _, count in KINDS:
            counts[name][at(step.start)] += count(step)
    highest = max(max(line) for line in counts.values())
    screen.heading("Traffic")
    for name, style, _ in KINDS:
        line = "".join(levels[-(-count * (len(levels) - 1) // max(highest, 1))] for count in counts[name])
        screen.line(f"  {name:<10}{line}".rstrip(), style)
    marks = [" "] * width
    for moment, mark in _marks(found):
        marks[at(moment)] = mark
    screen.line(f"  {'':<10}{''.join(marks)}".rstrip())
    screen.line(
        f"  {utc(traffic.start)} to {utc(traffic.end)}, {span(column)} a column, at most {highest} records;"
        " C: the change, E: what ended it"
    )
    for gap in traffic.gaps:
        screen.line(f"  {gap.interface_id}: nothing was delivered from {utc(gap.start)} to {utc(gap.end)}")


def _marks(found: Incident) -> Iterator[tuple[datetime, str]]:
    if found.cause:
        yield found.cause.time, "C"
    for entry in found.timeline:
        if entry.what.startswith("ended by"):
            yield entry.time, "E"
