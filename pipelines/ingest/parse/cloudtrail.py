"""CloudTrail objects become change events: the successful calls that can change reachability.

Source: the CloudTrail record reference, the EC2 service model, and recorded events. There are few records compared to
flows, so they are read one by one; columns are built once per object.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from network.aws.call import ids_in
from network.aws.services import CALLS, names_group
from pipelines.ingest.parse.parsed import Parsed
from pipelines.ingest.parse.time_bounds import ANY, REASON, TimeRule
from schemas.change import CHANGE_EVENTS
from schemas.errors import BadObject
from schemas.flow import RAW_CAP, REJECTED_LINES
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import Table

REACHABILITY: frozenset[str] = frozenset(
    {
        "CreateRoute",
        "ReplaceRoute",
        "DeleteRoute",
        "CreateRouteTable",
        "DeleteRouteTable",
        "AssociateRouteTable",
        "DisassociateRouteTable",
        "ReplaceRouteTableAssociation",
        "EnableVgwRoutePropagation",
        "DisableVgwRoutePropagation",
        "AttachInternetGateway",
        "DetachInternetGateway",
        "DeleteInternetGateway",
        "CreateNatGateway",
        "DeleteNatGateway",
        "AcceptVpcPeeringConnection",
        "DeleteVpcPeeringConnection",
        "RejectVpcPeeringConnection",
        "ModifyVpcPeeringConnectionOptions",
        "DeleteEgressOnlyInternetGateway",
        "DetachVpnGateway",
        "DeleteVpnGateway",
        "DeleteVpnConnection",
        "DeleteVpnConnectionRoute",
        "AssociateAddress",
        "DisassociateAddress",
        "ReleaseAddress",
        "DisassociateNatGatewayAddress",
        "DeleteTransitGateway",
        "DeleteTransitGatewayVpcAttachment",
        "ModifyTransitGatewayVpcAttachment",
        "DeleteTransitGatewayPeeringAttachment",
        "AssociateTransitGatewayRouteTable",
        "DisassociateTransitGatewayRouteTable",
        "DisableTransitGatewayRouteTablePropagation",
        "DeleteTransitGatewayRouteTable",
        "CreateTransitGatewayRoute",
        "ReplaceTransitGatewayRoute",
        "DeleteTransitGatewayRoute",
        "ModifyVpcEndpoint",
        "DeleteVpcEndpoints",
        "ModifyManagedPrefixList",
        "DeleteManagedPrefixList",
        "RestoreManagedPrefixListVersion",
        "CreateNetworkAcl",
        "DeleteNetworkAcl",
        "CreateNetworkAclEntry",
        "ReplaceNetworkAclEntry",
        "DeleteNetworkAclEntry",
        "ReplaceNetworkAclAssociation",
        "AuthorizeSecurityGroupIngress",
        "AuthorizeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
        "ModifySecurityGroupRules",
        "DeleteSecurityGroup",
        "ModifyNetworkInterfaceAttribute",
        "ModifyInstanceAttribute",
        "ModifySubnetAttribute",
        "ModifyVpcBlockPublicAccessOptions",
        "CreateVpcBlockPublicAccessExclusion",
        "ModifyVpcBlockPublicAccessExclusion",
        "DeleteVpcBlockPublicAccessExclusion",
        "CreateSecurityGroup",
        "DisassociateSecurityGroupVpc",
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
        "CreateNetworkInterface",
        "AttachNetworkInterface",
        "DetachNetworkInterface",
        "DeleteNetworkInterface",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
        "AssignIpv6Addresses",
        "UnassignIpv6Addresses",
        "DisassociateSubnetCidrBlock",
        "DisassociateVpcCidrBlock",
        "CreateFlowLogs",
        "DeleteFlowLogs",
    }
)
"""EC2 calls that can change reachability, or what is logged about it."""

DEEPEST = 200
"""The most levels of nesting; real records have about ten."""


class _Unreadable(Exception):
    """A record that cannot be read; its text is the reason."""


@dataclass(frozen=True)
class _Skipped:
    reason: str


def parse_changes(ref: ObjectRef, raw: bytes, rule: TimeRule | None = None) -> Parsed:
    """The change events of a CloudTrail object; `raw` is its inflated JSON, `{"Records": [...]}`.

    `row_no` is the number of the record in the object, from 1. Skipped: `failed-call` (nothing changed), `read-only`,
    `other-call`, `duplicate` (an eventID seen before in this object). A record that cannot be read goes to
    `rejected_lines` as `not-an-object`, `no-event-name`, `no-event-id`, `bad-time`, `bad-member:NAME` or `too-deep`,
    and an event far from the time in the object's key as `time-out-of-range`. Without such a time in the key an event
    only must not be in the future: exports of many months are usual. Without `rule` events may be of any time.
    Raises BadObject: `not-json`, `no-records`, `too-deep`.
    """
    records = _records(ref, raw)
    skipped: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    seen: set[str] = set()
    bounds = ANY if rule is None else rule.of_key(ref.key) or rule.until_now
    for number, record in enumerate(records, 1):
        try:
            row = _row(record)
            if not isinstance(row, _Skipped) and not bounds.low <= row["event_time"].timestamp() <= bounds.high:
                raise _Unreadable(REASON)
        except (_Unreadable, RecursionError) as error:
            reason = str(error) if isinstance(error, _Unreadable) else "too-deep"
            rejected.append({"reason": reason, "raw": _raw(record), "object_id": ref.object_id, "row_no": number})
            continue
        if not isinstance(row, _Skipped) and row["event_id"] in seen:
            row = _Skipped("duplicate")
        if isinstance(row, _Skipped):
            skipped[row.reason] += 1
        else:
            seen.add(row["event_id"])
            rows.append({**row, "object_id": ref.object_id, "row_no": number})
    tables = {table.name: _table(table, found) for table, found in ((CHANGE_EVENTS, rows), (REJECTED_LINES, rejected))}
    return Parsed(ref, ObjectKind.CLOUDTRAIL, len(records), tables, dict(skipped))


def _records(ref: ObjectRef, raw: bytes) -> list[Any]:
    try:
        document = json.loads(raw)
    except RecursionError:
        raise BadObject(ref, "too-deep", "The JSON is nested too deeply for a CloudTrail object.") from None
    except ValueError as error:
        raise BadObject(ref, "not-json", f"The object is not a JSON document: {error}.") from None
    records = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise BadObject(ref, "no-records", 'The object has no list "Records", which every CloudTrail object has.')
    return records


def _row(record: Any) -> dict[str, Any] | _Skipped:
    if not isinstance(record, dict):
        raise _Unreadable("not-an-object")
    name, source = record.get("eventName"), record.get("eventSource")
    if not isinstance(name, str) or not isinstance(source, str):
        raise _Unreadable("no-event-name")
    if record.get("errorCode"):
        return _Skipped("failed-call")
    if record.get("readOnly") in (True, "true"):
        return _Skipped("read-only")
    service = source.removesuffix(".amazonaws.com")
    if name not in (REACHABILITY if service == "ec2" else CALLS.get(service, ())):
        return _Skipped("other-call")
    event_id = record.get("eventID")
    if not isinstance(event_id, str) or not event_id:
        raise _Unreadable("no-event-id")
    request, response = _object(record, "requestParameters"), _object(record, "responseElements")
    if service != "ec2" and not names_group(request):
        return _Skipped("other-call")
    identity = _object(record, "userIdentity")
    return {
        "event_time": _time(record.get("eventTime")),
        "event_id": _text(event_id),
        "event_name": name,
        "actor": _first(identity, "arn", "invokedBy", "principalId", "accountId"),
        "actor_type": _first(identity, "type"),
        "source_ip": _first(record, "sourceIPAddress"),
        "user_agent": _first(record, "userAgent"),
        "account_id": _first(record, "recipientAccountId") or _first(identity, "accountId"),
        "region": _first(record, "awsRegion"),
        "resources": list(ids_in(request, response)),
        "request": _canonical(request),
        "response": _canonical(response),
    }


def _object(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Unreadable(f"bad-member:{name}")
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise _Unreadable("too-deep")
        containers = [v for v in level if isinstance(v, dict | list)]
        level = [inner for v in containers for inner in (v.values() if isinstance(v, dict) else v)]


def _time(value: Any) -> datetime:
    """`2026-11-20T14:32:05Z`. Fractions of a second, which CloudTrail does not write, are dropped."""
    if not isinstance(value, str):
        raise _Unreadable("bad-time")
    try:
        moment = datetime.fromisoformat(value).replace(microsecond=0)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        within = 0 <= moment.timestamp() < 1 << 32
    except (ValueError, OverflowError):
        within = False
    if not within:
        raise _Unreadable("bad-time")
    return moment


def _first(members: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is a string and not empty, else ""."""
    return next((_text(members[n]) for n in names if isinstance(members.get(n), str) and members[n]), "")


def _text(value: str) -> str:
    """JSON can contain lone surrogates, which UTF-8 cannot encode: they are escaped."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _canonical(value: Any) -> str:
    """ASCII only, so that any text can be stored."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _raw(record: Any) -> str:
    try:
        return _canonical(record)[:RAW_CAP]
    except RecursionError:
        return "(nested too deeply to be shown)"


def _table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    """Columns up to and including `row_no`; the writer adds the rest."""
    fields = [field for field in table.schema if field.name not in ("load", "chunk")]
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
