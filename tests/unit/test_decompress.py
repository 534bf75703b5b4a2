"""inflate returns what was compressed, whatever it was, and reports what is wrong with data that it cannot read."""

import gzip
import zlib

import pytest

from pipelines.ingest.parse.decompress import RATIO_FREE_BYTES, inflate
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef

REF = ObjectRef("logs", "flow.log.gz", "etag", 1)
TEXT = b"".join(b"2 123456789010 eni-%05d 10.0.0.1 10.0.0.2 %d 443\n" % (n, n * 7919 % 65536) for n in range(20_000))


def reason(stored: bytes, ref: ObjectRef = REF, **bounds: int) -> str:
    with pytest.raises(BadObject) as caught:
        inflate(ref, stored, **bounds)
    assert caught.value.detail.endswith(".")
    return caught.value.reason


def test_one_member() -> None:
    assert inflate(REF, gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize("size", [1, 100, 70_000])
def test_consecutive_members_are_one_text(size: int) -> None:
    pieces = [TEXT[at : at + size] for at in range(0, min(len(TEXT), 40 * size), size)]
    assert inflate(REF, b"".join(map(gzip.compress, pieces))) == b"".join(pieces)


def test_a_large_member_after_a_small_one() -> None:
    assert inflate(REF, gzip.compress(b"a\n") + gzip.compress(TEXT)) == b"a\n" + TEXT


def test_an_empty_member_among_others() -> None:
    assert inflate(REF, gzip.compress(b"") + gzip.compress(b"a\n")) == b"a\n"


def test_padding_of_zero_bytes_is_not_damage() -> None:
    assert inflate(REF, gzip.compress(TEXT) + b"\0" * 512) == TEXT


@pytest.mark.parametrize("text", [b"version start end\n2 1 2\n", b"PAR1\x15\x00", "\ufeffversion\r\n".encode()])
def test_anything_without_the_gzip_magic_passes_through_whatever_its_name(text: bytes) -> None:
    assert inflate(REF, text) == text


def test_binary_under_another_name_is_left_to_later_steps() -> None:
    assert inflate(ObjectRef("logs", "picture.png", "e", 1), b"\x89PNG\0") == b"\x89PNG\0"


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 1000])
def test_a_cut_at_the_end_is_detected(cut: int) -> None:
    assert reason(gzip.compress(TEXT)[:-cut]) == "truncated-gzip"


@pytest.mark.parametrize("kept", [2, 5, 10, 11])
def test_a_cut_near_the_beginning_is_detected(kept: int) -> None:
    assert reason(gzip.compress(TEXT)[:kept]) == "truncated-gzip"


def test_a_cut_in_a_later_member_is_detected() -> None:
    assert reason(gzip.compress(b"a\n") + gzip.compress(TEXT)[:-20]) == "truncated-gzip"


def damaged(at: int) -> bytes:
    stored = bytearray(gzip.compress(TEXT))
    stored[at] ^= 0x55
    return bytes(stored)


@pytest.mark.parametrize(
    "stored",
    [damaged(-6), damaged(-2), damaged(2), b"\x1f\x8b\x08\0" + b"\xff" * 40, gzip.compress(TEXT) + b"tail"],
    ids=["checksum", "length", "method", "noise", "trailing"],
)
def test_damage_is_detected(stored: bytes) -> None:
    assert reason(stored) == "bad-gzip"


def test_no_bytes_and_no_content_differ_from_a_log_without_records() -> None:
    assert reason(b"") == "empty-object"
    assert reason(gzip.compress(b"")) == "empty-object"


def test_binary_with_a_gz_name_is_rejected() -> None:
    assert reason(b"\x28\xb5\x2f\xfd\x00zstd") == "not-gzip"


def test_bounds_hold_exactly() -> None:
    stored = gzip.compress(TEXT)
    assert inflate(REF, stored, max_bytes=len(TEXT)) == TEXT
    assert reason(stored, max_bytes=len(TEXT) - 1) == "too-large"
    assert reason(stored + gzip.compress(b"x"), max_bytes=len(TEXT)) == "too-large"
    assert inflate(REF, b"abc", max_bytes=3) == b"abc"
    assert reason(b"abcd", max_bytes=3) == "too-large"


def test_a_bomb_is_stopped_at_the_ratio() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    stored = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    assert 200 * len(stored) < 64 << 20
    assert reason(stored) == "suspicious-ratio"
    assert len(inflate(REF, stored, max_ratio=2000)) == 64 << 20


def test_a_bomb_in_many_members_is_stopped_too() -> None:
    member = gzip.compress(bytes(1 << 20), 9)
    assert reason(member * 40, max_ratio=20) == "suspicious-ratio"


def test_a_short_repetitive_log_is_not_a_bomb() -> None:
    text = b"2 1 eni-1 - - - - - - - 1 2 - NODATA\n" * 100_000
    stored = gzip.compress(text, 9)
    assert len(text) > 200 * len(stored)
    assert len(text) < RATIO_FREE_BYTES
    assert inflate(REF, stored) == text
