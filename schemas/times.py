"""Times as people and scripts write them: RFC 3339, always with a zone, UTC internally."""

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import FlowtrailError

TIME_BOUND = timedelta(days=7)
"""How far from what its object's name says the time of a record may be. AWS delivers within minutes; what it delivers
latest, after an outage, comes hours or a few days later. A week is well above that, and still few days of the store."""

WAIT = timedelta(seconds=10)
"""How long to wait for an embedded database that another process uses: longer than most commands need it."""

_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

_DAYS = {"today": timedelta(0), "yesterday": timedelta(days=1)}


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
    """A duration such as `90s`, `30m`, `24h` or `7d`. Raises FlowtrailError for anything else and for zero."""
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*([smhd])\s*", text)
    if match is None or int(match[1]) == 0:
        raise FlowtrailError(f"{text!r} is not a duration.", "Write it as 90s, 30m, 24h or 7d.")
    return int(match[1]) * _UNITS[match[2]]


def parse_when(text: str, now: datetime) -> datetime:
    """A point in time: RFC 3339, a duration before `now` (`2h`, `2h ago`), or `now`, `today`, `yesterday` (at
    midnight). A day or a time without a zone is in UTC or, if followed by ` local`, in this machine's zone. Raises
    FlowtrailError for anything else."""
    words = " ".join(text.split())
    if re.fullmatch(r"[0-9]{1,6} ?[smhd]( ago)?", words):
        try:
            return now.astimezone(UTC) - parse_duration(words.removesuffix(" ago"))
        except OverflowError:
            raise FlowtrailError(f"{text!r} is too long ago.", "Use a shorter duration, such as 7d.") from None
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
