"""Queries of the store: each is a file in `queries/`, run with server-side parameters by a read-only client."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from connectors.store.clickhouse import Store, query


def ask(store: Store, question: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows of `queries/<question>.sql`, all in memory: for answers small enough for people to read. Raises
    FlowtrailError when the store cannot be opened or a table is missing."""
    sql = (files("console.answers") / "queries" / f"{question}.sql").read_text("utf-8")
    rows: list[dict[str, Any]] = query(store.reader(), sql, parameters).to_pylist()
    return rows
