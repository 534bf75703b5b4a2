"""Correlation of the last hour of a quiet day, as its records arrived hour by hour: after the hour before it was
correlated, again, without any summary of the past, and from records that were merged since. And, with fewer interfaces,
against looking at each one closely, as releases before did."""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pyarrow as pa

from benchmarks.buckets import FULL
from benchmarks.changes import rule_change
from benchmarks.measure import Result
from benchmarks.store import folder, opened, run_isolated
from connectors.store import configuration
from connectors.store.clickhouse import Store, command, insert, query
from connectors.store.receipts import rows as receipt_rows
from pipelines.correlate import facts, pipeline
from pipelines.correlate.pipeline import run_correlate
from schemas.change import CHANGE_EVENTS
from schemas.configuration import (
    AclAssociation,
    AclEntry,
    InternetGateway,
    NetworkAcl,
    NetworkInterface,
    Resource,
    Route,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.snapshot import Snapshot

DAY = datetime(2026, 11, 20, tzinfo=UTC)
END = DAY + timedelta(days=1)
HOUR = timedelta(hours=1)
ANYWHERE = "0.0.0.0/0"
MEBIBYTE = 1 << 20

SIZES = ((300, 4_500, 150), (10_000, 10_000, 5_000)) if FULL else ((100, 4_500, 50), (300, 4_500, 150))
"""Interfaces, flow records of each in a day, changes."""
ONE_BY_ONE = 100
"""Interfaces of the comparison with looking at one after the other."""
OTHERS = 100
"""Groups that are changed: AWS allows a group at most 1,000 rules."""

QUIET = """
    INSERT INTO flows (
        version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, packets, bytes, start, `end`,
        action, vpc_id, subnet_id, tcp_flags, flow_direction, direction, object_id, row_no, load, chunk
    )
    WITH
        intDiv(number, {last} - {first}) AS eni,
        {first} + number % ({last} - {first}) AS nth,
        intDiv(nth, 2) AS talk,
        nth % 2 = 1 AS answer,
        talk % 25 = 24 AS scan,
        toUInt32({day} + intDiv(talk * 86400, intDiv({each}, 2))) AS at,
        [443, 443, 5432, 443, 22][talk % 5 + 1] AS port,
        toIPv6(IPv4NumToString(toUInt32(167772160 + 65536 + eni))) AS own,
        toIPv6(IPv4NumToString(toUInt32(if(scan, 3325256704 + cityHash64(eni, talk) % 65536, 3221225984 + talk % 20))))
            AS peer,
        toUInt16(32768 + cityHash64(eni, talk) % 28000) AS client
    SELECT
        5, '123456789012', concat('eni-', leftPad(lower(hex(toUInt32(eni))), 17, '0')),
        if(answer, own, peer), if(answer, peer, own), if(answer, port, client), if(answer, client, port),
        6, 10, 4500, at, at + 20, if(scan, 'REJECT', 'ACCEPT'), 'vpc-1', 'subnet-1', if(scan, 2, if(answer, 19, 3)),
        if(answer, 'egress', 'ingress'), if(answer, 'egress', 'ingress'),
        {objects}[intDiv(at - {day}, 3600) + 1], toUInt32(number),
        cityHash64(intDiv(at - {day}, 3600)), 0
    FROM numbers({rows}) WHERE NOT (scan AND answer)
"""


def run() -> list[Result]:
    results = []
    for interfaces, each, changes in SIZES:
        with folder() as place:
            run_isolated(_fill, str(place), interfaces, each, changes)
            first, memory = run_isolated(_correlate, str(place), END - HOUR)
            wall, later = run_isolated(_correlate, str(place))
            again, _ = run_isolated(_correlate, str(place))
            run_isolated(_merge, str(place))
            merged, _ = run_isolated(_correlate, str(place))
        of, peak = f"{interfaces:,} interfaces", max(memory, later) / MEBIBYTE
        what = f"{of}, {interfaces * each:,} records of a quiet day, {changes:,} changes"
        target = 10.0 if interfaces == 10_000 else 2.0 if interfaces == 300 else None
        results += [
            Result(f"correlate the last hour: {of}, s", wall, target, "lower", f"{what}; after the hour before it"),
            Result(f"the same, {of}, nothing new, s", again, None, "lower", "the same hour again"),
            Result(f"the same, {of}, no summaries, s", first, None, "lower", "an hour earlier, the first run of all"),
            Result(f"the same, {of}, merged, s", merged, None, "lower", "the last hour anew, from one part a day"),
            Result(f"peak memory, {of}, MiB", peak, 1024, "lower", "of the first two"),
        ]
    with folder() as place:
        run_isolated(_fill, str(place), ONE_BY_ONE, 4_500, 15)
        before, _ = run_isolated(_correlate, str(place), one_by_one=True)
        now, _ = run_isolated(_correlate, str(place))
    detail = f"{ONE_BY_ONE} interfaces: {before:.1f} s one by one, {now:.1f} s now"
    return [*results, Result("correlate compared with one by one", before / now, None, "higher", detail)]


def _correlate(path: str, end: datetime = END, *, one_by_one: bool = False) -> tuple[float, int]:
    """Correlate the hour before `end`: wall-clock seconds, and the peak memory of the process in bytes."""
    store = opened(Path(path))
    with ExitStack() as patched:
        if one_by_one:
            patched.enter_context(mock.patch.object(pipeline, "GROUP_INTERFACES", 1))
            patched.enter_context(mock.patch.object(facts, "LONGEST", timedelta()))
        begin = time.monotonic()
        found = run_correlate(store, end - HOUR, end, lookback=23 * HOUR)
        wall = time.monotonic() - begin
    assert not found, found[:3]
    return wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _merge(path: str) -> None:
    """Merge the records of the day into one part, and forget the summary of its last hour."""
    client = opened(Path(path)).client()
    command(client, "OPTIMIZE TABLE flows FINAL")
    summary = "SELECT DISTINCT _partition_id AS id FROM hourly_peers WHERE hour = {hour:DateTime('UTC')}"
    for row in query(client, summary, {"hour": END - HOUR}).to_pylist():
        command(client, f"ALTER TABLE hourly_peers DROP PARTITION ID '{row['id']}'")


def _fill(path: str, interfaces: int, each: int, changes: int) -> None:
    store = opened(Path(path))
    refs = [
        ObjectRef(
            "logs", f"AWSLogs/1/vpcflowlogs/x/1_vpcflowlogs_x_fl-1_{DAY + hour * HOUR:%Y%m%dT%H%M}Z_a.log.gz", "e", 1
        )
        for hour in range(24)
    ]
    receipts = [Receipt(ref, ObjectKind.FLOW_LOG, 1, 1, 1, 0) for ref in refs]
    insert(store.client(), RECEIPTS, receipt_rows(receipts, 1))
    objects = f"[{', '.join(f'toUInt64({ref.object_id})' for ref in refs)}]"
    for hour in range(24):
        first, last = each * hour // 24, each * (hour + 1) // 24
        numbers = {"first": first, "last": last, "rows": interfaces * (last - first), "each": each}
        command(store.client(), QUIET.format(**numbers, day=int(DAY.timestamp()), objects=objects))
    _configure(store, interfaces, changes)


def _configure(store: Store, interfaces: int, changes: int) -> None:
    configuration.save_snapshot(store.client(), Snapshot(DAY - HOUR, "files", tuple(_resources(interfaces))))
    rows = [
        rule_change(
            n,
            DAY + timedelta(seconds=86_400 * n // changes),
            "AuthorizeSecurityGroupIngress",
            f"sg-other-{n % OTHERS}",  # a group that no interface has
            n // OTHERS + 1,
        )
        for n in range(changes)
    ]
    insert(store.client(), CHANGE_EVENTS, pa.Table.from_pylist(rows, CHANGE_EVENTS.schema))


def _resources(interfaces: int) -> Iterator[Resource]:
    everything = tuple(AclEntry(100, egress, "allow", cidr=ANYWHERE) for egress in (False, True))
    rules = tuple(SecurityGroupRule(False, 6, ANYWHERE, port, port, f"sgr-{port}") for port in (22, 443, 5432))
    yield Vpc("vpc-1", ("10.0.0.0/8",))
    yield Subnet("subnet-1", "vpc-1", ("10.0.0.0/8",))
    routes = (Route(ANYWHERE, "igw-1"), Route("10.0.0.0/8", "local", origin="CreateRouteTable"))
    yield RouteTable("rtb-1", "vpc-1", routes, (RouteTableAssociation("rtbassoc-1", "subnet-1"),))
    yield NetworkAcl("acl-1", "vpc-1", True, everything, (AclAssociation("aclassoc-1", "subnet-1"),))
    yield SecurityGroup("sg-1", "vpc-1", "web", (*rules, SecurityGroupRule(True, -1, ANYWHERE, id="sgr-out")))
    for n in range(OTHERS):
        yield SecurityGroup(f"sg-other-{n}", "vpc-1", f"other-{n}")
    yield InternetGateway("igw-1", ("vpc-1",))
    for n in range(interfaces):
        address = f"10.{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
        yield NetworkInterface(
            f"eni-{n:017x}", "vpc-1", "subnet-1", (address,), ("198.51.100.1",), ("sg-1",), f"i-{n:x}"
        )
