"""The store: ClickHouse embedded in a folder (chDB) or on a server, behind one client class.

The embedded engine belongs to one process at a time, and a process can open one folder only.
"""

import contextlib
import fcntl
import io
import logging
import os
import re
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

import clickhouse_connect
import pyarrow as pa
import pyarrow.compute as pc
import stamina
from clickhouse_connect.driver.binding import format_query_value, quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from connectors.columns import is_blank, united
from connectors.statement import one_query
from schemas.errors import FlowtrailError
from schemas.table import Table

PASSWORD = "FLOWTRAIL_PASSWORD"  # noqa: S105 - the name, not the secret
PASSWORD_FILE = "FLOWTRAIL_PASSWORD_FILE"  # noqa: S105
UNKNOWN_DATABASE = 81
UNKNOWN_TABLE = 60
AUTHENTICATION_FAILED = 516
PASSING = frozenset({159, 202, 203, 209, 210, 236, 241, 242, 252, 285, 319, 373, 425, 999})
"""Errors of a server that is busy, short of something, or not sure: timeouts, too many queries or parts, memory, a
table that is read-only or a quorum that is gone for now, an insert of unknown outcome, a session in use, Keeper."""

INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 2_000_000,
    "min_insert_block_size_bytes": 4 << 30,
    "max_insert_block_size": 2_000_000,
    "materialized_views_ignore_errors": 0,
    "throw_on_max_partitions_per_insert_block": 1,
    "input_format_null_as_default": 0,
    "wait_end_of_query": 1,
}
"""What decides whether an insert is one block, one part, one atomic rename; defaults differ between releases."""

BATCH_ROWS = 1 << 16
"""Rows of a batch of the Arrow stream; the engine puts batches together to one block, one part."""

IN_PLACE_ROWS = 10_000

_embedded: "WeakKeyDictionary[Client, str]" = WeakKeyDictionary()
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
# The driver warns of each failed request, with a traceback, and then raises: whoever catches the error tells it.

_clients = threading.local()
_opening = threading.Lock()
_held: list[str] = []


class StoreUnavailable(FlowtrailError):
    """The store did not answer; what was asked of it may or may not have happened."""


@dataclass(frozen=True)
class Store:
    """Where the facts are: `db` is a folder, or `http(s)://user@host:port[/database]`. Holds no secret: a server's
    password comes from FLOWTRAIL_PASSWORD, or from the file that FLOWTRAIL_PASSWORD_FILE names, when connecting.
    `retention` is how long whoever writes wants records kept (None: for ever), see `connectors.retention`."""

    db: str
    database: str = "flowtrail"
    retention: timedelta | None = None

    def __post_init__(self) -> None:
        if self.embedded:
            return
        url = urlsplit(self.db)
        if url.password:
            raise FlowtrailError(
                f"The database URL of {url.hostname} holds a password.",
                f"Write it without, and set {PASSWORD}, or {PASSWORD_FILE} to a file that holds it.",
            )
        if url.path.strip("/"):
            object.__setattr__(self, "database", unquote(url.path.strip("/")))

    @property
    def embedded(self) -> bool:
        return not self.db.startswith(("http://", "https://"))

    def client(self) -> Client:
        """A client that may write, one per thread. Raises FlowtrailError when the folder is locked by another
        process or cannot be written, when the server cannot be reached, or when there is no such database."""
        return _cached(self, self.database, readonly=False)

    def reader(self) -> Client:
        """A client that the engine itself keeps from writing (`readonly=1`), one per thread. Raises FlowtrailError
        as `client` does, and never creates anything."""
        if self.embedded and not Path(self.db).is_dir():
            raise _no_database(self)
        return _cached(self, self.database, readonly=True)

    def server(self) -> Client:
        """A client bound to no database, to create one with."""
        return _cached(self, None, readonly=False)


def insert(client: Client, table: Table, rows: pa.Table, *, token: str = "", partitions: int = 100) -> None:
    """Insert `rows`, cast to the registry's types (times cut to its precision), as one block. Columns that `rows` lacks
    become NULL, '' or empty.

    With a `token` the same insert arriving twice counts once; without one nothing is de-duplicated. The engine refuses
    a block of more than `partitions` partitions: with 1 the insert is atomic. Raises StoreUnavailable when its outcome
    is not known, FlowtrailError when the store refuses it, ValueError where a value must be and is none.
    """
    if rows.num_rows == 0:
        return
    block = _shaped(rows, table)
    settings = {
        **INSERT_SETTINGS,
        "max_partitions_per_insert_block": partitions,
        "insert_deduplicate": int(bool(token)),
        "deduplicate_insert": "enable" if token else "disable",
        "insert_deduplication_token": token,
    }
    if "deduplicate_insert" not in client.server_settings:  # servers before it go by insert_deduplicate alone
        del settings["deduplicate_insert"]
    if not token:
        del settings["insert_deduplication_token"]
    try:
        if client in _embedded:
            _insert_embedded(client, table, block, settings)
        else:
            client.insert_arrow(table.name, block, settings=settings)
    except DatabaseError as error:
        if _passes(error):
            raise StoreUnavailable(f"The store did not confirm an insert into {table.name}: {error}", _RETRY) from error
        raise _explained(error, f"into {table.name}") from error


