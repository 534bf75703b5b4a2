"""The command that shows what a change would do, before anybody makes it. It does not import Beam."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.base import OutputOption, moment, reply, settings, store_of


def preview(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="aws ec2 ...", help="The command, after --.")],
    lookback: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Look at the conversations of this long before. [default: 24h]"),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", parser=moment, metavar="TIME", help="As if it were made at this time. [default: now]"),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Show what a change would cut off or open.

    Takes an `aws ec2` command as you would type it, and says which of the conversations that were observed it would cut
    off or open, by interface, port and peer, with their bytes. The command is never run, and nothing is sent.

    As CSV: one line for each conversation.

    \b
    Example:
      flowtrail preview -- aws ec2 delete-route --route-table-id rtb-0a1b --destination-cidr-block 0.0.0.0/0
    """
    from console.answers.preview import COLUMNS
    from console.answers.preview import preview as answer_of
    from console.terminal.preview import show

    found = settings(ctx, output=output, lookback=lookback)
    answer = answer_of(store_of(found), words, found.lookback, (at or datetime.now(UTC)).replace(microsecond=0))
    records = [one.to_json() for one in answer.touched]
    reply(found, answer.to_json(), lambda screen: show(answer, screen), records, COLUMNS)
