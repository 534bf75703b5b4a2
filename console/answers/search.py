"""Flow records by typed filters: text from users becomes a value of a known type, never SQL."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.coverage import Coverage, coverage
from console.answers.text import address
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
"""The fields of a record in JSON and CSV, in the order of `queries/search.sql`."""


@dataclass(frozen=True)
class Filters:
    """A filter that is not set matches everything. `peer` is the remote end where VPC metadata determines it, otherwise
    either end; `addr` is either end; both are an address or a CIDR. `port` is the port of either end."""

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
        """Parameters of `queries/search.sql`. Raises FlowtrailError for a value that is not of its type."""
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
    """`flows` are newest first; `more`: the limit cut off others."""

    flows: list[dict[str, Any]]
    more: bool
    coverage: Coverage

    def to_json(self) -> dict[str, Any]:
        return {"flows": self.flows, "more": self.more, "coverage": self.coverage.to_json()}


def search(store: Store, filters: Filters) -> Answer:
    """The newest flow records that match. Raises FlowtrailError for an invalid filter or a store that cannot be
    read."""
    rows = ask(store, "search", filters.parameters())
    for row in rows:
        row["srcaddr"], row["dstaddr"] = address(row["srcaddr"]), address(row["dstaddr"])
    known = coverage(store, filters.start, filters.end, filters.eni)
    return Answer(rows[: filters.limit], len(rows) > filters.limit, known)


def count(answer: Answer) -> str:
    """How many records were found, and whether there are more."""
    found = f"{len(answer.flows)} records" if answer.flows else "No matching records"
    return found + (", and there are more: raise --limit or narrow the range." if answer.more else ".")


def action(text: str) -> str:
    """ACCEPT or REJECT, '' for either. Raises FlowtrailError for any other word."""
    if text.upper() not in ("", "ACCEPT", "REJECT"):
        raise FlowtrailError(f"{text!r} is not an action.", "Use accept or reject.")
    return text.upper()


def address_range(text: str) -> tuple[str, str] | None:
    """First and last address of a CIDR or a single address, IPv4 as mapped IPv6; None for ''.
    Raises FlowtrailError for anything else.

    >>> address_range("198.51.100.0/24")
    ('::ffff:198.51.100.0', '::ffff:198.51.100.255')
    """
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
        raise FlowtrailError(f"{text!r} is not a network interface ID.", "Write it as eni-0123456789abcdef0.")
    return text
