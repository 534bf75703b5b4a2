"""The store: ClickHouse embedded in a folder (chDB) or on a server, behind one client class.

Only one process at a time can use an embedded database, and a process can open only one folder.
"""

import contextlib
import fcntl
import io
import logging
import os
import re
import threading
from collections.abc import Generator, Iterator, Mapping
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

from connectors.store.statement import one_query
from schemas.columnar.columns import is_blank, united
from schemas.errors import FlowtrailError
from schemas.ledger import LEASE
from schemas.table import Table
from schemas.times import WAIT

PASSWORD = "FLOWTRAIL_PASSWORD"  # noqa: S105 - the name, not the secret
PASSWORD_FILE = "FLOWTRAIL_PASSWORD_FILE"  # noqa: S105
ALLOCATOR = "JE_MALLOC_CONF"
"""The options of jemalloc in the embedded engine."""
UNKNOWN_DATABASE = 81
UNKNOWN_TABLE = 60
AUTHENTICATION_FAILED = 516
TRANSIENT = frozenset({159, 202, 203, 209, 210, 236, 241, 242, 252, 285, 319, 373, 425, 999})
"""Transient errors of a server: timeouts, too many queries or parts, memory, a table that is read-only or lacks its
quorum for now, an insert of unknown outcome, a session in use, Keeper."""

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
"""They decide whether an insert is one block, one part, one atomic rename; the defaults differ between releases."""

BATCH_ROWS = 1 << 16
"""Rows per batch of the Arrow stream; the engine combines the batches into one block, one part."""

IN_PLACE_ROWS = 10_000

_PARENT = re.compile(r"^PPid:\s*(\d+)", re.MULTILINE)
LONGEST_COMMAND = 200
"""Characters of a command line that a message shows."""

_embedded: "WeakKeyDictionary[Client, str]" = WeakKeyDictionary()
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
# The driver logs each failed request with a traceback and then raises: whoever catches the error reports it.

_clients = threading.local()
_opening = threading.Lock()
_held: list[str] = []


class StoreUnavailable(FlowtrailError):
    """The store did not respond; the request may or may not have taken effect."""


class StoreInUse(FlowtrailError):
    """Another process has the folder of the embedded database open."""


class _NotStarted(DatabaseError):
    """The engine did not start, and does not say why: another process may have had the folder for a moment."""


@dataclass(frozen=True)
class Store:
    """Where the data is stored: `db` is a folder, or `http(s)://user@host:port[/database]`. Holds no secret: a server's
    password is read when connecting, from FLOWTRAIL_PASSWORD or the file that FLOWTRAIL_PASSWORD_FILE names.
    `retention` is how long a writer wants records to be kept (None: forever), see `connectors.store.retention`; `lease`
    is how long a process that holds an attempt may be silent before others take over, see `connectors.store.ledger`;
    `wait` is how long to wait for a folder that another process has open."""

    db: str
    database: str = "flowtrail"
    retention: timedelta | None = None
    lease: timedelta = LEASE
    wait: timedelta = WAIT

    def __post_init__(self) -> None:
        if self.embedded:
            if self.database == "default":
                raise FlowtrailError(
                    "The embedded engine takes the tables of the database `default` for files.",
                    "Set FLOWTRAIL_DATABASE to another name, or leave it out.",
                )
            return
        url = urlsplit(self.db)
        if url.password:
            raise FlowtrailError(
                f"The database URL of {url.hostname} contains a password.",
                f"Remove it and set {PASSWORD}, or set {PASSWORD_FILE} to a file that contains it.",
            )
        if url.path.strip("/"):
            object.__setattr__(self, "database", unquote(url.path.strip("/")))

    @property
    def embedded(self) -> bool:
        return not self.db.startswith(("http://", "https://"))

    def client(self) -> Client:
        """A client that may write, one per thread. Raises FlowtrailError when the folder is locked by another
        process or cannot be written, when the server cannot be reached, or when the database does not exist."""
        return _cached(self, self.database, readonly=False)

    def reader(self) -> Client:
        """A client that the engine itself prevents from writing (`readonly=1`), one per thread. Raises as `client`, and
        never creates anything."""
        if self.embedded and not Path(self.db).is_dir():
            raise _no_database(self)
        return _cached(self, self.database, readonly=True)

    def server(self) -> Client:
        """A client without a database, for creating one."""
        return _cached(self, None, readonly=False)


