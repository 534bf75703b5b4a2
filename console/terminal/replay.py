"""Replays in a terminal."""

import json

from console.answers.incidents import what
from console.answers.replay import Difference, Replay
from console.terminal.incidents import show_table
from console.terminal.screen import Screen
from schemas.incident import Incident


def show(replay: Replay, screen: Screen) -> None:
    """The incidents as `correlate` shows them, and what they are."""
    if replay.incidents:
        show_table(replay.incidents, screen)
    else:
        screen.line("No incidents.")
    screen.line()
    if replay.without:
        calls = ", ".join(replay.without)
        screen.line(f"This leaves out the incidents that the model says would not have happened without {calls}.")
        screen.line("It is not what happened.")
    screen.line(
        f"Replay {replay.run}: nothing that is known was changed. Compare it: flowtrail replay-diff {replay.run}"
    )


def show_difference(found: Difference, screen: Screen) -> None:
    """What differs, incident by incident."""
    for title, some in (("Gone", found.gone), ("New", found.new)):
        if some:
            screen.heading(title)
            for one in some:
                screen.line(f"  {_title(one)}")
    if found.changed:
        screen.heading("Changed")
    for changed in found.changed:
        screen.line(f"  {changed.incident.id}: {what(changed.incident)}")
        for name, (old, new) in changed.fields.items():
            screen.line(f"    {name}: {_text(old)} -> {_text(new)}")
    if not (found.gone or found.new or found.changed):
        screen.line("No differences.")
    screen.line()
    screen.line(f"Replay {found.run} compared with {found.against}: {found.same} the same.")


def _title(one: Incident) -> str:
    cause = f"{one.cause.event_name} by {one.cause.actor}" if one.cause else "no known cause"
    return f"{one.id}: {what(one)}, {one.certainty}: {cause}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
