"""SQL from users: one read-only statement, and as many rows as they ask for."""

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from connectors.store.clickhouse import Store
from console.answers.guard import first_word, guarded
from console.answers.plain import plain
from console.answers.text import INGEST
from schemas.errors import FlowtrailError


@dataclass(frozen=True)
class Rows:
    """`rows` are JSON types, in the order of `columns`; `more`: the limit cut off others."""

    columns: list[str]
    rows: list[list[Any]]
    more: bool

    def to_json(self) -> list[dict[str, Any]]:
        """One object per row. Of columns with the same name the last one is kept, as in ClickHouse's JSON."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_sql(store: Store, statement: str, limit: int) -> Rows:
    """The first `limit` rows. Raises FlowtrailError for anything but one read-only statement, when the engine rejects
    it (with the engine's message), or when text in the answer is not UTF-8."""
    sql = guarded(store, statement)
    client = store.reader()
    try:
        columns, rows = _streamed(client, sql, limit) if first_word(sql) in _MANY else _whole(client, sql)
    except Error as error:
        raise FlowtrailError(f"The store rejected the statement: {error}", _TABLES) from error
    except UnicodeDecodeError as error:
        raise FlowtrailError("A text in the answer is not UTF-8.", "Select hex() of the column.") from error
    return Rows(columns, rows[:limit], len(rows) > limit)


_MANY = ("SELECT", "WITH")
"""Statements that can return any number of rows, and so are read block by block; the others return few."""


def _streamed(client: Client, sql: str, limit: int) -> tuple[list[str], list[list[Any]]]:
    rows: list[list[Any]] = []
    with client.query_row_block_stream(sql, query_tz="UTC", tz_mode="aware") as blocks:
        columns = list(blocks.source.column_names)
        for block in blocks:
            rows.extend([plain(cell) for cell in row] for row in block)
            if len(rows) > limit:
                break
    if not columns:  # the engine returns no column names without rows
        columns = [str(row[0]) for row in client.query(f"DESCRIBE TABLE ({sql})").result_rows]
    return columns, rows


def _whole(client: Client, sql: str) -> tuple[list[str], list[list[Any]]]:
    answer = client.query(sql, query_tz="UTC", tz_mode="aware")
    return list(answer.column_names), [[plain(cell) for cell in row] for row in answer.result_rows]


_TABLES = (
    'See flowtrail sql "SHOW TABLES", flowtrail sql "DESCRIBE flows" or docs/schema.md for the tables; if there are'
    f" none, run `{INGEST}`."
)
