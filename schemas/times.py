"""Times as people and scripts write them: RFC 3339, always with a zone, UTC inside."""

from datetime import UTC, datetime

from schemas.errors import FlowtrailError


def rfc3339(moment: datetime) -> str:
    """`2026-11-20T14:32:05Z`; fractions only when there are any. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """An aware datetime in UTC. A time without a zone is UTC; raises FlowtrailError for anything else."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise FlowtrailError(
            f"{text!r} is not a time.", "Write it as RFC 3339, for example 2026-11-20T14:32:00Z."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
