"""Snapshots of the VPC configuration, and the versions that are derived from them and the change events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.network import Resource, from_body, to_body
from schemas.table import MILLISECONDS, Column, Table

CONFIG_SNAPSHOTS = Table(
    "config_snapshots",
    (
        Column("snapshot_id", pa.string(), "String", "names the snapshot: a digest of its time and content"),
        Column("as_of", MILLISECONDS, "DateTime64(3, 'UTC')", "when the configuration was true"),
        Column("source", TEXT, LOW, "endpoint or files"),
        Column("account_id", TEXT, LOW, "owner, '' when the answers do not say"),
        Column("region", TEXT, LOW, "region, '' when not known"),
        Column("resource_type", TEXT, LOW, "vpc, subnet, route-table, network-acl, ..."),
        Column("resource_id", pa.string(), "String", "AWS id"),
        Column("body", pa.string(), "String", "the resource as JSON (schemas/network.py)"),
        Column("at", MILLISECONDS, "DateTime64(3, 'UTC')", "when the row was written"),
    ),
)

CONFIG_VERSIONS = Table(
    "config_versions",
    (
        Column("generation", pa.uint64(), "UInt64", "the derivation that wrote the row; the highest holds"),
        Column("resource_type", TEXT, LOW, "vpc, subnet, route-table, network-acl, ..."),
        Column("resource_id", pa.string(), "String", "AWS id"),
        Column(
            "valid_from",
            MILLISECONDS,
            "Nullable(DateTime64(3, 'UTC'))",
            "first instant",
            nulls="NULL: since before any fact",
        ),
        Column(
            "valid_to", MILLISECONDS, "Nullable(DateTime64(3, 'UTC'))", "first instant after", nulls="NULL: still so"
        ),
        Column("begun_by", pa.string(), "String", "eventID of the change that began it; '' when a snapshot showed it"),
        Column("ended_by", pa.string(), "String", "eventID of the change that ended it; '' when none did"),
        Column("exact", pa.bool_(), "Bool", "false where part of the content cannot be known"),
        Column("body", pa.string(), "String", "the resource as JSON (schemas/network.py)"),
    ),
)
"""Derived, replaced as a whole whenever a snapshot or a change event arrives."""


@dataclass(frozen=True)
class Snapshot:
    """The resources that `describe-*` answered, true at `as_of`."""

    as_of: datetime
    source: str
    resources: tuple[Resource, ...]
    account_id: str = ""
    region: str = ""


@dataclass(frozen=True)
class ConfigVersion:
    """A resource as it was in `[valid_from, valid_to)`; None is open."""

    resource_type: str
    resource: Resource
    valid_from: datetime | None
    valid_to: datetime | None
    begun_by: str = ""
    ended_by: str = ""
    exact: bool = True


def body_json(resource: Resource) -> str:
    """Canonical JSON: equal resources give equal text."""
    return json.dumps(to_body(resource), sort_keys=True, separators=(",", ":"))


def resource_from_row(row: Mapping[str, Any]) -> Resource:
    """From a row of `config_snapshots` or `config_versions`."""
    return from_body(row["resource_type"], json.loads(row["body"]))
