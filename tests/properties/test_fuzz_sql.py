"""Proves: of statements that are mangled so as to get out of the store, the guard lets none through that does."""

from pathlib import Path
from unittest import mock

import pytest

from connectors.store.clickhouse import Store
from console.answers import sql
from tests import fuzz_sql


def test_none_gets_out(template: Store, tmp_path: Path) -> None:
    counts = fuzz_sql.fuzz(template, 1500, tmp_path)
    assert all(counts[what] > 20 for what in ("refused", "answered", "rejected by the engine")), counts


def test_without_the_guard_some_do(template: Store, tmp_path: Path) -> None:
    unguarded = (
        mock.patch.multiple(fuzz_sql, guarded=lambda _, text: text),
        mock.patch.object(sql, "guarded", lambda _, text: text),
    )
    with unguarded[0], unguarded[1], pytest.raises(AssertionError, match=r"read the file|wrote a file|opened"):
        fuzz_sql.fuzz(template, 1500, tmp_path)
