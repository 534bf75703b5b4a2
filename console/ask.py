"""Questions to the store: each is a file in `queries/`, its values server-side parameters, its client read-only."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from connectors.clickhouse import Store, query


def ask(store: Store, question: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Rows of `queries/<question>.sql`, for answers of a size that people read. Raises FlowtrailError when the store
    cannot be opened or lacks a table."""
    sql = (files("console") / "queries" / f"{question}.sql").read_text("utf-8")
    rows: list[dict[str, Any]] = query(store.reader(), sql, parameters).to_pylist()
    return rows
