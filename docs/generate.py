"""Write the generated references: `make docs`. A test says when they are stale.

cli.md comes from the commands themselves, settings.md from `connectors/settings.py`, schema.md from the registry.
"""

import sys
from datetime import timedelta
from pathlib import Path

import typer

from connectors.settings import AWS_VARIABLES, PREFIX, READ_ELSEWHERE, Settings, accepts
from pipelines.cli.app import app
from pipelines.cli.base import EXIT_CODES
from schemas.table import Column, Table
from schemas.tables import TABLES

HERE = Path(__file__).parent
MADE = "<!-- Made by `make docs`; do not edit. -->"


def cli() -> str:
    """Every command's help."""
    root = typer.main.get_command(app)
    top = typer.Context(root, info_name="flowtrail", terminal_width=100, **root.context_settings)
    parts = [f"# Commands\n\n{MADE}\n", _help(root, top)]
    parts.append("## Exit codes\n")
    parts.append(_table(["code", "meaning"], [[str(code.value), meaning] for code, meaning in EXIT_CODES.items()]))
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        context = typer.Context(command, parent=top, info_name=name, terminal_width=100)
        parts.append(f"## flowtrail {name}\n\n{_help(command, context)}")
        for sub, inner in getattr(command, "commands", {}).items():
            below = typer.Context(inner, parent=context, info_name=sub, terminal_width=100)
            parts.append(f"### flowtrail {name} {sub}\n\n{_help(inner, below)}")
    return "\n".join(parts)


def _help(command: object, context: typer.Context) -> str:
    text = command.get_help(context)  # type: ignore[attr-defined]
    return "```text\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```\n"


def settings() -> str:
    """Every setting and every variable that is read."""
    rows = []
    for name, field in Settings.model_fields.items():
        rows.append([f"`{PREFIX}{name.upper()}`", str(field.description), _default(field.default), accepts(name)])
    return "\n".join(
        [
            f"# Settings\n\n{MADE}\n",
            "Every setting is a variable. An option of the command line wins over it; an empty one counts as none.\n",
            _table(["variable", "meaning", "default", "takes"], rows),
            "Read where they are needed, and never kept:\n",
            _table(["variable", "meaning"], [[f"`{name}`", meaning] for name, meaning in READ_ELSEWHERE.items()]),
            "AWS's own variables are honoured, as by every AWS tool; the ones used most:\n",
            _table(["variable", "meaning"], [[_ticked(name), meaning] for name, meaning in AWS_VARIABLES.items()]),
            "`TZ` is the zone that local times are shown in.\n",
        ]
    )


def _ticked(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _default(value: object) -> str:
    if isinstance(value, timedelta):
        return f"`{value.total_seconds() / 3600:g}h`"
    return "" if value in ("", ()) else "`none`" if value is None else f"`{value}`"


def schema() -> str:
    """Every table and column of the store."""
    parts = [
        f"# Tables\n\n{MADE}\n",
        "Times are UTC. Addresses are IPv6, an IPv4 address mapped into it (`::ffff:10.0.1.10`); what is missing is"
        " NULL and never zero.\n",
    ]
    parts += [_section(table) for table in TABLES.values()]
    return "\n".join(parts)


def _section(table: Table) -> str:
    logged = any(column.aws for column in table.columns)
    head = ["column", "type", *(["flow-log field", "version"] if logged else []), "meaning", "no value"]
    return f"## {table.name}\n\n" + _table(head, [_row(column, logged) for column in table.columns])


def _row(column: Column, logged: bool) -> list[str]:
    aws = [f"`{column.aws}`" if column.aws else "", str(column.version or "")] if logged else []
    return [f"`{column.name}`", f"`{column.clickhouse}`", *aws, column.meaning, column.nulls]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


REFERENCES = {"cli.md": cli, "settings.md": settings, "schema.md": schema}


def stale() -> list[str]:
    """Names of the references that are not what they would be made now."""
    return [name for name, make in REFERENCES.items() if _read(HERE / name) != make()]


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


if __name__ == "__main__":
    for name in stale():
        (HERE / name).write_text(REFERENCES[name](), "utf-8")
        sys.stdout.write(f"docs/{name}\n")
