"""Incidents in a terminal: a list to choose from, and one in full."""

from collections.abc import Sequence

from console.answers.incidents import FIND_SOME
from console.answers.text import both, few, utc
from console.terminal.screen import Screen
from schemas.incident import Certainty, Incident, Kind, State, Statement
from schemas.protocols import protocol_name

MOST = 5
"""How many names of a list are shown."""

NONE = "No incidents."
NONE_YET = f"{NONE} {FIND_SOME}"


def show_list(found: Sequence[Incident], screen: Screen, empty: Sequence[str] = (NONE,)) -> None:
    """One row for each incident, or the lines `empty` without any."""
    if not found:
        for line in empty:
            screen.line(line)
        return
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
    screen.line()
    screen.line("Show one in full: flowtrail incident ID")


def what(found: Incident) -> str:
    """A title such as `tcp 22 rejected at eni-1`."""
    verb = "rejected" if found.kind == Kind.REJECTS else "lost"
    services = "/".join(protocol_name(number) for number in found.protocols)
    return (
        f"{services} {few([str(port) for port in found.ports], MOST)}".strip() + f" {verb} at {few(found.enis, MOST)}"
    )


_CERTAINTY = {
    Certainty.PROVEN: "tested: before the change these packets pass, after it they do not",
    Certainty.SUSPECTED: "a change fits, but the test was inconclusive",
    Certainty.UNEXPLAINED: "no known change explains it",
}


def show_story(found: Incident, screen: Screen, earlier: Sequence[Statement] = ()) -> None:
    """What stopped, who caused it and when, how to undo it, and the evidence; what was said of it `earlier`."""
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
    if earlier:
        screen.heading("Said earlier")
    for each in earlier:
        cause = f", {each.incident.cause.event_name} by {each.incident.cause.actor}" if each.incident.cause else ""
        state = "withdrawn" if each.replaced_by else f"{each.incident.state}, {each.incident.certainty}{cause}"
        judged = f"{utc(each.judged_from)} to {utc(each.judged_to)}"
        screen.line(f"  {both(each.at.replace(microsecond=0))}  {what(each.incident)}: {state} (by {judged})")
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
