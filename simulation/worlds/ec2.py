"""What an `aws ec2` command does to saved `describe-*` answers, as far as worlds and their fixes need it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulation.calls import ACL_PROTOCOLS, Call, Json, parse, request_parameters, split_line

TARGETS = {
    "gateway-id": "GatewayId",
    "nat-gateway-id": "NatGatewayId",
    "network-interface-id": "NetworkInterfaceId",
    "transit-gateway-id": "TransitGatewayId",
    "egress-only-internet-gateway-id": "EgressOnlyInternetGatewayId",
}
DESTINATIONS = {
    "destination-cidr-block": "DestinationCidrBlock",
    "destination-ipv6-cidr-block": "DestinationIpv6CidrBlock",
    "destination-prefix-list-id": "DestinationPrefixListId",
}
MEMBERS = {"groups": "UserIdGroupPairs", "ipRanges": "IpRanges", "ipv6Ranges": "Ipv6Ranges"}
MEMBERS["prefixListIds"] = "PrefixListIds"
PEERS = {"groups": "groupId", "ipRanges": "cidrIp", "ipv6Ranges": "cidrIpv6", "prefixListIds": "prefixListId"}


class Refused(Exception):
    """EC2 would refuse the command, or it is not one that is known here."""


def run_line(answers: dict[str, Any], line: str) -> None:
    """Run the commands of a line joined by `&&`; `answers` are changed in place. Raises Refused."""
    for command in split_line(line):
        run(answers, parse(command))


def run(answers: dict[str, Any], call: Call) -> Json:
    """Run a command; returns what it prints. Raises Refused."""
    name = call.operation
    if name in ("create-route", "replace-route", "delete-route"):
        return _route(answers, call)
    if name.endswith("network-acl-entry"):
        return _acl_entry(answers, call)
    if re.fullmatch(r"(authorize|revoke)-security-group-(in|e)gress", name):
        return _rules(answers, call)
    if name == "modify-network-interface-attribute":
        eni = _one(answers, "describe-network-interfaces", "NetworkInterfaces", "NetworkInterfaceId", call)
        eni["Groups"] = [{"GroupId": group, "GroupName": group} for group in call.options["groups"]]
        return {}
    if name == "replace-network-acl-association":
        return _acl_association(answers, call)
    if name == "replace-route-table-association":
        return _table_association(answers, call)
    if name in ("attach-internet-gateway", "detach-internet-gateway"):
        gateway = _one(answers, "describe-internet-gateways", "InternetGateways", "InternetGatewayId", call)
        attached = name.startswith("attach")
        if bool(gateway["Attachments"]) == attached:
            raise Refused(f"the gateway is {'attached' if attached else 'detached'} already")
        vpc = call.options["vpc-id"][0]
        gateway["Attachments"] = [{"State": "available", "VpcId": vpc}] if attached else []
        return {}
    if name in ("create-tags", "delete-tags"):
        return {}
    raise Refused(f"`aws ec2 {name}` is not known here")


def _one(answers: Mapping[str, Any], command: str, member: str, key: str, call: Call) -> Json:
    option = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).lower()
    wanted = call.options[option][0]
    for item in answers[command][member]:
        if item[key] == wanted:
            found: Json = item
            return found
    raise Refused(f"there is no {wanted}")


def _route(answers: dict[str, Any], call: Call) -> Json:
    table = _one(answers, "describe-route-tables", "RouteTables", "RouteTableId", call)
    option = next(o for o in DESTINATIONS if o in call.options)
    key, destination = DESTINATIONS[option], call.options[option][0]
    old = [r for r in table["Routes"] if r.get(key) == destination]
    if bool(old) == (call.operation == "create-route"):
        raise Refused(f"the route to {destination} {'exists' if old else 'does not exist'}")
    table["Routes"] = [r for r in table["Routes"] if r not in old]
    if call.operation != "delete-route":
        target = next(o for o in TARGETS if o in call.options)
        new = {key: destination, TARGETS[target]: call.options[target][0], "State": "active", "Origin": "CreateRoute"}
        table["Routes"].append(new)
    return {"Return": True}


def _acl_entry(answers: dict[str, Any], call: Call) -> Json:
    acl = _one(answers, "describe-network-acls", "NetworkAcls", "NetworkAclId", call)
    number, egress = int(call.options["rule-number"][0]), "egress" in call.options
    old = [e for e in acl["Entries"] if e["RuleNumber"] == number and e["Egress"] == egress]
    if bool(old) == (call.operation == "create-network-acl-entry"):
        raise Refused(f"entry {number} {'exists' if old else 'does not exist'}")
    acl["Entries"] = [e for e in acl["Entries"] if e not in old]
    if not call.operation.startswith("delete"):
        request, protocol = request_parameters(call), call.options["protocol"][0]
        entry: Json = {"RuleNumber": number, "Egress": egress, "RuleAction": request["ruleAction"]}
        entry["Protocol"] = ACL_PROTOCOLS.get(protocol, protocol)
        for name, member in (("cidrBlock", "CidrBlock"), ("ipv6CidrBlock", "Ipv6CidrBlock")):
            if name in request:
                entry[member] = request[name]
        if request["portRange"]:
            entry["PortRange"] = {"From": request["portRange"]["from"], "To": request["portRange"]["to"]}
        acl["Entries"].append(entry)
    return {}


def _rules(answers: dict[str, Any], call: Call) -> Json:
    group = _one(answers, "describe-security-groups", "SecurityGroups", "GroupId", call)
    side = "IpPermissionsEgress" if call.operation.endswith("egress") else "IpPermissions"
    have = [rule for permission in group[side] for rule in _single(permission)]
    request = request_parameters(call)
    items: Sequence[Json] = request["ipPermissions"]["items"]
    for permission in items:
        for rule in _requested(permission):
            present = any(_same(rule, other) for other in have)
            if present == call.operation.startswith("authorize"):
                raise Refused(f"the rule {json.dumps(rule)} {'exists' if present else 'does not exist'}")
            have = [other for other in have if not _same(rule, other)] if present else [*have, rule]
    group[side] = have
    return {"Return": True, "SecurityGroupRules": []}


def _single(permission: Json) -> list[Json]:
    """Permissions with one peer each."""
    ports: Json = {k: permission[k] for k in ("IpProtocol", "FromPort", "ToPort") if k in permission}
    return [{**ports, member: [peer]} for member in MEMBERS.values() for peer in permission.get(member, [])]


def _requested(permission: Json) -> list[Json]:
    ports: Json = {"IpProtocol": permission["ipProtocol"]}
    ports |= {
        new: permission[old] for old, new in (("fromPort", "FromPort"), ("toPort", "ToPort")) if old in permission
    }
    found = []
    for name, key in PEERS.items():
        for peer in permission[name].get("items", []):
            found.append({**ports, MEMBERS[name]: [{key[0].upper() + key[1:]: peer[key]}]})
    return found


def _same(one: Json, other: Json) -> bool:
    return _identity(one) == _identity(other)


def _identity(rule: Json) -> tuple[Any, ...]:
    member = next(m for m in MEMBERS.values() if m in rule)
    peer = rule[member][0]
    key = next(k for k in ("GroupId", "CidrIp", "CidrIpv6", "PrefixListId") if k in peer)
    return str(rule["IpProtocol"]), rule.get("FromPort"), rule.get("ToPort"), member, peer[key]


def _acl_association(answers: dict[str, Any], call: Call) -> Json:
    old, acl_id = call.options["association-id"][0], call.options["network-acl-id"][0]
    acls = answers["describe-network-acls"]["NetworkAcls"]
    moved = [a for acl in acls for a in acl["Associations"] if a["NetworkAclAssociationId"] == old]
    if not moved or not any(acl["NetworkAclId"] == acl_id for acl in acls):
        raise Refused(f"there is no {old} or no {acl_id}")
    new = _next_id(old)
    for acl in acls:
        acl["Associations"] = [a for a in acl["Associations"] if a not in moved]
        if acl["NetworkAclId"] == acl_id:
            acl["Associations"].append({**moved[0], "NetworkAclAssociationId": new, "NetworkAclId": acl_id})
    return {"NewAssociationId": new}


def _table_association(answers: dict[str, Any], call: Call) -> Json:
    old, table_id = call.options["association-id"][0], call.options["route-table-id"][0]
    tables = answers["describe-route-tables"]["RouteTables"]
    moved = [a for t in tables for a in t["Associations"] if a["RouteTableAssociationId"] == old]
    if not moved or not any(t["RouteTableId"] == table_id for t in tables):
        raise Refused(f"there is no {old} or no {table_id}")
    new = _next_id(old)
    for table in tables:
        table["Associations"] = [a for a in table["Associations"] if a not in moved]
        if table["RouteTableId"] == table_id:
            table["Associations"].append({**moved[0], "RouteTableAssociationId": new, "RouteTableId": table_id})
    return {"NewAssociationId": new}


def _next_id(old: str) -> str:
    return f"{old[:-1]}{(int(old[-1], 16) + 1) % 16:x}"
