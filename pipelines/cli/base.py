"""What every command shares: exit codes, how it fails, the settings, options of one meaning everywhere."""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from schemas.errors import FlowtrailError
from schemas.times import parse_duration, parse_when

if TYPE_CHECKING:
    from connectors.clickhouse import Store
    from connectors.settings import Settings
    from console.screen import Screen


class ExitCode(IntEnum):
    """What a script can tell without reading a word."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SET_ASIDE = 3


EXIT_CODES = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed, standard error says why and what to do",
    ExitCode.USAGE: "the command line is not one Flowtrail understands",
    ExitCode.SET_ASIDE: "done, but objects that could not be read were set aside as dead letters",
}


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Commands(TyperGroup):
    """Turns an error for people into a message with its remedy and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        for library in ("clickhouse_connect", "urllib3", "botocore"):
            logging.getLogger(library).setLevel(logging.CRITICAL)  # what matters of it is in our own message
        try:
            return super().invoke(ctx)
        except FlowtrailError as error:
            say(f"error: {error.message}")
            if error.remedy:
                say(error.remedy)
            raise typer.Exit(ExitCode.FAILED) from None


def say(text: str) -> None:
    """To standard error, cleaned line by line."""
    from console.render import clean

    for line in text.splitlines():
        typer.echo(clean(line), err=True)


def settings(ctx: typer.Context, **given: Any) -> "Settings":
    """Settings with the global options and `given` over the variables. Raises FlowtrailError for a bad one."""
    from connectors.access import use
    from connectors.settings import load, unknown_variables

    for name, near in unknown_variables(os.environ).items():
        say(f"warning: {name} means nothing" + (f"; {near} does." if near else "."))
    found = load(**{**(ctx.obj or {}), **given})
    use(found.access)
    return found


def store_of(found: "Settings") -> "Store":
    from connectors.clickhouse import Store

    return Store(found.db, found.database, found.retention)


def reply(
    found: "Settings",
    value: Any,
    show: Callable[["Screen"], None],
    records: Sequence[Mapping[str, Any]] | None = None,
    columns: Sequence[str] = (),
) -> None:
    """The one answer on standard output: `value` as JSON, what `show` makes of it for a person, or CSV: of `records`,
    by default `value` itself, one or many; `columns` where there may be no record to tell them."""
    from console.screen import Screen

    screen = Screen(sys.stdout)
    if found.output == "json":
        screen.json(value)
    elif found.output == "csv":
        given = records if records is not None else value if isinstance(value, list) else [value]
        screen.csv(columns or list(dict.fromkeys(name for record in given for name in record)), given)
    else:
        show(screen)


def moment(text: str) -> datetime:
    """A time on the command line, within what the store can hold."""
    try:
        found = parse_when(text, datetime.now(UTC))
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy} Or say how long ago: 90m, 24h, 7d.") from None
    if not datetime(1970, 1, 1, tzinfo=UTC) <= found < datetime(2106, 1, 1, tzinfo=UTC):
        raise typer.BadParameter(f"{text!r} is outside the years 1970 to 2105.")
    return found


def length(text: str) -> timedelta:
    """A length of time on the command line."""
    try:
        return parse_duration(text)
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None


def check_range(start: datetime, end: datetime) -> None:
    """Raise a usage error for a range that holds nothing."""
    if start >= end:
        raise typer.BadParameter(
            f"the range is empty: it begins {start.isoformat()} and ends {end.isoformat()}. Give a --from before --to."
        )


OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="Answer as a table, as JSON or as CSV. [default: table]")
]
FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        parser=moment,
        metavar="TIME",
        help="Begin: 2026-11-20T10:00 (UTC, or with an offset, or 'local' behind it), 2h, today, yesterday.",
    ),
]
ToOption = Annotated[
    datetime | None, typer.Option("--to", parser=moment, metavar="TIME", help="End, itself not included.")
]
ProfileOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Profile of AWS's configuration files. [default: AWS_PROFILE]")
]
AwsRegionOption = Annotated[str | None, typer.Option(metavar="REGION", help="Region to ask. [default: AWS_REGION]")]
EndpointOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Another endpoint than AWS's own. [default: AWS_ENDPOINT_URL]")
]
UnsignedOption = Annotated[
    bool | None, typer.Option("--no-sign-request", help="Read without credentials: public buckets.")
]
RequesterPaysOption = Annotated[
    bool | None, typer.Option("--requester-pays", help="Accept the cost of requests that the owner does not pay.")
]
