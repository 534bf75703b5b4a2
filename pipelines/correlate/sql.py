"""Runs the SQL of correlation, which is in `queries/`, a file a query. Values are passed as parameters."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import command, query


def ask(client: Client, name: str, parameters: Mapping[str, Any]) -> pa.Table:
    """The result of the query in `name`.sql. Raises as `connectors.store.clickhouse.query`."""
    return query(client, _sql(name), parameters)


def run(client: Client, name: str, parameters: Mapping[str, Any]) -> None:
    """Run the statement in `name`.sql. Raises as `connectors.store.clickhouse.command`."""
    command(client, _sql(name), parameters)


@cache
def _sql(name: str) -> str:
    return (files("pipelines.correlate") / "queries" / f"{name}.sql").read_text("utf-8")
