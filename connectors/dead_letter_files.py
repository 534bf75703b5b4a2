"""Dead letters as an Avro file: their portable form, references and never their content."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import fastavro

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


def write(path: Path, letters: list[DeadLetter]) -> None:
    """Write the letters, in the place of what the file holds. Raises FlowtrailError when it cannot be written."""
    try:
        unfinished = path.with_name(f".{path.name}.part")
        made = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # keys name accounts and regions
        with os.fdopen(made, "wb") as file:
            os.fchmod(made, 0o600)  # whatever the umask, and for a file that was left behind
            fastavro.writer(file, PARSED, [_row(letter) for letter in letters])
        unfinished.replace(path)
    except OSError as error:
        raise FlowtrailError(
            f"Dead letters cannot be written to {path}: {error.strerror}.", "Name a file that can be written."
        ) from error


def read(path: Path) -> list[DeadLetter]:
    """The letters of a file. Raises FlowtrailError when it cannot be read or is not such a file."""
    try:
        with path.open("rb") as file:
            return _letters(file, path)
    except OSError as error:
        raise FlowtrailError(f"{path} cannot be read: {error.strerror}.", "Name a file that can be read.") from error


def _letters(file: BinaryIO, path: Path) -> list[DeadLetter]:
    try:
        return [_letter(row) for row in fastavro.reader(file)]
    except (ValueError, KeyError, TypeError, EOFError, IndexError) as error:
        raise FlowtrailError(
            f"{path} is not an Avro file of dead letters: {error}.",
            "`flowtrail deadletters export` writes such a file.",
        ) from error


def _row(letter: DeadLetter) -> dict[str, str | int]:
    return {**letter.ref.row, "reason": letter.reason, "detail": letter.detail}


def _letter(row: Any) -> DeadLetter:
    ref = ObjectRef.of_row(row)
    return DeadLetter(ref, row["reason"], row["detail"])
