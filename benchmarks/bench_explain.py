"""`flowtrail explain` where there are many interfaces and changes: the whole command; and, with a tenth of them,
against a timeline of everything, as releases before made one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import pyarrow as pa

from benchmarks.buckets import FULL, RUNS
from benchmarks.changes import rule_change
from benchmarks.measure import Result
from benchmarks.store import folder, opened, run_isolated
from connectors.store import configuration
from connectors.store.clickhouse import insert
from console.answers import history
from console.answers.explain import explain
from network.verdict.reach import Question, Where
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
from schemas.snapshot import Snapshot

BEGIN = datetime(2026, 8, 1, tzinfo=UTC)
SPAN = timedelta(days=90)
VPCS, INTERFACES, SUBNETS, GROUPS = 200 if FULL else 20, 500, 8, 20
"""VPCs, and what each has."""
CHANGES = 4_500
"""Changes of rules in each VPC."""
AT_ONCE = 200_000
ANYWHERE = "0.0.0.0/0"
ENDS = ("198.51.100.7", "10.7.0.5")


def run() -> list[Result]:
    with folder() as place:
        run_isolated(_fill, str(place), VPCS)
        whole = median(_command(place) for _ in range(RUNS))
    with folder() as place:
        run_isolated(_fill, str(place), VPCS // 10)
        before = run_isolated(_explain, str(place), 1 << 60)
        now = run_isolated(_explain, str(place), -1)
    size = f"{VPCS * INTERFACES:,} interfaces in {VPCS} VPCs, {VPCS * CHANGES:,} changes"
    smaller = f"a tenth of it: {before:.1f} s from everything, {now:.2f} s from the part that the ends depend on"
    return [
        Result("explain, the whole command, s", whole, 1.0, "lower", f"{size}; median of {RUNS}"),
        Result("explain compared with a timeline of everything", before / now, None, "higher", smaller),
    ]


def _command(place: Path) -> float:
    """Seconds."""
    source, destination = ENDS
    command = [sys.executable, "-m", "cli", "--db", str(place / "db"), "explain", "--from-ip", source]
    begin = time.monotonic()
    subprocess.run(
        [*command, "--to-ip", destination, "--port", "443"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env=dict(os.environ),
    )
    return time.monotonic() - begin


def _explain(path: str, little: int) -> float:
    """Seconds, with a timeline of everything where that has at most `little` resources and changes."""
    store = opened(Path(path))
    source, destination = (Where(end) for end in ENDS)
    store.reader()
    with mock.patch.object(history, "LITTLE", little):
        begin = time.monotonic()
        explain(store, Question(source, destination, 6, 443), None, BEGIN + SPAN, timedelta(days=1))
    return time.monotonic() - begin


def _fill(path: str, vpcs: int) -> None:
    client = opened(Path(path)).client()
    configuration.save_snapshot(client, Snapshot(BEGIN, "files", tuple(_resources(vpcs))))
    changes = _changes(vpcs)
    while rows := list(islice(changes, AT_ONCE)):
        insert(client, CHANGE_EVENTS, pa.Table.from_pylist(rows, CHANGE_EVENTS.schema))


def _changes(vpcs: int) -> Iterator[dict[str, Any]]:
    """Rules that are added to a group and removed from it, group after group."""
    count, groups = vpcs * CHANGES, vpcs * GROUPS
    for n in range(count):
        turn, group = divmod(n, groups)
        call = ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress")[turn % 2]
        yield rule_change(
            n, BEGIN + SPAN * n / count, call, f"sg-{group // GROUPS}-{group % GROUPS}", 1_000 + turn // 2
        )


def _resources(vpcs: int) -> Iterator[Resource]:
    everything = tuple(AclEntry(100, egress, "allow", cidr=ANYWHERE) for egress in (False, True))
    rules = tuple(SecurityGroupRule(False, 6, ANYWHERE, port, port, f"sgr-{port}") for port in (22, 443, 5432))
    out = SecurityGroupRule(True, -1, ANYWHERE, id="sgr-out")
    for v in range(vpcs):
        vpc, subnets = f"vpc-{v}", [f"subnet-{v}-{n}" for n in range(SUBNETS)]
        routes = (Route(ANYWHERE, f"igw-{v}"), Route(f"10.{v}.0.0/16", "local", origin="CreateRouteTable"))
        tables = tuple(RouteTableAssociation(f"rtbassoc-{subnet}", subnet) for subnet in subnets)
        acls = tuple(AclAssociation(f"aclassoc-{subnet}", subnet) for subnet in subnets)
        yield Vpc(vpc, (f"10.{v}.0.0/16",))
        yield InternetGateway(f"igw-{v}", (vpc,))
        yield RouteTable(f"rtb-{v}", vpc, routes, tables)
        yield NetworkAcl(f"acl-{v}", vpc, True, everything, acls)
        for n, subnet in enumerate(subnets):
            yield Subnet(subnet, vpc, (f"10.{v}.{n * 16}.0/20",))
        for n in range(GROUPS):
            yield SecurityGroup(f"sg-{v}-{n}", vpc, f"group-{n}", (*rules, out))
        for n in range(INTERFACES):
            address = f"10.{v}.{n % SUBNETS * 16}.{n // SUBNETS + 4}"
            groups, public = (f"sg-{v}-{n % GROUPS}",), (f"203.0.{v}.{n % 256}",)
            yield NetworkInterface(
                f"eni-{v:05d}{n:012x}", vpc, subnets[n % SUBNETS], (address,), public, groups, f"i-{v}-{n}"
            )
