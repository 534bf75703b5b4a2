"""Proves: an object that comes in pieces inflates to the same text as in one go, with the same errors; text in pieces,
of one log or of several that follow each other, becomes the rows that each whole log becomes."""

import gzip
from collections.abc import Iterator

import pytest

from pipelines.ingest.parse import flow_log as parse
from pipelines.ingest.parse.decompress import inflate, inflated
from pipelines.ingest.parse.flow_log import FlowLogs, parse_flow_log
from pipelines.ingest.parse.log_format import header_of
from pipelines.ingest.parse.window import Window
from schemas.columnar.batch import Source
from schemas.columnar.columns import filled
from schemas.errors import BadObject
from schemas.object_ref import ObjectKind, ObjectRef

REF = ObjectRef("logs", "a.log.gz", "e", 1)
TEXT = b"".join(b"2 123456789010 eni-%d some more text\n" % n for n in range(40_000))


def pieces(stored: bytes, size: int) -> Iterator[bytes]:
    return (stored[at : at + size] for at in range(0, len(stored), size))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("most", [100, 1 << 16, 1 << 30])
@pytest.mark.parametrize(
    "stored",
    [
        gzip.compress(TEXT[:5000], mtime=0),
        gzip.compress(TEXT[:400], mtime=0) + gzip.compress(TEXT[400:5000], mtime=0) + b"\0" * 100,
        b"".join(gzip.compress(TEXT[n : n + 100], mtime=0) for n in range(0, 5000, 100)),
        TEXT[:5000],
    ],
    ids=["one", "two", "many", "plain"],
)
def test_pieces_inflate_to_the_same(stored: bytes, size: int, most: int) -> None:
    texts = list(inflated(REF, pieces(stored, size), len(stored), most=most))
    assert b"".join(texts) == TEXT[:5000]
    if stored.startswith(b"\x1f"):
        assert max(map(len, texts)) <= most


@pytest.mark.parametrize("most", [1 << 10, 1 << 30])
@pytest.mark.parametrize("size", [10, 1 << 20])
def test_all_of_a_large_member(size: int, most: int) -> None:
    stored = gzip.compress(TEXT, mtime=0)
    assert b"".join(inflated(REF, pieces(stored, size), len(stored), most=most)) == TEXT


@pytest.mark.parametrize("size", [1, 10, 1 << 20])
@pytest.mark.parametrize(
    "stored",
    [
        gzip.compress(TEXT[:5000], mtime=0)[:-9],
        gzip.compress(TEXT[:5000], mtime=0) + gzip.compress(TEXT[:500], mtime=0)[:30],
        gzip.compress(TEXT[:5000], mtime=0)[:-8] + b"12345678",
        gzip.compress(TEXT[:5000], mtime=0) + b"\0\0x",
        gzip.compress(TEXT[:5000], mtime=0) + b"\x1f",
        gzip.compress(b"", mtime=0),
        b"",
    ],
)
def test_pieces_fail_the_same(stored: bytes, size: int) -> None:
    with pytest.raises(BadObject) as whole:
        inflate(REF, stored)
    with pytest.raises(BadObject) as by_and_by:
        list(inflated(REF, pieces(stored, size), len(stored), most=1000))
    assert by_and_by.value.reason == whole.value.reason


HEADER = b"version account-id interface-id srcaddr start end action log-status x-new\n"
LOG = (
    b"\xef\xbb\xbf"
    + HEADER
    + b"".join(
        b"2 1 eni-%d 10.0.0.%d 179513%04d 1795139999 ACCEPT OK %d\n" % (n % 7, n % 300, n, n % 3)
        + (b"2 1 eni-1 - 1795130000 1795130060 - NODATA -\n" if n % 50 == 0 else b"")
        + (HEADER if n % 90 == 0 else b"")
        + (b"\n  \n" if n % 70 == 0 else b"")
        for n in range(1000)
    )
)


ANOTHER = ObjectRef("logs", "b.log.gz", "e", 2)


def in_pieces(*logs: tuple[ObjectRef, bytes], size: int) -> FlowLogs:
    read = FlowLogs(header_of(REF, LOG))
    for ref, text in logs:
        read.add(ref, pieces(text, size))
    return read


@pytest.mark.parametrize("size", [3, 100, 1000, 20_000, 1 << 20])
def test_text_in_pieces_becomes_the_same_rows(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = parse_flow_log(REF, LOG)
    monkeypatch.setattr(parse, "HELD_ROWS", 300)
    monkeypatch.setattr(parse, "BLOCK_ROWS", 100)
    monkeypatch.setattr(Window.__init__, "__defaults__", (10_000,))
    found = in_pieces((REF, LOG), size=size).take()
    assert found.objects == (Source(REF, ObjectKind.FLOW_LOG, whole.read),)
    assert whole.read == 1020
    for name, rows in whole.tables.items():
        assert rows.num_rows, name
        assert filled(found.tables[name], rows.schema).to_pylist() == rows.to_pylist()


@pytest.mark.parametrize("size", [3, 1000, 1 << 20])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n \n", b"\r"])
def test_logs_together_become_the_rows_of_each(size: int, end: bytes) -> None:
    """The last line of a log ends with it, and lines are counted from the start in the next one."""
    texts = {ref: text.rstrip(b"\n") + end for ref, text in ((REF, LOG), (ANOTHER, LOG[: len(LOG) // 2]))}
    alone = {ref: parse_flow_log(ref, text) for ref, text in texts.items()}
    found = in_pieces(*texts.items(), size=size).take()
    assert [(source.ref, source.read) for source in found.objects] == [(ref, alone[ref].read) for ref in texts]
    for name, rows in found.tables.items():
        schema = alone[REF].tables[name].schema
        assert filled(rows, schema).to_pylist() == [row for ref in texts for row in alone[ref].tables[name].to_pylist()]


def test_records_are_taken_by_and_by() -> None:
    read = FlowLogs(header_of(REF, LOG))
    read.begin(REF)
    taken = []
    for piece in pieces(LOG, 30_000):
        read.feed(piece)
        taken.append(read.take())
    read.end()
    taken.append(read.take())
    assert sum(batch.objects[0].read for batch in taken) == 1020
    whole = parse_flow_log(REF, LOG)
    for name, rows in whole.tables.items():
        assert [
            row for batch in taken for row in filled(batch.tables[name], rows.schema).to_pylist()
        ] == rows.to_pylist()


@pytest.mark.parametrize(("rest", "rejected"), [(b"b", 1), (b" ", 0)])
def test_a_line_without_end_is_not_held(rest: bytes, rejected: int) -> None:
    read = FlowLogs(header_of(REF, LOG))
    read.add(REF, [HEADER, b"2 1 eni-1 10.0.0.1 1795130000 1795130060 ACCEPT OK -\n", *[rest * 100_000] * 100, b"\n"])
    batch = read.take()
    assert batch.tables["flows"].num_rows == 1
    lines = batch.tables["rejected_lines"].to_pylist()
    assert [(line["reason"], line["row_no"]) for line in lines] == [("line-too-long", 3)] * rejected
