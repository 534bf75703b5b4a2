"""How long records are kept: sets the tables' TTL to the configured retention, and tracks what may have expired.

The ledger and the receipts never expire: an object whose rows are gone must not be mistaken for a new one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import Store, StoreUnavailable, command, query
from schemas.columnar.chunks import DATA
from schemas.errors import FlowtrailError
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, RETENTION
from schemas.object_ref import ObjectKind

KEPT = tuple(table.name for table in DATA if "start" in table.names)
"""The tables with a TTL. They are partitioned by the day of `start`; their parts contain the rollup per minute."""

KEPT_FROM = f"""
SELECT maxOrNullIf(toDateTime(until - toIntervalSecond(seconds), 'UTC'), seconds != 0) AS kept_from FROM (
    SELECT seconds, ifNull(
        min(if(state = 'done', at, NULL)) OVER (ORDER BY at, state ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING),
        now64(3)) AS until
    FROM {RETENTION.name})
"""  # noqa: S608
"""Records that started up to this time may be gone, under any retention that was ever in force; NULL if there was none.
A retention is in force from its `begun` entry until the next one is `done`."""

_SETTINGS = {"ttl_only_drop_parts": 1, "materialize_ttl_recalculate_only": 1}
"""Only whole parts are dropped, none is rewritten; and a part gets a new TTL without being rewritten."""

_FAR = timedelta(days=14_600)


@dataclass(frozen=True)
class Kept:
    """How long records are kept (None: forever), and the time up to which they may be gone (None: none are)."""

    retention: timedelta | None
    since: datetime | None


def kept(client: Client) -> Kept:
    """The retention in force, regardless of this process's own setting."""
    sql = f"SELECT toUnixTimestamp(kept_from) AS since FROM ({KEPT_FROM})"  # noqa: S608
    since = query(client, sql)["since"][0].as_py()
    _, seconds = _last(client)
    return Kept(
        timedelta(seconds=seconds) if seconds else None, None if since is None else datetime.fromtimestamp(since, UTC)
    )


def keep(store: Store, *, dry_run: bool = False) -> list[str]:
    """Set the tables' TTL to the store's retention; returns those that were (or would be) changed. If nothing differs,
    no DDL is run. A process may die at any point: the next one starts again. Raises FlowtrailError when the store
    rejects a statement."""
    client = store.client()
    seconds = int(store.retention.total_seconds()) if store.retention else 0
    ended = _last(client) == ("done", seconds)
    wrong = [name for name, made in _made(client).items() if not ended or not _is(made, seconds)]
    if wrong and not dry_run:
        _change(client, wrong, seconds)
    if seconds and not dry_run:
        _drop_rejected(client)
    return wrong


def planned(store: Store) -> list[str]:
    """What `keep` would do to tables that do not exist yet."""
    return [*KEPT] if store.retention else []


def words(retention: timedelta | None) -> str:
    """A retention in words.

    >>> words(timedelta(days=90)), words(timedelta(hours=36))
    ('records are kept for 90 days', 'records are kept for 36 hours')
    """
    if retention is None:
        return "records are kept forever"
    days, rest = divmod(retention, timedelta(days=1))
    if rest:
        return f"records are kept for {retention / timedelta(hours=1):g} hours"
    return f"records are kept for {days} day{'s' if days > 1 else ''}"


def _change(client: Client, names: list[str], seconds: int) -> None:
    try:
        _note(client, seconds, "begun")
        for name in names:
            for statement in _statements(name, seconds):
                command(client, statement)
        _note(client, seconds, "done")
    except StoreUnavailable:
        raise
    except FlowtrailError as error:
        raise FlowtrailError(
            f"The retention of records cannot be changed: {error.message}",
            "Run `flowtrail migrate` as a user that may alter tables, with the FLOWTRAIL_RETENTION that you want, and"
            " use the same value for every command that writes.",
        ) from error


def _statements(name: str, seconds: int) -> Iterator[str]:
    """Parts expire at the time stored in each. That time is stored again, and set to the far future before a TTL is
    removed: otherwise, under a later TTL, an old time would delete what should be kept until it is updated."""
    pairs = ", ".join(f"{key} = {value}" for key, value in _SETTINGS.items())
    yield f"ALTER TABLE {name} MODIFY SETTING {pairs}"
    ttl = _ttl(seconds or int(_FAR.total_seconds()))
    yield f"ALTER TABLE {name} MODIFY TTL {ttl} SETTINGS materialize_ttl_after_modify = 0"
    yield f"ALTER TABLE {name} MATERIALIZE TTL SETTINGS mutations_sync = 2"
    if not seconds:
        yield f"ALTER TABLE {name} REMOVE TTL"
        yield f"ALTER TABLE {name} RESET SETTING {', '.join(_SETTINGS)}"


def _ttl(seconds: int) -> str:
    """Times in the store end in 2106: a start after 2065 counts as 2065, so that no sum wraps around to 1970."""
    return f"least(start, toDateTime(3000000000, 'UTC')) + toIntervalSecond({seconds})"


def _is(made: str, seconds: int) -> bool:
    """Whether a table's engine, as the engine describes it, has this TTL and these settings."""
    ttl = re.search(r" TTL .*?(?= SETTINGS |$)", made)
    has = [f"{key} = {value}" in made for key, value in _SETTINGS.items()]
    if not seconds:
        return ttl is None and not any(has)
    return ttl is not None and f"toIntervalSecond({seconds})" in ttl[0] and all(has)


def _made(client: Client) -> dict[str, str]:
    sql = (
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
        " AND name IN {names:Array(String)} ORDER BY name"
    )
    rows = query(client, sql, {"names": [*KEPT]}).to_pylist()
    return {row["name"]: row["engine_full"] for row in rows}


def _last(client: Client) -> tuple[str, int]:
    """The last entry; before the first one, records are kept forever."""
    sql = f"SELECT state, seconds FROM {RETENTION.name} ORDER BY at DESC, state DESC LIMIT 1"  # noqa: S608
    rows = query(client, sql).to_pylist()
    return (rows[0]["state"], rows[0]["seconds"]) if rows else ("done", 0)


def _note(client: Client, seconds: int, state: str) -> None:
    """With the store's own clock, by which rows expire."""
    command(client, f"INSERT INTO {RETENTION.name} SELECT {seconds:d}, '{state}', now64(3)")


def _drop_rejected(client: Client) -> None:
    """Rejected lines have no time: those of an object expire with its last record or, if no line had a time, that long
    after it was loaded. Dropped by whole days, so that the table is not rewritten constantly."""
    since = kept(client).since
    if since is None:
        return
    past = f"ifNull(last_time, toDateTime(at, 'UTC')) < toDateTime('{since:%Y-%m-%d} 00:00:00', 'UTC')"
    old = f"kind = '{ObjectKind.FLOW_LOG.value}' AND rows_rejected > 0 AND {past}"
    where = f"object_id IN (SELECT object_id FROM {RECEIPTS.name} WHERE {old})"  # noqa: S608
    if query(client, f"SELECT count() AS n FROM {REJECTED_LINES.name} WHERE {where}")["n"][0].as_py():  # noqa: S608
        command(client, f"ALTER TABLE {REJECTED_LINES.name} DELETE WHERE {where} SETTINGS mutations_sync = 2")
