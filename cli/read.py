"""Commands that only read. None of them imports Beam."""

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.base import (
    OutputOption,
    check_range,
    from_option,
    reply,
    reply_incidents,
    say,
    settings,
    store_of,
    to_option,
)
from console.answers.fields import Field
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from connectors.settings import Settings
    from schemas.incident import Incident

WATCHED = timedelta(seconds=5)


def incidents(
    ctx: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show what is new or changes, until Ctrl-C.")] = False,
    output: OutputOption = None,
) -> None:
    """List the incidents that were found.

    They are sorted by the time they were first seen. When there are none, it says what was examined, and how complete
    the flow logs and CloudTrail are for that time.

    As JSON: an array of incidents with all their fields, [] when there are none; what was examined is then on standard
    error. With --watch, a list at first and then one whenever something is new or has changed; `flowtrail watch` finds
    it.

    \b
    Example:
      flowtrail incidents --output json
    """
    from console.answers import incidents as answers

    found = settings(ctx, output=output)
    if watch:
        _watch(found)
    else:
        reply_incidents(found, answers.incidents(store_of(found)))


def _watch(found: "Settings") -> None:
    """List the incidents again and again, and show those that differ. An embedded database is given back meanwhile."""
    from cli.follow import apart, repeat
    from console.answers.incidents import incidents as listed

    store = store_of(found)
    seen: dict[str, Incident] = {}
    once = partial(listed, store)

    first = True

    def tell(known: "list[Incident]") -> None:
        nonlocal first
        news = [each for each in known if seen.get(each.id) != each]
        seen.update({each.id: each for each in news})
        if news or first:
            reply_incidents(found, news)
            sys.stdout.flush()
        first = False

    repeat(partial(apart, once) if store.embedded else once, WATCHED, None, tell)


def incident(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="Show the incident whose ID starts with this.")],
    output: OutputOption = None,
) -> None:
    """Show one incident in full.

    Shows what stopped, who caused it and when, the command that undoes it, and the evidence; and what earlier runs said
    of it. An incident that is no longer found is shown if its ID is given in full.

    \b
    Example:
      flowtrail incident 5f1c
    """
    from console.answers import incidents as answers
    from console.answers.traffic import traffic
    from console.terminal.incidents import show_told

    found = settings(ctx, output=output)
    one = answers.incident(store_of(found), incident_id)
    seen = traffic(store_of(found), one.now.incident) if found.output == "table" else None
    reply(found, one.to_json(), lambda screen: show_told(one, screen, seen))


