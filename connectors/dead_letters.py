"""Objects that could not be read, kept as references in Avro files: never their payload."""

import io
import os
from collections.abc import Sequence
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
    if folder.startswith("s3://"):
        bodies = [s3.read_object(ref) for ref in s3.list_objects(*s3.split_url(folder)) if ref.key.endswith(SUFFIX)]
    else:
        bodies = [path.read_bytes() for path in sorted(Path(folder).glob(f"*{SUFFIX}"))]
    letters = {_letter(row) for body in bodies for row in fastavro.reader(io.BytesIO(body))}
    return sorted(letters, key=lambda letter: (letter.ref, letter.reason))


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
