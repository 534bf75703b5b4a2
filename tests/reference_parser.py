"""A slow reference parser for text flow logs: one line, one dict at a time. The oracle of the real parser.

Written from AWS's description of the records; shares nothing with the product except the registry of columns.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

import pyarrow as pa

from schemas.flow import DEFAULT_FORMAT, ENRICHED, LOGGED
from schemas.table import Column
from schemas.tgw import TGW_LOGGED

NAME = re.compile(r"[a-z][a-z0-9_-]*")
FLOW_DATA = {"srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action"}
LOST = {f"packets-lost-{why}" for why in ("no-route", "blackhole", "mtu-exceeded", "ttl-expired")}
Row = dict[str, Any]


@dataclass(frozen=True)
class Times:
    """Which times are allowed, in seconds since 1970: `bound` around the period that the name tells; without one,
    around the median end of the first records, and never a day after `now`."""

    bound: int
    now: int
    span: tuple[int, int] | None = None

    def allowed(self, sample: list[int]) -> range:
        if self.span is not None:
            return range(self.span[0] - self.bound, self.span[1] + self.bound + 1)
        latest = self.now + 86_400
        possible = sorted(end for end in sample if end <= latest)
        if not possible:
            return range(latest + 1)
        middle = possible[(len(possible) - 1) // 2]
        return range(middle - self.bound, min(middle + self.bound, latest) + 1)


ANY_TIME = range(2**64)


class BadLine(Exception):
    """The reason why a line is not a record."""


class BadLog(Exception):
    """The reason why the object is not a flow log."""


@dataclass
class Result:
    read: int = 0
    flows: list[Row] = field(default_factory=list)
    coverage: list[Row] = field(default_factory=list)
    tgw_flows: list[Row] = field(default_factory=list)
    tgw_coverage: list[Row] = field(default_factory=list)
    rejected_lines: list[Row] = field(default_factory=list)

    def add(self, record: Row, names: list[str], where: Row) -> None:
        transit = is_transit(names)
        if _status(record, transit) == "OK":
            (self.tgw_flows if transit else self.flows).append({**_flow(record, names), **where})
            return
        whose = ("account_id", "tgw_id", "tgw_attachment_id") if transit else ("account_id", "interface_id")
        kept = {c: record.get(c.replace("_", "-")) or "" for c in whose}
        times = {name: record[name] for name in ("start", "end", "time_source")}
        gap = {**kept, **times, "log_status": _status(record, transit), **where}
        (self.tgw_coverage if transit else self.coverage).append(gap)


def is_transit(names: list[str]) -> bool:
    return any(name == "resource-type" or name.startswith("tgw-") or name in LOST for name in names)


def known(names: list[str]) -> dict[str, Column]:
    return {column.aws: column for column in (TGW_LOGGED if is_transit(names) else LOGGED)}


def reference_parse(
    raw: bytes, object_id: int, log_format: list[str] | None = None, times: Times | None = None
) -> Result:
    lines = _lines(raw)
    first = next((_tokens(line) for line in lines if line.strip(b" \r")), [])
    header = _header(first)
    names = header if header is not None else [name.replace("_", "-") for name in log_format or DEFAULT_FORMAT]
    span = None if times is None else times.span
    _check(names, span)
    spelling = first if header is not None else names
    allowed = ANY_TIME if times is None else times.allowed(_ends(raw, names, spelling))
    result = Result()
    for number, line in enumerate(lines, start=1):
        tokens = _tokens(line)
        if not tokens or tokens == spelling:
            continue
        result.read += 1
        where = {"object_id": object_id, "row_no": number}
        try:
            record = _timed(_record(line, tokens, names), span)
            _check_times(record, allowed)
        except BadLine as bad:
            kept = line[:1024].decode("utf-8", "backslashreplace")
            if _other_header(kept):
                raise BadLog("header-changes") from bad
            result.rejected_lines.append({"reason": str(bad), "raw": kept, **where})
            continue
        result.add(record, names, where)
    return result


def reference_records(
    names: list[str], records: list[list[bytes | int | None]], object_id: int, times: Times | None = None
) -> Result:
    """The same for typed records, as in a Parquet file. A value is missing if it is null, `-` or empty."""
    span = None if times is None else times.span
    _check(names, span)
    result = Result(read=len(records))
    columns = known(names)
    allowed = ANY_TIME if times is None else times.allowed(_ends_of_records(names, records[:1000]))
    for number, values in enumerate(records, start=1):
        where = {"object_id": object_id, "row_no": number}
        tokens = [str(v).encode() if isinstance(v, int) else v or b"-" for v in values]
        try:
            _check_texts([v or b"-" for v in values if not isinstance(v, int)])
            text = dict(zip(names, (token.decode() for token in tokens), strict=True))
            record = _timed({name: _value(name, token, columns.get(name)) for name, token in text.items()}, span)
            _check_times(record, allowed)
            result.add(record, names, where)
        except BadLine as bad:
            shown = " ".join(token[:1024].decode("utf-8", "backslashreplace") for token in tokens)
            raw = shown.encode()[:1024].decode("utf-8", "backslashreplace")
            result.rejected_lines.append({"reason": str(bad), "raw": raw, **where})
    return result


def _check_texts(texts: list[bytes]) -> None:
    if sum(len(text) + 1 for text in texts) - 1 > 65536:
        raise BadLine("line-too-long")
    if any(byte < 32 or byte == 127 for text in texts for byte in text):
        raise BadLine("control-bytes")
    try:
        b" ".join(texts).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLine("not-utf8") from error


def _lines(raw: bytes) -> list[bytes]:
    """The text between newlines, without a carriage return before a newline or at the very end."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [line.removesuffix(b"\r") for line in lines]


