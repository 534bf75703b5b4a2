"""What a person is told of an incident when it appears, changes or ends: in five lines, whatever the channel."""

from collections.abc import Iterator

from console.answers.incidents import MOST, what
from console.answers.text import clean, few, utc
from schemas.incident import Incident, Said, State
from schemas.watching import Message


def message(said: Said, digest: str) -> Message:
    """The message. Text from logs is cleaned: none of it can act on a terminal."""
    incident = said.incident
    lines = [clean(line) for line in _lines(said)]
    body = {
        "title": lines[0],
        "text": "\n".join(lines),
        "withdrawn": said.withdrawn,
        "replaced_by": list(said.replaced_by),
        "incident": incident.to_json(),
    }
    return Message(incident.id, digest, lines[0], "\n".join(lines), body)


def trial() -> Message:
    """A message that tells of nothing, to try a channel."""
    title = "Flowtrail: a test message"
    text = f"{title}\nThis channel works. Incidents that `flowtrail watch` finds are told here."
    return Message("", "", title, text, {"title": title, "text": text, "test": True})


def _lines(said: Said) -> Iterator[str]:
    incident = said.incident
    if said.withdrawn:
        yield f"No longer found: {what(incident)}"
        now = (
            f"It is now part of {', '.join(said.replaced_by)}"
            if said.replaced_by
            else "What is known now does not show it"
        )
        yield f"{now}. What was said earlier: flowtrail incident {incident.id}"
        return
    yield f"{_state(incident)}: {what(incident)}"
    cause = incident.cause
    if cause is None:
        yield f"Cause: unknown. {incident.reason}"
    else:
        rule = f"{cause.rule} in {cause.resource}" if cause.rule else cause.resource
        yield f"Cause ({incident.certainty}): {cause.event_name} by {cause.actor} at {utc(cause.time)}: {rule}"
    peers = f"{len(incident.peers)} {'peer' if len(incident.peers) == 1 else 'peers'}"
    over = f", until {utc(incident.closed_at)}" if incident.closed_at else ""
    yield f"Since: {utc(incident.first_seen)}{over}; {peers}: {few(incident.peers, MOST)}"
    if incident.fix and incident.state is State.OPEN:
        yield f"To undo it: {incident.fix}"
    yield f"Known from: {incident.coverage}"
    yield f"Details and evidence: flowtrail incident {incident.id}"


def _state(incident: Incident) -> str:
    return "Over" if incident.state is State.CLOSED else "Open"
