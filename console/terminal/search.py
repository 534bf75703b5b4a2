"""Flow records in a terminal: a line for each, with the columns that the terminal has room for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.answers.fields import Field
from console.answers.search import Answer, Top, count, untimed
from console.answers.text import clean, local, utc
from console.terminal.screen import Screen, Styled
from schemas.protocols import protocol_name

REQUIRED = 0
REJECT_STYLE = "red"


@dataclass(frozen=True)
class Column:
    """`rank`: columns with a lower one are preferred where not all fit."""

    name: str
    cells: Sequence[object]
    rank: int = REQUIRED


def show(answer: Answer, screen: Screen) -> None:
    """A table of the records. It refers to objects by number; their URLs are listed below it, since keys are long."""
    objects: dict[str, int] = {}
    if answer.flows:
        columns = _columns(answer.flows, objects)
        shown, left_out = columns, list[str]()
        if not _fits(columns, screen):
            shown, left_out = _narrow(answer.flows, columns, screen)
        _table(shown, screen)
        if any(column.name == "line" for column in shown):
            screen.heading("Objects (line = object:line)")
            for url, number in objects.items():
                screen.line(f"  {number}  {url}")
        if left_out:
            screen.line()
            screen.line(f"Too narrow for {', '.join(left_out)}: use a wider terminal, or --output json.")
    screen.line()
    screen.lines([line for line in (count(answer), untimed(answer)) if line] + answer.coverage.sentences())


def show_top(answer: Top, screen: Screen) -> None:
    """A line for each value."""
    if answer.values:
        rows = [
            [_value(answer.field, row["value"]), *(str(row[name]) for name in ("records", "packets", "bytes"))]
            for row in answer.values
        ]
        screen.table([answer.field.value, "records", "packets", "bytes"], rows)
    screen.line()
    screen.lines([count(answer), *answer.coverage.sentences()])


def _columns(flows: Sequence[dict[str, Any]], objects: dict[str, int]) -> list[Column]:
    """All columns, in order. Those that few logs have are only there if a record has a value."""
    reason = Column("reason", [row["reject_reason"] for row in flows], 1)
    packet = Column("packet level", [_packet_level(row) for row in flows], 2)
    return [
        Column("time (UTC)", [utc(row["start"]) for row in flows]),
        Column("time (local)", [local(row["start"]) for row in flows]),
        Column("action", [_action(row["action"]) for row in flows]),
        *([reason] if any(reason.cells) else []),
        Column("from", [_end(row["srcaddr"], row["srcport"]) for row in flows]),
        Column("to", [_end(row["dstaddr"], row["dstport"]) for row in flows]),
        *([packet] if any(packet.cells) else []),
        Column("proto", ["-" if row["protocol"] is None else protocol_name(row["protocol"]) for row in flows], 3),
        Column("packets", [_count(row["packets"]) for row in flows], 6),
        Column("bytes", [_count(row["bytes"]) for row in flows], 7),
        Column("interface", [_interface(row) for row in flows], 4),
        Column("line", [_line(row, objects) for row in flows], 5),
    ]


def _narrow(
    flows: Sequence[dict[str, Any]], columns: Sequence[Column], screen: Screen
) -> tuple[list[Column], list[str]]:
    """The columns that fit, with short times and names, and the names of the others."""
    short = {"time (UTC)": _short_times(flows), "interface": Column("interface", [_name(row) for row in flows], 4)}
    candidates = [short.get(column.name, column) for column in columns if column.name != "time (local)"]
    kept = [column for column in candidates if column.rank == REQUIRED]
    for column in sorted(candidates, key=lambda column: column.rank):
        more = [each for each in candidates if each in kept or each is column]
        if column.rank != REQUIRED and _fits(more, screen):
            kept = more
    return kept, [column.name for column in candidates if column not in kept]


def _short_times(flows: Sequence[dict[str, Any]]) -> Column:
    """Times of day under their date, or with it where there are several."""
    times = [utc(row["start"]) for row in flows]
    days = {time.split()[0] for time in times}
    if len(days) == 1:
        return Column(days.pop(), [time.split()[1] for time in times])
    return Column("time (UTC)", [time.partition("-")[2].removesuffix("Z") for time in times])


def _fits(columns: Sequence[Column], screen: Screen) -> bool:
    return screen.fits(*_rows(columns))


def _table(columns: Sequence[Column], screen: Screen) -> None:
    screen.table(*_rows(columns))


def _rows(columns: Sequence[Column]) -> tuple[list[str], list[tuple[object, ...]]]:
    return [column.name for column in columns], list(zip(*(column.cells for column in columns), strict=True))


def _line(row: dict[str, Any], objects: dict[str, int]) -> str:
    url = f"s3://{row['bucket']}/{row['key']}" if row["key"] else "(the load of this object is unfinished)"
    return f"{objects.setdefault(clean(url), len(objects) + 1)}:{row['line']}"


def _action(action: str) -> object:
    return Styled(action, REJECT_STYLE) if action == "REJECT" else action


def _interface(row: dict[str, Any]) -> str:
    return f"{row['interface_id']} {row['instance_name'] or row['instance_id']}".strip()


def _name(row: dict[str, Any]) -> str:
    return str(row["instance_name"] or row["interface_id"])


def _packet_level(row: dict[str, Any]) -> str:
    """The addresses in the packet itself, where they are other ones."""
    ends = {"from": "srcaddr", "to": "dstaddr"}
    differ = {word: addr for word, end in ends.items() if (addr := row[f"pkt_{end}"]) not in (None, row[end])}
    return " ".join(f"{word} {addr}" for word, addr in differ.items())


def _end(addr: str | None, port: int | None) -> str:
    if addr is None:
        return "-"
    where = f"[{addr}]" if ":" in addr else addr
    return f"{where}:{port}" if port else where


def _value(field: Field, value: object) -> str:
    if value is None or value == "":
        return "-"
    return protocol_name(value) if field == Field.PROTOCOL and isinstance(value, int) else str(value)


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)