def _tokens(line: bytes) -> list[str]:
    return [token for token in line.decode("utf-8", "surrogateescape").split(" ") if token]


def _header(tokens: list[str]) -> list[str] | None:
    names = [token.replace("_", "-") for token in tokens]
    if tokens and all(NAME.fullmatch(token) for token in tokens):
        return names
    if tokens and names[0] in {"log-status", *(column.aws for column in (*LOGGED, *TGW_LOGGED))}:
        raise BadLog("bad-header")
    return None


def _check(names: list[str], span: tuple[int, int] | None) -> None:
    if len(set(names)) < len(names):
        raise BadLog("duplicate-field")
    missing = {"start", "end"} - set(names)
    if missing and not (_names_ends(set(names)) and (len(missing) == 1 or span)):
        raise BadLog("no-time-fields")


def _names_ends(names: set[str]) -> bool:
    return {"srcaddr", "dstaddr"} <= names or {"pkt-srcaddr", "pkt-dstaddr"} <= names


def _timed(record: Row, span: tuple[int, int] | None) -> Row:
    """The record with both times, and where they are from."""
    if "start" in record and "end" in record:
        return {**record, "time_source": ""}
    for one, other in (("start", "end"), ("end", "start")):
        if one in record:
            return {**record, other: record[one], "time_source": one}
    assert span is not None
    start, end = (datetime.fromtimestamp(each, UTC) for each in span)
    return {**record, "start": start, "end": end, "time_source": "object-name"}


def _other_header(text: str) -> bool:
    tokens = [token for token in text.split(" ") if token]
    names = {token.replace("_", "-") for token in tokens}
    return all(NAME.fullmatch(token) for token in tokens) and ({"start", "end"} <= names or _names_ends(names))


def _record(line: bytes, tokens: list[str], names: list[str]) -> Row:
    _check_line(line, tokens, names)
    columns = known(names)
    return {name: _value(name, token, columns.get(name)) for name, token in zip(names, tokens, strict=True)}


def _check_line(line: bytes, tokens: list[str], names: list[str]) -> None:
    if len(line) > 65536:
        raise BadLine("line-too-long")
    if any(byte < 32 or byte == 127 for byte in line):
        raise BadLine("control-bytes")
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLine("not-utf8") from error
    if len(tokens) != len(names):
        raise BadLine("token-count")