def _shaped(rows: pa.Table, table: Table) -> pa.Table:
    """`rows` in the registry's types, without the blank columns: those get the same value from the engine. A column
    without NULLs that `rows` lacks must be a text or a map."""
    made = {}
    for field in table.schema:
        if field.name not in rows.column_names:
            if not field.nullable and not (pa.types.is_dictionary(field.type) or pa.types.is_map(field.type)):
                raise ValueError(f"{table.name}.{field.name} is not given")
            continue
        column = rows.column(field.name)
        if column.null_count and not field.nullable:
            raise ValueError(f"{table.name}.{field.name} has {column.null_count} nulls")
        if all(map(is_blank, column.chunks)):
            continue
        options = pc.CastOptions(field.type, allow_time_truncate=True)
        column = pa.chunked_array(united(column.chunks), column.type)
        made[field.name] = column if column.type == field.type else pc.call_function("cast", [column], options)
    return pa.table(made)


def _insert_embedded(client: Client, table: Table, block: pa.Table, settings: dict[str, Any]) -> None:
    """The engine takes large blocks right from Arrow's memory, one batch after the other, as one block; small ones,
    and types that it does not take like that, go by an Arrow stream in a file."""
    nested = any(map(pa.types.is_nested, block.schema.types))
    if block.num_rows < IN_PLACE_ROWS or nested:
        client.raw_insert(table.name, block.column_names, _stream(block), settings, "ArrowStream")
        return
    columns = ", ".join(map(quote_identifier, block.column_names))
    pinned = {name: value for name, value in {**settings, "max_threads": 1}.items() if name != "wait_end_of_query"}
    pairs = ", ".join(f"{name} = {format_query_value(value)}" for name, value in pinned.items())
    target = f"{quote_identifier(client.database or '')}.{quote_identifier(table.name)}"
    try:  # the engine looks up the variable `block` by its name
        _handle(_embedded[client]).query(
            f"INSERT INTO {target} ({columns}) SELECT {columns} FROM Python(block) SETTINGS {pairs}"  # noqa: S608
        )
    except RuntimeError as error:
        code = re.search(r"Code: (\d+)", str(error))
        raise DatabaseError(str(error), code=int(code[1]) if code else None) from error


def _handle(folder: str) -> Any:
    """The thread's own way into the engine, beside its clients."""
    handles: dict[tuple[str, int], Any] = _clients.__dict__.setdefault("handles", {})
    key = (folder, os.getpid())
    if key not in handles:
        handles[key] = import_module("chdb").connect(folder)  # a server needs no engine
    return handles[key]


