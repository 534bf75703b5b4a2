"""Commands for lines that were rejected: list the objects that have some, and read these objects again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.base import ExitCode, OutputOption, TimeBoundOption, reply, settings, store_of

if TYPE_CHECKING:
    from connectors.store.rejected import Rejected
    from console.terminal.screen import Screen

MOST = 50
"""Rows of the table; JSON and CSV contain all of them."""

FIELDS = ("reason", "lines", "first_line", "bucket", "key", "etag", "version_id")

rejected = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@rejected.command("list")
def list_rejected(
    ctx: typer.Context,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Select this reason, such as token-count. [default: all]")
    ] = None,
    output: OutputOption = None,
) -> None:
    """List the objects that have rejected lines, and why.

    The lines themselves are in the table `rejected_lines`, each with its reason, its text and its number.

    \b
    Example:
      flowtrail rejected list --reason time-out-of-range
    """
    from connectors.store.rejected import rejected as rejected_lines

    found = settings(ctx, output=output)
    objects = rejected_lines(store_of(found).reader(), reason or "")
    reply(found, [_record(one) for one in objects], lambda screen: _show(objects, screen), columns=FIELDS)


@rejected.command()
def reread(
    ctx: typer.Context,
    reason: Annotated[
        str, typer.Option(metavar="REASON", help="Read the objects again that have lines rejected for this reason.")
    ],
    most: Annotated[
        int | None, typer.Option("--max", min=1, help="Read at most this many objects. [default: all]")
    ] = None,
    time_bound: TimeBoundOption = None,
    output: OutputOption = None,
) -> None:
    """Read objects again that have rejected lines, under other settings.

    All rows of such an object are replaced, so that each line counts exactly once, whether it was rejected before or
    not. The object is read in exactly the version that was loaded. One that cannot be read any more stays as it is, and
    the exit code is 3.

    \b
    Example:
      flowtrail rejected reread --reason time-out-of-range --time-bound 4000d
    """
    from cli.progress import progress, quiet
    from connectors.store import runs
    from connectors.store.migrate import ensure_migrated
    from connectors.store.rejected import rejected as rejected_lines
    from console.terminal.ingest import letter_json

    found = settings(ctx, output=output, time_bound=time_bound)
    store = store_of(found)
    ensure_migrated(store)
    objects = rejected_lines(store.client(), reason)[:most]
    with quiet(), progress("objects read again") as tell:
        from pipelines.ingest.again import replay
        from pipelines.ingest.load import Job

        job = Job(store, runs.begin(store.client(), "reread"), found.access, found.log_format, found.time_bound)
        again = replay(job, [one.ref for one in objects], replaced=True, tell=tell)
        runs.note(store.client(), job.run, "reread", "done")
    done = set(again.done)
    left = [one for one in rejected_lines(store.reader(), reason) if one.ref in done]
    before, after = sum(one.lines for one in objects if one.ref in done), sum(one.lines for one in left)
    answer = {
        "reread": len(objects),
        "done": len(done),
        "lines_before": before,
        "lines_left": after,
        "dead_letters": [letter_json(letter) for letter in again.letters],
    }

    def show(screen: "Screen") -> None:
        screen.line(
            f"{len(done)} of {len(objects)} objects read again: {before} lines were rejected, {after} still are."
        )
        screen.lines([f"unchanged: {one.ref.url}: {one.reason}: {one.detail}" for one in again.letters])

    reply(found, answer, show)
    if len(done) < len(objects):
        raise typer.Exit(ExitCode.SET_ASIDE)


def _record(one: "Rejected") -> dict[str, Any]:
    ref = one.ref
    values = (one.reason, one.lines, one.first_line, ref.bucket, ref.key, ref.etag, ref.version_id)
    return dict(zip(FIELDS, values, strict=True))


def _show(objects: "Sequence[Rejected]", screen: "Screen") -> None:
    if not objects:
        screen.line("No line was rejected.")
        return
    rows = [[one.reason, str(one.lines), str(one.first_line), one.ref.url] for one in objects[:MOST]]
    screen.table(["reason", "lines", "first", "object"], rows)
    if len(objects) > MOST:
        screen.line(f"and {len(objects) - MOST} more: use --output json to see them all")
