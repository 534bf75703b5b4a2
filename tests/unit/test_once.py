"""Proves: what was gone through to the end is not listed again in the same run; anything else is."""

from collections.abc import Iterator

import pytest

from pipelines.ingest import once
from schemas.object_ref import ObjectRef

REFS = [ObjectRef("b", str(n), "e", 1) for n in range(5)]


class Bucket:
    def __init__(self) -> None:
        self.listed = 0

    def __call__(self) -> Iterator[ObjectRef]:
        self.listed += 1
        yield from REFS


def test_listed_once_in_a_run() -> None:
    bucket = Bucket()
    with once.remembering("run"):
        for _ in range(2):
            assert list(once.listed("run", "s3://b", bucket)) == REFS
        assert bucket.listed == 1
    assert list(once.listed("run", "s3://b", bucket)) == REFS  # nobody remembers: another process, or a later run
    assert bucket.listed == 2


def test_what_was_not_gone_through_or_is_too_much_is_listed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket()
    with once.remembering("run"):
        assert next(once.listed("run", "s3://b", bucket)) == REFS[0]
        assert list(once.listed("run", "s3://b", bucket)) == REFS
        assert bucket.listed == 2
        monkeypatch.setattr(once, "MOST", 4)
        for _ in range(2):
            assert list(once.listed("run", "s3://c", bucket)) == REFS
        assert bucket.listed == 4
