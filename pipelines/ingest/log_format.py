"""Which field stands where in a flow log: its header line, or a LogFormat that somebody configured."""

import re
from collections.abc import Sequence

from schemas.errors import FlowtrailError
from schemas.flow import BY_AWS_NAME, LOG_STATUS

BOM = b"\xef\xbb\xbf"
TIME_FIELDS = ("start", "end")

_KNOWN = {*BY_AWS_NAME, LOG_STATUS}
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_BRACED = re.compile(r"\$\{([^{}]*)\}")
_STATUS = ("OK", "NODATA", "SKIPDATA")


def aws_name(name: str) -> str:
    """The `${...}` spelling of a field; Parquet and SQL spell the same names with underscores."""
    return name.replace("_", "-")


def parse_log_format(text: str) -> tuple[str, ...]:
    """The field names of a LogFormat as AWS shows it (`${version} ${account-id} ...`) or of plain names.

    Raises FlowtrailError when a part of it is no field name.
    """
    names = tuple(aws_name(_BRACED.sub(r"\1", part)) for part in text.split())
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong or not names:
        raise FlowtrailError(
            f"{wrong[0]!r} is no flow log field." if wrong else "The log format names no field.",
            "Give the LogFormat that `aws ec2 describe-flow-logs` prints, for example '${version} ${start} ${end}'.",
        )
    return names


def header_fields(tokens: Sequence[str]) -> tuple[str, ...] | None:
    """The fields that a line names, by their AWS names, or None when the line is no header.

    Every token of a header is a name; a record always holds `-` or a number somewhere. A line that starts like a
    header and then holds something else is a damaged header: ValueError says which token.
    """
    if not tokens:
        return None
    for token in tokens:
        if not _NAME.fullmatch(token):
            if aws_name(tokens[0]) in _KNOWN:
                raise ValueError(f"{token!r} is no field name")
            return None
    return tuple(aws_name(token) for token in tokens)


def looks_like_record(tokens: Sequence[str], fields: Sequence[str]) -> bool:
    """Whether a line can be a record of that layout: as many tokens, times that are numbers, a status AWS knows."""
    if len(tokens) != len(fields):
        return False
    by_field = dict(zip(fields, tokens, strict=True))
    return all(by_field.get(name, "").isdigit() for name in TIME_FIELDS) and (
        by_field.get(LOG_STATUS, _STATUS[0]) in _STATUS
    )
