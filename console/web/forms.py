"""What was typed into a form, which is also what stands in the address of a page: text becomes a value of its type."""

from collections.abc import Mapping
from datetime import UTC, datetime

from schemas.errors import FlowtrailError
from schemas.times import BEGINNING, END, parse_when


def text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").strip()


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """The time, as the command line takes it; None if it is not given. Raises FlowtrailError for anything else."""
    given = text(query, name)
    if not given:
        return None
    found = parse_when(given, datetime.now(UTC))
    if not BEGINNING <= found < END:
        raise FlowtrailError(f"{given!r} is outside the years 1970 to 2105.", "Give a time such as 2026-11-20T14:00.")
    return found


def span(query: Mapping[str, str]) -> tuple[datetime, datetime]:
    """`from` and `to`, without limits where they are not given. Raises FlowtrailError for an empty range."""
    start, end = moment(query, "from") or BEGINNING, moment(query, "to") or END
    if start >= end:
        raise FlowtrailError("The range is empty.", "Give a start that is before the end.")
    return start, end


def number(query: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """The number, None if it is not given. Raises FlowtrailError for anything else."""
    given = text(query, name)
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10 and low <= int(given) <= high):
        raise FlowtrailError(f"{given!r} is not a number for {name}.", f"Give one from {low} to {high}.")
    return int(given)
