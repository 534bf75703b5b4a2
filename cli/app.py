"""The commands, in the order a new user needs them."""

from importlib.metadata import version
from typing import Annotated

import typer

from cli import ask, check, console, demo, ingest, mcp, preview, read, rejected, repair, replay, watch, write
from cli.base import EXIT_CODES, Commands, PipelineCommand

app = typer.Typer(
    name="flowtrail",
    cls=Commands,
    help="Find what stopped traffic in your VPC, who changed it and when, and how to undo it: from your own AWS logs.",
    epilog="Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowtrail {version('flowtrail')}")
        raise typer.Exit


@app.callback()
def every_command(
    ctx: typer.Context,
    db: Annotated[
        str | None,
        typer.Option(
            help="Use this database: a folder (embedded engine) or the URL of a ClickHouse server."
            " [default: ./flowtrail.db]"
        ),
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    ctx.obj = {"db": db}


RUNS_A_PIPELINE = (ingest.ingest, write.correlate, replay.replay)

for command in (
    demo.demo,
    write.migrate,
    write.snapshot,
    ingest.ingest,
    write.correlate,
    watch.watch,
    read.incidents,
    read.incident,
    console.console,
    mcp.mcp,
    ask.explain,
    preview.preview,
    ask.changes,
    replay.replay,
    replay.replay_diff,
    read.search,
    read.status,
    check.check,
    read.sql,
    repair.doctor,
):
    app.command(cls=PipelineCommand if command in RUNS_A_PIPELINE else None)(command)

app.add_typer(ask.config, name="config", help="Show what a resource was at some time, or what was changed.")
app.add_typer(repair.deadletters, name="deadletters", help="List the objects that could not be read, or retry them.")
app.add_typer(watch.notify, name="notify", help="Try the channels on which incidents are told.")
app.add_typer(rejected.rejected, name="rejected", help="List the objects with rejected lines, or read them again.")
