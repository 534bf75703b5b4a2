"""Saved answers of `aws ec2 describe-*`: a folder of files that are named after their commands."""

import json
from pathlib import Path
from typing import Any

from schemas.describe import ANSWERS, REQUIRED, how_to_save
from schemas.errors import FlowtrailError


def read_answers(folder: str) -> dict[str, dict[str, Any]]:
    """The answers by command, of the files that are there. Raises FlowtrailError when there is no such folder, when a
    required file is missing, or when a file cannot be read or is no JSON object."""
    path = Path(folder)
    if not path.is_dir():
        raise FlowtrailError(
            f"There is no folder {folder}.", f"Make it and save the answers there: {how_to_save(REQUIRED[0])} ..."
        )
    lacking = [command for command in REQUIRED if not (path / f"{command}.json").is_file()]
    if lacking:
        raise FlowtrailError(
            f"{path / lacking[0]}.json is missing.",
            "Save it, in that folder:\n" + "\n".join(how_to_save(command) for command in lacking),
        )
    present = [command for command in ANSWERS if (path / f"{command}.json").is_file()]
    return {command: _answer(path / f"{command}.json", command) for command in present}


def _answer(path: Path, command: str) -> dict[str, Any]:
    try:
        answer = json.loads(path.read_bytes())
    except OSError as error:
        raise FlowtrailError(f"{path} cannot be read: {error.strerror}.", "Make it readable.") from error
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise FlowtrailError(
            f"{path} is not the JSON that `aws ec2 {command}` prints.",
            f"Was it saved with --output text, table or yaml? Save it again: {how_to_save(command)}",
        )
    return answer
