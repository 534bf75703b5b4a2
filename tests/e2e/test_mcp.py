"""Proves: an assistant that starts `flowtrail mcp` learns the cause of an incident, how complete the data is, and what
a command would do; no tool writes, and what cannot be answered is said with its remedy."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from connectors.store.clickhouse import Store
from console.answers.incidents import incidents
from console.mcp_server.server import mcp_server, over_http
from console.web.access import Access
from console.web.app import console_app
from tests.e2e.web import serving

TOOLS = {
    "list_incidents", "get_incident", "get_status", "search_flows", "explain", "preview_change", "list_changes",
    "show_config", "show_network", "run_query",
}  # fmt: skip


def ask(server: Any, name: str, **arguments: Any) -> Any:
    """The structured answer of a tool, or the text of its error."""

    async def asked() -> Any:
        async with mcp.Client(server) as client:
            answer = await client.call_tool(name, arguments)
            return answer.content[0].text if answer.is_error else answer.structured_content  # type: ignore[union-attr]

    return asyncio.run(asked())


@pytest.fixture(scope="module")
def server(told_store: Store) -> Iterator[Any]:
    yield mcp_server(told_store, "0")


def test_every_tool_only_reads(server: Any) -> None:
    async def listed() -> Any:
        async with mcp.Client(server) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(listed())
    assert {tool.name for tool in tools} == TOOLS
    assert all(tool.annotations.read_only_hint and not tool.annotations.destructive_hint for tool in tools)
    assert all(tool.description for tool in tools)


def test_the_cause_is_found(server: Any, told_store: Store) -> None:
    listed = ask(server, "list_incidents", state="open")
    assert [each["id"] for each in listed["incidents"]] == [each.id for each in incidents(told_store)]
    assert listed["examined"][0].startswith("Examined: 2026-11-20")
    first = listed["incidents"][0]
    assert (first["certainty"], first["cause"]["event_name"]) == ("proven", "DeleteRoute")
    full = ask(server, "get_incident", incident_id=first["id"])
    assert full["evidence"][0]["key"]
    assert full["fix"].startswith("aws ec2 create-route")
    assert ask(server, "list_incidents", state="closed")["incidents"] == []


def test_questions_of_all_kinds(server: Any, told_store: Store) -> None:
    lost = incidents(told_store)[0]
    assert lost.cause
    assert lost.fix
    found = ask(server, "search_flows", action="reject", port=22, limit=3)
    assert len(found["flows"]) == 3
    assert found["more"]
    assert ask(server, "search_flows", action="reject", count_by="peer")["values"]
    asked = {"source": lost.peers[0], "destination": lost.enis[0], "port": 80}
    answer = ask(server, "explain", **asked, at="2026-11-20T14:00Z")
    assert answer["then"]["verdict"] == "reachable"
    assert answer["now"]["verdict"] != "reachable"
    assert ask(server, "preview_change", command=lost.fix.split())["call"] == "CreateRoute"
    assert ask(server, "list_changes", actor=lost.cause.actor)["changes"]
    assert ask(server, "show_config", resource=lost.cause.resource, since="2026-11-20T13:00Z")["differences"]
    assert lost.cause.resource in ask(server, "show_network", since="2026-11-20T13:00Z")["different"]
    assert ask(server, "run_query", statement="SELECT 1 + 2 AS sum") == {"rows": [{"sum": 3}], "more": False}
    assert ask(server, "get_status")["gaps"] == []


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_incident", {"incident_id": "nothing"}, "List them with `flowtrail incidents`"),
        ("run_query", {"statement": "DROP TABLE flows"}, "only"),
        ("explain", {"source": "x", "destination": "10.0.0.1", "port": 1}, "is not an address"),
        ("preview_change", {"command": ["rm", "-rf", "/"]}, "not an `aws ec2` command"),
        ("search_flows", {"eni": "x"}, "is not a network interface ID"),
        ("search_flows", {"count_by": "x"}, "is not a field"),
        ("list_changes", {"start": "soon"}, "soon"),
    ],
)
def test_what_cannot_be_answered_is_said(server: Any, tool: str, arguments: dict[str, Any], said: str) -> None:
    assert said in ask(server, tool, **arguments)


def test_beside_the_console(told_store: Store) -> None:
    """Over HTTP, under the console's rules: a token, its own name, and nobody else's pages."""
    made = mcp_server(told_store, "0")
    app = console_app(told_store, Access(token="secret"), over_http(made), made.session_manager.run)
    with serving(app) as address:
        assert httpx2.post(f"{address}/mcp", trust_env=False).status_code == 401
        known = {"authorization": "Bearer secret"}
        for other in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            assert httpx2.post(f"{address}/mcp", headers=known | other, trust_env=False).status_code in (403, 421)
        assert httpx2.post(f"{address}/sql", headers=known, trust_env=False).status_code == 405

        async def asked() -> Any:
            http = httpx2.AsyncClient(headers=known, trust_env=False)
            async with http, mcp.Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client:
                return (await client.call_tool("list_incidents", {"state": "open"})).structured_content

        assert len(asyncio.run(asked())["incidents"]) == 2


def test_as_an_assistant_starts_it(db: Path) -> None:
    """A process of its own, by standard input and output; in the protocol's older version too."""
    command = StdioServerParameters(
        command=str(Path(sys.executable).parent / "flowtrail"), args=["--db", str(db), "mcp"]
    )
    assert shutil.which(command.command)

    counted = {"statement": "SELECT count() AS n FROM flows"}

    async def asked(mode: Any) -> Any:
        async with mcp.Client(stdio_client(command), mode=mode) as client:
            return (await client.call_tool("run_query", counted)).structured_content

    for mode in ("auto", "legacy"):
        assert asyncio.run(asked(mode)) == {"rows": [{"n": 0}], "more": False}
