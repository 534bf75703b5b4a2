"""The order of the fields in a flow log: from its header line, or from a configured LogFormat."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipelines.ingest.parse.named_time import span_of_name
from schemas.errors import BadObject, FlowtrailError
from schemas.flow import BY_AWS_NAME, DEFAULT_FORMAT, LOG_STATUS
from schemas.object_ref import ObjectRef
from schemas.tgw import TGW_BY_AWS_NAME

BOM = b"\xef\xbb\xbf"
TIME_FIELDS = ("start", "end")

MAX_HEADER = 64 << 10

_KNOWN = {*BY_AWS_NAME, *TGW_BY_AWS_NAME, LOG_STATUS}
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_BRACED = re.compile(r"\$\{([^{}]*)\}")
_BLANK = re.compile(rb"[ \r\n]*")
_EXPORTED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_JSON = re.compile(r"\s*\{\s*\"")
_TEXTS = re.compile(r'"([^"\\]*)"')
_STATUS = ("OK", "NODATA", "SKIPDATA")


@dataclass(frozen=True)
class Header:
    """`fields` are AWS names in the file's order; `line` is the text of a repeat of the header, single-spaced."""

    fields: tuple[str, ...]
    line: bytes


def aws_name(name: str) -> str:
    """The name of a field as in `${...}`; Parquet and SQL spell the same names with underscores.

    >>> aws_name("log_status")
    'log-status'
    """
    return name.replace("_", "-")


def parse_log_format(text: str) -> tuple[str, ...]:
    """The field names of a LogFormat as AWS shows it (`${version} ${account-id} ...`) or of plain names.

    Raises FlowtrailError when a part of it is not a field name.

    >>> parse_log_format("${version} ${account-id} log_status")
    ('version', 'account-id', 'log-status')
    """
    names = tuple(aws_name(_BRACED.sub(r"\1", part)) for part in text.split())
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong or not names:
        raise FlowtrailError(
            f"{wrong[0]!r} is not a flow log field." if wrong else "The log format does not name any fields.",
            "Give the LogFormat that `aws ec2 describe-flow-logs` prints, for example '${version} ${start} ${end}'.",
        )
    return names


def header_fields(tokens: Sequence[str]) -> tuple[str, ...] | None:
    """The AWS names of the fields that a line names, or None when the line is not a header.

    Every token of a header is a name, while a record always contains `-` or a number. Raises ValueError, which names
    the token, for a damaged header: a line that starts with a known field and then contains anything else.

    >>> header_fields(["version", "account_id"]), header_fields(["2", "123456789010"])
    (('version', 'account-id'), None)
    """
    if not tokens:
        return None
    for token in tokens:
        if not _NAME.fullmatch(token):
            if aws_name(tokens[0]) in _KNOWN:
                raise ValueError(f"{token!r} is not a field name")
            return None
    return tuple(aws_name(token) for token in tokens)


def looks_like_record(tokens: Sequence[str], fields: Sequence[str]) -> bool:
    """Whether a line can be a record of this layout: as many tokens, numeric times, a status that AWS defines. Lines of
    a layout without times are not recognized."""
    if len(tokens) != len(fields):
        return False
    by_field = dict(zip(fields, tokens, strict=True))
    times = [by_field[name] for name in TIME_FIELDS if name in by_field]
    return bool(times) and all(map(str.isdigit, times)) and by_field.get(LOG_STATUS, _STATUS[0]) in _STATUS


def wrapping(line: str) -> str:
    """How a record is wrapped by the service that delivered it, which is not read: "" for a line that does not look
    like it. CloudWatch Logs exports put a time before each record; Firehose writes a JSON object for each.

    >>> wrapping('{"message":"2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 180 1763640300 1763640350 REJECT OK"}')
    'a JSON object, as Firehose writes it'
    """
    first, _, rest = line.strip().partition(" ")
    if _EXPORTED.fullmatch(first) and looks_like_record(rest.split(), DEFAULT_FORMAT):
        return "a time before each record, as exports of CloudWatch Logs have it"
    if _JSON.match(line) and any(looks_like_record(text.split(), DEFAULT_FORMAT) for text in _TEXTS.findall(line)):
        return "a JSON object, as Firehose writes it"
    return ""


def begins_whole(text: bytes) -> bool:
    """Whether this beginning of a log is all that `header_of` needs."""
    start = _BLANK.match(text, len(BOM) if text.startswith(BOM) else 0).end()  # type: ignore[union-attr]
    return text.find(b"\n", start) >= 0 or len(text) - start > MAX_HEADER


def header_of(ref: ObjectRef, raw: bytes, log_format: Sequence[str] | None = None) -> Header:
    """The layout of a text flow log: from its first line that is not blank, else `log_format`, else version 2.

    Raises BadObject: `bad-header`, `duplicate-field`, `no-time-fields`, `wrapped-flow-log`.
    """
    start = raw.rfind(b"\n", 0, _BLANK.match(raw, len(BOM) if raw.startswith(BOM) else 0).end()) + 1  # type: ignore[union-attr]
    stop = raw.find(b"\n", start, start + MAX_HEADER + 1)
    line = raw[start : stop if stop >= 0 else start + MAX_HEADER].removeprefix(BOM).removesuffix(b"\r")
    tokens = line.decode("utf-8", "replace").split(" ")
    tokens = [token for token in tokens if token]
    try:
        fields = header_fields(tokens)
    except ValueError as error:
        raise BadObject(
            ref, "bad-header", f"The first line starts like a header, but {error}; copy the object again."
        ) from error
    found = fields is not None
    if fields is None:
        if wrapped := wrapping(line.decode("utf-8", "replace")):
            raise BadObject(
                ref,
                "wrapped-flow-log",
                f"This is a flow log, but with {wrapped}. Deliver the flow log to S3 directly, or unwrap its records.",
            )
        fields = tuple(aws_name(name) for name in log_format or DEFAULT_FORMAT)
    where = "The header" if found else "The configured log format"
    check_fields(ref, fields, where)
    return Header(fields, " ".join(tokens if found else fields).encode())


def check_fields(ref: ObjectRef, fields: Sequence[str], where: str) -> None:
    """Check that no field is named twice, and that records have times: `start` and `end` or, where the log has the ends
    of its flows, one of the two or the time in the object's name. Raises BadObject: `duplicate-field` and
    `no-time-fields`."""
    if twice := sorted({name for name in fields if fields.count(name) > 1}):
        raise BadObject(ref, "duplicate-field", f"{where} names {', '.join(twice)} more than once.")
    missing = [name for name in TIME_FIELDS if name not in fields]
    if missing and not (names_ends(fields) and (len(missing) == 1 or span_of_name(ref.key))):
        raise BadObject(
            ref,
            "no-time-fields",
            f"{where} has no {' and no '.join(missing)}, so the time of its records is unknown. Is this a flow log? "
            "If so, create a flow log whose format includes ${start} and ${end}, or copy objects under the names that"
            " AWS gave them, which have a time.",
        )


def names_ends(fields: Collection[str]) -> bool:
    """Whether a log with these fields says who talked to whom."""
    return {"srcaddr", "dstaddr"} <= set(fields) or {"pkt-srcaddr", "pkt-dstaddr"} <= set(fields)