def insert(client: Client, table: Table, rows: pa.Table, *, token: str = "", partitions: int = 100) -> None:
    """Insert `rows`, cast to the registry's types (times truncated to their precision), as one block. Columns that
    `rows` lacks become NULL, '' or empty.

    With a `token`, an insert that arrives twice counts once; without one, nothing is deduplicated. The engine rejects
    a block with more than `partitions` partitions: with 1, the insert is atomic. Raises StoreUnavailable when the
    outcome is unknown, FlowtrailError when the store rejects the insert, ValueError when a required value is missing.
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
    if "deduplicate_insert" not in client.server_settings:  # older servers only use insert_deduplicate
        del settings["deduplicate_insert"]
    if not token:
        del settings["insert_deduplication_token"]
    try:
        if client in _embedded:
            _insert_embedded(client, table, block, settings)
        else:
            client.insert_arrow(table.name, block, settings=settings)
    except DatabaseError as error:
        if _is_transient(error):
            raise StoreUnavailable(f"The store did not confirm an insert into {table.name}: {error}", _RETRY) from error
        raise _explained(error, f"the insert into {table.name}") from error


def _shaped(rows: pa.Table, table: Table) -> pa.Table:
    """`rows` in the registry's types, without the blank columns: the engine fills in the same value. A column that
    `rows` lacks must be nullable, a text or a map, or have a default."""
    made = {}
    for field in table.schema:
        if field.name not in rows.column_names:
            if table.column(field.name).default:
                continue
            if not field.nullable and not (pa.types.is_dictionary(field.type) or pa.types.is_map(field.type)):
                raise ValueError(f"{table.name}.{field.name} is missing")
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
    """The engine reads large blocks directly from Arrow's memory, batch by batch, as one block; small ones, and types
    that it cannot read this way, are sent as an Arrow stream in a file."""
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
    """The thread's own connection to the engine, in addition to its clients."""
    handles: dict[tuple[str, int], Any] = _clients.__dict__.setdefault("handles", {})
    key = (folder, os.getpid())
    if key not in handles:
        handles[key] = import_module("chdb").connect(folder)  # not needed for a server
    return handles[key]


def _stream(rows: pa.Table) -> Generator[bytes, None, None]:
    """`rows` as an Arrow stream, batch by batch: all of it is never in memory at once."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            writer.write_batch(batch)
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def query(client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
    """Run one SELECT (`one_query` rejects anything else). Values are only sent as server-side `{name:Type}` parameters.

    Arrow types of the result are ClickHouse's: LowCardinality is string, IPv6 is binary(16), DateTime64 is a timestamp
    in its zone, but **DateTime is uint32** (Unix seconds): select `toDateTime64(x, 0, 'UTC')` for a timestamp.
    Raises StoreUnavailable when the store does not respond after several attempts, FlowtrailError when it rejects the
    query, ValueError for a parameter that the query does not use.
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
        if _is_transient(error):
            raise StoreUnavailable(f"The store does not respond: {error}", _RETRY) from error
        _discard_output(client)
        raise _explained(error, "the query") from error
    except pa.ArrowException as error:
        raise StoreUnavailable(
            f"The answer to a query is not Arrow, as a ClickHouse server's is: {error}", _RETRY
        ) from error


def _discard_output(client: Client) -> None:
    """The embedded engine puts the partial output of a failed query before its next output: discard it."""
    with contextlib.suppress(DatabaseError):
        client.raw_query("SELECT 1", fmt="TSV")


