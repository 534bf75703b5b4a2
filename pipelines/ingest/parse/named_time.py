"""The time that the key of an object names."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_FILE = timedelta(minutes=5)
_NAMED = re.compile(r"(?<![0-9A-Za-z])(\d{8}T\d{4})(?:\d\d)?Z(?![0-9A-Za-z])")
_FOLDERS = re.compile(
    r"(?:^|/)AWSLogs/(?:.*/)?(\d{4})/(\d\d)/(\d\d)/(?:(\d\d)/)?"
    r"|(?:^|/)year=(\d{4})/month=(\d\d?)/day=(\d\d?)/(?:hour=(\d\d?)/)?"
)


def span_of_name(key: str) -> tuple[int, int] | None:
    """The five minutes that AWS's file name at the end of a key gives, in seconds since 1970; None without one.

    >>> span_of_name("copy/1_vpcflowlogs_us-east-1_fl-1_20261120T1620Z_0a.log.gz"), span_of_name("2026/11/20/x.log")
    ((1795191600, 1795191900), None)
    """
    try:
        named = _NAMED.search(key.rpartition("/")[2])
        return _file_span(named[1]) if named else None
    except ValueError:  # such as month 13
        return None


def span_of_key(key: str) -> tuple[int, int] | None:
    """The period that a key names, in seconds since 1970: the five minutes of AWS's file name, else the hour or the day
    of AWS's folders or of Hive-compatible ones; None if there is no such time.

    >>> span_of_key("AWSLogs/1/vpcflowlogs/us-east-1/2026/11/20/1_vpcflowlogs_us-east-1_fl-1_20261120T1620Z_0a.log.gz")
    (1795191600, 1795191900)
    >>> span_of_key("copies/year=2026/month=11/day=20/flow.log"), span_of_key("copies/flow.log")
    ((1795132800, 1795219200), None)
    """
    if _NAMED.search(key.rpartition("/")[2]):
        return span_of_name(key)
    try:
        if found := _FOLDERS.search(f"{key.rpartition('/')[0]}/"):
            year, month, day, hour = [
                int(part) if part else None for part in found.groups()[4 if found[5] else 0 :][:4]
            ]
            length = timedelta(days=1) if hour is None else timedelta(hours=1)
            return _span(datetime(year or 0, month or 0, day or 0, hour or 0, tzinfo=UTC), length)
    except ValueError:  # such as month 13
        return None
    return None


@lru_cache
def _file_span(minute: str) -> tuple[int, int]:
    return _span(datetime.strptime(minute, "%Y%m%dT%H%M").replace(tzinfo=UTC), _FILE)


def _span(start: datetime, length: timedelta) -> tuple[int, int]:
    first = int(start.timestamp())
    return first, first + int(length.total_seconds())
