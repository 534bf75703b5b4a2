"""Shared by all commands: exit codes, error handling, settings, and options with the same meaning everywhere."""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.interrupt import end, end_if_asked
from schemas.errors import FlowtrailError
from schemas.runner import IN_PROCESS, Kind, Runner
from schemas.times import BEGINNING, END, parse_duration, parse_when, rfc3339

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails

    from connectors.settings import Settings
    from connectors.store.clickhouse import Store
    from console.terminal.screen import Screen
    from schemas.incident import Incident


SHORT_WAIT = 1.0
"""Seconds before a request is repeated that nobody needs to be told of."""


class ExitCode(IntEnum):
    """The outcome of a command, for scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SET_ASIDE = 3


EXIT_CODES = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed, standard error shows why and what to do",
    ExitCode.USAGE: "the command line is invalid",
    ExitCode.SET_ASIDE: "done, but objects are left: set aside as dead letters, or being loaded by another process",
}


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Commands(TyperGroup):
    """Turns a FlowtrailError into a message with its remedy and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        for library in ("clickhouse_connect", "urllib3", "botocore"):
            logging.getLogger(library).setLevel(logging.CRITICAL)  # our own messages contain what matters
        try:
            return super().invoke(ctx)
        except FlowtrailError as error:
            end_if_asked()
            say(f"error: {error.message}")
            if error.remedy:
                say(error.remedy)
            raise typer.Exit(ExitCode.FAILED) from None
        except KeyboardInterrupt:
            end()


def say_retries() -> None:
    """From now on this process tells of a request that is sent again, unless the wait is short."""
    import stamina

    stamina.instrumentation.set_on_retry_hooks([_say_retry])


def _say_retry(details: "RetryDetails") -> None:
    """A request is about to be sent again: why, when, and for which time. Short waits are not worth a line."""
    if details.wait_for >= SHORT_WAIT:
        error = details.caused_by
        reason = error.message if isinstance(error, FlowtrailError) else str(error)
        first = next(iter(reason.strip().splitlines()), type(error).__name__)
        say(f"warning: {first} Trying again in {details.wait_for:.0f} s (attempt {details.retry_num + 1}).")


