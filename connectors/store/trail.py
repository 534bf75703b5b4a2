"""How complete CloudTrail is: which objects of it were loaded, by account and region.

AWS delivers about every five minutes, and writes no object where nothing was called, so that a time without objects is
no proof that one is missing. Source: the AWS CloudTrail user guide, log file names and delivery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import query
from schemas.ledger import RECEIPTS
from schemas.times import rfc3339

DELIVERY = timedelta(minutes=15)
"""Calls are delivered within about this time, in an object whose name has the time of the delivery."""
MOST = 3
"""The most accounts and regions that a sentence names."""

_SQL = f"""
SELECT
    account,
    region,
    count() AS objects,
    toDateTime64(min(at), 0, 'UTC') AS first,
    toDateTime64(max(at), 0, 'UTC') AS last,
    arrayMax(arrayDifference(arraySort(arrayConcat(
        groupArray(toInt64(toUnixTimestamp(at))),
        [toInt64(toUnixTimestamp({{start:DateTime('UTC')}})), toInt64(toUnixTimestamp({{end:DateTime('UTC')}}))]
    )))) AS pause
FROM
(
    SELECT
        extract(key, '/([0-9]{{12}})/CloudTrail/') AS account,
        extract(key, '/CloudTrail/([a-z0-9-]+)/') AS region,
        ifNull(
            parseDateTimeOrNull(extract(key, '_([0-9]{{8}}T[0-9]{{4}})Z_'), '%Y%m%dT%H%i', 'UTC'), last_time
        ) AS at
    FROM {RECEIPTS.name} WHERE kind = 'cloudtrail'
) AS delivered
WHERE at >= {{start:DateTime('UTC')}} AND at < {{end:DateTime('UTC')}}
GROUP BY account, region
ORDER BY account, region
"""  # noqa: S608


@dataclass(frozen=True)
class Trail:
    """The CloudTrail objects of one account and region in a time: how many, the first and the last, and the longest
    time without one. `account` and `region` are "" for objects whose names do not have them."""

    account: str
    region: str
    objects: int
    first: datetime
    last: datetime
    pause: timedelta

    def to_json(self) -> dict[str, Any]:
        return {
            **{k: v for k, v in vars(self).items() if k != "pause"},
            "pause_seconds": int(self.pause.total_seconds()),
        }


def trails(client: Client, start: datetime, end: datetime) -> list[Trail]:
    """What was delivered in `[start, end)`. Raises FlowtrailError when the store cannot be queried."""
    found = query(client, _SQL, {"start": start, "end": end}).to_pylist()
    return [Trail(**{**row, "pause": timedelta(seconds=row["pause"])}) for row in found]


def _account(number: str) -> str:
    return f"account {number}" if number else "an unnamed account"


def sentence(found: Sequence[Trail], start: datetime, end: datetime) -> str:
    """What is known of the calls of `[start, end)`, by the objects that were delivered in it."""
    span = f"{rfc3339(start)} to {rfc3339(end)}"
    if not found:
        return f"No CloudTrail object from {span} is loaded: a change of that time would not be known."
    parts = [
        f"{t.objects} of {_account(t.account)} in {t.region or 'an unnamed region'}, the longest time"
        f" without one {int(t.pause.total_seconds()) // 60} minutes"
        for t in found[:MOST]
    ]
    more = f"; and of {len(found) - MOST} more accounts or regions" if len(found) > MOST else ""
    return f"CloudTrail objects from {span}: {'; '.join(parts)}{more} (none is written while nothing is called)."
