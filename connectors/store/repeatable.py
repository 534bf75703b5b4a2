"""The statements of a migration in a form that may be run again, after they ran or ran in part.

ClickHouse has no DDL transactions, and files that were released never change. So CREATE, ADD and DROP are sent with IF
[NOT] EXISTS, and what exists decides how a table that is being rebuilt goes on.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import query

_PLAIN = (
    (re.compile(r"\A(CREATE TABLE|DROP TABLE) (?!IF )"), {"CREATE TABLE": "IF NOT EXISTS", "DROP TABLE": "IF EXISTS"}),
    (
        re.compile(r"\b(ADD COLUMN|ADD INDEX|DROP INDEX) (?!IF )"),
        {"ADD COLUMN": "IF NOT EXISTS", "ADD INDEX": "IF NOT EXISTS", "DROP INDEX": "IF EXISTS"},
    ),
)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_KNOWN = re.compile(
    r"(CREATE TABLE \w+\s*\(|CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP TABLE"
    r"|ALTER TABLE \w+\s+(ADD (COLUMN|INDEX)|DROP INDEX|MODIFY (COLUMN|SETTING)|MATERIALIZE INDEX))"
)
_COPY = re.compile(r"INSERT INTO (\w+) SELECT \* FROM (\w+)\b")
_RENAME = re.compile(r"RENAME TABLE (\w+) TO (\w+), (\w+) TO (\w+)\Z")
_SORTED = re.compile(r"^ORDER BY \((.*)\)$", re.MULTILINE)

Run = Callable[[str], None]


@dataclass(frozen=True)
class Statement:
    """One statement, which may be sent any number of times."""

    sql: str

    def run(self, client: Client, run: Run) -> None:
        del client
        run(self.sql)


@dataclass(frozen=True)
class Rebuild:
    """A table is copied to `new`, which has another sort key, and takes its place; the former one is dropped as `old`.
    Whether this has happened is told by the sort key. An unfinished copy is dropped, never completed: an insert that
    the server still runs for a process that died goes to the dropped table."""

    table: str
    new: str
    old: str
    sorted_by: str
    create: str
    copy: str

    def run(self, client: Client, run: Run) -> None:
        keys = _sort_keys(client)
        if keys.get(self.table, "") != self.sorted_by:
            if self.table in keys:
                run(f"DROP TABLE IF EXISTS {self.new} SYNC")
                run(self.create)
                run(self.copy)
                run(f"RENAME TABLE {self.table} TO {self.old}")
            # Without `table` a process stopped between the two: `new` is complete.
            run(f"RENAME TABLE {self.new} TO {self.table}")
        run(f"DROP TABLE IF EXISTS {self.old} SYNC")
        run(f"DROP TABLE IF EXISTS {self.new} SYNC")


def repeatable(statements: list[str]) -> Iterator[Statement | Rebuild]:
    """What to run for the statements of a file. Raises ValueError for one that is not known to be repeatable.

    >>> [each.sql for each in repeatable(["-- Why.\\nCREATE TABLE x (a UInt8)"])]
    ['CREATE TABLE IF NOT EXISTS x (a UInt8)']
    """
    plain = [_COMMENT.sub("", statement).strip() for statement in statements]
    while plain:
        if len(plain) > 1 and (copied := _COPY.match(plain[1])):
            yield _rebuild(plain[:4], copied)
            del plain[:4]
            continue
        sql = plain.pop(0)
        if not _KNOWN.match(sql):
            raise ValueError(f"not known to be repeatable: {sql[:60]}")
        for pattern, clauses in _PLAIN:
            sql = pattern.sub(lambda m, clauses=clauses: f"{m[1]} {clauses[m[1]]} ", sql)  # type: ignore[misc]
        yield Statement(sql)


def _rebuild(four: list[str], copied: re.Match[str]) -> Rebuild:
    create, copy, rename, drop = four
    new, table = copied.groups()
    renamed, key = _RENAME.match(rename), _SORTED.search(create)
    if renamed is None or key is None or not create.startswith(f"CREATE TABLE {new}\n"):
        raise ValueError(f"not a rebuilt table: {rename[:60]}")
    old = renamed[2]
    if renamed.groups() != (table, old, new, table) or drop != f"DROP TABLE {old} SYNC":
        raise ValueError(f"not a rebuilt table: {rename[:60]}")
    return Rebuild(table, new, old, key[1], create, copy)


def _sort_keys(client: Client) -> dict[str, str]:
    rows = query(client, "SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase()").to_pylist()
    return {row["name"]: row["sorting_key"] for row in rows}