class PipelineCommand(TyperCommand):
    """A command that runs a pipeline: what follows `--` are options for Beam, kept for `runner_of`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own, behind = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
        ctx.meta[BEAM] = tuple(behind)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- BEAM_OPTION...]"]


BEAM = "flowtrail.beam"


def runner_of(ctx: typer.Context, kind: Kind, store: "Store") -> Runner:
    """The runner, with the options for Beam that a PipelineCommand was given. Raises FlowtrailError, before anything is
    created or connected, if it cannot run."""
    runner = Runner(kind, ctx.meta.get(BEAM, ()))
    if runner != IN_PROCESS:
        from cli.progress import quiet

        with quiet():
            from pipelines.runner import check

            check(runner, store)
    return runner


@dataclass(frozen=True)
class Asked:
    """What a command that correlates a range was asked for."""

    settings: "Settings"
    store: "Store"
    start: datetime
    end: datetime
    runner: Runner


def asked_of(  # noqa: PLR0917 - the options of a command
    ctx: typer.Context,
    start: datetime | None,
    end: datetime | None,
    lookback: str | None,
    kind: Kind,
    output: Output | None,
) -> Asked:
    """The options of a command that correlates a range, checked; the store is migrated. Warns when the lookback reaches
    back to before what is kept. Raises BadParameter for a range that is missing or empty, and as `runner_of`."""
    if start is None:
        raise typer.BadParameter("--from is missing: give a time, or how long ago (24h).")
    finish = end or datetime.now(UTC).replace(microsecond=0)
    check_range(start, finish)
    from connectors.store.migrate import ensure_migrated
    from connectors.store.retention import kept

    found = settings(ctx, output=output, lookback=lookback)
    store = store_of(found)
    chosen = runner_of(ctx, kind, store)
    ensure_migrated(store)
    since = kept(store.reader()).since
    if since is not None and start - since < found.lookback:
        say(f"warning: records from before {rfc3339(since)} are not kept: normal traffic before that time is unknown.")
    return Asked(found, store, start, finish, chosen)


def reply_incidents(found: "Settings", known: Sequence["Incident"]) -> None:
    """Show a list of incidents; without any, what was examined, which is not an all-clear by itself."""
    from console.answers.examined import examined
    from console.answers.incidents import COLUMNS
    from console.terminal.incidents import NONE, NONE_YET, show_list

    seen = [] if known else examined(store_of(found)).sentences()
    none = [NONE if len(seen) > 1 else NONE_YET, *seen]
    reply(found, [one.to_json() for one in known], lambda screen: show_list(known, screen, none), columns=COLUMNS)
    if seen and found.output != "table":
        say("\n".join(seen))


def say(text: str) -> None:
    """Print `text` on standard error, cleaned line by line."""
    from console.answers.text import clean

    for line in text.splitlines():
        typer.echo(clean(line), err=True)


def say_unexpected(error: Exception) -> None:
    """Print what a person can do about an error that no code expected."""
    first = next(iter(str(error).strip().splitlines()), "")
    say(f"error: This should not happen: {type(error).__name__}: {first}")
    say("Please report this, with what the same command prints when FLOWTRAIL_DEBUG=1 is set.")


def settings(ctx: typer.Context, **given: Any) -> "Settings":
    """The settings; the global options and `given` override the variables. Warns of unknown variables. Raises
    FlowtrailError for an invalid value."""
    from connectors.settings import load, unknown_variables

    say_retries()
    for name, near in unknown_variables(os.environ).items():
        say(f"warning: {name} is an unknown setting" + (f"; did you mean {near}?" if near else "."))
    return load(**{**(ctx.obj or {}), **given})


def store_of(found: "Settings") -> "Store":
    from connectors.store.clickhouse import Store

    return Store(found.db, found.database, found.retention, found.lease, found.wait)


def reply(
    found: "Settings",
    value: Any,
    show: Callable[["Screen"], None],
    records: Sequence[Mapping[str, Any]] | None = None,
    columns: Sequence[str] = (),
) -> None:
    """Print the command's one answer on standard output: `value` as JSON, the table that `show` prints, or CSV.

    CSV has one line for each of `records`, by default for `value` itself (a record or a list of them). `columns` gives
    the header where there may be no record to take it from.
    """
    from console.terminal.screen import Screen

    screen = Screen(sys.stdout)
    if found.output == "json":
        screen.json(value)
    elif found.output == "csv":
        given = records if records is not None else value if isinstance(value, list) else [value]
        screen.csv(columns or list(dict.fromkeys(name for record in given for name in record)), given)
    else:
        show(screen)


def moment(text: str) -> datetime:
    """A time given on the command line, within the range that the store can hold. Raises BadParameter otherwise."""
    try:
        found = parse_when(text, datetime.now(UTC))
    except FlowtrailError as error:
        raise typer.BadParameter(
            f"{error.message} {error.remedy} Or give how long ago: 90m, 24h, 7d; or 14:00."
        ) from None
    if not BEGINNING <= found < END:
        raise typer.BadParameter(f"{text!r} is outside the years 1970 to 2105.")
    return found


def length(text: str) -> timedelta:
    """A length of time given on the command line. Raises BadParameter for anything else."""
    try:
        return parse_duration(text)
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None


def check_range(start: datetime, end: datetime) -> None:
    """Raise a usage error for an empty range."""
    if start >= end:
        raise typer.BadParameter(
            f"the range is empty: it starts at {start.isoformat()} and ends at {end.isoformat()}."
            " Give a --from before --to."
        )


def check_urls(urls: Sequence[str]) -> None:
    """Raise a usage error for what is not an S3 location."""
    from connectors.aws.s3 import split_url

    for url in urls:
        try:
            split_url(url)
        except FlowtrailError as error:
            raise typer.BadParameter(f"{error.message} {error.remedy}") from None


def from_option(default: str = "") -> Any:
    """The option --from, also --since. `default` says what happens without it; "" where it is required."""
    text = (
        "Start at this time: 2026-11-20T10:00 (UTC unless followed by an offset or 'local'), the latest 14:00, 1h30m or"
        " '2 hours ago', today, yesterday, or seconds since 1970."
    )
    return typer.Option(
        "--from",
        "--since",
        parser=moment,
        metavar="TIME",
        help=f"{text} [default: {default}]" if default else f"{text} [required]",
    )


def to_option(default: str) -> Any:
    """The option --to. `default` says what happens without it."""
    return typer.Option("--to", parser=moment, metavar="TIME", help=f"End before this time. [default: {default}]")


OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="Print a table, JSON or CSV. [default: table]")
]
TimeBoundOption = Annotated[
    str | None,
    typer.Option(
        metavar="LENGTH", help="Reject records further than this from the time in their object's name. [default: 7d]"
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Use this profile of the AWS configuration files. [default: AWS_PROFILE]"),
]
AwsRegionOption = Annotated[
    str | None, typer.Option(metavar="REGION", help="Send requests to this region. [default: AWS_REGION]")
]
EndpointOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Use this endpoint instead of AWS's own. [default: AWS_ENDPOINT_URL]"),
]
UnsignedOption = Annotated[
    bool | None, typer.Option("--no-sign-request", help="Read without credentials, for public buckets.")
]
RequesterPaysOption = Annotated[
    bool | None, typer.Option("--requester-pays", help="Accept the charges for requests to requester-pays buckets.")
]
RunnerOption = Annotated[
    Kind,
    typer.Option(
        "--runner", help="Run the pipeline here or on this runner's workers; see docs/scaling.md. Needs a server."
    ),
]
