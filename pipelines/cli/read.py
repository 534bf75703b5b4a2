"""Commands that only read. None of them imports Beam."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.cli.base import (
    FromOption,
    OutputOption,
    ToOption,
    check_range,
    reply,
    say,
    settings,
    store_of,
)
from schemas.errors import FlowtrailError


def incidents(ctx: typer.Context, output: OutputOption = None) -> None:
    """List the incidents that were found.

    In order of their first sign.

    As JSON: an array of incidents with all their fields, [] when there are none.

    \b
    Example:
      flowtrail incidents --output json
    """
    from console import incidents as room

    found = settings(ctx, output=output)
    known = room.incidents(store_of(found))
    answer = [one.to_json() for one in known]
    reply(found, answer, lambda screen: room.show_list(known, screen), columns=room.COLUMNS)


def incident(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    output: OutputOption = None,
) -> None:
    """Tell one incident from beginning to end.

    What stopped, who did it and when, the command that undoes it, and the evidence.

    \b
    Example:
      flowtrail incident 5f1c
    """
    from console import incidents as room

    found = settings(ctx, output=output)
    one = room.incident(store_of(found), incident_id)
    reply(found, one.to_json(), lambda screen: room.show_story(one, screen))


def search(
    ctx: typer.Context,
    *,
    action: Annotated[str, typer.Option(metavar="ACTION", help="accept or reject.")] = "",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of either end.")] = None,
    peer: Annotated[str, typer.Option(metavar="ADDRESS|CIDR", help="The far end of the traffic.")] = "",
    addr: Annotated[str, typer.Option(metavar="ADDRESS|CIDR", help="Either end of the traffic.")] = "",
    eni: Annotated[str, typer.Option(metavar="ENI", help="Network interface, by id.")] = "",
    protocol: Annotated[str, typer.Option(metavar="NAME|NUMBER", help="tcp, udp, icmp, ... or its number.")] = "",
    start: FromOption = None,
    end: ToOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many records, the newest.")] = 100,
    output: OutputOption = None,
) -> None:
    """Find flow records.

    Newest first, in UTC and local time, each with the object and line it was read from.

    Without --from everything before --to is searched; without --to everything after --from. Times are UTC unless they
    say otherwise. Says how complete the answer is; with --output csv on standard error.

    \b
    Example:
      flowtrail search --action reject --port 22 --peer 198.51.100.0/24 --from 2h
    """
    from console import search as room
    from console.protocols import protocol_number

    begin, finish = start or room.BEGINNING, end or room.END
    check_range(begin, finish)
    try:
        filters = room.Filters(
            room.action(action), port, peer, addr, room.interface(eni), protocol_number(protocol), begin, finish, limit
        )
        filters.parameters()
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    found = settings(ctx, output=output)
    answer = room.search(store_of(found), filters)
    reply(found, answer.to_json(), lambda screen: room.show(answer, screen), answer.flows, room.COLUMNS)
    if found.output == "csv":
        for sentence in (room.count(answer), *answer.coverage.sentences()):
            say(sentence)


def status(ctx: typer.Context, start: FromOption = None, end: ToOption = None, output: OutputOption = None) -> None:
    """Say what the store holds.

    And how complete and how old it is, what was set aside, and what is yet to be done.

    Gaps are stretches of which an interface's flow log delivered nothing, not even that there was no traffic: those
    between --from and --to, by default in the last 24 hours that the store holds. Overlaps are interfaces whose records
    came by more than one flow log there, so that each counts more than once.

    \b
    Example:
      flowtrail status --from 24h
    """
    from connectors.dead_letters import read
    from console import status as room

    if start and end:
        check_range(start, end)
    found = settings(ctx, output=output)
    answer = room.status(store_of(found), read(found.dead_letter_folder), datetime.now(UTC), start, end)
    reply(found, answer.to_json(), lambda screen: room.show(answer, screen))


def sql(
    ctx: typer.Context,
    statement: Annotated[str, typer.Argument(help="One statement that reads: SELECT, SHOW, DESCRIBE, EXPLAIN, ...")],
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 10_000,
    output: OutputOption = None,
) -> None:
    """Ask the store in SQL. It can only read.

    As JSON: an array with one object per row; as CSV a line per row. The tables are described in docs/schema.md.

    \b
    Example:
      flowtrail sql "SELECT action, count() FROM flows GROUP BY action"
    """
    from console import sql as room

    found = settings(ctx, output=output)
    answer = room.run_sql(store_of(found), statement, limit)
    reply(found, answer.to_json(), lambda screen: room.show(answer, screen), answer.to_json(), answer.columns)
    if answer.more:
        say(f"warning: only the first {limit} rows are shown; raise --limit for more.")
