"""Hourly summaries of who talked to whom: what was counted once is not counted again while its records are the same.

A summary belongs to one hour and has a name of its own (`schemas.hourly`). It is valid if it has as many records as the
hour has now, of the same loads, whoever wrote it; one that was interrupted or is outdated has others. So nobody needs
to be told of new, late or deleted records, and processes that summarise the same hour at the same time do not disturb
each other.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import stamina
from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import StoreUnavailable, command
from pipelines.correlate.sql import ask, run
from schemas.flow import DATA_BYTES, HANDSHAKE_BYTES
from schemas.hourly import HOURLY_PEERS

HOUR = timedelta(hours=1)
AT_ONCE = 3_000_000
"""Records that are summarised at once: the engine holds their peers in memory."""
OUTDATED = 900
"""Seconds after which a summary that is not valid is deleted. Whoever still reads it notices (`complete`)."""
DATA: Mapping[str, int] = {"handshake_bytes": HANDSHAKE_BYTES, "data_bytes": DATA_BYTES}

_EVERYTHING = (("", ""),)

HighPorts = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Summaries:
    """Summaries of the hours that `[since, end)` touches: how many rows each has, by name."""

    since: datetime
    end: datetime
    rows: Mapping[int, int]

    @property
    def parameters(self) -> dict[str, Any]:
        """What a query needs to read them."""
        return {"since": self.since, "end": self.end, "summaries": sorted(self.rows)}


@dataclass(frozen=True)
class _Summary:
    """One that is there: what it `counts` (records, and the sum of their loads), its `age` in seconds."""

    hour: int
    name: int
    counts: tuple[int, int]
    rows: int
    age: int
    partition: str


def summarised(client: Client, interfaces: Sequence[str], since: datetime, end: datetime) -> Summaries:
    """Summaries of all hours that `[since, end)` touches, of all interfaces; what is missing is written first.
    `interfaces` are the names of some, in order: a large hour is counted in pieces between them. Raises FlowtrailError
    when the store fails."""
    first, last = _hours(since, end)
    records, there = _records(client, first, last), _there(client, first, last)
    used = {each.hour: each.name for each in reversed(there) if each.counts == records.get(each.hour)}
    names = set(used.values())
    _delete(client, [each for each in there if each.name not in names and each.age > OUTDATED])
    if missing := sorted(records.keys() - used.keys()):
        pieces = -(-sum(records[hour][0] for hour in missing) // AT_ONCE)
        names |= _write(client, missing, _pieces(interfaces, pieces))
        there = _there(client, first, last)
    return Summaries(since, end, {each.name: each.rows for each in there if each.name in names})


@contextmanager
def summarised_apart(client: Client, high: HighPorts, since: datetime, end: datetime) -> Iterator[Summaries]:
    """Summaries of the interfaces in `high` alone, whose `high_ports` these are: which end has the service depends on
    them, and they depend on the times, so nobody else can use these summaries. They are deleted at the end."""
    first, last = _hours(since, end)
    hours = list(range(int(first.timestamp()), int(last.timestamp()), 3600))
    names = _write(client, hours, _EVERYTHING, high=high)
    mine = [each for each in _there(client, first, last) if each.name in names]
    yield Summaries(since, end, {each.name: each.rows for each in mine})
    _delete(client, mine)


def complete(client: Client, summaries: Summaries) -> bool:
    """Whether nobody has deleted one of them meanwhile."""
    there = {each.name: each.rows for each in _there(client, *_hours(summaries.since, summaries.end))}
    return all(there.get(name) == rows for name, rows in summaries.rows.items())


def high_services(high: HighPorts) -> dict[str, Any]:
    """The parameters by which queries determine the service of a record."""
    codes = [(interface, code) for interface, each in high.items() for code in each]
    return {**DATA, "high_of": [interface for interface, _ in codes], "high_codes": [code for _, code in codes]}


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _write(
    client: Client, hours: Sequence[int], pieces: Sequence[tuple[str, str]], *, high: HighPorts | None = None
) -> set[int]:
    """Summarise these hours, one piece after the other, of all interfaces or only of those in `high`. Returns the names
    that the summaries may have: others in each attempt, as one whose outcome is unknown may have left something."""
    name = secrets.randbits(64)
    what = {
        "summary": name,
        "hours": list(hours),
        "start": datetime.fromtimestamp(hours[0], UTC),
        "end": datetime.fromtimestamp(hours[-1] + 3600, UTC),
        "whole": high is None,
        "interfaces": list(high or ()),
        **high_services(high or {}),
    }
    for first, last in pieces:
        run(client, "summarise", {**what, "first": first, "last": last})
    return {name ^ (hour // 3600) for hour in hours}


def _pieces(names: Sequence[str], count: int) -> list[tuple[str, str]]:
    """Ranges of names `[first, last)` that together hold every name; '' is without a limit.

    >>> _pieces(["a", "b", "c", "d"], 2)
    [('', 'c'), ('c', '')]
    """
    step = max(1, -(-len(names) // max(1, count)))
    limits = ["", *names[step::step], ""]
    return list(pairwise(limits))


def _records(client: Client, first: datetime, last: datetime) -> dict[int, tuple[int, int]]:
    """By hour with records, how many there are, and the sum of their loads."""
    rows = ask(client, "flows_by_hour", {"start": first, "end": last}).to_pylist()
    return {row["hour"]: (row["flows"], row["loads"]) for row in rows}


def _there(client: Client, first: datetime, last: datetime) -> list[_Summary]:
    return [
        _Summary(row["hour"], row["summary"], (row["flows"], row["loads"]), row["rows"], row["age"], row["partition"])
        for row in ask(client, "summaries", {"start": first, "end": last}).to_pylist()
    ]


@stamina.retry(on=StoreUnavailable, attempts=4, timeout=60)
def _delete(client: Client, summaries: Sequence[_Summary]) -> None:
    for each in summaries:
        command(client, f"ALTER TABLE {HOURLY_PEERS.name} DROP PARTITION ID '{each.partition}'")


def _hours(since: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The beginning of the first hour and the end of the last one."""
    first = since.replace(minute=0, second=0, microsecond=0)
    last = (end - timedelta(seconds=1)).replace(minute=0, second=0, microsecond=0)
    return first, last + HOUR
