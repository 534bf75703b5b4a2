"""Every command has help, with an example that its own parser accepts."""

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from cli.app import app

TOP = typer.main.get_command(app).commands  # type: ignore[attr-defined]
COMMANDS = {
    f"{name} {sub}".strip(): inner
    for name, command in TOP.items()
    for sub, inner in getattr(command, "commands", {"": command}).items()
}
"""Commands in a group have both names."""

NAMES = [
    "migrate",
    "snapshot",
    "ingest",
    "search",
    "correlate",
    "incidents",
    "incident",
    "sql",
    "status",
    "check",
    "demo",
]
NAMES += ["doctor", *(f"deadletters {name}" for name in ("list", "replay", "forget", "export", "import"))]
NAMES += ["rejected list", "rejected reread"]
NAMES += ["explain", "changes", "config show", "config diff", "replay", "replay-diff", "preview"]
NAMES += ["watch", "notify test", "console", "mcp"]
SERVED = ("demo", "console", "mcp")
"""Commands without an answer of their own: one tells a story, the others serve."""


def test_the_commands_are_these() -> None:
    assert sorted(COMMANDS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_that_can_be_parsed(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="flowtrail", terminal_width=200)
    assert result.exit_code == 0
    examples = re.findall(rf"^\s+flowtrail ({name}\b.*)$", result.stdout, re.MULTILINE)
    assert "Example:" in result.stdout
    assert examples
    for example in examples:
        words = shlex.split(example)[len(name.split()) :]
        with COMMANDS[name].make_context(name, words) as context:
            assert context.params is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SERVED])
def test_every_answer_is_available_as_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"--output", "-o"} <= options


def test_short_help_fits_a_line() -> None:
    result = CliRunner().invoke(app, ["--help"], prog_name="flowtrail")
    assert "..." not in result.stdout.replace("[ARGS]...", "")
    for name in TOP:
        assert re.search(rf"^  {name} +\S", result.stdout, re.MULTILINE)
