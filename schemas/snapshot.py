"""Snapshots of the VPC configuration, and the versions derived from them and the change events."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa

from schemas.configuration import Resource
from schemas.flow import LOW, TEXT
from schemas.table import MILLISECONDS, Column, Table

CONFIG_SNAPSHOTS = Table(
    "config_snapshots",
    (
        Column("snapshot_id", pa.string(), "String", "snapshot id: a digest of its time and content"),
        Column("as_of", MILLISECONDS, "DateTime64(3, 'UTC')", "when the configuration was in effect"),
        Column("source", TEXT, LOW, "endpoint or files"),
        Column("account_id", TEXT, LOW, "owner, '' when the output does not show it"),
        Column("region", TEXT, LOW, "region, '' when unknown"),
        Column("resource_type", TEXT, LOW, "vpc, subnet, route-table, network-acl, ..."),
        Column("resource_id", pa.string(), "String", "AWS id"),
        Column("body", pa.string(), "String", "the resource as JSON (schemas/configuration.py)"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the row was written"),
    ),
)

CONFIG_VERSIONS = Table(
    "config_versions",
    (
        Column("generation", pa.uint64(), "UInt64", "derivation that wrote the row; the highest one counts"),
        Column("resource_type", TEXT, LOW, "vpc, subnet, route-table, network-acl, ..."),
        Column("resource_id", pa.string(), "String", "AWS id"),
        Column(
            "valid_from",
            MILLISECONDS,
            "Nullable(DateTime64(3, 'UTC'))",
            "start of validity",
            nulls="NULL: valid since before any recorded fact",
        ),
        Column(
            "valid_to", MILLISECONDS, "Nullable(DateTime64(3, 'UTC'))", "end of validity", nulls="NULL: still valid"
        ),
        Column(
            "begun_by", pa.string(), "String", "eventID of the change that started it; '' when a snapshot showed it"
        ),
        Column("ended_by", pa.string(), "String", "eventID of the change that ended it; '' when none did"),
        Column("exact", pa.bool_(), "Bool", "false when part of the content cannot be known"),
        Column("body", pa.string(), "String", "the resource as JSON (schemas/configuration.py)"),
    ),
)
"""Derived: replaced as a whole whenever a snapshot or a change event arrives."""


@dataclass(frozen=True)
class Snapshot:
    """The resources that `describe-*` returned, as of `as_of`."""

    as_of: datetime
    source: str
    resources: tuple[Resource, ...]
    account_id: str = ""
    region: str = ""


@dataclass(frozen=True)
class ConfigVersion:
    """A resource as it was in `[valid_from, valid_to)`; None means open-ended."""

    resource_type: str
    resource: Resource
    valid_from: datetime | None
    valid_to: datetime | None
    begun_by: str = ""
    ended_by: str = ""
    exact: bool = True


def body_json(resource: Resource) -> str:
    """Canonical JSON: equal resources give equal text."""
    return json.dumps(asdict(resource), sort_keys=True, separators=(",", ":"))
