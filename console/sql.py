"""SQL for people: read-only, one statement, as many rows as they ask for."""

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from connectors.clickhouse import Store
from console.guard import first_word, guarded
from console.render import plain
from console.screen import Screen
from schemas.errors import FlowtrailError


@dataclass(frozen=True)
class Rows:
    """`rows` in JSON's types, in the order of `columns`; `more` says that the limit cut them off."""

    columns: list[str]
    rows: list[list[Any]]
    more: bool

    def to_json(self) -> list[dict[str, Any]]:
        """One object per row. Columns of the same name: the last holds, as in SQL's own JSON."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_sql(store: Store, statement: str, limit: int) -> Rows:
    """The first `limit` rows. Raises FlowtrailError for what is not one reading statement, when the engine refuses it
    (with the engine's words), or when text in the answer is not UTF-8."""
    sql = guarded(statement)
    client = store.reader()
    try:
        columns, rows = _streamed(client, sql, limit) if first_word(sql) in _MANY else _whole(client, sql)
    except Error as error:
        raise FlowtrailError(f"The store refuses the statement: {error}", _TABLES) from error
    except UnicodeDecodeError as error:
        raise FlowtrailError("A text in the answer is not UTF-8.", "Select hex() of the column.") from error
    return Rows(columns, rows[:limit], len(rows) > limit)


_MANY = ("SELECT", "WITH")
"""What answers as many rows as it likes, and so is read block by block; the others answer few."""


def _streamed(client: Client, sql: str, limit: int) -> tuple[list[str], list[list[Any]]]:
    rows: list[list[Any]] = []
    with client.query_row_block_stream(sql, query_tz="UTC", tz_mode="aware") as blocks:
        columns = list(blocks.source.column_names)
        for block in blocks:
            rows.extend([plain(cell) for cell in row] for row in block)
            if len(rows) > limit:
                break
    if not columns:  # without any row the engine names none
        columns = [str(row[0]) for row in client.query(f"DESCRIBE TABLE ({sql})").result_rows]
    return columns, rows


def _whole(client: Client, sql: str) -> tuple[list[str], list[list[Any]]]:
    answer = client.query(sql, query_tz="UTC", tz_mode="aware")
    return list(answer.column_names), [[plain(cell) for cell in row] for row in answer.result_rows]


_TABLES = 'What there is: flowtrail sql "SHOW TABLES", flowtrail sql "DESCRIBE flows", docs/schema.md.'


def show(answer: Rows, screen: Screen) -> None:
    """A table of it."""
    screen.table(answer.columns, [["" if cell is None else cell for cell in row] for row in answer.rows])
