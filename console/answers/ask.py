"""Queries of the store: each is a file in `queries/`, run with server-side parameters by a read-only client."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from connectors.store.clickhouse import Store, query


def ask(
    store: Store, question: str, parameters: Mapping[str, Any] | None = None, *, of: str = ""
) -> list[dict[str, Any]]:
    """The rows of `queries/<question>.sql`, all in memory: for answers small enough for people to read. With `of`, the
    question is about the rows of `queries/<of>.sql`, by that name. Raises FlowtrailError when the store cannot be
    opened or a table is missing."""
    sql = _text(question)
    if of:
        sql = f"WITH {of} AS\n(\n{_text(of)})\n{sql}"
    rows: list[dict[str, Any]] = query(store.reader(), sql, parameters).to_pylist()
    return rows


def _text(name: str) -> str:
    return (files("console.answers") / "queries" / f"{name}.sql").read_text("utf-8")
