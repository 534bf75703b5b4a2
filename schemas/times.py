"""Times as people and scripts write them: RFC 3339, always with a zone, UTC internally.

A point in time and a length of time are two things: `14:00`, `2 hours ago` and `1763640000` are points, `1h30m` is a
length. `parse_when` reads points, and a length as that long ago; `parse_duration` reads lengths only.
"""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from schemas.errors import FlowtrailError

TIME_BOUND = timedelta(days=7)
"""How far from what its object's name says the time of a record may be. AWS delivers within minutes; what it delivers
latest, after an outage, comes hours or a few days later. A week is well above that, and still few days of the store."""

BEGINNING, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""The range of ClickHouse's DateTime."""

WAIT = timedelta(seconds=10)
"""How long to wait for an embedded database that another process uses: longer than most commands need it."""

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SPELLED = {"s": "sec second", "m": "min minute", "h": "hour", "d": "day", "w": "week"}
_BY_NAME = {
    name: _UNITS[unit]
    for unit, words in _SPELLED.items()
    for name in (unit, *words.split(), *(f"{word}s" for word in words.split()))
}

_PART = re.compile(r"([0-9]{1,6}) ?([a-z]+) ?")
_LENGTH = re.compile(rf"({_PART.pattern})+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?( ?Z| ?[+-][0-9]{2}:[0-9]{2}| local)?")
_EPOCH = re.compile(r"[0-9]{9,10}")
_DAYS = {"today": timedelta(0), "yesterday": timedelta(days=1)}

_AS_LENGTH = "Write it as 90s, 30m, 1h30m, 24h, 7d or 1w."


def rfc3339(moment: datetime) -> str:
    """`2026-11-20T14:32:05Z`; fractions only when there are any. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """An aware datetime in UTC. A time without a zone is taken as UTC. Raises FlowtrailError for anything else."""
    moment = _isoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _isoformat(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise FlowtrailError(
            f"{text!r} is not a time.", "Write it as RFC 3339, for example 2026-11-20T14:32:00Z."
        ) from None


def parse_duration(text: str) -> timedelta:
    """A length of time such as `90s`, `30m`, `1h30m`, `2 hours`, `7d` or `1w`. Raises FlowtrailError for anything else,
    for zero and for a point in time."""
    words = " ".join(text.split())
    length = _length(words)
    if length is not None:
        return length
    if _is_number(words):
        raise FlowtrailError(f"{text!r} has no unit.", _AS_LENGTH)
    if _is_point(words):
        raise FlowtrailError(f"{text!r} is a point in time, not a duration.", _AS_LENGTH)
    raise FlowtrailError(f"{text!r} is not a duration.", _AS_LENGTH)


def _length(words: str) -> timedelta | None:
    """The sum of the parts, each in a smaller unit than the one before; None for anything else and for zero."""
    if not _LENGTH.fullmatch(words):
        return None
    parts = [(int(number), _BY_NAME.get(name)) for number, name in _PART.findall(words)]
    units = [unit for _, unit in parts if unit is not None]
    if len(units) < len(parts) or any(later >= unit for unit, later in pairwise(units)):
        return None
    return sum((number * unit for (number, _), unit in zip(parts, units, strict=True)), timedelta(0)) or None


def _is_number(words: str) -> bool:
    """A number that is neither a date nor seconds since 1970."""
    return words.isascii() and words.isdigit() and len(words) != len("20261120") and not _EPOCH.fullmatch(words)


def _is_point(words: str) -> bool:
    try:
        parse_when(words, datetime.now(UTC))
    except FlowtrailError:
        return False
    return True


def parse_when(text: str, now: datetime) -> datetime:
    """A point in time, in UTC: RFC 3339; the latest `14:00`; `now`, `today`, `yesterday` (at midnight); seconds since
    1970; or a length before `now` (`1h30m`, `2 hours ago`). A day or a time without a zone is in UTC or, if followed by
    ` local`, in this machine's zone. Raises FlowtrailError for anything else."""
    words = " ".join(text.split())
    length = _length(words.removesuffix(" ago"))
    if length is not None:
        try:
            return now.astimezone(UTC) - length
        except OverflowError:
            raise FlowtrailError(f"{text!r} is too long ago.", "Use a shorter duration, such as 7d.") from None
    if _EPOCH.fullmatch(words):
        return datetime.fromtimestamp(int(words), UTC)
    if _is_number(words):
        raise FlowtrailError(
            f"{text!r} is neither a time nor a length: it has no unit.",
            "Write a length as 90m or 24h, and seconds since 1970 with 9 or 10 digits.",
        )
    if clock := _CLOCK.fullmatch(words):
        return _latest(clock, text, now)
    here = words.endswith(" local")
    words = words.removesuffix(" local")
    if words == "now":
        return now.astimezone(UTC)
    if words in _DAYS:
        day = (now.astimezone() if here else now.astimezone(UTC)).date() - _DAYS[words]
        words = day.isoformat()
    if not here:
        return parse_time(words)
    moment = _isoformat(words)
    if moment.tzinfo is not None:
        raise FlowtrailError(f"{text!r} already has a time zone.", "Leave out `local`.")
    return moment.astimezone(UTC)


def _latest(clock: re.Match[str], text: str, now: datetime) -> datetime:
    """The last time that a clock showed this, up to `now`."""
    hour, minute, second, zone = clock.groups()
    zone = (zone or "Z").strip()
    try:
        there = None if zone == "local" else datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo or UTC
        at = now.astimezone(there).replace(
            hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0, tzinfo=there
        )
    except ValueError:
        raise FlowtrailError(f"{text!r} is not a time of day.", "Write it as 14:00, 14:00:05 or 14:00+01:00.") from None
    # Without tzinfo it is in this machine's zone, whose offset may differ from one day to the next.
    today = at.astimezone(UTC)
    return today if today <= now else (at - timedelta(days=1)).astimezone(UTC)
