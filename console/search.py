"""Flow records by typed filters: text from people becomes a value of a known type, never SQL."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.clickhouse import Store
from console.ask import ask
from console.coverage import Coverage, coverage
from console.protocols import protocol_name
from console.render import address, clean, local, utc
from console.screen import Screen
from schemas.errors import FlowtrailError

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2106, 1, 1, tzinfo=UTC)
"""The range of ClickHouse's DateTime."""

MAX_ROWS = 100_000

COLUMNS = (
    "start",
    "end",
    "action",
    "direction",
    "srcaddr",
    "srcport",
    "dstaddr",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "interface_id",
    "instance_id",
    "instance_name",
    "subnet_id",
    "vpc_id",
    "network_acl_id",
    "route_table_id",
    "bucket",
    "key",
    "etag",
    "line",
)
"""Of a record in JSON and CSV, as `queries/search.sql` gives them."""


@dataclass(frozen=True)
class Filters:
    """What is not set lets everything through. `peer` is the far end where VPC metadata tells it, else either end;
    `addr` is either end; both are an address or a CIDR. `port` is either end's."""

    action: str = ""
    port: int | None = None
    peer: str = ""
    addr: str = ""
    eni: str = ""
    protocol: int | None = None
    start: datetime = BEGINNING
    end: datetime = END
    limit: int = 100

    def parameters(self) -> dict[str, Any]:
        """For `queries/search.sql`. Raises FlowtrailError for a value that is none of its type."""
        peer, addr = address_range(self.peer), address_range(self.addr)
        return {
            "action": action(self.action),
            "port": self.port,
            "peer_first": peer and peer[0],
            "peer_last": peer and peer[1],
            "addr_first": addr and addr[0],
            "addr_last": addr and addr[1],
            "eni": self.eni,
            "protocol": self.protocol,
            "from": self.start,
            "to": self.end,
            "limit": self.limit + 1,
        }


@dataclass(frozen=True)
class Answer:
    """`flows` are newest first; `more` says that the limit cut them off."""

    flows: list[dict[str, Any]]
    more: bool
    coverage: Coverage

    def to_json(self) -> dict[str, Any]:
        return {"flows": self.flows, "more": self.more, "coverage": self.coverage.to_json()}


def search(store: Store, filters: Filters) -> Answer:
    """Raises FlowtrailError for a filter that makes no sense or a store that cannot be read."""
    rows = ask(store, "search", filters.parameters())
    for row in rows:
        row["srcaddr"], row["dstaddr"] = address(row["srcaddr"]), address(row["dstaddr"])
    known = coverage(store, filters.start, filters.end, filters.eni)
    return Answer(rows[: filters.limit], len(rows) > filters.limit, known)


def show(answer: Answer, screen: Screen) -> None:
    """A table; each record's object is a number in it, resolved below, since keys are long."""
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


def count(answer: Answer) -> str:
    """How many there are, and whether that is all."""
    found = f"{len(answer.flows)} records" if answer.flows else "No record fits"
    return found + (", and there are more: raise --limit or narrow the range." if answer.more else ".")


def _line(row: dict[str, Any], objects: dict[str, int]) -> list[str]:
    url = f"s3://{row['bucket']}/{row['key']}" if row["key"] else "(the load of this object is not finished)"
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


def action(text: str) -> str:
    """ACCEPT or REJECT, '' for either. Raises FlowtrailError for another word."""
    if text.upper() not in ("", "ACCEPT", "REJECT"):
        raise FlowtrailError(f"{text!r} is not an action.", "Flow logs know accept and reject.")
    return text.upper()


def address_range(text: str) -> tuple[str, str] | None:
    """First and last address of a CIDR or a single address, IPv4 as mapped IPv6; None for ''.
    Raises FlowtrailError for anything else."""
    if not text:
        return None
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise FlowtrailError(
            f"{text!r} is neither an address nor a CIDR.", "Write 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32."
        ) from None
    mapped = "::ffff:" if network.version == 4 else ""
    return f"{mapped}{network.network_address}", f"{mapped}{network.broadcast_address}"


def interface(text: str) -> str:
    """The id of a network interface, '' for any. Raises FlowtrailError for anything else."""
    if text and not re.fullmatch(r"eni-[0-9a-zA-Z]{1,32}", text):
        raise FlowtrailError(f"{text!r} is not the id of a network interface.", "It looks like eni-0123456789abcdef0.")
    return text
