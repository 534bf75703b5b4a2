"""What `watch` has judged and told, in the store."""

from collections.abc import Collection, Iterable

from clickhouse_connect.driver.client import Client

from connectors.store.attempts import VOID
from connectors.store.clickhouse import insert, query
from schemas.ledger import RECEIPTS
from schemas.object_ref import ObjectKind
from schemas.runs import DERIVATIONS
from schemas.watching import JUDGED, NOTIFICATIONS, Due, Message

DAYS = 60
"""Loads that were written longer ago are not looked for: less than what `judged` is kept for."""

_BEGUN = "watch"

CLAIMED = 60
"""Seconds for which a turn that is about to send something keeps others from sending it. Sending takes less."""


def has_begun(client: Client) -> bool:
    """Whether a turn of any process has noted that watching begins."""
    sql = f"SELECT count() AS n FROM {DERIVATIONS.name} WHERE name = {{name:String}}"  # noqa: S608
    return bool(query(client, sql, {"name": _BEGUN})["n"][0].as_py())


def begin(client: Client) -> None:
    """Note that watching has begun."""
    insert(client, DERIVATIONS, DERIVATIONS.rows([{"name": _BEGUN, "built_from": ""}]))


def due(client: Client) -> list[Due]:
    """The loads with records that no turn has judged yet, in order of their first record."""
    sql = f"""
        SELECT
            load,
            any(kind) AS kind,
            toDateTime64(min(first_time), 0, 'UTC') AS first,
            toDateTime64(max(last_time), 0, 'UTC') AS last
        FROM {RECEIPTS.name}
        WHERE at > now() - INTERVAL {DAYS} DAY AND first_time IS NOT NULL AND last_time IS NOT NULL
            AND load NOT IN ({VOID}) AND load NOT IN (SELECT load FROM {JUDGED.name})
        GROUP BY load ORDER BY first, load
    """  # noqa: S608
    return [
        Due(row["load"], ObjectKind(row["kind"]), row["first"], row["last"]) for row in query(client, sql).to_pylist()
    ]


def note_judged(client: Client, loads: Collection[int]) -> None:
    """Note that these loads are judged."""
    if loads:
        insert(client, JUDGED, JUDGED.rows([{"load": load} for load in sorted(loads)]))


def channels(client: Client) -> set[str]:
    """The channels that were ever used."""
    sql = f"SELECT DISTINCT channel FROM {NOTIFICATIONS.name}"  # noqa: S608
    return {str(name) for name in query(client, sql)["channel"].to_pylist()}


def told(client: Client) -> dict[tuple[str, str], str]:
    """The digest of what was told or known last, by incident and channel."""
    sql = f"""
        SELECT incident, channel, argMax(digest, at) AS last FROM {NOTIFICATIONS.name} WHERE state IN ('sent', 'known')
        GROUP BY incident, channel
    """  # noqa: S608
    return {(row["incident"], row["channel"]): row["last"] for row in query(client, sql).to_pylist()}


def failures(client: Client) -> dict[tuple[str, str, str], int]:
    """How often telling something failed, by incident, digest and channel."""
    sql = f"""
        SELECT incident, digest, channel, count() AS n FROM {NOTIFICATIONS.name} WHERE state = 'failed'
        GROUP BY incident, digest, channel
    """  # noqa: S608
    return {(row["incident"], row["digest"], row["channel"]): row["n"] for row in query(client, sql).to_pylist()}


def claim(client: Client, message: Message, channel: str, owner: str) -> bool:
    """Whether the turn `owner` may send the message now: no other one has claimed it before. Of two that claim it at
    the same time none may, and both may claim it again later."""
    note(client, [message], channel, "claimed", owner)
    sql = f"""
        SELECT
            argMaxIf(digest, at, state IN ('sent', 'known')) AS last,
            countIf(
                state = 'claimed' AND detail != {{owner:String}} AND at > now64(3) - INTERVAL {CLAIMED} SECOND
                AND at <= own AND at > ifNull(ended, toDateTime64(0, 3, 'UTC'))
            ) AS earlier
        FROM (
            SELECT *, max(if(state = 'claimed' AND detail = {{owner:String}}, at, NULL)) OVER () AS own,
                max(if(state IN ('sent', 'failed'), at, NULL)) OVER () AS ended
            FROM {NOTIFICATIONS.name} WHERE incident = {{incident:String}} AND channel = {{channel:String}}
        )
    """  # noqa: S608
    given = {"incident": message.incident, "channel": channel, "owner": owner}
    row = query(client, sql, given).to_pylist()[0]
    return row["last"] != message.digest and not row["earlier"]


def note(client: Client, messages: Iterable[Message], channel: str, state: str, detail: str = "") -> None:
    """Note that the messages were sent to the channel, that it failed, or that they are known."""
    rows = [
        {"incident": each.incident, "digest": each.digest, "channel": channel, "state": state, "detail": detail}
        for each in messages
    ]
    if rows:
        insert(client, NOTIFICATIONS, NOTIFICATIONS.rows(rows))