def command(client: Client, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Run one statement that returns nothing; values as in `query`. Raises StoreUnavailable and FlowtrailError as
    `insert`."""
    try:
        client.command(sql, parameters=dict(parameters or {}))
    except DatabaseError as error:
        if _is_transient(error):
            raise StoreUnavailable(f"The store did not confirm a command: {error}", _RETRY) from error
        raise _explained(error, f"`{sql[:60]}`") from error


_RETRY = "Make sure that it is running and reachable, then run the same command again: nothing is counted twice."


def _is_transient(error: DatabaseError) -> bool:
    """Whether the same request may succeed later: no response, one from a proxy, or a transient error."""
    from_proxy = error.code is None and "HTTP status 5" in str(error)
    return isinstance(error, OperationalError) or from_proxy or error.code in TRANSIENT


def _explained(error: DatabaseError, what: str) -> FlowtrailError:
    if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
        return FlowtrailError(f"A table or database for {what} does not exist: {error}", _LOAD)
    return FlowtrailError(f"The store rejected {what}: {error}")


def _cached(store: Store, database: str | None, *, readonly: bool) -> Client:
    clients: dict[tuple[Any, ...], Client] = _clients.__dict__.setdefault("by_key", {})
    key = (store.db, database, readonly, os.getpid())
    if key not in clients:
        settings = {"readonly": 1} if readonly else {}
        try:
            clients[key] = (
                _open_folder_when_free(store, database, settings)
                if store.embedded
                else _open_server(store.db, database, settings)
            )
        except DatabaseError as error:
            if error.code == UNKNOWN_DATABASE:
                raise _no_database(store) from None
            raise _cannot_open(store.db, str(error)) from error
    return clients[key]


def _open_folder_when_free(store: Store, database: str | None, settings: dict[str, Any]) -> Client:
    waiting = stamina.RetryingCaller(attempts=None, timeout=store.wait, wait_initial=0.1, wait_max=0.5)
    again = stamina.RetryingCaller(attempts=5, wait_initial=0.1, wait_max=0.5)
    return again(_NotStarted, waiting, StoreInUse, _open_folder, store.db, database, settings)


def _open_folder(folder: str, database: str | None, settings: dict[str, Any]) -> Client:
    path = os.path.realpath(folder)
    named: dict[str, Any] = {} if database is None else {"database": database}
    with _opening:
        if path not in _held:
            if _held:
                raise FlowtrailError(
                    f"This process has the database folder {_held[0]} open and cannot open {folder} as well.",
                    "Open it from another process.",
                )
            _check_folder(folder, Path(path))
        try:
            with _engine_environment():
                client = clickhouse_connect.get_client(interface="chdb", path=path, settings=settings, **named)
        except DatabaseError as error:
            if error.code == UNKNOWN_DATABASE:  # the engine was started all the same
                _held[:] = [path]
            if "Another server instance" in str(error):  # it was opened after the check
                raise _in_use(folder, Path(path)) from None
            if "initializing EmbeddedServer" in str(error):
                raise _NotStarted(str(error), code=getattr(error, "code", None)) from error
            raise
        _held[:] = [path]
    _embedded[client] = path
    return client


@contextlib.contextmanager
def _engine_environment() -> Iterator[None]:
    """What the engine reads when it is loaded. It works in UTC, and does not start with a TZ that is not the name of a
    zone, such as `UTC+5`. Its allocator is told to keep freed memory for half a second instead of five, so that ingest
    peaks lower (`benchmarks/README.md`)."""
    before = {name: os.environ.get(name) for name in ("TZ", ALLOCATOR)}
    os.environ["TZ"] = "UTC"
    os.environ.setdefault(ALLOCATOR, "dirty_decay_ms:500")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _check_folder(folder: str, path: Path) -> None:
    """Report in advance, and clearly, what the engine would report as an error number."""
    try:
        _create(path)
        status = path / "status"
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        if status.exists():
            with status.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        raise _in_use(folder, path) from None
    except OSError as error:
        raise _cannot_open(folder, error.strerror or str(error)) from error


def _in_use(folder: str, path: Path) -> StoreInUse:
    return StoreInUse(
        f"The database folder {folder} is in use by another process{_holder(path)}.",
        "Wait for it or stop it (only one process at a time can use an embedded database),"
        " or set FLOWTRAIL_DB to another folder or to the URL of a ClickHouse server.",
    )


def _holder(path: Path) -> str:
    """Who has the folder open, as " (1234: flowtrail ingest ...)"; without its command where the system does not tell.
    A process that a command started for its work is told as that command."""
    try:
        found = re.search(r"PID: (\d+)", (path / "status").read_text("utf-8", "replace"))
    except OSError:  # released meanwhile
        return ""
    if found is None:
        return ""
    number = int(found[1])
    try:
        command = _command(number)
        while "multiprocessing" in command and (parent := _PARENT.search(_status(number))):
            number = int(parent[1])
            command = _command(number)
    except OSError:  # not Linux, another user's, or gone
        command = ""
    return f" ({number}: {command})" if command else f" ({number})"


def _status(process: int) -> str:
    return Path(f"/proc/{process}/status").read_text("utf-8")


def _command(process: int) -> str:
    words = Path(f"/proc/{process}/cmdline").read_text("utf-8", "replace").rstrip("\0").split("\0")
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        del words[0]
    line = " ".join([Path(words[0]).name, *words[1:]])
    return " ".join(line.split())[:LONGEST_COMMAND]


def _create(folder: Path) -> None:
    """Create the folder, and those above it that are missing, for this user only: flow logs say who talks to whom."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir(mode=0o700)
        except FileExistsError:  # another process has just created it
            continue
        each.chmod(0o700)  # whatever the umask


def _cannot_open(db: str, why: str) -> FlowtrailError:
    return FlowtrailError(
        f"The database {db} cannot be opened: {why}",
        "Set FLOWTRAIL_DB to a folder that can be created and written, or to the URL of a ClickHouse server.",
    )


def _no_database(store: Store) -> FlowtrailError:
    return FlowtrailError(f"There is no database {store.database} at {store.db}.", _LOAD)


_LOAD = "Run `flowtrail ingest s3://bucket/AWSLogs/`: it creates the tables and loads your logs."


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
            autogenerate_session_id=False,  # a repeated request would find its session still in use
            show_clickhouse_errors="scrub",
        )
    except OperationalError as error:
        raise StoreUnavailable(
            f"The ClickHouse server at {url.hostname}:{url.port or ''} cannot be reached: {error}",
            "Check FLOWTRAIL_DB, and that the server is running and its HTTP port can be reached from here.",
        ) from error
    except DatabaseError as error:
        if _is_transient(error):
            raise StoreUnavailable(
                f"The ClickHouse server at {url.hostname} does not respond: {error}", _RETRY
            ) from error
        if error.code != AUTHENTICATION_FAILED:
            raise
        raise FlowtrailError(
            f"The ClickHouse server at {url.hostname} does not accept the user {url.username or 'default'}.",
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
            f"{file}, named by {PASSWORD_FILE}, cannot be read: {error.strerror}.", "Set it to a file that can be read."
        ) from None
