"""Saved output of `aws ec2 describe-*`: a folder of files named after their commands."""

import json
from pathlib import Path
from typing import Any

from schemas.describe import ANSWERS, REQUIRED, how_to_save
from schemas.errors import FlowtrailError


def read_answers(folder: str) -> dict[str, dict[str, Any]]:
    """The output by command, of the files that exist. Raises FlowtrailError when the folder does not exist, when a
    required file is missing, or when a file cannot be read, is not a JSON object or only a part of the output."""
    path = Path(folder)
    if not path.is_dir():
        raise FlowtrailError(
            f"The folder {folder} does not exist.",
            f"Create it and save the output there: {how_to_save(REQUIRED[0])} ...",
        )
    missing = [command for command in REQUIRED if not (path / f"{command}.json").is_file()]
    if missing:
        raise FlowtrailError(
            f"{path / missing[0]}.json is missing.",
            "Save it in that folder:\n" + "\n".join(how_to_save(command) for command in missing),
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
            f"Save it again, without --output text, table or yaml: {how_to_save(command)}",
        )
    if answer.get("NextToken"):
        raise FlowtrailError(
            f"{path} is only a part of what `aws ec2 {command}` prints: it has a NextToken.",
            f"Save it again, without --max-items, --max-results and --no-paginate: {how_to_save(command)}",
        )
    return answer
