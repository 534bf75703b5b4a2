"""What a resource was, and what was changed, in a terminal."""

from console.answers.config import Difference, Shown, Version
from console.answers.history import Call
from console.answers.text import both, utc
from console.terminal.screen import Screen

UNKNOWN_HISTORY = "history unknown before what is stored"


def show(found: Shown, screen: Screen) -> None:
    """The resource at the time asked about, then all of its versions."""
    screen.line(found.title, "bold")
    screen.line(f"at         {both(found.at)}")
    if found.version is None:
        screen.line("It does not exist at this time, as far as is known.")
    else:
        screen.line(f"since      {begun(found.version)}")
        screen.line(f"until      {ended(found.version)}")
        if not found.version.exact:
            screen.line("not exact  part of its content is not known")
        screen.lines([f"  {line}" for line in found.version.lines] or ["  (empty)"])
    screen.heading("Versions")
    for version in found.versions:
        screen.line(f"  {'*' if _same(version, found.version) else ' '} {begun(version)}, until {ended(version)}")


def _same(version: Version, shown: Version | None) -> bool:
    return shown is not None and (version.valid_from, version.valid_to) == (shown.valid_from, shown.valid_to)


def begun(version: Version) -> str:
    """Since when it is known, and by which call."""
    if version.valid_from is None:
        return UNKNOWN_HISTORY
    by = _by(version.begun_by) if version.begun_by else "first shown by a snapshot; no call that was loaded did it"
    return f"{utc(version.valid_from)} ({by})"


def ended(version: Version) -> str:
    if version.valid_to is None:
        return "now, as far as is known"
    by = _by(version.ended_by) if version.ended_by else "a snapshot shows it otherwise; no call that was loaded did it"
    return f"{utc(version.valid_to)} ({by})"


def _by(call: Call) -> str:
    return f"{call.event_name} by {call.actor}, event {call.event_id}"


def show_difference(found: Difference, screen: Screen) -> None:
    """Entry by entry, then the calls that did it."""
    screen.line(found.title, "bold")
    screen.line(f"from  {both(found.start)}: {begun(found.before) if found.before else 'does not exist'}")
    screen.line(f"to    {both(found.end)}: {begun(found.after) if found.after else 'does not exist'}")
    for moment in found.unknown_at:
        screen.line(f"Part of its content at {utc(moment)} is not known.")
    screen.heading("Differences")
    screen.lines([f"  {line}" for line in found.lines] or ["  None."])
    screen.heading("Calls in between")
    if not found.calls:
        screen.line("  None that was loaded changed it.")
    for step in found.calls:
        screen.line(f"  {both(step.call.time)}  {_by(step.call)} from {step.call.source_ip}")
        screen.line(f"    {step.what}")
