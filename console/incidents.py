"""Incidents: a list to choose from, and one told from beginning to end."""

from collections.abc import Sequence
from dataclasses import fields

from connectors.clickhouse import Store
from connectors.incident_store import load
from console.protocols import protocol_name
from console.render import both, utc
from console.screen import Screen
from schemas.errors import FlowtrailError
from schemas.incident import Certainty, Incident, Kind, State

COLUMNS = tuple(field.name for field in fields(Incident))
"""Of an incident in JSON and CSV."""


def incidents(store: Store) -> list[Incident]:
    """All of them, in order of their first sign. Raises FlowtrailError when the store cannot be read."""
    return sorted(load(store.reader()), key=lambda incident: (incident.first_seen, incident.id))


def incident(store: Store, incident_id: str) -> Incident:
    """The one whose id is, or begins with, `incident_id`. Raises FlowtrailError when none or several do."""
    known = incidents(store)
    found = [i for i in known if i.id == incident_id] or [
        i for i in known if incident_id and i.id.startswith(incident_id)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise FlowtrailError(f"{len(found)} incidents begin with {incident_id!r}.", "Give more of the id.")
    raise FlowtrailError(
        f"There is no incident {incident_id!r}.",
        "`flowtrail incidents` lists them; `flowtrail correlate` finds them in a range.",
    )


def show_list(found: Sequence[Incident], screen: Screen) -> None:
    """One row each."""
    if not found:
        screen.line("No incidents.")
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
    screen.line("The whole story of one: flowtrail incident ID")


def what(found: Incident) -> str:
    """`tcp 22 rejected at eni-1`."""
    verb = "rejected" if found.kind == Kind.REJECTS else "lost"
    services = "/".join(protocol_name(number) for number in found.protocols)
    return f"{services} {few([str(port) for port in found.ports])}".strip() + f" {verb} at {few(found.enis)}"


def few(words: Sequence[str], most: int = 5) -> str:
    """The first of them, and how many more there are."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


_CERTAINTY = {
    Certainty.PROVEN: "tested: before the change these packets pass, after it they do not",
    Certainty.SUSPECTED: "a change fits, and the test could not settle it",
    Certainty.UNEXPLAINED: "no known change explains it",
}


def show_story(found: Incident, screen: Screen) -> None:
    """What stopped, who did it and when, how to put it back, and what it rests on."""
    screen.line(f"Incident {found.id}: {what(found)}", "bold")
    state = f"closed {both(found.closed_at)}" if found.closed_at else str(found.state)
    _pairs(
        screen,
        [
            ("state", state + (f", by {few(found.closed_by)}" if found.closed_by else "")),
            ("certainty", f"{found.certainty} ({_CERTAINTY[found.certainty]})"),
            ("why", found.reason),
            ("peers", f"{len(found.peers)}: {few(found.peers)}"),
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
    screen.heading("How complete this is")
    screen.line(f"  {found.coverage}")
    if found.proof_query:
        screen.heading("See for yourself")
        for line in found.proof_query.splitlines():
            screen.line(f"  {line}")


def _cause(found: Incident, screen: Screen) -> None:
    screen.heading("Cause")
    if found.cause is None:
        screen.line("  Not known; nothing is guessed.")
        return
    cause = found.cause
    _pairs(
        screen,
        [
            ("change", f"{cause.event_name} on {cause.resource}"),
            ("rule", f"{cause.rule} ({cause.layer})"),
            ("by", f"{cause.actor} from {cause.source_ip}"),
            ("at", both(cause.time)),
            ("CloudTrail", f"event {few(cause.event_ids)}"),
        ],
        indent="  ",
    )


def _commands(found: Incident, screen: Screen) -> None:
    if not found.fix:
        return
    closed = found.state == State.CLOSED
    screen.heading(
        "What undoes it (it is over; nothing is to be done)" if closed else "To undo it (Flowtrail never runs it)"
    )
    screen.line(f"  {found.fix}")
    if found.inverse:
        screen.line("And what would undo that:")
        screen.line(f"  {found.inverse}")


def _pairs(screen: Screen, pairs: Sequence[tuple[str, str]], indent: str = "") -> None:
    for name, value in pairs:
        screen.line(f"{indent}{name:<12}{value}")
