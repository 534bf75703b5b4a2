"""Proves: no hostile request makes the console fail, write, or return what was sent as markup."""

from pathlib import Path

import pytest

from connectors.store.clickhouse import Store
from console.web import render
from tests import fuzz_web


def test_none_does_what_it_must_not(template: Store, tmp_path: Path) -> None:
    counts = fuzz_web.fuzz(template, 1_000, tmp_path)
    assert all(counts[status] > 20 for status in (200, 403, 404, 405, 421)), counts


def test_without_escaping_one_does(template: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.TEMPLATES, "autoescape", False)
    monkeypatch.setattr(render.TEMPLATES, "cache", None)
    with pytest.raises(AssertionError):
        fuzz_web.fuzz(template, 1_000, tmp_path)
