"""Times as people write them: with a zone, without one, in words; an invalid one is reported with an example."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FlowtrailError
from schemas.times import parse_duration, parse_time, parse_when

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
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2 hours ago", NOW - timedelta(hours=2)),
        ("1 day 2 hours ago", NOW - timedelta(hours=26)),
        ("1w", NOW - timedelta(days=7)),
        ("1763640000", datetime(2025, 11, 20, 12, tzinfo=UTC)),
        ("946684800", datetime(2000, 1, 1, tzinfo=UTC)),
        ("20261120", datetime(2026, 11, 20, tzinfo=UTC)),
        ("01:30", NOW),
        ("1:15", NOW - timedelta(minutes=15)),
        ("01:29:59Z", NOW - timedelta(seconds=1)),
        ("14:00", datetime(2026, 11, 19, 14, tzinfo=UTC)),
        ("14:00+13:00", datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("14:00 +12:00", datetime(2026, 11, 19, 2, tzinfo=UTC)),
        ("14:00 local", datetime(2026, 11, 20, 0, tzinfo=UTC)),
        ("16:00 local", datetime(2026, 11, 19, 2, tzinfo=UTC)),
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
    [
        *("", "local", "soon", "2h local", "tomorrow", "0h", "-2h", "2026-13-01", "999999d", "2026-11-20T10:00Z local"),
        *(
            "90",
            "7",
            "1763640000000",
            "25:00",
            "14:60",
            "1400",
            "14:00 XYZ",
            "30m1h",
            "1h1h",
            "2 months",
            "1 ago",
            "ago",
        ),
    ],
)
def test_an_invalid_time(text: str) -> None:
    with pytest.raises(FlowtrailError) as caught:
        parse_when(text, NOW)
    assert caught.value.remedy


LENGTHS = {
    "90s": timedelta(seconds=90),
    "1h30m": timedelta(minutes=90),
    "1h 30m": timedelta(minutes=90),
    "2 hours": timedelta(hours=2),
    "1 day 12 hours": timedelta(hours=36),
    "1 min 30 secs": timedelta(seconds=90),
    " 1w ": timedelta(days=7),
    "1w2d3h4m5s": timedelta(days=9, hours=3, minutes=4, seconds=5),
}


@pytest.mark.parametrize("text", LENGTHS)
def test_a_length_is_that_long_ago_as_a_point(text: str) -> None:
    assert parse_duration(text) == LENGTHS[text]
    assert parse_when(text, NOW) == parse_when(f"{text} ago", NOW) == NOW - LENGTHS[text]


@pytest.mark.parametrize(
    "text", ["14:00", "14:00 local", "2 hours ago", "1h30m ago", "1763640000", "20261120", "2026-11-20", "today", "now"]
)
def test_a_point_in_time_is_not_a_length(text: str) -> None:
    with pytest.raises(FlowtrailError, match="is a point in time, not a duration") as caught:
        parse_duration(text)
    assert "1h30m" in caught.value.remedy


@pytest.mark.parametrize("text", ["90", "7", "1763640000000"])
def test_a_number_without_a_unit_is_neither(text: str) -> None:
    for parse in (parse_duration, lambda words: parse_when(words, NOW)):
        with pytest.raises(FlowtrailError, match="no unit"):
            parse(text)


@given(st.text("0123456789 :smhdwZ+-ago", max_size=12) | st.from_regex(r"[0-9]{1,3} ?[smhdw]( ?[0-9]{1,2}[smhdw])?"))
def test_text_is_a_length_or_a_point_or_an_error_but_never_two_things(text: str) -> None:
    try:
        length = parse_duration(text)
    except FlowtrailError:
        return
    assert parse_when(text, NOW) == NOW - length
    with pytest.raises(FlowtrailError):
        parse_time(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(10**9, 4 * 10**9))
def test_a_time_of_day_is_the_latest_one(hour: int, minute: int, now: int) -> None:
    aware = datetime.fromtimestamp(now, UTC)
    for zone in ("", " local", "+05:30"):
        found = parse_when(f"{hour:02d}:{minute:02d}{zone}", aware)
        assert timedelta(0) <= aware - found < timedelta(days=1)
        assert (
            found + {"": timedelta(0), " local": timedelta(hours=-10), "+05:30": timedelta(hours=5.5)}[zone]
        ).strftime("%H:%M") == f"{hour:02d}:{minute:02d}"
