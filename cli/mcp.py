"""The command that serves assistants. It does not import Beam."""

from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from cli.base import settings, store_of
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from connectors.store.clickhouse import Store


def mcp(ctx: typer.Context) -> None:
    """Serve assistants by the Model Context Protocol.

    Speaks MCP on standard input and output: an assistant starts this command itself. Its tools answer what `incidents`,
    `incident`, `status`, `search`, `explain`, `preview`, `changes`, `config` and `sql` answer; none of them runs or
    changes anything. Requires the mcp extra: run `pip install '.[mcp]'` in the source tree.

    \b
    Example:
      flowtrail mcp
    """
    store = store_of(settings(ctx))
    server = made(store)
    store.reader()  # says now what is wrong with the database
    server.run("stdio")


def made(store: "Store") -> "MCPServer":
    """The server of a store. Raises FlowtrailError if the extra is not installed."""
    if find_spec("mcp") is None:
        raise FlowtrailError(
            "The MCP server needs a component that is not installed: mcp.",
            "Run `pip install '.[mcp]'` in the source tree.",
        )
    import logging

    logging.getLogger().addHandler(logging.NullHandler())  # standard output belongs to the protocol
    from console.mcp_server.server import mcp_server

    return mcp_server(store, version("flowtrail"))
