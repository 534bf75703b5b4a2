"""Commands that ask the model of the VPC: what reaches what, what was changed, and what a resource was. None of them
imports Beam."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.base import OutputOption, check_range, from_option, moment, reply, say, settings, store_of, to_option
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from network.verdict.reach import Where

AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        parser=moment,
        metavar="TIME",
        help="Ask about this time: RFC 3339, or how long ago (2h). [default: now]",
    ),
]


def explain(
    ctx: typer.Context,
    *,
    from_ip: Annotated[str, typer.Option(metavar="ADDRESS", help="The end that opens the connection.")] = "",
    to_ip: Annotated[str, typer.Option(metavar="ADDRESS", help="The end that it opens it to.")] = "",
    from_id: Annotated[
        str, typer.Option(metavar="ENI|INSTANCE", help="Instead of --from-ip: a network interface or an instance.")
    ] = "",
    to_id: Annotated[
        str, typer.Option(metavar="ENI|INSTANCE", help="Instead of --to-ip: a network interface or an instance.")
    ] = "",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port at the end that is reached.")] = None,
    protocol: Annotated[str, typer.Option(metavar="NAME|NUMBER", help="The protocol: tcp, udp, icmp, ...")] = "tcp",
    client_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port that opens it. [default: any from 1024 to 65535]"),
    ] = None,
    vpc: Annotated[str, typer.Option(metavar="VPC", help="Only interfaces of this VPC are meant. [default: any]")] = "",
    at: AtOption = None,
    lookback: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Look at flow records from this long before. [default: 24h]")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Explain whether one end reaches another.

    Names the rule or route that decides. The verdict is one of five: reachable, blocked, partly (the request gets there
    and the reply does not get back, or only some of several ends or client ports get through), ambiguous (several
    interfaces have the address, with different results) or unknown. Shows each step there and back, the flow records of
    the same conversation, and where they disagree with the model. With --at also the verdict by the latest
    configuration that is known, and the changes in between that turned it.

    As CSV: one line for each step.

    \b
    Example:
      flowtrail explain --from-ip 203.0.113.5 --to-ip 10.0.1.10 --port 443 --at 2026-11-20T10:00:00Z
      flowtrail explain --from-id i-0123456789abcdef0 --to-ip 10.0.2.20 --port 5432
    """
    from console.answers.question import question

    try:
        src, dst = _end(from_ip, from_id, "from"), _end(to_ip, to_id, "to")
        asked = question(src, dst, protocol, port, client_port=client_port, vpc=vpc)
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    from console.answers.explain import explain as answer_of
    from console.answers.explanation import STEP_COLUMNS
    from console.terminal.explain import show

    found = settings(ctx, output=output, lookback=lookback)
    answer = answer_of(store_of(found), asked, at, datetime.now(UTC), found.lookback)
    reply(found, answer.to_json(), lambda screen: show(answer, screen), answer.records(), STEP_COLUMNS)
    if found.output == "csv":
        for view in (answer.then, answer.now):
            for line in view.disagreements if view else ():
                say(f"warning: the flow log disagrees: {line}")


def _end(address: str, resource_id: str, end: str) -> "Where":
    """An end as it was given. Raises BadParameter unless it was given in exactly one way."""
    from console.answers.question import by_address, by_id

    if bool(address) == bool(resource_id):
        raise typer.BadParameter(f"give either --{end}-ip or --{end}-id.")
    return by_id(resource_id) if resource_id else by_address(address)


def changes(
    ctx: typer.Context,
    *,
    vpc: Annotated[str, typer.Option(metavar="VPC", help="Match changes in this VPC. [default: any]")] = "",
    resource: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Match changes of this resource or, for a subnet, interface or instance, of what concerns it."
            " [default: any]",
        ),
    ] = "",
    actor: Annotated[
        str, typer.Option(metavar="NAME", help="Match who made them, by a part of the name. [default: anybody]")
    ] = "",
    start: Annotated[datetime | None, from_option("no limit")] = None,
    end: Annotated[datetime | None, to_option("no limit")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show at most this many changes, the newest.")] = 100,
    refused: Annotated[
        bool, typer.Option("--refused", help="Show calls that AWS refused; they are not stored.")
    ] = False,
    output: OutputOption = None,
) -> None:
    """List who changed what.

    Shows the newest first: when (UTC), the CloudTrail call, who made it, from which address and with which tool, what
    it did in words, and its eventID.

    Calls that can change reachability and that succeeded are stored (docs/calls.md). Calls that AWS refused are only
    counted, so that --refused reports their number and an error.

    \b
    Example:
      flowtrail changes --vpc vpc-0123456789abcdef0 --from 24h
    """
    from console.answers import changes as answers
    from console.terminal.changes import show
    from schemas.times import BEGINNING, END

    begin, finish = start or BEGINNING, end or END
    check_range(begin, finish)
    filters = answers.Filters(vpc, resource, actor, begin, finish, limit)
    found = settings(ctx, output=output)
    if refused:
        raise answers.refused(store_of(found))
    answer = answers.changes(store_of(found), filters)
    rows = [change.to_json() for change in answer.changes]
    reply(found, answer.to_json(), lambda screen: show(answer, screen), rows, answers.COLUMNS)


config = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ResourceArgument = Annotated[
    str,
    typer.Argument(metavar="RESOURCE", help="The ID of a resource: sg-, acl-, rtb-, eni-, subnet-, nat-, igw-, ..."),
]


@config.command("show")
def show_config(
    ctx: typer.Context, resource: ResourceArgument, at: AtOption = None, output: OutputOption = None
) -> None:
    """Show what a resource was at some time.

    Shows its content in words, since when it was so and by which call, and when its other versions were. Where nothing
    that is stored says since when, its history is unknown.

    As CSV: one line for each version.

    \b
    Example:
      flowtrail config show acl-0123456789abcdef0 --at 2026-11-20T15:00:00Z
    """
    from console.answers import config as answers
    from console.terminal.config import show

    found = settings(ctx, output=output)
    answer = answers.show(store_of(found), resource, at or datetime.now(UTC).replace(microsecond=0))
    reply(found, answer.to_json(), lambda screen: show(answer, screen), answer.records(), answers.VERSION_COLUMNS)


@config.command("diff")
def diff_config(
    ctx: typer.Context,
    resource: ResourceArgument,
    start: Annotated[datetime | None, from_option()] = None,
    end: Annotated[datetime | None, to_option("now")] = None,
    output: OutputOption = None,
) -> None:
    """Show how a resource differs between two times.

    Compares what it was at --from with what it was at --to, entry by entry, and lists the calls in between that changed
    it.

    As CSV: one line for each difference.

    \b
    Example:
      flowtrail config diff rtb-0123456789abcdef0 --from 2026-11-20T14:00:00Z --to 2026-11-20T15:00:00Z
    """
    if start is None:
        raise typer.BadParameter("--from is missing: give a time, or how long ago (24h).")
    finish = end or datetime.now(UTC).replace(microsecond=0)
    check_range(start, finish)
    from console.answers import config as answers
    from console.terminal.config import show_difference

    found = settings(ctx, output=output)
    answer = answers.diff(store_of(found), resource, start, finish)
    reply(
        found,
        answer.to_json(),
        lambda screen: show_difference(answer, screen),
        answer.records(),
        answers.DIFFERENCE_COLUMNS,
    )
