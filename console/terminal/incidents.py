"""Incidents in a terminal: a list to choose from, and one in full."""

from collections.abc import Sequence

from console.answers.incidents import FIND_SOME, MOST, Told, what
from console.answers.text import both, few, utc
from console.answers.traffic import Traffic
from console.terminal.screen import Screen
from console.terminal.traffic import show_traffic
from schemas.incident import Certainty, Examined, Incident, Said, State

NONE = "No incidents."
NONE_YET = f"{NONE} {FIND_SOME}"


def show_list(found: Sequence[Incident], screen: Screen, empty: Sequence[str] = (NONE,)) -> None:
    """One row for each incident, or the lines `empty` without any."""
    if not found:
        for line in empty:
            screen.line(line)
        return
    show_table(found, screen)
    screen.line()
    screen.line("Show one in full: flowtrail incident ID")


def show_table(found: Sequence[Incident], screen: Screen) -> None:
    """One row for each incident."""
    screen.table(
        ["id", "state", "what", "certainty", "first seen (UTC)", "closed (UTC)", "cause"],
        [
            [
                i.id,
                i.state,
                what(i),
                i.certainty,
                utc(i.first_seen),
                utc(i.closed_at) if i.closed_at else "-",
                f"{i.cause.event_name} by {i.cause.actor} on {i.cause.resource}" if i.cause else "-",
            ]
            for i in found
        ],
    )


_CERTAINTY = {
    Certainty.PROVEN: "tested: before the change these packets pass, after it they do not",
    Certainty.SUSPECTED: "a change fits, but the test was inconclusive",
    Certainty.UNEXPLAINED: "no known change explains it",
}


def show_told(told: Told, screen: Screen, traffic: Traffic | None = None) -> None:
    """An incident in full, whether it is still said, from which range it is known, its traffic, and what was said
    earlier."""
    if told.now.withdrawn:
        screen.line(_withdrawn(told.now), "bold")
        screen.line()
    show_story(told.now.incident, screen, told.now.examined, traffic)
    if told.earlier:
        screen.heading("Said earlier")
    last = ""
    for said in told.earlier:
        text = _withdrawn(said) if said.withdrawn else _in_short(said, told.now.incident.id)
        if text != last:
            screen.line(f"  {utc(said.at) if said.at else 'at an unknown time'}  {text} (run {said.run or 'unknown'})")
        last = text


def _withdrawn(said: Said) -> str:
    instead = f"; found instead: {', '.join(said.replaced_by)}" if said.replaced_by else ""
    return f"incident {said.incident.id} was no longer found{instead}"


def _in_short(said: Said, named: str) -> str:
    found = said.incident
    title = what(found) if found.id == named else f"as incident {found.id}: {what(found)}"
    state = f"closed {utc(found.closed_at)}" if found.closed_at else str(found.state)
    cause = f", {found.cause.event_name} by {found.cause.actor}" if found.cause else ""
    return f"{title}, {state}, {found.certainty}{cause}, since {utc(found.first_seen)}"


def show_story(
    found: Incident, screen: Screen, examined: Examined | None = None, traffic: Traffic | None = None
) -> None:
    """What stopped, who caused it and when, how to undo it, the evidence, and the range that it is known from."""
    screen.line(f"Incident {found.id}: {what(found)}", "bold")
    state = f"closed {both(found.closed_at)}" if found.closed_at else str(found.state)
    _pairs(
        screen,
        [
            ("state", state + (f", by {few(found.closed_by, MOST)}" if found.closed_by else "")),
            ("certainty", f"{found.certainty} ({_CERTAINTY[found.certainty]})"),
            ("why", found.reason),
            ("peers", f"{len(found.peers)}: {few(found.peers, MOST)}"),
            ("first seen", both(found.first_seen)),
            ("last seen", both(found.last_seen)),
        ],
    )
    _cause(found, screen)
    _commands(found, screen)
    if traffic:
        show_traffic(traffic, found, screen)
    if found.timeline:
        screen.heading("Timeline")
        for entry in found.timeline:
            screen.line(f"  {both(entry.time)}  {entry.what}")
    if found.evidence:
        screen.heading("Evidence")
        for item in found.evidence:
            screen.line(f"  {both(item.time)}  {item.what}")
            unit = "record" if ".json" in item.key else "line"
            screen.line(f"    s3://{item.bucket}/{item.key} {unit} {item.line} (ETag {item.etag})")
            screen.line(f"    {item.text}")
    screen.heading("Completeness")
    screen.line(f"  {found.coverage}")
    if examined:
        start, end = utc(examined.start), utc(examined.end)
        screen.line(f"  It is known from the range {start} to {end}; nothing is known of it after that.")
    if found.proof_query:
        screen.heading("See for yourself")
        for line in found.proof_query.splitlines():
            screen.line(f"  {line}")


def _cause(found: Incident, screen: Screen) -> None:
    screen.heading("Cause")
    if found.cause is None:
        screen.line("  Unknown; Flowtrail does not guess.")
        return
    cause = found.cause
    _pairs(
        screen,
        [
            ("change", f"{cause.event_name} on {cause.resource}"),
            ("rule", f"{cause.rule} ({cause.layer})"),
            ("by", f"{cause.actor} from {cause.source_ip}"),
            ("at", both(cause.time)),
            ("CloudTrail", f"event {few(cause.event_ids, MOST)}"),
        ],
        indent="  ",
    )


def _commands(found: Incident, screen: Screen) -> None:
    if not found.fix:
        return
    closed = found.state == State.CLOSED
    screen.heading(
        "To undo it (not needed: the incident is closed)" if closed else "To undo it (Flowtrail never runs this)"
    )
    screen.line(f"  {found.fix}")
    if found.inverse:
        screen.line("To reverse that:")
        screen.line(f"  {found.inverse}")


def _pairs(screen: Screen, pairs: Sequence[tuple[str, str]], indent: str = "") -> None:
    for name, value in pairs:
        screen.line(f"{indent}{name:<12}{value}")
