"""Proves: a listing that was read to the end is not repeated in the same run; any other is."""

from collections.abc import Iterator

import pytest

from pipelines.ingest.find import remembered
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
    with remembered.remembering("run"):
        for _ in range(2):
            assert list(remembered.listed("run", "s3://b", bucket)) == REFS
        assert bucket.listed == 1
    assert list(remembered.listed("run", "s3://b", bucket)) == REFS  # as in another process or a later run
    assert bucket.listed == 2


def test_an_incomplete_or_too_large_listing_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket()
    with remembered.remembering("run"):
        assert next(remembered.listed("run", "s3://b", bucket)) == REFS[0]
        assert list(remembered.listed("run", "s3://b", bucket)) == REFS
        assert bucket.listed == 2
        monkeypatch.setattr(remembered, "MOST", 4)
        for _ in range(2):
            assert list(remembered.listed("run", "s3://c", bucket)) == REFS
        assert bucket.listed == 4
