"""How long records are kept: the tables' TTL is brought to what the setting says, and what may have expired is known.

Ledger and receipts are never subject to it: an object whose rows are gone must not be taken for a new one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from connectors.chunks import DATA
from connectors.clickhouse import Store, StoreUnavailable, command, query
from schemas.errors import FlowtrailError
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS, RETENTION
from schemas.object_ref import ObjectKind

KEPT = tuple(table.name for table in DATA if "start" in table.names)
"""The tables with a TTL. They are partitioned by the day of `start`, and the rollup per minute lives in their parts."""

KEPT_FROM = f"""
SELECT maxOrNullIf(toDateTime(until - toIntervalSecond(seconds), 'UTC'), seconds != 0) AS kept_from FROM (
    SELECT seconds, ifNull(
        min(if(state = 'done', at, NULL)) OVER (ORDER BY at, state ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING),
        now64(3)) AS until
    FROM {RETENTION.name})
"""  # noqa: S608
"""Records that began until then may be gone, by whatever retention was ever in force; NULL where none was. A retention
is in force from its `begun` until the next one is `done`."""

_SETTINGS = {"ttl_only_drop_parts": 1, "materialize_ttl_recalculate_only": 1}
"""Whole parts go, no part is rewritten; and a part learns of another TTL without being rewritten."""

_FAR = timedelta(days=14_600)


@dataclass(frozen=True)
class Kept:
    """How long records are kept (None: for ever), and the time up to which they may be gone (None: none are)."""

    retention: timedelta | None
    since: datetime | None


def kept(client: Client) -> Kept:
    """What is in force, whatever this process's own setting is."""
    sql = f"SELECT toUnixTimestamp(kept_from) AS since FROM ({KEPT_FROM})"  # noqa: S608
    since = query(client, sql)["since"][0].as_py()
    _, seconds = _last(client)
    return Kept(
        timedelta(seconds=seconds) if seconds else None, None if since is None else datetime.fromtimestamp(since, UTC)
    )


def keep(store: Store, *, dry_run: bool = False) -> list[str]:
    """Bring the tables to the store's retention; returns those that were (or would be) changed. Without any difference
    no DDL is attempted. A process may die anywhere: the next one begins anew. Raises FlowtrailError when the store
    refuses."""
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
    """What `keep` would do to tables that are yet to be made."""
    return [*KEPT] if store.retention else []


def words(retention: timedelta | None) -> str:
    """`records are kept for 90 days`."""
    if retention is None:
        return "records are kept for ever"
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
            f"The time that records are kept cannot be changed: {error.message}",
            "Run `flowtrail migrate` as a user that may alter tables, with the FLOWTRAIL_RETENTION that is wanted; and"
            " give every command that writes the same one.",
        ) from error


def _statements(name: str, seconds: int) -> Iterator[str]:
    """Parts go by the time that is noted in each. It is noted anew, and before a TTL is removed as far away: with a
    later TTL a time from before would take what is to be kept, until it is noted anew."""
    pairs = ", ".join(f"{key} = {value}" for key, value in _SETTINGS.items())
    yield f"ALTER TABLE {name} MODIFY SETTING {pairs}"
    ttl = _ttl(seconds or int(_FAR.total_seconds()))
    yield f"ALTER TABLE {name} MODIFY TTL {ttl} SETTINGS materialize_ttl_after_modify = 0"
    yield f"ALTER TABLE {name} MATERIALIZE TTL SETTINGS mutations_sync = 2"
    if not seconds:
        yield f"ALTER TABLE {name} REMOVE TTL"
        yield f"ALTER TABLE {name} RESET SETTING {', '.join(_SETTINGS)}"


def _ttl(seconds: int) -> str:
    """Times of the store end in 2106: what claims to be of later than 2065 is taken as of 2065, so that no sum begins
    anew at 1970."""
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
    """The last entry; before the first one records are kept for ever."""
    sql = f"SELECT state, seconds FROM {RETENTION.name} ORDER BY at DESC, state DESC LIMIT 1"  # noqa: S608
    rows = query(client, sql).to_pylist()
    return (rows[0]["state"], rows[0]["seconds"]) if rows else ("done", 0)


def _note(client: Client, seconds: int, state: str) -> None:
    """By the store's own clock, which rows expire by."""
    command(client, f"INSERT INTO {RETENTION.name} SELECT {seconds:d}, '{state}', now64(3)")


def _drop_rejected(client: Client) -> None:
    """Rejected lines have no time: those of an object go with its last record, or, where no line had a time, so long
    after it was loaded. By whole days, so that the table is not rewritten all the time."""
    since = kept(client).since
    if since is None:
        return
    past = f"ifNull(last_time, toDateTime(at, 'UTC')) < toDateTime('{since:%Y-%m-%d} 00:00:00', 'UTC')"
    old = f"kind = '{ObjectKind.FLOW_LOG.value}' AND rows_rejected > 0 AND {past}"
    where = f"object_id IN (SELECT object_id FROM {RECEIPTS.name} WHERE {old})"  # noqa: S608
    if query(client, f"SELECT count() AS n FROM {REJECTED_LINES.name} WHERE {where}")["n"][0].as_py():  # noqa: S608
        command(client, f"ALTER TABLE {REJECTED_LINES.name} DELETE WHERE {where} SETTINGS mutations_sync = 2")
