"""Queries of the store: each is a file in `queries/`, run with server-side parameters by a read-only client."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from connectors.store.clickhouse import Store, query

_PARAMETER = re.compile(r"\{(\w+):")


def ask(
    store: Store, question: str, parameters: Mapping[str, Any] | None = None, *, where: str = ""
) -> list[dict[str, Any]]:
    """The rows of `queries/<question>.sql`, all in memory: for answers small enough for people to read. `where` names
    the file with the conditions that stand for its name in the question; lines with a parameter that is None are left
    out of them. Raises FlowtrailError when the store cannot be opened or a table is missing."""
    sql, given = _text(question), dict(parameters or {})
    if where:
        unset = {name for name, value in given.items() if value is None}
        lines = [line for line in _text(where).splitlines() if unset.isdisjoint(_PARAMETER.findall(line))]
        sql = sql.replace(f"WHERE {where}\n", "\n".join(("WHERE", *lines, "")))
        given = {name: value for name, value in given.items() if name not in unset}
    rows: list[dict[str, Any]] = query(store.reader(), sql, given).to_pylist()
    return rows


def _text(name: str) -> str:
    return (files("console.answers") / "queries" / f"{name}.sql").read_text("utf-8")