def search(
    ctx: typer.Context,
    *,
    action: Annotated[
        str, typer.Option(metavar="ACTION", help="Match this action: accept or reject. [default: any]")
    ] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Match this port at either end. [default: any]")
    ] = None,
    peer: Annotated[
        str, typer.Option(metavar="ADDRESS|CIDR", help="Match the remote end of the traffic. [default: any]")
    ] = "",
    addr: Annotated[
        str, typer.Option(metavar="ADDRESS|CIDR", help="Match either end of the traffic. [default: any]")
    ] = "",
    src: Annotated[str, typer.Option(metavar="ADDRESS|CIDR", help="Match the source. [default: any]")] = "",
    dst: Annotated[str, typer.Option(metavar="ADDRESS|CIDR", help="Match the destination. [default: any]")] = "",
    direction: Annotated[
        str, typer.Option(metavar="DIRECTION", help="Match this direction: ingress or egress. [default: any]")
    ] = "",
    eni: Annotated[str, typer.Option(metavar="ENI", help="Match this network interface ID. [default: any]")] = "",
    instance: Annotated[str, typer.Option(metavar="ID", help="Match this instance ID. [default: any]")] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Match this Name tag of the instance; 'web*' works. [default: any]")
    ] = "",
    vpc: Annotated[str, typer.Option(metavar="ID", help="Match this VPC ID. [default: any]")] = "",
    subnet: Annotated[str, typer.Option(metavar="ID", help="Match this subnet ID. [default: any]")] = "",
    protocol: Annotated[
        str, typer.Option(metavar="NAME|NUMBER", help="Match this protocol: tcp, udp, icmp, ... [default: any]")
    ] = "",
    start: Annotated[datetime | None, from_option("no limit")] = None,
    end: Annotated[datetime | None, to_option("no limit")] = None,
    top: Annotated[
        Field | None, typer.Option(help="Count records, packets and bytes by this field. [default: show the records]")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Show at most this many records, the newest, or values, the most frequent."
            " [default: 100; with --top 10]",
        ),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Find flow records, or count them by a field.

    Shows the newest first, each with the object and line it was read from. On a terminal, a record is one line, with as
    much as its width allows; a pipe, JSON and CSV have everything.

    Addresses are looked for in pkt-srcaddr and pkt-dstaddr too: behind a NAT gateway, these have the real peer. Names,
    instances, subnets and VPCs are those at the time of the record.

    Times are UTC unless they contain a zone. Also shows how complete the answer is (with --output csv, on standard
    error).

    \b
    Example:
      flowtrail search --action reject --port 22 --peer 198.51.100.0/24 --from 2h
      flowtrail search --action reject --since 14:00 --name 'web*' --top src
    """
    from console.answers import search as answers
    from console.terminal.search import show, show_top
    from schemas.protocols import protocol_number
    from schemas.times import BEGINNING, END

    begin, finish = start or BEGINNING, end or END
    check_range(begin, finish)
    try:
        filters = answers.Filters(
            action=action,
            port=port,
            peer=peer,
            addr=addr,
            src=src,
            dst=dst,
            eni=eni,
            instance=instance,
            name=name,
            subnet=subnet,
            vpc=vpc,
            direction=direction,
            protocol=protocol_number(protocol),
            start=begin,
            end=finish,
            limit=limit or (answers.RECORDS if top is None else answers.VALUES),
        )
        filters.parameters()
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    found = settings(ctx, output=output)
    if top is None:
        records = answers.search(store_of(found), filters)
        sentences = (answers.count(records), *records.coverage.sentences())
        reply(found, records.to_json(), lambda screen: show(records, screen), records.flows, answers.COLUMNS)
    else:
        values = answers.top(store_of(found), filters, top)
        sentences = (answers.count(values), *values.coverage.sentences())
        reply(found, values.to_json(), lambda screen: show_top(values, screen), values.values, answers.TOP_COLUMNS)
    if found.output == "csv":
        for sentence in sentences:
            say(sentence)


def status(
    ctx: typer.Context,
    start: Annotated[datetime | None, from_option("24 hours before the end")] = None,
    end: Annotated[datetime | None, to_option("the newest record")] = None,
    output: OutputOption = None,
) -> None:
    """Show what the store contains.

    Also shows how complete and how old it is, what was set aside, and which migrations are pending.

    Gaps are periods between --from and --to for which an interface's flow log delivered nothing, not even that there
    was no traffic. Overlaps are interfaces whose records in that range were delivered by more than one flow log, so
    that each counts more than once. Copies are flow log objects that were loaded from more than one bucket, such as a
    replica, or from more than one folder; their records count more than once too.

    \b
    Example:
      flowtrail status --from 24h
    """
    from console.answers import status as answers
    from console.terminal.status import show

    if start and end:
        check_range(start, end)
    found = settings(ctx, output=output)
    answer = answers.status(store_of(found), datetime.now(UTC), start, end)
    reply(found, answer.to_json(), lambda screen: show(answer, screen))


def sql(
    ctx: typer.Context,
    statement: Annotated[
        str, typer.Argument(help="Run this read-only statement: SELECT, SHOW, DESCRIBE, EXPLAIN, ...")
    ],
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many rows.")] = 10_000,
    output: OutputOption = None,
) -> None:
    """Query the store with read-only SQL.

    As JSON: an array with one object per row; as CSV: one line per row. The tables are described in docs/schema.md.

    \b
    Example:
      flowtrail sql "SELECT action, count() FROM flows GROUP BY action"
    """
    from console.answers.sql import run_sql
    from console.terminal.sql import show

    found = settings(ctx, output=output)
    answer = run_sql(store_of(found), statement, limit)
    reply(found, answer.to_json(), lambda screen: show(answer, screen), answer.to_json(), answer.columns)
    if answer.more:
        say(f"warning: only the first {limit} rows are shown; raise --limit for more.")
