"""The command that serves the web console. It does not import Beam."""

import os
import socket
from typing import Annotated

import typer

from cli.base import say, settings, store_of
from schemas.errors import FlowtrailError

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

    address, _, port = listen.rpartition(":")
    address = address.strip("[]")
    if not address or not port.isdigit() or int(port) > 65_535:
        raise typer.BadParameter(f"{listen!r} is not an address and a port: write 127.0.0.1:{PORT}.")
    access = Access(tuple(name.lower() for name in host_names or ()), os.environ.get(TOKEN, ""), identity_header)
    access.check(address)
    store = store_of(settings(ctx))
    store.reader()  # says now what is wrong with the database
    import uvicorn

    from console.web.app import console_app

    with _listening(address, int(port)) as bound:
        host = f"[{address}]" if ":" in address else address
        say(f"Console: http://{host}:{bound.getsockname()[1]}/" + ("?token=..." if access.token else ""))
        config = uvicorn.Config(
            console_app(store, access),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(config).run(sockets=[bound])


def _listening(address: str, port: int) -> socket.socket:
    """A socket that listens there. Raises FlowtrailError if it cannot. The protocol is named: without it, asyncio
    would let the kernel hold back the second part of each answer for 40 ms."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
    except OSError as error:
        bound.close()
        raise FlowtrailError(
            f"{address}:{port} cannot be listened on: {error.strerror or error}.", "Choose another with --listen."
        ) from None
    return bound
