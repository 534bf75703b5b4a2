"""Commands that check and repair the store: `doctor`, and `deadletters` for the objects that were set aside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.base import ExitCode, OutputOption, reply, say, settings, store_of
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from connectors.settings import Settings
    from connectors.store.clickhouse import Store
    from connectors.store.doctor import Problem
    from console.terminal.screen import Screen
    from schemas.ledger import DeadLetter

MOST = 50
"""Rows of a table of problems or dead letters; JSON contains all of them."""

deadletters = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def doctor(
    ctx: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired, and show what was done.")
    ] = False,
    output: OutputOption = None,
) -> None:
    """Compare ledger and receipts with the rows, and repair them.

    Finds missing, duplicate and orphan rows, receipts that do not add up, loads and migrations that were interrupted,
    and parts of tables that the engine could not read. Without --repair nothing is changed.

    The rows of a damaged object are replaced as a whole: it is read again from S3, in exactly the version that was
    loaded. An object that cannot be read again stays as it is. The exit code is 0 when no problem is left.

    \b
    Example:
      flowtrail doctor --repair
    """
    from cli.progress import progress
    from connectors.store.doctor import examine

    found = settings(ctx, output=output)
    store = store_of(found)
    with progress("comparing ledger and rows"):
        problems = examine(store)
    done = _repair(store, problems, found) if repair and problems else []
    with progress("comparing ledger and rows"):
        left = examine(store) if done else problems
    answer = {
        "healthy": not left,
        "found": [_problem(problem) for problem in problems],
        "done": done,
        "left": [_problem(problem) for problem in left],
    }
    records = [{**_problem(problem), "left": problem in left} for problem in problems]
    reply(found, answer, lambda screen: _show(problems, done, left, repair, screen), records, [*FIELDS, "left"])
    if left:
        say(f"error: {len(left)} problems" + (" are left." if done else "."))
        say("See docs/operating.md for what each of them means and how to repair it by hand." if repair else _REPAIR)
        raise typer.Exit(ExitCode.FAILED)


_REPAIR = "Run `flowtrail doctor --repair` to repair what can be repaired."


def _repair(store: "Store", problems: "list[Problem]", found: "Settings") -> list[str]:
    """What was done, as sentences. Each step may be interrupted: the next run finds the problem again."""
    from cli.progress import progress, quiet
    from connectors.store import runs
    from connectors.store.doctor import REPAIRED_BY_READING, Fault, drop_broken_parts, drop_old_versions, examine
    from connectors.store.migrate import ensure_migrated

    faults = {problem.fault for problem in problems}
    if Fault.UNFINISHED_MIGRATION in faults:  # no table can be relied on; this raises, with a remedy
        ensure_migrated(store)
    with quiet(), progress("objects read again") as tell:
        from pipelines.ingest.again import finish, restore
        from pipelines.ingest.load import Job

        done = []
        job = Job(store, runs.begin(store.client(), "doctor"), found.access, found.log_format, found.time_bound)
        if faults & {*REPAIRED_BY_READING, Fault.ORPHAN_ROWS}:
            again = restore(job, tell)
            done.append(f"read {len(again.done)} objects again and replaced their rows; removed orphan rows")
            done += [f"left {letter.ref.url} unchanged: {letter.reason}: {letter.detail}" for letter in again.letters]
        if Fault.UNFINISHED_LOAD in faults:
            finished = finish(job)
            done.append(
                f"closed the unfinished loads that no running process holds; {len(finished.done)} objects loaded"
            )
        if Fault.OLD_VERSIONS in faults:
            drop_old_versions(store)
            done.append("removed older generations of config_versions")
        if Fault.BROKEN_PART in faults and all(one.fault is Fault.BROKEN_PART for one in examine(store)):
            done.append(f"dropped {drop_broken_parts(store)} unreadable parts whose rows were restored")
    return done


FIELDS = ("fault", "where", "detail", "table", "load", "object_id", "bucket", "key", "etag", "version_id")


def _problem(problem: "Problem") -> dict[str, Any]:
    ref = problem.ref
    whose = (ref.bucket, ref.key, ref.etag, ref.version_id) if ref else ("",) * 4
    what = (problem.fault.value, problem.where, problem.detail, problem.name, problem.load, problem.object_id)
    return dict(zip(FIELDS, (*what, *whose), strict=True))


def _show(problems: "list[Problem]", done: list[str], left: "list[Problem]", repaired: bool, screen: "Screen") -> None:
    if not problems:
        screen.line("No problems: every receipt accounts for its rows, and there are no other rows.")
        return
    screen.table(["fault", "where", "what"], [[p.fault.value, p.where, p.detail] for p in problems[:MOST]])
    if len(problems) > MOST:
        screen.line(f"and {len(problems) - MOST} more: use --output json to see them all")
    if not repaired:
        return
    screen.heading("Done")
    screen.lines(done)
    screen.heading("Left")
    screen.lines([f"{p.fault.value}: {p.where}: {p.detail}" for p in left[:MOST]] or ["nothing"])


ReasonOption = Annotated[
    str | None, typer.Option(metavar="REASON", help="Select this reason, such as truncated-gzip. [default: all]")
]


@deadletters.command("list")
def list_letters(ctx: typer.Context, reason: ReasonOption = None, output: OutputOption = None) -> None:
    """List the objects that were set aside, and why.

    As JSON: an array of object references with reason and detail, [] when there are none.

    \b
    Example:
      flowtrail deadletters list --reason truncated-gzip
    """
    found = settings(ctx, output=output)
    letters = _letters(store_of(found), reason)
    from console.terminal.ingest import LETTER, letter_json

    answer = [letter_json(letter) for letter in letters]
    reply(found, answer, lambda screen: _show_letters(letters, screen), columns=LETTER)


@deadletters.command()
def replay(
    ctx: typer.Context,
    most: Annotated[
        int | None, typer.Option("--max", min=1, help="Retry at most this many objects. [default: all]")
    ] = None,
    reason: ReasonOption = None,
    output: OutputOption = None,
) -> None:
    """Retry the objects that were set aside.

    Objects that are loaded now, or were loaded in the meantime, are removed from the list. Those that still cannot be
    read stay on it, and the exit code is 3. An object that was delivered again is a new version: run `flowtrail ingest`
    to load it.

    \b
    Example:
      flowtrail deadletters replay --max 100
    """
    from cli.progress import progress, quiet
    from connectors.store import dead_letters, runs
    from connectors.store.migrate import ensure_migrated
    from console.terminal.ingest import letter_json

    found = settings(ctx, output=output)
    store = store_of(found)
    ensure_migrated(store)
    todo = [letter.ref for letter in _letters(store, reason)][:most]
    with quiet(), progress("objects retried") as tell:
        from pipelines.ingest.again import replay as load
        from pipelines.ingest.load import Job

        again = load(
            Job(store, runs.begin(store.client(), "replay"), found.access, found.log_format, found.time_bound),
            todo,
            tell=tell,
        )
    not_logs = set(again.other)
    dead_letters.forget(store.client(), [one for one in _letters(store, None) if one.ref in not_logs])
    still = sorted({letter.ref: letter for letter in again.letters}.items())
    answer = {
        "replayed": len(todo),
        "done": len(again.done),
        "known": len(again.known),
        "other": len(again.other),
        "dead_letters": [letter_json(letter) for _, letter in still],
    }
    words = f"{len(todo)} objects retried: {len(again.done)} loaded, {len(still)} still set aside"
    words += f", {len(again.other)} not logs" if again.other else ""
    words += f"; {answer['known']} were loaded in the meantime." if answer["known"] else "."

    def show(screen: "Screen") -> None:
        screen.line(words)
        _show_letters([letter for _, letter in still], screen, empty="")

    reply(found, answer, show)
    if still:
        raise typer.Exit(ExitCode.SET_ASIDE)


@deadletters.command()
def forget(
    ctx: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[URL...]", help="s3://bucket/key of each object. [default: all]")
    ] = None,
    reason: ReasonOption = None,
    every: Annotated[bool, typer.Option("--all", help="Forget every one of them.")] = False,
    output: OutputOption = None,
) -> None:
    """Take objects off the list without loading them.

    An object that is listed again by `flowtrail ingest`, and still cannot be read, comes back on the list.

    \b
    Example:
      flowtrail deadletters forget --reason gone
    """
    from connectors.store import dead_letters
    from connectors.store.migrate import ensure_migrated

    if not (keys or reason or every):
        raise typer.BadParameter("Name the objects, give --reason, or give --all.")
    found = settings(ctx, output=output)
    store = store_of(found)
    ensure_migrated(store)
    known = _letters(store, reason)
    if unknown := sorted(set(keys or ()) - {letter.ref.url for letter in known}):
        raise FlowtrailError(f"{unknown[0]} is not among the dead letters.", "`flowtrail deadletters list` shows them.")
    chosen = [letter for letter in known if not keys or letter.ref.url in keys]
    dead_letters.forget(store.client(), chosen)
    reply(found, {"forgotten": len(chosen)}, lambda screen: screen.line(f"{len(chosen)} objects forgotten."))


@deadletters.command("export")
def export_letters(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Avro file to write.")],
    reason: ReasonOption = None,
    output: OutputOption = None,
) -> None:
    """Write the list of objects that were set aside to an Avro file.

    The file holds references and reasons, never the content of an object.

    \b
    Example:
      flowtrail deadletters export set-aside.avro
    """
    from connectors.dead_letter_files import write

    found = settings(ctx, output=output)
    letters = _letters(store_of(found), reason)
    write(file, letters)
    reply(found, {"exported": len(letters)}, lambda screen: screen.line(f"{len(letters)} dead letters in {file}."))


@deadletters.command("import")
def import_letters(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Avro files of dead letters.")],
    output: OutputOption = None,
) -> None:
    """Add the objects of Avro files to the list, for `replay`.

    Objects that are loaded already are not listed.

    \b
    Example:
      flowtrail deadletters import set-aside.avro
    """
    from connectors.dead_letter_files import read
    from connectors.store import dead_letters, runs
    from connectors.store.migrate import ensure_migrated

    found = settings(ctx, output=output)
    letters = [letter for file in files for letter in read(file)]
    store = store_of(found)
    ensure_migrated(store)
    dead_letters.put(store.client(), runs.begin(store.client(), "import"), letters)
    reply(found, {"imported": len(letters)}, lambda screen: screen.line(f"{len(letters)} dead letters imported."))


def _letters(store: "Store", reason: str | None) -> "list[DeadLetter]":
    from connectors.store.dead_letters import set_aside

    return [letter for letter in set_aside(store.reader()) if reason in (None, letter.reason)]


def _show_letters(letters: "list[DeadLetter]", screen: "Screen", empty: str = "Nothing is set aside.") -> None:
    if letters:
        screen.table(["reason", "object", "detail"], [[one.reason, one.ref.url, one.detail] for one in letters[:MOST]])
    elif empty:
        screen.line(empty)
    if len(letters) > MOST:
        screen.line(f"and {len(letters) - MOST} more: use --output json to see them all")
