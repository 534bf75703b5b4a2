"""Commands that look after what is stored: `doctor`, and the objects that were set aside."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.base import ExitCode, OutputOption, reply, say, settings, store_of

if TYPE_CHECKING:
    from connectors.clickhouse import Store
    from connectors.doctor import Problem
    from connectors.settings import Settings
    from console.screen import Screen
    from schemas.ledger import DeadLetter

MOST = 50
"""Problems and letters that a table lists; JSON has them all."""

deadletters = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def doctor(
    ctx: typer.Context,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what was done.")] = False,
    output: OutputOption = None,
) -> None:
    """Compare ledger and receipts with the rows, and mend them.

    Finds rows that are missing, too many or nobody's, receipts that do not add up, loads and migrations that were left
    half-way, and parts of tables that the engine could not read. Without --repair nothing is changed.

    An object that is wrong is read again from S3, in the very version that was loaded, and replaced as a whole; one
    that cannot be read again stays as it is. The exit code is 0 when all is well, or is well again.

    \b
    Example:
      flowtrail doctor --repair
    """
    from connectors.doctor import examine
    from pipelines.cli.progress import progress

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
        say("What each of them is, and what to do by hand: docs/operating.md." if repair else _REPAIR)
        raise typer.Exit(ExitCode.FAILED)


_REPAIR = "Run `flowtrail doctor --repair` to mend what can be mended."


def _repair(store: "Store", problems: "list[Problem]", found: "Settings") -> list[str]:
    """What was done, in words. Each step is safe to be ended half-way: it is found again."""
    from connectors import doctor as ward
    from connectors.doctor import Fault
    from connectors.migrate import ensure_migrated
    from pipelines.cli.progress import progress, quiet

    faults = {problem.fault for problem in problems}
    if Fault.UNFINISHED_MIGRATION in faults:  # no table can be relied on; raises with what to do
        ensure_migrated(store)
    with quiet(), progress("objects read again") as tell:
        from pipelines.ingest.again import finish, restore

        done = []
        log_format = found.log_format or None
        if faults & {*ward.MENDED_BY_READING, Fault.ORPHAN_ROWS}:
            again = restore(store, log_format=log_format, progress=tell)
            done.append(
                f"read {len(again.done)} objects again and replaced their rows; removed rows that were nobody's"
            )
            done += [f"left {letter.ref.url} as it is: {letter.reason}: {letter.detail}" for letter in again.letters]
        if Fault.UNFINISHED_LOAD in faults:
            finished = finish(store, log_format=log_format)
            done.append(
                f"closed the unfinished loads that no living process holds; {len(finished.done)} objects loaded"
            )
        if Fault.OLD_VERSIONS in faults:
            ward.drop_old_versions(store)
            done.append("removed older generations of config_versions")
        if Fault.BROKEN_PART in faults and all(one.fault is Fault.BROKEN_PART for one in ward.examine(store)):
            done.append(f"dropped {ward.drop_broken_parts(store)} unreadable parts whose rows are there again")
    return done


FIELDS = ("fault", "where", "detail", "table", "load", "object_id", "bucket", "key", "etag", "version_id")


def _problem(problem: "Problem") -> dict[str, Any]:
    ref = problem.ref
    whose = (ref.bucket, ref.key, ref.etag, ref.version_id) if ref else ("",) * 4
    what = (problem.fault.value, problem.where, problem.detail, problem.name, problem.load, problem.object_id)
    return dict(zip(FIELDS, (*what, *whose), strict=True))


def _show(problems: "list[Problem]", done: list[str], left: "list[Problem]", repaired: bool, screen: "Screen") -> None:
    if not problems:
        screen.line("All is well: every receipt accounts for its rows, and nothing else is there.")
        return
    screen.table(["fault", "where", "what"], [[p.fault.value, p.where, p.detail] for p in problems[:MOST]])
    if len(problems) > MOST:
        screen.line(f"and {len(problems) - MOST} more: --output json has them all")
    if not repaired:
        return
    screen.heading("Done")
    screen.lines(done)
    screen.heading("Left")
    screen.lines([f"{p.fault.value}: {p.where}: {p.detail}" for p in left[:MOST]] or ["nothing: all is well"])


ReasonOption = Annotated[
    str | None, typer.Option(metavar="REASON", help="Only those of this reason, such as truncated-gzip.")
]


@deadletters.command("list")
def list_letters(ctx: typer.Context, reason: ReasonOption = None, output: OutputOption = None) -> None:
    """List the objects that were set aside, and why.

    As JSON: an array of references with reason and detail, [] when there are none.

    \b
    Example:
      flowtrail deadletters list --reason truncated-gzip
    """
    found = settings(ctx, output=output)
    letters = _letters(found, reason)
    from pipelines.cli.summary import LETTER, letter_json

    answer = [letter_json(letter) for letter in letters]
    reply(found, answer, lambda screen: _show_letters(letters, screen), columns=LETTER)


@deadletters.command()
def replay(
    ctx: typer.Context,
    most: Annotated[int | None, typer.Option("--max", min=1, help="At most so many objects. [default: all]")] = None,
    reason: ReasonOption = None,
    output: OutputOption = None,
) -> None:
    """Try the objects that were set aside again.

    Those that are loaded now, or have been since, are taken off the list. What still cannot be read stays on it, and
    the exit code is 3. An object that was delivered anew is another version: `flowtrail ingest` finds it.

    \b
    Example:
      flowtrail deadletters replay --max 100
    """
    from connectors import dead_letters, receipts
    from connectors.migrate import ensure_migrated
    from pipelines.cli.progress import progress, quiet

    found = settings(ctx, output=output)
    store = store_of(found)
    letters = _letters(found, reason)
    ensure_migrated(store)
    refs = sorted({letter.ref for letter in letters})
    have = receipts.done(store.client(), (ref.object_id for ref in refs))
    known = [ref for ref in refs if ref.object_id in have]
    todo = [ref for ref in refs if ref.object_id not in have][:most]
    with quiet(), progress("objects tried again") as tell:
        from pipelines.ingest.again import replay as ingest

        again = ingest(store, todo, log_format=found.log_format or None, progress=tell)
    dead_letters.done(found.dead_letter_folder, {*known, *again.done, *again.known, *again.other})
    still = sorted({letter.ref: letter for letter in again.letters}.items())
    from pipelines.cli.summary import letter_json

    answer = {
        "replayed": len(todo),
        "done": len(again.done),
        "known": len(known) + len(again.known),
        "other": len(again.other),
        "dead_letters": [letter_json(letter) for _, letter in still],
    }
    words = f"{len(todo)} objects tried again: {len(again.done)} loaded, {len(still)} still set aside"
    words += f", {len(again.other)} no logs" if again.other else ""
    words += f"; {answer['known']} were loaded since." if answer["known"] else "."

    def show(screen: "Screen") -> None:
        screen.line(words)
        _show_letters([letter for _, letter in still], screen, empty="")

    reply(found, answer, show)
    if still:
        raise typer.Exit(ExitCode.SET_ASIDE)


def _letters(found: "Settings", reason: str | None) -> "list[DeadLetter]":
    from connectors.dead_letters import read

    return [letter for letter in read(found.dead_letter_folder) if reason in (None, letter.reason)]


def _show_letters(letters: "list[DeadLetter]", screen: "Screen", empty: str = "Nothing is set aside.") -> None:
    if letters:
        screen.table(["reason", "object", "detail"], [[one.reason, one.ref.url, one.detail] for one in letters[:MOST]])
    elif empty:
        screen.line(empty)
    if len(letters) > MOST:
        screen.line(f"and {len(letters) - MOST} more: --output json has them all")
