"""Commands that ask the model of the VPC: what reaches what, what was changed, and what a resource was. None of them
imports Beam."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.base import OutputOption, moment, reply, say, settings, store_of
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
    """Explain whether one end reaches another, and which rule decides.

    The verdict is one of five: reachable, blocked, partly (the request gets there and the reply does not get back, or
    only some of several ends or client ports get through), ambiguous (several interfaces have the address, with
    different results) or unknown. Shows each step there and back, the flow records of the same conversation, and where
    they disagree with the model. With --at also the verdict by the latest configuration that is known, and the changes
    in between that turned it.

    As CSV: one line for each step.

    \b
    Example:
      flowtrail explain --from-ip 203.0.113.5 --to-ip 10.0.1.10 --port 443 --at 2026-11-20T10:00:00Z
      flowtrail explain --from-id i-0123456789abcdef0 --to-ip 10.0.2.20 --port 5432
    """
    from network.verdict.reach import Question
    from schemas.protocols import PORTED, protocol_number

    src, dst = _where(from_ip, from_id, "from"), _where(to_ip, to_id, "to")
    if src == dst:
        raise typer.BadParameter(f"both ends are {src}: give two.")
    if src.address and dst.address and (":" in src.address) != (":" in dst.address):
        raise typer.BadParameter("one end is IPv4 and the other IPv6: they cannot reach each other.")
    try:
        number = protocol_number(protocol)
    except FlowtrailError as error:
        raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    if number is None:
        raise typer.BadParameter("--protocol is empty: give tcp, udp, icmp, ...")
    if number in PORTED and port is None:
        raise typer.BadParameter("--port is missing: give the port at the end that is reached.")
    if number not in PORTED and (port or client_port):
        raise typer.BadParameter(f"{protocol} has no ports: leave out --port and --client-port.")
    from console.answers.explain import STEP_COLUMNS
    from console.answers.explain import explain as answer_of
    from console.terminal.explain import show

    found = settings(ctx, output=output, lookback=lookback)
    question = Question(src, dst, number, port or 0, client_port, vpc)
    answer = answer_of(store_of(found), question, at, datetime.now(UTC), found.lookback)
    reply(found, answer.to_json(), lambda screen: show(answer, screen), answer.records(), STEP_COLUMNS)
    if found.output == "csv":
        for view in (answer.then, answer.now):
            for line in view.disagreements if view else ():
                say(f"warning: the flow log disagrees: {line}")


def _where(address: str, resource_id: str, end: str) -> "Where":
    """An end as it was given. Raises BadParameter unless it was given in exactly one way."""
    from network.cidr import address_text, is_address
    from network.verdict.reach import Where

    if bool(address) == bool(resource_id):
        raise typer.BadParameter(f"give either --{end}-ip or --{end}-id.")
    if resource_id:
        if not re.fullmatch(r"(eni|i)-[0-9a-zA-Z-]{1,40}", resource_id):
            raise typer.BadParameter(
                f"{resource_id!r} is neither a network interface ID (eni-...) nor an instance (i-...)."
            )
        return Where(id=resource_id)
    if not is_address(address.strip()):
        raise typer.BadParameter(f"{address!r} is not an address: write 198.51.100.7 or 2001:db8::7.")
    return Where(address=address_text(address.strip()))
