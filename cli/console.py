"""The command that serves the web console. It does not import Beam."""

import os
from typing import Annotated

import typer

from cli.base import say, settings, store_of
from cli.serving import listening, place, server, url

PORT = 8470


def console(
    ctx: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Listen here; port 0 takes any free one.")
    ] = f"127.0.0.1:{PORT}",
    host_names: Annotated[
        list[str] | None,
        typer.Option(
            "--host-name", metavar="NAME", help="Answer to this name too; may be repeated. [default: loopback only]"
        ),
    ] = None,
    with_mcp: Annotated[
        bool, typer.Option("--mcp", help="Serve assistants at /mcp too, as `flowtrail mcp` does. Needs the mcp extra.")
    ] = False,
    identity_header: Annotated[
        str,
        typer.Option(metavar="NAME", help="Let in whom a reverse proxy names in this header. [default: nobody]"),
    ] = "",
) -> None:
    """Serve the web console.

    Shows open incidents, each with its evidence and the command that undoes it, and answers what `search`, `explain`,
    `preview`, `changes`, `config` and `sql` answer. It only reads.

    Listens on this machine only, unless told otherwise; then it needs FLOWTRAIL_CONSOLE_TOKEN, a long random text, or
    the name of the header in which a reverse proxy says who asks. Only one process can use an embedded database: use a
    server for a console beside `flowtrail watch`.

    \b
    Example:
      flowtrail console
      FLOWTRAIL_CONSOLE_TOKEN=... flowtrail console --listen 0.0.0.0:8470 --host-name flowtrail.example.net
    """
    from console.web.access import TOKEN, Access

    address, port = place(listen, PORT)
    access = Access(tuple(name.lower() for name in host_names or ()), os.environ.get(TOKEN, ""), identity_header)
    access.check(address)
    store = store_of(settings(ctx))
    store.reader()  # says now what is wrong with the database
    from console.web.app import console_app

    if with_mcp:
        from cli.mcp import made
        from console.mcp_server.server import over_http

        assistants = made(store)
        app = console_app(store, access, over_http(assistants), assistants.session_manager.run)
    else:
        app = console_app(store, access)
    with listening(address, port) as bound:
        say(f"Console: {url(address, bound)}" + ("?token=..." if access.token else ""))
        server(app).run(sockets=[bound])
