"""Facts: what correlation reads from the store. The SQL is in `queries/`; values are passed as parameters. Every
function that takes a client raises FlowtrailError when the store cannot be queried."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from network.history.timeline import Timeline
from pipelines.correlate.blame.trial import SampledFlow
from pipelines.correlate.detect.minutes import MANY_PORTS, MINUTES, Ints, serves
from pipelines.correlate.detect.rejects import REGULAR_MINUTES
from pipelines.correlate.detect.screen import HOURS, LONGEST, may_have_lost
from pipelines.correlate.detect.signals import Conversation, Pointer, address
from pipelines.correlate.hourly import DATA, complete, high_services, summarised, summarised_apart
from pipelines.correlate.sql import ask
from pipelines.correlate.tell.evidence import FlowRow
from schemas.configuration import NetworkInterface
from schemas.incident import Examined

FEWEST = 20
"""Fewer interfaces are looked at closely at once: that takes no longer than the screen."""
SCREENED = 2_500
"""Interfaces that are screened at once: the engine holds their peers in memory."""
ALL: tuple[str, ...] = ()
"""In place of the names of interfaces: a server takes only so many of them in a request."""
ATTEMPTS = 3
"""Times that interfaces are screened, if another process deletes summaries meanwhile."""


@dataclass(frozen=True)
class InterfaceFacts:
    """What a range contains of an interface. `addresses` are all that it ever had, as far as known; `flows` counts flow
    records, `accepts` the accepted ones, `untimed` those that are placed by the names of their objects, `nodata` and
    `skipdata` the intervals with that log status."""

    interface_id: str
    flow_logs: tuple[str, ...]
    addresses: tuple[str, ...]
    flows: int
    nodata: int
    skipdata: int
    accepts: int
    untimed: int = 0


@dataclass(frozen=True)
class Extent:
    """The number of flow records in the range (`found`), the time span of all flow records in the store, and the number
    of lines in the range's objects that could not be read."""

    found: int
    first: datetime | None
    last: datetime | None
    rejected_lines: int


def extent(client: Client, start: datetime, end: datetime) -> Extent:
    """The extent of `[start, end)`."""
    row = ask(client, "extent", {"start": start, "end": end}).to_pylist()[0]
    return Extent(row["found"], row["first"], row["last"], row["rejected_lines"] or 0)


def interfaces(client: Client, start: datetime, end: datetime, timeline: Timeline) -> list[InterfaceFacts]:
    """The interfaces with records in the range, in order of their ids."""
    addresses = addresses_of(timeline)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ask(client, "interfaces", {"start": start, "end": end}).to_pylist():
        found.setdefault(row["interface_id"], []).append(row)
    return [
        InterfaceFacts(
            interface_id,
            tuple(row["flow_log"] for row in rows),
            addresses.get(interface_id, ()),
            sum(row["flows"] for row in rows),
            sum(row["nodata"] for row in rows),
            sum(row["skipdata"] for row in rows),
            sum(row["accepts"] for row in rows),
            sum(row["untimed"] for row in rows),
        )
        for interface_id, rows in sorted(found.items())
    ]


def addresses_of(timeline: Timeline) -> dict[str, tuple[str, ...]]:
    """For each interface id, every private IPv4 and IPv6 address that it had at any time, sorted."""
    found: dict[str, set[str]] = {}
    for version in timeline.versions():
        if isinstance(version.resource, NetworkInterface):
            found.setdefault(version.resource.id, set()).update(version.resource.addresses)
    return {interface_id: tuple(sorted(addresses)) for interface_id, addresses in found.items()}


