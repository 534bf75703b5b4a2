"""Whether one end reaches another, in a terminal."""

from collections.abc import Sequence

from console.answers.explain_words import asked, between, port_ranges
from console.answers.explanation import Explanation, Observed, Turned, View
from console.answers.history import Call
from console.answers.text import both, utc
from console.terminal.screen import Screen
from network.verdict.reach import Reach, Walk

STYLES = {Reach.REACHABLE: "green", Reach.BLOCKED: "red"}


def show(found: Explanation, screen: Screen) -> None:
    """The verdict at the time asked about, the walk, the log; then the same by the latest configuration."""
    screen.line(asked(found.question), "bold")
    if found.then is not None:
        screen.heading(f"At {both(found.then.moment)}")
        _view(found.then, screen)
        _turned(found, screen)
    screen.heading(f"Now (the latest configuration that is known, of {both(found.now.moment)})")
    same = found.then is not None and _same(found.then, found.now)
    _view(found.now, screen, short=same)


def _same(then: View, now: View) -> bool:
    return then.walks == now.walks and then.by_configuration is now.by_configuration


def _view(view: View, screen: Screen, short: bool = False) -> None:
    """`short`: the walk is the one that was just shown."""
    screen.line(view.sentence, STYLES.get(view.verdict, "yellow") if not view.disagreements else "bold red")
    screen.line(f"since    {_since(view)}")
    if short:
        screen.line("The walk is the same.")
    for walk in view.walks if not short else ():
        _walk(walk, screen)
    if view.unknown:
        screen.heading("Not known")
        screen.lines([f"  {reason}" for reason in view.unknown])
    screen.heading(f"Flow log, {utc(view.looked_from)} to {utc(view.looked_to)}")
    _observed(view, screen)
    if view.notes and not short:
        screen.line()
        screen.lines([f"note: {note}" for note in view.notes])


def _since(view: View) -> str:
    if view.since is None:
        never = ": it never worked, as far as is known" if view.never_worked else ""
        return f"in all of the configuration's history that is known{never}"
    return f"{utc(view.since.time)}, before that {view.since.before}: {_by(view.since)}"


def _by(turn: Turned) -> str:
    if turn.call is None:
        return "a snapshot shows it; no call that has been loaded did it"
    return f"{_call(turn.call)}" + (f": {'; '.join(turn.what)}" if turn.what else "")


def _call(call: Call) -> str:
    return f"{call.event_name} by {call.actor} from {call.source_ip}, event {call.event_id}"


def _walk(walk: Walk, screen: Screen) -> None:
    ports = f", from client ports {port_ranges(walk.ports)}" if walk.ports else ""
    screen.heading(f"The walk from {between(walk)}{ports}: {walk.reach}")
    if not walk.steps:
        screen.line("  No layer filters between them.")
        return
    rows = [
        [number, step.of, step.layer, step.direction, step.resource or "-", step.result, step.rule, step.code]
        for number, step in enumerate(walk.steps, 1)
    ]
    screen.table(["step", "packet", "layer", "direction", "component", "result", "rule", "explanation code"], rows)


def _observed(view: View, screen: Screen) -> None:
    if not view.observed:
        screen.line("  No record of this.")
        return
    objects: dict[str, int] = {}
    head = ["interface", "packet", "action", "records", f"since {utc(view.compared_from)}", "last (UTC)", "last line"]
    screen.table(head, [_line(each, objects) for each in view.observed])
    for url, number in objects.items():
        screen.line(f"  {number}  {url}")


def _line(each: Observed, objects: dict[str, int]) -> Sequence[object]:
    url = f"s3://{each.bucket}/{each.key}" if each.key else "(the load of this object is unfinished)"
    place = f"{objects.setdefault(url, len(objects) + 1)}:{each.line}"
    return [each.interface_id, each.packet, each.action, each.flows, each.since, utc(each.last), place]


def _turned(found: Explanation, screen: Screen) -> None:
    screen.heading("What turned it between then and now")
    if not found.turned:
        screen.line("  Nothing that is known.")
    for turn in found.turned:
        change = f"{turn.before} to {turn.after}" if turn.before != turn.after else f"still {turn.after}"
        screen.line(f"  {both(turn.time)}  {change}: {_by(turn)}")
        if turn.decides:
            screen.line(f"    {turn.decides}")
    for call in found.not_examined:
        screen.line(f"  {both(call.time)}  not examined, as its effect is not in the model: {_call(call)}")
