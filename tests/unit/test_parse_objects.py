"""Proves: when objects are read together, a bad or large one does not affect the others, and leaves nothing behind."""

import gzip

import pytest

from pipelines.ingest.parse import parse_objects as group
from pipelines.ingest.parse.parse_objects import parse_group
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

HEADER = b"version interface-id start end action log-status\n"
LINE = b"2 eni-%d 1795130000 1795130060 ACCEPT OK\n"
LOG = HEADER + b"".join(LINE % n for n in range(5000))


def ref(name: str) -> ObjectRef:
    return ObjectRef("logs", name, "e", 1)


def test_bad_ones_are_left_out() -> None:
    good = gzip.compress(LOG)
    missing = DeadLetter(ref("gone"), "gone", "deleted since it was listed")
    found = parse_group(
        [
            (ref("a"), good),
            (ref("b"), good[:-20]),
            (ref("c"), LOG + b"start end interface-id\n"),
            (ref("gone"), missing),
            (ref("d"), good),
            (ref("e"), b"start stop\n1 2\n"),
            (ref("f"), gzip.compress(b"end start\n2 1\n")),
        ],
        ObjectKind.FLOW_LOG,
    )
    assert [[source.ref.key for source in batch.objects] for batch in found.batches] == [["a", "d"], ["f"]]
    assert {letter.ref.key: letter.reason for letter in found.letters} == {
        "gone": "gone",
        "b": "truncated-gzip",
        "c": "header-changes",
        "e": "no-time-fields",
    }
    flows = found.batches[0].tables["flows"]
    assert flows["object_id"].to_pylist() == [ref("a").object_id] * 5000 + [ref("d").object_id] * 5000
    assert flows["row_no"].to_pylist() == [*range(2, 5002), *range(2, 5002)]
    assert not found.batches[0].tables["rejected_lines"].num_rows


def test_a_large_one_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "LARGE_INFLATED", len(LOG))
    found = parse_group(
        [(ref("a"), gzip.compress(LOG + LINE % 1)), (ref("b"), gzip.compress(LOG)), (ref("c"), None)],
        ObjectKind.FLOW_LOG,
    )
    assert {each.key for each in found.large} == {"a", "c"}
    assert [source.ref.key for batch in found.batches for source in batch.objects] == ["b"]
    assert not found.letters


def test_nothing_at_all() -> None:
    assert parse_group([], ObjectKind.FLOW_LOG).batches == ()


def test_one_without_a_single_record_is_set_aside_and_does_not_count_as_read() -> None:
    other_format = b"eni-0a 10.0.0.1 10.0.0.2 1795130000 1795130060 ACCEPT OK\n" * 3
    found = parse_group(
        [(ref("a"), LOG), (ref("b"), HEADER + other_format), (ref("c"), LOG + b"not a record\n")], ObjectKind.FLOW_LOG
    )
    assert [source.ref.key for batch in found.batches for source in batch.objects] == ["a", "c"]
    assert [(letter.ref.key, letter.reason) for letter in found.letters] == [("b", "no-records-of-this-format")]
    assert "FLOWTRAIL_LOG_FORMAT" in found.letters[0].detail
