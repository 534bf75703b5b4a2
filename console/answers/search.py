"""Flow records by typed filters: text from users becomes a value of a known type, never SQL."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.store.attempts import batches
from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.coverage import Coverage, coverage
from console.answers.fields import Field
from console.answers.text import address
from schemas.errors import FlowtrailError
from schemas.flow import FROM_NAME
from schemas.times import BEGINNING, END

RECORDS, VALUES = 100, 10
"""How many are shown unless a limit is given."""

COLUMNS = (
    "start",
    "end",
    "action",
    "reject_reason",
    "direction",
    "srcaddr",
    "srcport",
    "dstaddr",
    "dstport",
    "pkt_srcaddr",
    "pkt_dstaddr",
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
    "time_source",
    "bucket",
    "key",
    "etag",
    "line",
)
"""The fields of a record in JSON and CSV."""


ADDRESSES = ("srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr")

TOP_COLUMNS = ("value", "records", "packets", "bytes")
"""The fields of a count in JSON and CSV."""


@dataclass(frozen=True)
class Filters:
    """A filter that is not set matches everything. `src`, `dst`, `addr` (either end) and `peer` are an address or a
    CIDR, and match the packet-level addresses too. `peer` is the remote end where the direction is known, otherwise
    either end. `port` is the port of either end. `name` is the instance's, in which * stands for any text."""

    action: str = ""
    port: int | None = None
    peer: str = ""
    addr: str = ""
    src: str = ""
    dst: str = ""
    eni: str = ""
    instance: str = ""
    name: str = ""
    subnet: str = ""
    vpc: str = ""
    direction: str = ""
    protocol: int | None = None
    start: datetime = BEGINNING
    end: datetime = END
    limit: int = RECORDS

    def parameters(self) -> dict[str, Any]:
        """Parameters of `queries/matching.sql`, None for filters that are not set, and the limit. An address is a
        parameter of its own, a CIDR is two. Raises FlowtrailError for a value that is not of its type."""
        ends = {}
        for name in ("src", "dst", "addr", "peer"):
            first, last = address_range(getattr(self, name)) or (None, None)
            one = first == last
            ends.update({name: first if one else None})
            ends.update({f"{name}_first": None if one else first, f"{name}_last": None if one else last})
        return {
            "action": word(self.action, "an action", ("ACCEPT", "REJECT")) or None,
            "direction": word(self.direction, "a direction", ("ingress", "egress")) or None,
            "port": self.port,
            **ends,
            "eni": resource_id(self.eni, "eni") or None,
            "instance": resource_id(self.instance, "i") or None,
            "subnet": resource_id(self.subnet, "subnet") or None,
            "vpc": resource_id(self.vpc, "vpc") or None,
            "name": pattern(self.name) or None,
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


@dataclass(frozen=True)
class Top:
    """`values` of `field`, those with the most records first; each has the TOP_COLUMNS. `more`: the limit cut off
    others."""

    field: Field
    values: list[dict[str, Any]]
    more: bool
    coverage: Coverage

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field.value,
            "values": self.values,
            "more": self.more,
            "coverage": self.coverage.to_json(),
        }


def search(store: Store, filters: Filters) -> Answer:
    """The newest flow records that match. Raises FlowtrailError for an invalid filter or a store that cannot be
    read."""
    rows = ask(store, "search", filters.parameters(), where="matching")
    read_from = {
        place.pop("object_id"): place
        for ids in batches(row["object_id"] for row in rows)
        for place in ask(store, "places", {"ids": ids})
    }
    for row in rows:
        row.update({name: address(row[name]) for name in ADDRESSES})
        row.update(read_from.get(row["object_id"], dict.fromkeys(("bucket", "key", "etag"), "")))
    rows = [{name: row[name] for name in COLUMNS} for row in rows]
    known = coverage(store, filters.start, filters.end, filters.eni)
    return Answer(rows[: filters.limit], len(rows) > filters.limit, known)


def top(store: Store, filters: Filters, field: Field) -> Top:
    """How many flow records, packets and bytes match, by `field`, counted in the engine. Raises as `search`."""
    rows = ask(store, "top", {**filters.parameters(), "column": field.column}, where="matching")
    for row in rows:
        if isinstance(row["value"], bytes):
            row["value"] = address(row["value"])
    known = coverage(store, filters.start, filters.end, filters.eni)
    return Top(field, rows[: filters.limit], len(rows) > filters.limit, known)


def untimed(answer: Answer) -> str:
    """How many of the records have no time of their own; '' for none."""
    number = sum(row["time_source"] == FROM_NAME for row in answer.flows)
    placed = "are placed by the five minutes in the name of their object: the log has neither start nor end"
    return f"{number} of these {placed}." if number else ""


def count(answer: Answer | Top) -> str:
    """How many records or values were found, and whether there are more."""
    number, what = (len(answer.flows), "record") if isinstance(answer, Answer) else (len(answer.values), "value")
    found = f"{number} {what}{'s' * (number != 1)}" if number else "No matching records"
    return found + (", and there are more: raise --limit or narrow the range." if answer.more else ".")


def word(text: str, what: str, known: tuple[str, ...]) -> str:
    """One of `known` in whatever case, '' for any. Raises FlowtrailError for any other word.

    >>> word("reject", "an action", ("ACCEPT", "REJECT"))
    'REJECT'
    """
    found = {"": "", **{each.lower(): each for each in known}}.get(text.strip().lower())
    if found is None:
        raise FlowtrailError(f"{text!r} is not {what}.", f"Use {' or '.join(known).lower()}.")
    return found


def pattern(text: str) -> str:
    r"""For LIKE: `*` stands for any text, and everything else for itself.

    >>> pattern("web_*")
    'web\\_%'
    """
    return re.sub(r"[\\%_]", r"\\\g<0>", text).replace("*", "%")


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


_RESOURCES = {"eni": "a network interface ID", "i": "an instance ID", "subnet": "a subnet ID", "vpc": "a VPC ID"}


def resource_id(text: str, prefix: str) -> str:
    """The id of a resource of this kind, '' for any. Raises FlowtrailError for anything else."""
    if text and not re.fullmatch(rf"{prefix}-[0-9a-zA-Z]{{1,32}}", text):
        raise FlowtrailError(f"{text!r} is not {_RESOURCES[prefix]}.", f"Write it as {prefix}-0123456789abcdef0.")
    return text
