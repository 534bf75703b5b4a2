"""No text from a log reaches a terminal unescaped, and JSON is JSON."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.answers.plain import json_text, plain
from console.answers.text import address, both, clean, local, utc
from console.terminal.screen import Screen

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u200f\u2028\r\n\x00\ud800"


def test_hostile_text_is_shown_and_does_nothing() -> None:
    shown = clean(HOSTILE)
    assert shown.startswith(r"\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066")
    assert shown.isprintable()


def test_plain_text_of_every_script_is_untouched() -> None:
    for text in ("eni-0a1b2c3d", "arn:aws:iam::1:user/José", "日本語", "s3://bucket/a b/ü"):
        assert clean(text) == text


@given(st.text())
def test_whatever_is_printed_is_one_line_of_printable_characters(text: str) -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.line(text)
    screen.table(["column"], [[text]])
    for line in out.getvalue().split("\n"):
        assert line == "" or line.isprintable()


def test_markup_in_data_is_data() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.line("[bold red]x[/] :smile:")
    screen.table(["[b]c[/b]"], [["[link=http://x]y[/link]"]])
    assert "[bold red]x[/] :smile:" in out.getvalue()
    assert "[b]c[/b]" in out.getvalue()
    assert "[link=http://x]y[/link]" in out.getvalue()


def test_lines_are_never_wrapped_without_a_terminal() -> None:
    out = io.StringIO()
    Screen(out).line("x" * 5000)
    Screen(out).table(["a", "b"], [["y" * 3000, "z" * 3000]])
    assert "x" * 5000 in out.getvalue()
    assert "y" * 3000 in out.getvalue()


def shown(width: int) -> list[str]:
    out = io.StringIO()
    Screen(out, width).table(["name", "words"], [["first", "w" * 40], ["second", "x" * 10]])
    return out.getvalue().splitlines()


def test_a_table_that_fits_is_one_line_a_row() -> None:
    assert shown(60) == ["name    words", f"first   {'w' * 40}", f"second  {'x' * 10}"]


def test_in_a_narrow_terminal_the_widest_column_folds() -> None:
    assert shown(33) == ["name    words", f"first   {'w' * 25}", f"        {'w' * 15}", f"second  {'x' * 10}"]


def test_in_a_very_narrow_terminal_each_row_is_a_block() -> None:
    assert shown(30) == ["name   first", f"words  {'w' * 40}", "", "name   second", f"words  {'x' * 10}", ""]


def test_times_are_shown_in_utc_and_with_the_local_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    import time

    time.tzset()
    try:
        moment = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)
        assert utc(moment) == "2026-11-20 14:32:05Z"
        assert local(moment) == "2026-11-20 20:02:05+05:30"
        assert both(moment) == "2026-11-20 14:32:05Z (20:02:05+05:30)"
        assert both(moment + timedelta(hours=4)) == "2026-11-20 18:32:05Z (2026-11-21 00:02:05+05:30)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_addresses_are_written_as_people_do() -> None:
    assert address(IPv6Address("::ffff:10.0.1.10").packed) == "10.0.1.10"
    assert address(IPv6Address("2001:db8::1").packed) == "2001:db8::1"
    assert address(None) is None


def test_json_has_only_jsons_types() -> None:
    value = {
        "time": datetime(2026, 11, 20, 15, 32, 5, tzinfo=timezone(timedelta(hours=1))),
        "naive is UTC": datetime(2026, 11, 20, 14, 32, 5),  # noqa: DTZ001 - as the engine returns them
        "v4": IPv4Address("10.0.0.1"),
        "mapped": IPv6Address("::ffff:10.0.0.1"),
        "decimal": Decimal("1.50"),
        "infinite": float("inf"),
        "bytes": b"\xff",
        "list": ({"a": 1}, None, True),
        "text": "\x1b\u202e",
    }
    text = json_text(value)
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {
        "time": "2026-11-20T14:32:05Z",
        "naive is UTC": "2026-11-20T14:32:05Z",
        "v4": "10.0.0.1",
        "mapped": "10.0.0.1",
        "decimal": "1.50",
        "infinite": None,
        "bytes": "ff",
        "list": [{"a": 1}, None, True],
        "text": "\x1b\u202e",
    }
    with pytest.raises(TypeError, match="object"):
        plain(object())
