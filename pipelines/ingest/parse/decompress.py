"""Inflate stored bytes: gzip of any number of members, or plain text, within bounds; as a whole or piece by piece."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from isal import isal_zlib

from schemas.errors import BadObject
from schemas.object_ref import ObjectRef

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
RATIO_FREE_BYTES = 16 << 20
"""Up to this size no ratio is suspicious: a short, repetitive log compresses very well and does no harm."""

MAX_BYTES = 2 << 30
MAX_RATIO = 200
PIECE = 256 << 10
"""Bytes of text per piece: few enough to stay in the processor's cache until they are read."""

_GZIP_WINDOW = 31
_FIRST_FEED = 16 << 10
_USUAL_RATIO = 6
_SNIFF = 1 << 10
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")


def inflate(ref: ObjectRef, stored: bytes, *, max_bytes: int = MAX_BYTES, max_ratio: int = MAX_RATIO) -> bytes:
    """The content of `stored`, as a whole. Bounds and errors as `inflated`."""
    return b"".join(inflated(ref, [stored], len(stored), max_bytes=max_bytes, max_ratio=max_ratio))


def inflated(
    ref: ObjectRef,
    pieces: Iterable[bytes],
    size: int,
    *,
    most: int = sys.maxsize,
    max_bytes: int = MAX_BYTES,
    max_ratio: int = MAX_RATIO,
) -> Iterator[bytes]:
    """Yields the content of an object of `size` stored bytes, which arrive in `pieces`. Its first bytes decide, not its
    name: gzip is inflated, at most `most` bytes at a time; anything else is passed through.

    Never produces more than `max_bytes`, nor, of gzip, more than the larger of RATIO_FREE_BYTES and `max_ratio` times
    `size` (real logs compress about 5 to 1): a decompression bomb is given up at that bound. Raises BadObject:
    `empty-object`, `not-gzip`, `bad-gzip`, `truncated-gzip`, `too-large`, `suspicious-ratio`.
    """
    source = filter(None, pieces)
    first = next(source, b"")
    if not first:
        raise BadObject(ref, "empty-object", "The object is empty; deliver it again or remove it.")
    while len(first) < _SNIFF and (more := next(source, b"")):
        first += more
    packed = first.startswith(GZIP_MAGIC)
    by_ratio = max(RATIO_FREE_BYTES, max_ratio * size) if packed else max_bytes
    limit = min(max_bytes, by_ratio)
    total = 0
    for text in _members(ref, first, source, most, limit + 1) if packed else _plain(ref, first, source):
        total += len(text)
        if total > max_bytes:
            raise _too_large(ref, max_bytes)
        if total > by_ratio:
            raise BadObject(
                ref,
                "suspicious-ratio",
                f"{size} stored bytes inflate to more than {by_ratio} bytes, over {max_ratio} times as much; for real "
                "logs it is about 5 times. Inspect the object before you trust it.",
            )
        yield text
    if not total:
        raise BadObject(ref, "empty-object", "The gzip data contains no text; deliver the object again or remove it.")


def _members(ref: ObjectRef, first: bytes, source: Iterator[bytes], most: int, left: int) -> Iterator[bytes]:
    """The texts of all gzip members, at most `most` bytes at a time and `left` in all."""
    # Input beyond what is output, or beyond the end of a member, gets copied, so no more is fed than yields about one
    # piece. Nearly every object is one member. There may be very many later ones, so each is fed in small steps first.
    stream: Any = isal_zlib.decompressobj(_GZIP_WINDOW)
    most_fed = max(most // _USUAL_RATIO, _FIRST_FEED)
    stored, before, start, feed = memoryview(first), 0, 0, most_fed
    at = 0
    while True:
        need = len(GZIP_MAGIC) if stream is None else 1
        while len(stored) - at < need and (more := next(source, b"")):
            before += at
            stored, at = memoryview(bytes(stored[at:]) + more if at < len(stored) else more), 0
        if len(stored) - at < need:
            break
        if stream is None:
            if stored[at : at + need] != GZIP_MAGIC:
                break
            stream, start, feed = isal_zlib.decompressobj(_GZIP_WINDOW), before + at, _FIRST_FEED
        fed = stored[at : at + feed]
        text = _fed(ref, stream, fed, min(most, left), start)
        at += len(fed) - len(stream.unused_data) - len(stream.unconsumed_tail)
        feed = min(2 * feed, most_fed)
        left -= len(text)
        yield text
        if stream.eof:
            stream = None
    while stream is not None and not stream.eof:
        text = _fed(ref, stream, b"", min(most, left), start)  # input that it has taken and not output yet
        if not text and not stream.eof:
            raise BadObject(
                ref,
                "truncated-gzip",
                f"The gzip data ends after {before + at} bytes, in the middle of a member: the upload was incomplete. "
                "Copy the object again from its source.",
            )
        left -= len(text)
        yield text
    _reject_garbage(ref, bytes(stored[at:]), source, before + at)


def _fed(ref: ObjectRef, stream: Any, fed: bytes | memoryview, most: int, start: int) -> bytes:
    try:
        text: bytes = stream.decompress(fed, most)
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # declared as an instance in its stub
        raise BadObject(
            ref,
            "bad-gzip",
            f"The gzip member that begins at byte {start} is damaged ({error}); copy the object again from its source.",
        ) from error
    return text


def _reject_garbage(ref: ObjectRef, rest: bytes, source: Iterator[bytes], at: int) -> None:
    """Only padding with zeros may follow the last member."""
    length, zeros = len(rest), not rest.strip(b"\0")
    for more in source:
        length += len(more)
        zeros = zeros and not more.strip(b"\0")
    if not zeros:
        raise BadObject(
            ref,
            "bad-gzip",
            f"{length} bytes that are not gzip follow the end of the gzip data at byte {at}: the object was damaged or "
            "concatenated incorrectly. Copy it again from its source.",
        )


def _plain(ref: ObjectRef, first: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    binary = any(code in _CONTROLS for code in first[:_SNIFF])
    if binary and ref.key.endswith(".gz") and not first.startswith(PARQUET_MAGIC):
        raise BadObject(
            ref,
            "not-gzip",
            f"The name ends in .gz, but the object begins with {first[:4].hex(' ')} instead of 1f 8b, "
            "and is not text either; copy it again from its source.",
        )
    yield first
    yield from source


def _too_large(ref: ObjectRef, max_bytes: int) -> BadObject:
    return BadObject(ref, "too-large", f"The object contains more than {max_bytes} bytes of text; split it.")
