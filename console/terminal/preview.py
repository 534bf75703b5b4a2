"""A preview in a terminal."""

from console.answers.preview import Preview, Touched
from console.answers.text import utc
from console.terminal.screen import Screen
from network.verdict.foresee import Fate
from schemas.protocols import protocol_name

SHOWN = 20
TITLES = {Fate.CUT_OFF: "Would be cut off", Fate.OPENED: "Would be opened", Fate.UNKNOWN: "Not known"}


def show(found: Preview, screen: Screen) -> None:
    """What the command changes, and the conversations that it concerns."""
    screen.line(f"{found.call} (not made): {'; '.join(found.changes)}", "bold")
    for fate, title in TITLES.items():
        some = found.of(fate)
        if not some:
            continue
        screen.heading(f"{title}: {len(some)} of the conversations since {utc(found.since)}")
        screen.table(
            ["interface", "what", "bytes", "records", "last (UTC)", "decided by"],
            [
                [one.interface_id, _what(one), str(one.size), str(one.records), utc(one.last), one.step]
                for one in some[:SHOWN]
            ],
        )
        if len(some) > SHOWN:
            screen.line(f"{len(some) - SHOWN} more: use --output json or csv.")
    screen.line()
    if not found.touched:
        screen.line("None of the conversations that were observed would be cut off or opened.")
    screen.line(f"{found.same} other conversations stay as they are.")
    if found.disagree:
        screen.line(f"Of {found.disagree} the log shows something else than the model: nothing is said of them.")
    if found.more:
        screen.line("There are more conversations: only those with the most bytes were judged. Shorten --lookback.")
    screen.lines(list(found.notes))
    screen.line("Nothing was sent: this is what the model of the VPC says.")


def _what(one: Touched) -> str:
    ends = (one.peer, one.local) if one.server else (one.local, one.peer)
    return f"{ends[0]} to {ends[1]}, {protocol_name(one.protocol)} {one.port}"