def _ends(raw: bytes, names: list[str], spelling: list[str]) -> list[int]:
    """The times in the first 64 KiB of a log, of the lines that are complete there."""
    if not {"start", "end"} & set(names):
        return []
    lines = _lines(raw[: 1 << 16])
    sample: list[str] = []
    for line in lines if len(raw) < 1 << 16 else lines[:-1]:
        tokens = _tokens(line)
        if not tokens or tokens == spelling:
            continue
        try:
            _check_line(line, tokens, names)
            sample.append(tokens[names.index("end" if "end" in names else "start")])
        except BadLine:
            sample.append("")
    return _seconds(sample[:1000])


def _ends_of_records(names: list[str], records: list[list[bytes | int | None]]) -> list[int]:
    if not {"start", "end"} & set(names):
        return []
    sample = []
    for values in records:
        try:
            _check_texts([v or b"-" for v in values if not isinstance(v, int)])
            sample.append(str(values[names.index("end" if "end" in names else "start")]))
        except BadLine:
            continue
    return _seconds(sample)


def _seconds(texts: list[str]) -> list[int]:
    numbers = [int(text) for text in texts if re.fullmatch("[0-9]+", text)]
    seconds = [number // 1000 if number > 10**11 else number for number in numbers if number < 2**64]
    return [each for each in seconds if each < 2**32]


def _check_times(record: Row, allowed: range) -> None:
    if any(int(record[name].timestamp()) not in allowed for name in ("start", "end")):
        raise BadLine("time-out-of-range")


def _value(name: str, token: str, column: Column | None) -> Any:
    """The typed value of a token; None for `-`."""
    if name == "log-status":
        if token not in ("OK", "NODATA", "SKIPDATA"):
            raise BadLine("bad-log-status")
        return token
    if name in ("start", "end"):
        if token == "-":
            raise BadLine("no-time")
        number = _digits(name, token)
        seconds = number // 1000 if number > 10**11 else number
        if number >= 2**64 or seconds >= 2**32:
            raise BadLine(f"out-of-range:{name}")
        return datetime.fromtimestamp(seconds, UTC)
    if token == "-":
        return None
    if name == "action" and column is not None:
        if token not in ("ACCEPT", "REJECT"):
            raise BadLine("bad-action")
        return token
    if column is not None and column.arrow == pa.binary(16):
        return _address(name, token)
    if column is not None and pa.types.is_integer(column.arrow):
        number = _digits(name, token)
        if number >= 2**column.arrow.bit_width:
            raise BadLine(f"out-of-range:{name}")
        return number
    return token


def _digits(name: str, token: str) -> int:
    if not re.fullmatch("[0-9]+", token):
        raise BadLine(f"bad-number:{name}")
    return int(token)


def _address(name: str, token: str) -> bytes:
    try:
        return b"\0" * 10 + b"\xff\xff" + IPv4Address(token).packed
    except AddressValueError:
        pass
    try:
        if "%" in token:
            raise AddressValueError("a zone id is not allowed in a log")
        return IPv6Address(token).packed
    except AddressValueError as error:
        raise BadLine(f"bad-address:{name}") from error


def _status(record: Row, transit: bool) -> str:
    if "log-status" in record:
        return str(record["log-status"])
    told = (FLOW_DATA - {"action"} | LOST if transit else FLOW_DATA) & record.keys()
    return "" if told and all(record[name] is None for name in told) else "OK"


def _flow(record: Row, names: list[str]) -> Row:
    row: Row = {}
    columns = known(names)
    for column in columns.values():
        value = record.get(column.aws)
        text = pa.types.is_dictionary(column.arrow)
        row[column.name] = "" if value is None and text else value
    others = {"log-status", "time_source", *columns}
    row["extra"] = [(n, v) for n, v in record.items() if n not in others and v is not None]
    row["time_source"] = record["time_source"]
    return row if is_transit(names) else row | {column.name: "" for column in ENRICHED}
