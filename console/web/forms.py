"""What was typed into a form, which is also what stands in the address of a page: text becomes a value of its type."""

from collections.abc import Mapping
from datetime import datetime

from console.answers import question
from schemas.errors import FlowtrailError
from schemas.times import BEGINNING, END


def text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").strip()


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """The time, None if it is not given. Raises FlowtrailError for anything else."""
    return question.moment(text(query, name))


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