def worth_a_look(
    client: Client,
    interfaces: Sequence[InterfaceFacts],
    delivered: Mapping[str, Ints],
    examined: Examined,
) -> list[InterfaceFacts]:
    """Those of the interfaces that may have a signal in the range, in their order, by a few queries of hourly summaries
    for all of them (`hourly.py`); all of them for a range that is not screened."""
    since, start, end = examined.since, examined.start, examined.end
    if end - start > LONGEST or len(interfaces) < FEWEST:
        return list(interfaces)
    by_name = {each.interface_id: each for each in interfaces}
    gone = dropped(client, ALL, since, end)
    for _ in range(ATTEMPTS):
        summaries = summarised(client, list(by_name), since, end)
        found = _names(client, "undirected", summaries.parameters)
        high: dict[str, tuple[int, ...]] = {}
        many = _names(client, "many_ports", {**summaries.parameters, "many": MANY_PORTS})
        for some in _groups(sorted(many & by_name.keys())):
            high |= high_ports(client, some, since, end)
        with ExitStack() as until_screened:
            apart = [
                (list(own), until_screened.enter_context(summarised_apart(client, own, since, end)))
                for own in ({name: high[name] for name in some} for some in _groups(list(high)))
            ]
            others = [(some, summaries) for some in _groups([name for name in by_name if name not in high])]
            for some, those in (*others, *apart):
                parameters = {**those.parameters, "interfaces": some}
                hours = ask(client, "hours", parameters).select(HOURS.names).cast(HOURS)
                found |= may_have_lost(hours, lambda name: covered(by_name[name], delivered, gone), since, start, end)
                peers = {**parameters, "start": start, "regular": REGULAR_MINUTES}
                found |= _names(client, "doubtful_peers", peers)
            if all(complete(client, each) for each in (summaries, *(those for _, those in apart))):
                return [each for each in interfaces if each.interface_id in found]
    return list(interfaces)


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + SCREENED] for first in range(0, len(names), SCREENED))


def _names(client: Client, name: str, parameters: Mapping[str, Any]) -> set[str]:
    return {str(each) for each in ask(client, name, parameters).column("interface").to_pylist()}


def high_ports(client: Client, interfaces: Sequence[str], start: datetime, end: datetime) -> dict[str, tuple[int, ...]]:
    """By interface, the service ports of it and its peers that are above their clients' ports, as protocol * 65536 +
    port, ascending; interfaces without any are left out."""
    parameters = {**DATA, "interfaces": list(interfaces), "start": start, "end": end, "many": MANY_PORTS}
    found: dict[str, list[int]] = {}
    for row in ask(client, "high_ports", parameters).to_pylist():
        found.setdefault(row["interface"], []).append(row["code"])
    return {interface: tuple(codes) for interface, codes in found.items()}


def minutes_of(
    client: Client,
    facts: Sequence[InterfaceFacts],
    high: Mapping[str, Sequence[int]],
    start: datetime,
    end: datetime,
) -> dict[str, pa.Table]:
    """By interface, its minutes in `[start, end)`: one row per cell, with the schema `MINUTES`; interfaces without any
    are left out. `high`: their `high_ports`."""
    holders = [(each.interface_id, text) for each in facts for text in each.addresses]
    parameters = {
        **high_services(high),
        "interfaces": [each.interface_id for each in facts],
        "holders": [interface for interface, _ in holders],
        "addresses": [text for _, text in holders],
        "start": start,
        "end": end,
    }
    table = ask(client, "minutes", parameters)
    cells = table.select(MINUTES.names).cast(MINUTES).combine_chunks()
    return {name: cells.slice(first, length) for name, first, length in _runs(table.column("interface_id"))}


def _runs(column: "pa.ChunkedArray[Any]") -> list[tuple[str, int, int]]:
    """Each distinct value of a sorted column of texts, its first row and its number of rows."""
    whole: Any = pc.call_function("run_end_encode", [column.cast(pa.string()).combine_chunks()])
    ends = [0, *whole.run_ends.to_pylist()]
    spans = zip(whole.values.to_pylist(), pairwise(ends), strict=True)
    return [(value, first, end - first) for value, (first, end) in spans]


