"""Bytes as stored -> bytes as written: gzip of any number of members, or plain text, within bounds."""

from isal import isal_zlib

from schemas.errors import BadObject
from schemas.object_ref import ObjectRef

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
RATIO_FREE_BYTES = 16 << 20
"""Up to this size no ratio is suspicious: a short, repetitive log packs very well and harms nobody."""
MAX_RATIO = 200

_GZIP_WINDOW = 31
_FIRST_FEED = 16 << 10
_SNIFF = 1 << 10
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")


def inflate(ref: ObjectRef, stored: bytes, *, max_bytes: int = 2 << 30, max_ratio: int = MAX_RATIO) -> bytes:
    """What `stored` holds, told by its magic and not by its name: gzip is inflated, anything else is passed through.

    At most `max_bytes`, and at most `max_ratio` times the stored size (real logs pack about 5 to 1), are ever
    produced; a bomb is given up at that bound. Raises BadObject: `empty-object`, `not-gzip`, `bad-gzip`,
    `truncated-gzip`, `too-large`, `suspicious-ratio`.
    """
    if not stored:
        raise BadObject(ref, "empty-object", "The object has no bytes at all; deliver it again or remove it.")
    if not stored.startswith(GZIP_MAGIC):
        return _plain(ref, stored, max_bytes)
    by_ratio = max(RATIO_FREE_BYTES, max_ratio * len(stored))
    pieces: list[bytes] = []
    total = at = 0
    while stored.startswith(GZIP_MAGIC, at):
        text, at = _member(ref, stored, at, min(max_bytes, by_ratio) - total)
        pieces.append(text)
        total += len(text)
        if total > max_bytes:
            raise _too_large(ref, max_bytes)
        if total > by_ratio:
            raise BadObject(
                ref,
                "suspicious-ratio",
                f"{len(stored)} stored bytes inflate to more than {by_ratio}, {max_ratio} times as much; real logs "
                "come to about 5 times. Look at the object before you trust it.",
            )
    if stored[at:].strip(b"\0"):
        raise BadObject(
            ref,
            "bad-gzip",
            f"{len(stored) - at} bytes that are no gzip follow the end of the gzip data at byte {at}; "
            "the object was damaged or joined wrongly: copy it again from its source.",
        )
    if not total:
        raise BadObject(ref, "empty-object", "The gzip data inflates to nothing; deliver it again or remove it.")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _member(ref: ObjectRef, stored: bytes, start: int, limit: int) -> tuple[bytes, int]:
    """One gzip member from byte `start`: its text (`limit` + 1 bytes of it when it is longer) and where it ends."""
    stream = isal_zlib.decompressobj(_GZIP_WINDOW)
    view = memoryview(stored)
    # Nearly every object is one member, inflated in one go and never copied. Of later members there may be very
    # many: each is fed by and by, since what is fed beyond its end gets copied.
    feed = len(stored) if start == 0 else _FIRST_FEED
    pieces: list[bytes] = []
    at, room = start, limit + 1
    while room > 0 and not stream.eof:
        fed = view[at : at + feed]
        if not fed:
            raise BadObject(
                ref,
                "truncated-gzip",
                f"The gzip data ends after {len(stored)} bytes in the middle of a member; "
                "the upload was cut short: copy the object again from its source.",
            )
        try:
            piece = stream.decompress(fed, room)
        except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub calls it an instance
            raise BadObject(
                ref,
                "bad-gzip",
                f"The gzip member that begins at byte {start} is damaged ({error}); "
                "copy the object again from its source.",
            ) from error
        pieces.append(piece)
        at += len(fed) - len(stream.unused_data)
        room -= len(piece)
        feed *= 2
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), at


def _plain(ref: ObjectRef, stored: bytes, max_bytes: int) -> bytes:
    if len(stored) > max_bytes:
        raise _too_large(ref, max_bytes)
    binary = any(code in _CONTROLS for code in stored[:_SNIFF])
    if binary and ref.key.endswith(".gz") and not stored.startswith(PARQUET_MAGIC):
        raise BadObject(
            ref,
            "not-gzip",
            f"The name ends in .gz, but the object begins with {stored[:4].hex(' ')} and not with 1f 8b, "
            "and is no text either; copy it again from its source.",
        )
    return stored


def _too_large(ref: ObjectRef, max_bytes: int) -> BadObject:
    return BadObject(
        ref, "too-large", f"The object holds more than {max_bytes} bytes of text; split it or raise the limit."
    )
