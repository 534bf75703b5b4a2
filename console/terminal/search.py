"""Flow records in a terminal."""

from typing import Any

from console.answers.search import Answer, count
from console.answers.text import local, utc
from console.terminal.escape import clean
from console.terminal.screen import Screen
from schemas.protocols import protocol_name


def show(answer: Answer, screen: Screen) -> None:
    """A table of the records. It refers to objects by number; their URLs are listed below it, since keys are long."""
    objects: dict[str, int] = {}
    lines = [_line(row, objects) for row in answer.flows]
    if lines:
        screen.table(
            ["time (UTC)", "time (local)", "action", "from", "to", "protocol", "packets", "bytes", "interface", "line"],
            lines,
        )
        screen.heading("Objects (line = object:line)")
        for url, number in objects.items():
            screen.line(f"  {number}  {url}")
    screen.line()
    screen.line(count(answer))
    for sentence in answer.coverage.sentences():
        screen.line(sentence)


def _line(row: dict[str, Any], objects: dict[str, int]) -> list[str]:
    url = f"s3://{row['bucket']}/{row['key']}" if row["key"] else "(the load of this object is unfinished)"
    number = objects.setdefault(clean(url), len(objects) + 1)
    name = row["instance_name"] or row["instance_id"]
    return [
        utc(row["start"]),
        local(row["start"]),
        row["action"],
        _end(row["srcaddr"], row["srcport"]),
        _end(row["dstaddr"], row["dstport"]),
        "-" if row["protocol"] is None else protocol_name(row["protocol"]),
        _count(row["packets"]),
        _count(row["bytes"]),
        f"{row['interface_id']} {name}".strip(),
        f"{number}:{row['line']}",
    ]


def _end(addr: str | None, port: int | None) -> str:
    if addr is None:
        return "-"
    where = f"[{addr}]" if ":" in addr else addr
    return f"{where}:{port}" if port else where


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)
