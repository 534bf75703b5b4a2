"""Proves: an object that comes in pieces inflates to the same text as in one go, with the same errors; windows end
where lines end, and parsing them one by one gives the rows that parsing the whole gives."""

import gzip
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.decompress import inflate, inflated, windows
from pipelines.ingest.parse import FlowLog, parse_flow_log
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef

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


@given(st.lists(st.binary(max_size=30).map(lambda part: part.replace(b"x", b"\n"))), st.integers(1, 40))
@settings(deadline=None)
def test_windows_are_the_text(texts: list[bytes], size: int) -> None:
    found = list(windows(texts, size))
    assert b"".join(found) == b"".join(texts)
    assert all(found)
    assert all(window.endswith(b"\n") for window in found[:-1])


@pytest.mark.parametrize(("rest", "kept"), [(b"b", b"x"), (b" ", b"")])
def test_a_line_without_end_is_not_held(rest: bytes, kept: bytes) -> None:
    found = list(windows([b"first\n" + rest] + [rest * 100_000] * 100 + [b"\nlast"], 200_000))
    assert b"".join(found).startswith(b"first\n" + rest * 100_000)
    assert max(map(len, found)) < 500_000
    assert b"".join(found).endswith(kept + b"\nlast")


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


@pytest.mark.parametrize("size", [100, 1000, 20_000, 1 << 20])
def test_windows_parse_to_the_same_rows(size: int) -> None:
    whole = parse_flow_log(REF, LOG)
    parts = list(windows(pieces(LOG, 333), size))
    log = FlowLog(REF, parts[0])
    found = [log.read(part) for part in parts]
    assert sum(parsed.read for parsed in found) == whole.read == 1020
    for name, rows in whole.tables.items():
        assert rows.num_rows, name
        assert [row for parsed in found for row in parsed.tables[name].to_pylist()] == rows.to_pylist()
