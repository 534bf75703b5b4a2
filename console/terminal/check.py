"""The results of `check`, in a terminal."""

from collections.abc import Sequence

from console.answers.check import Check, State
from console.terminal.screen import Screen


def show(checks: Sequence[Check], screen: Screen) -> None:
    """One line for each check, followed by its remedy where it has one."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        style = {State.WRONG: "bold red", State.WARNING: "yellow"}.get(check.state, "")
        screen.line(f"{check.state:<9}{check.name:<{width}}  {check.found}", style)
        if check.remedy:
            screen.line(f"{'':<{9 + width}}  {check.remedy}")
    wrong = sum(check.state is State.WRONG for check in checks)
    screen.line()
    screen.line(f"{wrong} wrong." if wrong else "Nothing is wrong.")