def _stream(rows: pa.Table) -> Generator[bytes, None, None]:
    """`rows` as an Arrow stream, batch by batch: nobody ever holds all of it."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            writer.write_batch(batch)
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def query(client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
    """Run one SELECT (`one_query` refuses the rest). Values travel as server-side `{name:Type}` parameters only.

    Arrow types of the answer are ClickHouse's: LowCardinality is string, IPv6 is binary(16), DateTime64 is a timestamp
    in its zone, but **DateTime is uint32** (Unix seconds): select `toDateTime64(x, 0, 'UTC')` for a timestamp.
    Raises StoreUnavailable when the store does not answer after some tries, FlowtrailError when it refuses.
    """
    for name in parameters or {}:
        if not re.search(rf"\{{{re.escape(name)}:", sql):
            raise ValueError(f"the query has no parameter {{{name}:Type}}")
    answer: pa.Table = _answered(client, one_query(sql), dict(parameters or {}))
    return answer


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _answered(client: Client, sql: str, parameters: dict[str, Any]) -> pa.Table:
    try:
        return client.query_arrow(sql, parameters=parameters)
    except DatabaseError as error:
        if _passes(error):
            raise StoreUnavailable(f"The store does not answer: {error}", _RETRY) from error
        _rinse(client)
        raise _explained(error, "in the query") from error


def _rinse(client: Client) -> None:
    """The embedded engine puts what a failed query had answered so far before its next answer: take it away."""
    with contextlib.suppress(DatabaseError):
        client.raw_query("SELECT 1", fmt="TSV")


def command(client: Client, sql: str) -> None:
    """Run one statement that answers nothing. Raises as `insert`."""
    try:
        client.command(sql)
    except DatabaseError as error:
        if _passes(error):
            raise StoreUnavailable(f"The store did not confirm a command: {error}", _RETRY) from error
        raise _explained(error, f"`{sql[:60]}`") from error


_RETRY = "See whether it runs and can be reached, then run the same command again: nothing is counted twice."


def _passes(error: DatabaseError) -> bool:
    """Whether the same request may succeed later: no answer, one from something in between, or a passing error."""
    between = error.code is None and "HTTP status 5" in str(error)
    return isinstance(error, OperationalError) or between or error.code in PASSING


def _explained(error: DatabaseError, where: str) -> FlowtrailError:
    if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
        return FlowtrailError(f"The store lacks a table or database {where}: {error}", "Run `flowtrail migrate`.")
    return FlowtrailError(f"The store refused, {where}: {error}")


def _cached(store: Store, database: str | None, *, readonly: bool) -> Client:
    clients: dict[tuple[Any, ...], Client] = _clients.__dict__.setdefault("by_key", {})
    key = (store.db, database, readonly, os.getpid())
    if key not in clients:
        settings = {"readonly": 1} if readonly else {}
        try:
            clients[key] = (
                _open_folder(store.db, database, settings)
                if store.embedded
                else _open_server(store.db, database, settings)
            )
        except DatabaseError as error:
            if error.code == UNKNOWN_DATABASE:
                raise _no_database(store) from None
            raise _cannot_open(store.db, str(error)) from error
    return clients[key]


def _open_folder(folder: str, database: str | None, settings: dict[str, Any]) -> Client:
    path = os.path.realpath(folder)
    with _opening:
        if path not in _held:
            if _held:
                raise FlowtrailError(
                    f"This process has the database folder {_held[0]} open and cannot open {folder} as well.",
                    "Use another process for it.",
                )
            _check_folder(folder, Path(path))
        client = clickhouse_connect.get_client(interface="chdb", path=path, settings={})
        _held[:] = [path]
    if database is not None:
        client.close()
        client = clickhouse_connect.get_client(interface="chdb", path=path, database=database, settings=settings)
    _embedded[client] = path
    return client


def _check_folder(folder: str, path: Path) -> None:
    """Say beforehand, and clearly, what the engine would answer with a number."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        status = path / "status"
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        if status.exists():
            with status.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        owner = re.search(r"PID: (\d+)", status.read_text("utf-8", "replace"))
        raise FlowtrailError(
            f"The database folder {folder} is in use by another process{f' ({owner[1]})' if owner else ''}.",
            "The embedded engine belongs to one process at a time: wait for it or end it,"
            " or set FLOWTRAIL_DB to another folder or to the URL of a ClickHouse server.",
        ) from None
    except OSError as error:
        raise _cannot_open(folder, error.strerror or str(error)) from error


def _cannot_open(db: str, why: str) -> FlowtrailError:
    return FlowtrailError(
        f"The database {db} cannot be opened: {why}",
        "Set FLOWTRAIL_DB to a folder that can be created and written, or to the URL of a ClickHouse server.",
    )


def _no_database(store: Store) -> FlowtrailError:
    return FlowtrailError(f"There is no database {store.database} at {store.db}.", "Run `flowtrail migrate` first.")


@stamina.retry(on=StoreUnavailable, attempts=3, timeout=30)
def _open_server(db: str, database: str | None, settings: dict[str, Any]) -> Client:
    url = urlsplit(db)
    try:
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.hostname or "localhost",
            port=url.port or (8443 if url.scheme == "https" else 8123),
            username=unquote(url.username or "default"),
            password=_password(),
            database=database or "default",
            settings=settings,
            autogenerate_session_id=False,  # a request that is repeated would find its session still in use
            show_clickhouse_errors="scrub",
        )
    except OperationalError as error:
        raise StoreUnavailable(
            f"The ClickHouse server at {url.hostname}:{url.port or ''} cannot be reached: {error}",
            "Check FLOWTRAIL_DB, and that the server runs and its HTTP port is open from here.",
        ) from error
    except DatabaseError as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        raise FlowtrailError(
            f"The ClickHouse server at {url.hostname} does not accept {url.username or 'default'}.",
            f"Check the user in FLOWTRAIL_DB, and {PASSWORD} or {PASSWORD_FILE}.",
        ) from None


def _password() -> str:
    file = os.environ.get(PASSWORD_FILE)
    if not file:
        return os.environ.get(PASSWORD, "")
    try:
        return Path(file).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise FlowtrailError(
            f"{PASSWORD_FILE} names {file}: {error.strerror}.", "Name a file that can be read."
        ) from None
