"""Times as people write them: with a zone, without one, in words; an invalid one is reported with an example."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from schemas.errors import FlowtrailError
from schemas.times import parse_when

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone ten hours behind UTC, where it is still the day before."""
    monkeypatch.setenv("TZ", "XXX+10")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00+05:30", datetime(2026, 11, 20, 4, 30, tzinfo=UTC)),
        ("2026-11-20 10:00:05 local", datetime(2026, 11, 20, 20, 0, 5, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20 local", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2h", NOW - timedelta(hours=2)),
        (" 90 m ago ", NOW - timedelta(minutes=90)),
        ("now", NOW),
        ("today", datetime(2026, 11, 20, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 19, tzinfo=UTC)),
        ("today local", datetime(2026, 11, 19, 10, tzinfo=UTC)),
        ("yesterday local", datetime(2026, 11, 18, 10, tzinfo=UTC)),
    ],
)
def test_a_time(text: str, moment: datetime) -> None:
    found = parse_when(text, NOW)
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text",
    ["", "local", "soon", "2h local", "tomorrow", "0h", "-2h", "2026-13-01", "999999d", "2026-11-20T10:00Z local"],
)
def test_an_invalid_time(text: str) -> None:
    with pytest.raises(FlowtrailError) as caught:
        parse_when(text, NOW)
    assert caught.value.remedy
