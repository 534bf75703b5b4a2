"""The part of the configuration's history that some ends of conversations depend on: that of their VPCs, and of the
interfaces only those that are asked for or that routes lead to. In a large account it is a small part of everything.

Addresses, VPCs and subnets of interfaces are only in snapshots: changes do not show them. A change is left out if it
names something of another VPC and nothing that the VPCs have or mention, or if it changes the rules of a group that no
interface that is asked for has or gets. What names nothing known stays, since it may concern anything.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.store import configuration
from connectors.store.clickhouse import query
from schemas.change import CHANGE_EVENTS, ChangeEvent
from schemas.configuration import TYPE_NAMES, NetworkInterface, SecurityGroup, Vpc
from schemas.snapshot import CONFIG_SNAPSHOTS, Snapshot

INTERFACE, VPC, GROUP = (TYPE_NAMES[kind] for kind in (NetworkInterface, Vpc, SecurityGroup))
RULE_CALLS = [
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "ModifySecurityGroupRules",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
]
"""Calls that change the rules of a group, and nothing else."""
ID = '"([a-z]+-[a-z-]*[0-9a-zA-Z]+)"'
"""An id in the JSON of a resource."""

_MENTIONS = "multiSearchAny(body, {vpcs:Array(String)})"
_OF_A_VPC = "position(body, '\"vpc-') > 0"


@dataclass(frozen=True)
class Facts:
    """All snapshots, with some of their resources (a snapshot may come in two parts), and some of the changes, as
    `connectors.store.configuration` loads them; `latest` is the time of the latest of all snapshots and changes, None
    without any."""

    snapshots: list[Snapshot]
    changes: list[ChangeEvent]
    latest: datetime | None


def size(client: Client) -> int:
    """How many resources in snapshots and changes there are."""
    sql = f"SELECT (SELECT count() FROM {CONFIG_SNAPSHOTS.name}) + (SELECT count() FROM {CHANGE_EVENTS.name}) AS n"  # noqa: S608
    return int(query(client, sql)["n"][0].as_py())


def facts_around(client: Client, ends: Collection[str]) -> Facts:
    """What interfaces with these addresses or ids, or of these instances, depend on. Raises FlowtrailError when the
    store cannot be read."""
    meant = _meant(client, [f'"{end}"' for end in sorted(ends)])
    vpcs = {"vpcs": [f'"{vpc}"' for vpc in sorted({row["vpc"] for row in meant})] or ['"none"']}
    own = {row["id"] for row in meant} | {row["instance"] for row in meant if row["instance"]}
    groups = {group for row in meant for group in row["groups"]} | _named_with(client, sorted(own))
    changes = configuration.load_changes(client, _CONCERNING, {**vpcs, "groups": sorted(groups), "calls": RULE_CALLS})
    routes = [change for change in changes if change.event_name in ("CreateRoute", "ReplaceRoute")]
    wanted = own | {each for change in routes for each in change.resources}
    snapshots = configuration.load_snapshots(client, _AROUND, {**vpcs, "wanted": sorted(wanted)})
    empty = _snapshots(client)  # each of them is a time of the timeline
    latest = [each.as_of for each in empty] + _latest_change(client)
    return Facts([*snapshots, *empty], changes, max(latest, default=None))


def _meant(client: Client, quoted: Sequence[str]) -> list[dict[str, Any]]:
    sql = f"""
        SELECT DISTINCT
            resource_id AS id,
            JSONExtractString(body, 'vpc_id') AS vpc,
            JSONExtractString(body, 'instance_id') AS instance,
            JSONExtract(body, 'group_ids', 'Array(String)') AS groups
        FROM {CONFIG_SNAPSHOTS.name}
        WHERE resource_type = '{INTERFACE}' AND multiSearchAny(body, {{ends:Array(String)}})
    """  # noqa: S608
    return query(client, sql, {"ends": list(quoted)}).to_pylist()


def _named_with(client: Client, own: Sequence[str]) -> set[str]:
    """What changes name together with one of these."""
    sql = f"""
        SELECT DISTINCT arrayJoin(resources) AS id FROM {CHANGE_EVENTS.name}
        WHERE hasAny(resources, {{own:Array(String)}})
    """  # noqa: S608
    return {str(name) for name in query(client, sql, {"own": list(own)})["id"].to_pylist()}


_AROUND = f"""
    resource_type = '{VPC}'
    OR (resource_type != '{INTERFACE}' AND resource_id IN (
        SELECT resource_id FROM {CONFIG_SNAPSHOTS.name}
        WHERE resource_type != '{INTERFACE}' AND ({_MENTIONS} OR NOT {_OF_A_VPC})
    ))
    OR (resource_type = '{INTERFACE}' AND resource_id IN (
        WITH ends AS (
            SELECT arrayJoin({{wanted:Array(String)}}) AS id
            UNION ALL
            SELECT arrayJoin(extractAll(body, '"(eni-[0-9a-zA-Z]+)"')) AS id FROM {CONFIG_SNAPSHOTS.name}
            WHERE resource_type = 'route-table' AND {_MENTIONS}
        )
        SELECT resource_id FROM {CONFIG_SNAPSHOTS.name}
        WHERE resource_type = '{INTERFACE}' AND (
            resource_id IN ends
            OR JSONExtractString(body, 'instance_id') IN ends
            OR JSONExtractString(body, 'instance_id') IN (
                SELECT JSONExtractString(body, 'instance_id') AS instance FROM {CONFIG_SNAPSHOTS.name}
                WHERE resource_type = '{INTERFACE}' AND resource_id IN ends AND instance != ''
            )
        )
    ))
"""  # noqa: S608
"""Of an instance, all interfaces: calls that name it change the only one."""

_CONCERNING = f"""
    NOT (
        event_name IN {{calls:Array(String)}} AND NOT hasAny(resources, {{groups:Array(String)}})
        AND arrayExists(id -> id IN (
            SELECT resource_id FROM {CONFIG_SNAPSHOTS.name} WHERE resource_type = '{GROUP}'
        ), resources)
    ) AND (NOT arrayExists(id -> id IN (
        SELECT arrayJoin(arrayPushBack(
            if(resource_type = '{INTERFACE}', [JSONExtractString(body, 'instance_id')], extractAll(body, '{ID}')),
            resource_id
        )) FROM {CONFIG_SNAPSHOTS.name} WHERE {_OF_A_VPC} AND NOT {_MENTIONS}
    ), resources)
    OR arrayExists(id -> id IN (
        SELECT arrayJoin(arrayPushBack(extractAll(body, '{ID}'), resource_id)) FROM {CONFIG_SNAPSHOTS.name}
        WHERE {_MENTIONS} OR NOT {_OF_A_VPC}
    ), resources))
"""  # noqa: S608


def _snapshots(client: Client) -> list[Snapshot]:
    """All snapshots, without their resources."""
    sql = f"SELECT DISTINCT as_of, source, account_id, region FROM {CONFIG_SNAPSHOTS.name}"  # noqa: S608
    return [
        Snapshot(row["as_of"].astimezone(UTC), row["source"], (), row["account_id"], row["region"])
        for row in query(client, sql).to_pylist()
    ]


def _latest_change(client: Client) -> list[datetime]:
    sql = f"SELECT toDateTime64(maxOrNull(event_time), 0, 'UTC') AS latest FROM {CHANGE_EVENTS.name}"  # noqa: S608
    latest = query(client, sql)["latest"][0].as_py()
    return [latest.astimezone(UTC)] if latest else []
