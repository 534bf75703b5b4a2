"""Objects that could not be read, kept as references in Avro files: never their payload."""

import io
import os
from collections.abc import Collection, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fastavro
import smart_open

from connectors import s3
from schemas.errors import FlowtrailError
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectRef

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "DeadLetter",
    "namespace": "flowtrail",
    "fields": [
        {"name": "bucket", "type": "string"},
        {"name": "key", "type": "string"},
        {"name": "etag", "type": "string"},
        {"name": "size", "type": "long"},
        {"name": "version_id", "type": "string"},
        {"name": "reason", "type": "string"},
        {"name": "detail", "type": "string"},
    ],
}
PARSED = fastavro.parse_schema(SCHEMA)
SUFFIX = ".avro"


def write(folder: str, letters: Sequence[DeadLetter]) -> str:
    """Write one file into `folder` (a local folder or `s3://bucket/prefix`) and return its name; '' without letters.

    The name is a digest of the content: the same letters again are the same file. Raises FlowtrailError when the
    folder cannot be written.
    """
    if not letters:
        return ""
    rows = [_row(letter) for letter in sorted(set(letters), key=lambda letter: (letter.ref, letter.reason))]
    body = io.BytesIO()
    fastavro.writer(body, PARSED, rows, sync_marker=b"flowtrail letter")
    name = f"dead-letters-{blake2b(body.getvalue(), digest_size=8).hexdigest()}{SUFFIX}"
    if folder.startswith("s3://"):
        target = f"{folder.rstrip('/')}/{name}"
        with s3.explained(target), smart_open.open(target, "wb", transport_params={"client": s3.client()}) as file:
            file.write(body.getvalue())
        return target
    path = Path(folder) / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        with smart_open.open(unfinished, "wb") as file:
            file.write(body.getvalue())
        unfinished.replace(path)
    except OSError as error:
        raise FlowtrailError(
            f"Dead letters cannot be written to {folder}: {error.strerror}.", "Name a folder that can be written."
        ) from error
    return str(path)


def read(folder: str) -> list[DeadLetter]:
    """Every letter of a folder, each once; an absent or empty folder has none."""
    letters = {letter for _, found in _files(folder) for letter in found}
    return sorted(letters, key=lambda letter: (letter.ref, letter.reason))


def done(folder: str, finished: Collection[ObjectRef]) -> int:
    """Take the letters of these objects out of the folder's files; returns how many. A file is replaced by one of what
    is left of it, written before the old one is removed. Raises FlowtrailError when the folder cannot be written."""
    gone = 0
    for name, letters in _files(folder):
        left = [letter for letter in letters if letter.ref not in finished]
        if len(left) == len(letters):
            continue
        write(folder, left)
        _remove(name)
        gone += len(letters) - len(left)
    return gone


def _files(folder: str) -> list[tuple[str, list[DeadLetter]]]:
    if folder.startswith("s3://"):
        refs = [ref for ref in s3.list_objects(*s3.split_url(folder)) if ref.key.endswith(SUFFIX)]
        return [(ref.url, _letters(s3.read_object(ref))) for ref in refs]
    return [(str(path), _letters(path.read_bytes())) for path in sorted(Path(folder).glob(f"*{SUFFIX}"))]


def _remove(name: str) -> None:
    if name.startswith("s3://"):
        bucket, key = s3.split_url(name)
        with s3.explained(name):
            s3.client().delete_object(Bucket=bucket, Key=key)
        return
    try:
        Path(name).unlink()
    except OSError as error:
        raise FlowtrailError(
            f"The file of dead letters {name} cannot be removed: {error.strerror}.",
            "Make its folder writable; letters of objects that are loaded do no harm.",
        ) from error


def _letters(body: bytes) -> list[DeadLetter]:
    return [_letter(row) for row in fastavro.reader(io.BytesIO(body))]


def _row(letter: DeadLetter) -> dict[str, str | int]:
    ref = letter.ref
    return {
        "bucket": ref.bucket,
        "key": ref.key,
        "etag": ref.etag,
        "size": ref.size,
        "version_id": ref.version_id,
        "reason": letter.reason,
        "detail": letter.detail,
    }


def _letter(row: Any) -> DeadLetter:
    ref = ObjectRef(row["bucket"], row["key"], row["etag"], row["size"], row["version_id"])
    return DeadLetter(ref, row["reason"], row["detail"])
