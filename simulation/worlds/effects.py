"""What a call does to the answers of `describe-*`: the part of EC2 that the worlds need. A call that EC2 would refuse
raises Refused.

Source: the EC2 API reference.
"""

import copy
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
CIDRS = (("ipRanges", "IpRanges", "cidrIp", "CidrIp"), ("ipv6Ranges", "Ipv6Ranges", "cidrIpv6", "CidrIpv6"))
GROUPS = ("groups", "UserIdGroupPairs", "groupId", "GroupId")
TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "transitGatewayId": "TransitGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
}


class Refused(Exception):
    """EC2 answers the call with an error; the message is the error's code."""


def apply(answers: Json, name: str, request: Json, *, new_id: str = "") -> Json:
    """The answers after the call; those before it are not changed. `new_id`: of an association that the call makes."""
    after: Json = copy.deepcopy(answers)
    effect = EFFECTS.get(name)
    if effect is not None:
        effect(after, request, new_id)
    return after


def _one(answers: Json, command: str, member: str, key: str, wanted: str) -> Json:
    for found in answers[command][member]:
        if found[key] == wanted:
            result: Json = found
            return result
    raise Refused(f"{wanted} not found")


def _table(answers: Json, wanted: str) -> Json:
    return _one(answers, "describe-route-tables", "RouteTables", "RouteTableId", wanted)


def _acl(answers: Json, wanted: str) -> Json:
    return _one(answers, "describe-network-acls", "NetworkAcls", "NetworkAclId", wanted)


def _destination(thing: Json) -> str:
    names = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "destinationCidrBlock", "destinationIpv6CidrBlock")
    return next(str(thing[name]) for name in names if thing.get(name))


def _put_route(answers: Json, request: Json, replacing: bool) -> None:
    routes = _table(answers, request["routeTableId"])["Routes"]
    destination = _destination(request)
    there = [route for route in routes if _destination(route) == destination]
    if bool(there) != replacing:
        raise Refused("RouteAlreadyExists" if there else "InvalidRoute.NotFound")
    for route in there:
        routes.remove(route)
    name = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
    target = {TARGETS[key]: value for key, value in request.items() if key in TARGETS}
    routes.append({name: destination, "State": "active", "Origin": "CreateRoute", **target})


def _delete_route(answers: Json, request: Json, _: str) -> None:
    routes = _table(answers, request["routeTableId"])["Routes"]
    there = [route for route in routes if _destination(route) == _destination(request)]
    if not there:
        raise Refused("InvalidRoute.NotFound")
    routes.remove(there[0])


def _entry(request: Json) -> Json:
    entry: Json = {
        "RuleNumber": request["ruleNumber"],
        "Egress": request["egress"],
        "RuleAction": request["ruleAction"],
        "Protocol": request["aclProtocol"],
    }
    if request.get("ipv6CidrBlock"):
        entry["Ipv6CidrBlock"] = request["ipv6CidrBlock"]
    else:
        entry["CidrBlock"] = request["cidrBlock"]
    if request.get("portRange"):
        entry["PortRange"] = {"From": request["portRange"]["from"], "To": request["portRange"]["to"]}
    if request.get("icmpTypeCode"):
        entry["IcmpTypeCode"] = {"Type": request["icmpTypeCode"]["type"], "Code": request["icmpTypeCode"]["code"]}
    return entry


def _put_entry(answers: Json, request: Json, replacing: bool) -> None:
    entries = _acl(answers, request["networkAclId"])["Entries"]
    there = [e for e in entries if (e["RuleNumber"], e["Egress"]) == (request["ruleNumber"], request["egress"])]
    if bool(there) != replacing:
        raise Refused("NetworkAclEntryAlreadyExists" if there else "InvalidNetworkAclEntry.NotFound")
    for entry in there:
        entries.remove(entry)
    entries.append(_entry(request))


def _drop_entry(answers: Json, request: Json, _: str) -> None:
    entries = _acl(answers, request["networkAclId"])["Entries"]
    there = [e for e in entries if (e["RuleNumber"], e["Egress"]) == (request["ruleNumber"], request["egress"])]
    if not there:
        raise Refused("InvalidNetworkAclEntry.NotFound")
    entries.remove(there[0])


def _associated(answers: Json, command: str, member: str, key: str, wanted: str) -> tuple[Json, Json]:
    for holder in answers[command][member]:
        for association in holder["Associations"]:
            if association[key] == wanted:
                return holder, association
    raise Refused("InvalidAssociationID.NotFound")


def _replace_acl_association(answers: Json, request: Json, new_id: str) -> None:
    where = ("describe-network-acls", "NetworkAcls", "NetworkAclAssociationId")
    holder, association = _associated(answers, *where, request["associationId"])
    holder["Associations"].remove(association)
    to = _acl(answers, request["networkAclId"])
    to["Associations"].append(
        {**association, "NetworkAclAssociationId": new_id, "NetworkAclId": request["networkAclId"]}
    )


def _replace_table_association(answers: Json, request: Json, new_id: str) -> None:
    where = ("describe-route-tables", "RouteTables", "RouteTableAssociationId")
    holder, association = _associated(answers, *where, request["associationId"])
    holder["Associations"].remove(association)
    _table(answers, request["routeTableId"])["Associations"].append({**association, "RouteTableAssociationId": new_id})