def deliveries(client: Client, start: datetime, end: datetime) -> dict[str, Ints]:
    """For each flow log, the minutes (Unix seconds, ascending) for which it delivered something."""
    table = ask(client, "deliveries", {"start": start, "end": end})
    logs, minutes = table.column("flow_log").to_numpy(), table.column("minute").to_numpy()
    return {str(log): minutes[logs == log] for log in np.unique(logs)}


def dropped(client: Client, interfaces: Sequence[str], start: datetime, end: datetime) -> dict[str, Ints]:
    """By interface (of ALL, or of these), the minutes (Unix seconds, ascending) of which AWS dropped records;
    interfaces without any are left out."""
    table = ask(client, "gaps", {"interfaces": list(interfaces), "start": start, "end": end})
    minutes = table.column("minute").to_numpy()
    return {name: minutes[first : first + length] for name, first, length in _runs(table.column("interface"))}


def covered(facts: InterfaceFacts, delivered: Mapping[str, Ints], gone: Mapping[str, Ints]) -> Ints:
    """The minutes (Unix seconds, ascending) for which the flow logs of an interface are complete: delivered, and
    without records that AWS dropped (`gone`)."""
    none = np.zeros(0, dtype=np.int64)
    first, *more = [delivered.get(log, none) for log in facts.flow_logs] or [none]
    minutes = np.unique(np.concatenate([first, *more])) if more else first
    return np.setdiff1d(minutes, gone[facts.interface_id]) if facts.interface_id in gone else minutes


def rows(
    client: Client, interfaces: Sequence[str], pointers: Sequence[Pointer], start: datetime, end: datetime
) -> dict[Pointer, FlowRow]:
    """The flow records at these pointers, where they exist."""
    wanted = sorted(set(pointers))
    parameters = {
        "interfaces": sorted(set(interfaces)),
        "objects": [p.object_id for p in wanted],
        "lines": [p.row_no for p in wanted],
        "start": start,
        "end": end,
    }
    found = (_flow_row(row) for row in ask(client, "rows", parameters).to_pylist())
    return {row.pointer: row for row in found}


def objects(client: Client, object_ids: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """Bucket, key and ETag, by object id."""
    table = ask(client, "objects", {"objects": sorted(set(object_ids))})
    return {row["object_id"]: (row["bucket"], row["key"], row["etag"]) for row in table.to_pylist()}


def sample(
    client: Client, facts: InterfaceFacts, high: Sequence[int], start: datetime, end: datetime, *, limit: int
) -> list[SampledFlow]:
    """Up to `limit` TCP and UDP flow records of an interface, always the same ones. Those whose local end is unknown
    are left out. `high`: its `high_ports`."""
    parameters = {"interface": facts.interface_id, "start": start, "end": end, "limit": limit}
    found = (_sampled(row, facts.addresses, high) for row in ask(client, "sample", parameters).to_pylist())
    return [flow for flow in found if flow is not None]


def _sampled(row: Mapping[str, Any], addresses: Sequence[str], high: Sequence[int]) -> SampledFlow | None:
    source = (address(row["source"]), row["source_port"])
    destination = (address(row["destination"]), row["destination_port"])
    if source[0] not in addresses and destination[0] not in addresses:
        return None
    ingress = destination[0] in addresses
    local, peer = (destination, source) if ingress else (source, destination)
    server = serves(row["proto"], local[1], peer[1], high)
    conversation = Conversation(local[0], peer[0], row["proto"], local[1], peer[1], server)
    return SampledFlow(row["begin"], conversation, ingress == server, row["action"])


def _flow_row(row: Mapping[str, Any]) -> FlowRow:
    return FlowRow(
        Pointer(row["object_id"], row["row_no"]),
        row["begin"],
        row["finish"],
        row["interface_id"],
        row["action"],
        row["proto"],
        address(row["source"]),
        row["source_port"],
        address(row["destination"]),
        row["destination_port"],
        row["packets"],
        row["bytes"],
        row["bucket"],
        row["key"],
        row["etag"],
        row["reject_reason"] or "",
    )