def _rules(request: Json) -> list[tuple[str, int | None, int | None, str, str]]:
    """(protocol, first port, last port, list, member) of each rule in a request."""
    found = []
    for p in request["ipPermissions"]["items"]:
        for written, member, key, name in (*CIDRS, GROUPS):
            for item in (p.get(written) or {}).get("items", []):
                found.append((p["ipProtocol"], p.get("fromPort"), p.get("toPort"), f"{member} {name}", item[key]))
    return found


def _held(permissions: list[Json]) -> list[tuple[str, int | None, int | None, str, str]]:
    found = []
    for p in permissions:
        for _, member, _, name in (*CIDRS, GROUPS):
            for item in p.get(member, []):
                found.append((p["IpProtocol"], p.get("FromPort"), p.get("ToPort"), f"{member} {name}", item[name]))
    return found


def _write(rules: list[tuple[str, int | None, int | None, str, str]]) -> list[Json]:
    permissions = []
    for protocol, first, last, where, value in rules:
        member, _, name = where.partition(" ")
        p: Json = {"IpProtocol": protocol, "IpRanges": [], "Ipv6Ranges": [], "UserIdGroupPairs": []}
        if first is not None:
            p |= {"FromPort": first, "ToPort": last}
        p[member] = [{name: value}]
        permissions.append(p)
    return permissions


def _edit_group(answers: Json, request: Json, *, grant: bool, egress: bool) -> None:
    group = _one(answers, "describe-security-groups", "SecurityGroups", "GroupId", request["groupId"])
    member = "IpPermissionsEgress" if egress else "IpPermissions"
    held = _held(group[member])
    for rule in _rules(request):
        if (rule in held) == grant:
            raise Refused("InvalidPermission.Duplicate" if grant else "InvalidPermission.NotFound")
        if grant:
            held.append(rule)
        else:
            held.remove(rule)
    group[member] = _write(held)


def _set_groups(answers: Json, request: Json, _: str) -> None:
    wanted = request["networkInterfaceId"]
    eni = _one(answers, "describe-network-interfaces", "NetworkInterfaces", "NetworkInterfaceId", wanted)
    eni["Groups"] = [{"GroupId": item["groupId"]} for item in request["groupSet"]["items"]]


def _attach(answers: Json, request: Json, *, attached: bool) -> None:
    wanted = request["internetGatewayId"]
    gateway = _one(answers, "describe-internet-gateways", "InternetGateways", "InternetGatewayId", wanted)
    if bool(gateway["Attachments"]) == attached:
        raise Refused("Resource.AlreadyAssociated" if attached else "Gateway.NotAttached")
    gateway["Attachments"] = [{"VpcId": request["vpcId"], "State": "available"}] if attached else []
    _turn(answers, wanted, "active" if attached else "blackhole")


def _turn(answers: Json, target: str, state: str) -> None:
    for table in answers["describe-route-tables"]["RouteTables"]:
        for route in table["Routes"]:
            if target in route.values():
                route["State"] = state


def _delete_nat(answers: Json, request: Json, _: str) -> None:
    _one(answers, "describe-nat-gateways", "NatGateways", "NatGatewayId", request["natGatewayId"])
    answers["describe-nat-gateways"]["NatGateways"] = []
    _turn(answers, request["natGatewayId"], "blackhole")


EFFECTS: dict[str, Callable[[Json, Json, str], None]] = {
    "CreateRoute": lambda a, r, _: _put_route(a, r, replacing=False),
    "ReplaceRoute": lambda a, r, _: _put_route(a, r, replacing=True),
    "DeleteRoute": _delete_route,
    "CreateNetworkAclEntry": lambda a, r, _: _put_entry(a, r, replacing=False),
    "ReplaceNetworkAclEntry": lambda a, r, _: _put_entry(a, r, replacing=True),
    "DeleteNetworkAclEntry": _drop_entry,
    "ReplaceNetworkAclAssociation": _replace_acl_association,
    "ReplaceRouteTableAssociation": _replace_table_association,
    "AuthorizeSecurityGroupIngress": lambda a, r, _: _edit_group(a, r, grant=True, egress=False),
    "RevokeSecurityGroupIngress": lambda a, r, _: _edit_group(a, r, grant=False, egress=False),
    "AuthorizeSecurityGroupEgress": lambda a, r, _: _edit_group(a, r, grant=True, egress=True),
    "RevokeSecurityGroupEgress": lambda a, r, _: _edit_group(a, r, grant=False, egress=True),
    "ModifyNetworkInterfaceAttribute": _set_groups,
    "AttachInternetGateway": lambda a, r, _: _attach(a, r, attached=True),
    "DetachInternetGateway": lambda a, r, _: _attach(a, r, attached=False),
    "DeleteNatGateway": _delete_nat,
    "DeleteVpcPeeringConnection": lambda a, r, _: _turn(a, r["vpcPeeringConnectionId"], "blackhole"),
}
"""By the call's name. A call that is not in it changes nothing."""
