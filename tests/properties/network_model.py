"""A VPC that is changed call by call: what CloudTrail records for each call, and what `describe-*` returns after it.

Plain dictionaries, written from AWS's documentation of the calls, without any product code: the oracle of the timeline.
Every call is one that AWS would accept at that moment.
"""

import copy
from collections.abc import Callable
from itertools import count
from typing import Any

Json = dict[str, Any]
Choose = Callable[[list[Any]], Any]

VPC = "vpc-1"
SUBNETS = ("subnet-1", "subnet-2", "subnet-3")
DESTINATIONS = ("0.0.0.0/0", "::/0", "192.0.2.0/24")
PORTS = (22, 80, 443)
CIDRS = ("0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24")


class Network:
    """The state, and calls that change it. `choose` picks an element of a list."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.ids = count(1)
        self.routes: dict[str, dict[str, str]] = {"rtb-1": {}, "rtb-2": {"0.0.0.0/0": "igw-1"}}
        self.main = ("rtbassoc-main", "rtb-1")
        self.tables: dict[str, tuple[str, str]] = {"subnet-1": ("rtbassoc-0", "rtb-2")}
        self.entries: dict[str, dict[tuple[bool, int], Json]] = {"acl-1": {}, "acl-2": {}}
        for acl in self.entries.values():
            for egress in (False, True):
                acl[egress, 100] = {"protocol": "-1", "action": "allow", "cidr": "0.0.0.0/0", "port": None}
        self.acls = {subnet: (f"aclassoc-{i}", "acl-1") for i, subnet in enumerate(SUBNETS)}
        self.rules: dict[str, dict[str, Json]] = {"sg-1": {}, "sg-2": {}}
        self.rules["sg-1"]["sgr-0"] = {"egress": False, "port": 22, "cidr": "0.0.0.0/0"}
        self.attached = True
        self.nats = {"nat-0"}
        self.groups = ["sg-1"]

    def calls(self) -> list[Callable[[], tuple[str, Json, Json]]]:
        """The calls that can succeed now; each returns event name, request and response."""
        free_tables = [t for t in self.routes if t not in self.used_tables()]
        free_acls = [a for a in self.entries if a not in {acl for _, acl in self.acls.values()}]
        possible: list[tuple[Any, Callable[[], tuple[str, Json, Json]]]] = [
            (self.open_destinations(), self.create_route),
            (self.used_destinations(), self.replace_route),
            (self.used_destinations(), self.delete_route),
            (set(SUBNETS) - set(self.tables), self.associate_table),
            (self.tables, self.disassociate_table),
            (self.tables, self.replace_table_association),
            (True, self.replace_main_table),
            (True, self.create_route_table),
            (free_tables, self.delete_route_table),
            (True, self.create_entry),
            (self.used_entries(), self.replace_entry),
            (self.used_entries(), self.delete_entry),
            (True, self.replace_acl_association),
            (True, self.create_acl),
            (free_acls, self.delete_acl),
            (True, self.authorize),
            (self.used_rules(), self.revoke),
            (self.used_rules(), self.revoke_by_id),
            (self.used_rules(), self.modify_rule),
            (not self.attached, self.attach),
            (self.attached, self.detach),
            (True, self.create_nat),
            (self.nats, self.delete_nat),
            (True, self.modify_groups),
        ]
        return [call for can, call in possible if can]

    # Routes

    def used_tables(self) -> set[str]:
        return {self.main[1], *(table for _, table in self.tables.values())}

    def open_destinations(self) -> list[tuple[str, str]]:
        return [(t, d) for t in sorted(self.routes) for d in DESTINATIONS if d not in self.routes[t]]

    def used_destinations(self) -> list[tuple[str, str]]:
        return [(table, d) for table in sorted(self.routes) for d in sorted(self.routes[table])]

    def target(self) -> str:
        targets = ["tgw-1", "eni-9", *sorted(self.nats)]
        return str(self.choose(targets + ["igw-1"] * 2 * self.attached))

    @staticmethod
    def route(table: str, destination: str, target: str = "") -> Json:
        request = {"routeTableId": table}
        request["destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"] = destination
        members = {"tgw": "transitGatewayId", "eni": "networkInterfaceId", "nat": "natGatewayId", "igw": "gatewayId"}
        return request | ({members[target[:3]]: target} if target else {})

    def create_route(self) -> tuple[str, Json, Json]:
        table, destination = self.choose(self.open_destinations())
        self.routes[table][destination] = self.target()
        return "CreateRoute", self.route(table, destination, self.routes[table][destination]), {"_return": True}

    def replace_route(self) -> tuple[str, Json, Json]:
        table, destination = self.choose(self.used_destinations())
        self.routes[table][destination] = self.target()
        return "ReplaceRoute", self.route(table, destination, self.routes[table][destination]), {"_return": True}

    def delete_route(self) -> tuple[str, Json, Json]:
        table, destination = self.choose(self.used_destinations())
        del self.routes[table][destination]
        return "DeleteRoute", self.route(table, destination), {"_return": True}

    def create_route_table(self) -> tuple[str, Json, Json]:
        table = f"rtb-{next(self.ids)}a"
        self.routes[table] = {}
        local = {"destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "state": "active"}
        made = {"routeTableId": table, "vpcId": VPC, "routeSet": {"items": [local | {"origin": "CreateRouteTable"}]}}
        return "CreateRouteTable", {"vpcId": VPC}, {"routeTable": made | {"associationSet": {}, "tagSet": {}}}

    def delete_route_table(self) -> tuple[str, Json, Json]:
        table = self.choose(sorted(set(self.routes) - self.used_tables()))
        del self.routes[table]
        return "DeleteRouteTable", {"routeTableId": table}, {"_return": True}

    # Associations of route tables

    def associate_table(self) -> tuple[str, Json, Json]:
        subnet = self.choose(sorted(set(SUBNETS) - set(self.tables)))
        self.tables[subnet] = (f"rtbassoc-{next(self.ids)}", self.choose(sorted(self.routes)))
        association, table = self.tables[subnet]
        return "AssociateRouteTable", {"routeTableId": table, "subnetId": subnet}, {"associationId": association}

    def disassociate_table(self) -> tuple[str, Json, Json]:
        association, _ = self.tables.pop(self.choose(sorted(self.tables)))
        return "DisassociateRouteTable", {"associationId": association}, {"_return": True}

    def replace_table_association(self) -> tuple[str, Json, Json]:
        subnet = self.choose(sorted(self.tables))
        old, _ = self.tables[subnet]
        self.tables[subnet] = (f"rtbassoc-{next(self.ids)}", self.choose(sorted(self.routes)))
        return self.replaced(old, *self.tables[subnet])

    def replace_main_table(self) -> tuple[str, Json, Json]:
        old, _ = self.main
        self.main = (f"rtbassoc-{next(self.ids)}", self.choose(sorted(self.routes)))
        return self.replaced(old, *self.main)

    @staticmethod
    def replaced(old: str, new: str, table: str) -> tuple[str, Json, Json]:
        request = {"associationId": old, "routeTableId": table}
        return "ReplaceRouteTableAssociation", request, {"newAssociationId": new}

    # Network ACLs

    def used_entries(self) -> list[tuple[str, bool, int]]:
        return [(acl, *key) for acl in sorted(self.entries) for key in sorted(self.entries[acl])]

    def entry(self, acl: str, egress: bool, number: int) -> Json:
        port = self.choose([None, *PORTS])
        made = {"protocol": "-1" if port is None else "6", "port": port}
        made |= {"action": self.choose(["allow", "deny"]), "cidr": self.choose(list(CIDRS))}
        self.entries[acl][egress, number] = made
        return {
            "networkAclId": acl,
            "ruleNumber": number,
            "egress": egress,
            "ruleAction": made["action"],
            "aclProtocol": made["protocol"],
            "cidrBlock": made["cidr"],
            "icmpTypeCode": {},
            "portRange": {} if port is None else {"from": port, "to": port},
        }

    def create_entry(self) -> tuple[str, Json, Json]:
        acl, egress = self.choose(sorted(self.entries)), self.choose([True, False])
        number = next(n for n in range(50, 32766) if (egress, n) not in self.entries[acl])
        return "CreateNetworkAclEntry", self.entry(acl, egress, number), {"_return": True}

    def replace_entry(self) -> tuple[str, Json, Json]:
        return "ReplaceNetworkAclEntry", self.entry(*self.choose(self.used_entries())), {"_return": True}

    def delete_entry(self) -> tuple[str, Json, Json]:
        acl, egress, number = self.choose(self.used_entries())
        del self.entries[acl][egress, number]
        request = {"networkAclId": acl, "egress": egress, "ruleNumber": number}
        return "DeleteNetworkAclEntry", request, {"_return": True}

    def replace_acl_association(self) -> tuple[str, Json, Json]:
        subnet = self.choose(list(SUBNETS))
        old, _ = self.acls[subnet]
        self.acls[subnet] = (f"aclassoc-{next(self.ids)}a", self.choose(sorted(self.entries)))
        new, acl = self.acls[subnet]
        request = {"associationId": old, "networkAclId": acl}
        return "ReplaceNetworkAclAssociation", request, {"newAssociationId": new}

    def create_acl(self) -> tuple[str, Json, Json]:
        acl = f"acl-{next(self.ids)}a"
        self.entries[acl] = {}
        deny = {"ruleNumber": 32767, "aclProtocol": "-1", "ruleAction": "deny", "cidrBlock": "0.0.0.0/0"}
        both = [deny | {"egress": egress, "icmpTypeCode": {}, "portRange": {}} for egress in (True, False)]
        made = {"networkAclId": acl, "vpcId": VPC, "default": False, "entrySet": {"items": both}, "tagSet": {}}
        return "CreateNetworkAcl", {"vpcId": VPC}, {"networkAcl": made | {"associationSet": {}}}

    def delete_acl(self) -> tuple[str, Json, Json]:
        used = {acl for _, acl in self.acls.values()}
        acl = self.choose(sorted(set(self.entries) - used))
        del self.entries[acl]
        return "DeleteNetworkAcl", {"networkAclId": acl}, {"_return": True}

    # Security groups

    def used_rules(self) -> list[tuple[str, str]]:
        return [(group, rule) for group in sorted(self.rules) for rule in sorted(self.rules[group])]

    @staticmethod
    def permission(rule: Json) -> Json:
        return {
            "ipProtocol": "tcp",
            "fromPort": rule["port"],
            "toPort": rule["port"],
            "groups": {},
            "ipRanges": {"items": [{"cidrIp": rule["cidr"], "description": "x"}]},
            "ipv6Ranges": {},
            "prefixListIds": {},
        }

    @staticmethod
    def direction(rule: Json) -> str:
        return "Egress" if rule["egress"] else "Ingress"

    def new_rule(self, group: str, egress: bool) -> Json | None:
        """A rule that the group does not have; None if it has all of them."""
        has = [(r["egress"], r["port"], r["cidr"]) for r in self.rules[group].values()]
        open_ = [(p, c) for p in PORTS for c in CIDRS if (egress, p, c) not in has]
        port, cidr = self.choose(open_) if open_ else (0, "")
        return {"egress": egress, "port": port, "cidr": cidr} if open_ else None

    def authorize(self) -> tuple[str, Json, Json]:
        group, egress = self.choose(sorted(self.rules)), self.choose([True, False, False])
        rule = self.new_rule(group, egress)
        if rule is None:
            return self.modify_groups()
        rule_id = f"sgr-{next(self.ids)}"
        self.rules[group][rule_id] = rule
        shown = {"groupId": group, "securityGroupRuleId": rule_id, "isEgress": egress, "ipProtocol": "tcp"}
        shown |= {"fromPort": rule["port"], "toPort": rule["port"], "cidrIpv4": rule["cidr"], "groupOwnerId": "1"}
        request = {"groupId": group, "ipPermissions": {"items": [self.permission(rule)]}}
        name = f"AuthorizeSecurityGroup{self.direction(rule)}"
        return name, request, {"_return": True, "securityGroupRuleSet": {"items": [shown]}}

    def revoke(self) -> tuple[str, Json, Json]:
        group, rule_id = self.choose(self.used_rules())
        rule = self.rules[group].pop(rule_id)
        request = {"groupId": group, "ipPermissions": {"items": [self.permission(rule)]}}
        return f"RevokeSecurityGroup{self.direction(rule)}", request, {"_return": True, "unknownIpPermissionSet": {}}

    def revoke_by_id(self) -> tuple[str, Json, Json]:
        group, rule_id = self.choose(self.used_rules())
        rule = self.rules[group].pop(rule_id)
        ids = {"items": [self.choose([rule_id, {"securityGroupRuleId": rule_id}])]}
        name = f"RevokeSecurityGroup{self.direction(rule)}"
        return name, {"groupId": group, "securityGroupRuleIds": ids}, {"_return": True}

    def modify_rule(self) -> tuple[str, Json, Json]:
        group, rule_id = self.choose(self.used_rules())
        rule = self.new_rule(group, self.rules[group][rule_id]["egress"])
        if rule is None:
            return self.modify_groups()
        self.rules[group][rule_id] = rule
        inner = {"IpProtocol": "tcp", "FromPort": rule["port"], "ToPort": rule["port"], "CidrIpv4": rule["cidr"]}
        change = {"tag": 1, "SecurityGroupRuleId": rule_id, "SecurityGroupRule": inner}
        request = {"ModifySecurityGroupRulesRequest": {"GroupId": group, "SecurityGroupRule": change}}
        return "ModifySecurityGroupRules", request, {"ModifySecurityGroupRulesResponse": {"return": True}}

    def modify_groups(self) -> tuple[str, Json, Json]:
        self.groups = self.choose([["sg-1"], ["sg-2"], ["sg-1", "sg-2"]])
        groups = {"items": [{"groupId": group} for group in self.groups]}
        return "ModifyNetworkInterfaceAttribute", {"networkInterfaceId": "eni-1", "groupSet": groups}, {"_return": True}

    # Gateways

    def attach(self) -> tuple[str, Json, Json]:
        self.attached = True
        return "AttachInternetGateway", {"internetGatewayId": "igw-1", "vpcId": VPC}, {"_return": True}

    def detach(self) -> tuple[str, Json, Json]:
        self.attached = False
        return "DetachInternetGateway", {"internetGatewayId": "igw-1", "vpcId": VPC}, {"_return": True}

    def create_nat(self) -> tuple[str, Json, Json]:
        nat = f"nat-{next(self.ids)}"
        self.nats.add(nat)
        made = {"natGatewayId": nat, "vpcId": VPC, "subnetId": "subnet-1", "state": "pending"}
        request = {"CreateNatGatewayRequest": {"SubnetId": "subnet-1", "AllocationId": "eipalloc-1"}}
        return "CreateNatGateway", request, {"CreateNatGatewayResponse": {"xmlns": "x", "natGateway": made}}

    def delete_nat(self) -> tuple[str, Json, Json]:
        nat = self.choose(sorted(self.nats))
        self.nats.discard(nat)
        request = {"DeleteNatGatewayRequest": {"NatGatewayId": nat}}
        return "DeleteNatGateway", request, {"DeleteNatGatewayResponse": {"natGatewayId": nat}}

    # What `describe-*` returns now

    def describe(self) -> dict[str, Json]:
        state = copy.deepcopy(self.__dict__ | {"choose": None, "ids": None})
        return {
            "describe-vpcs": {"Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]},
            "describe-subnets": {
                "Subnets": [{"SubnetId": s, "VpcId": VPC, "CidrBlock": f"10.0.{i}.0/24"} for i, s in enumerate(SUBNETS)]
            },
            "describe-route-tables": {"RouteTables": [self.described_table(table) for table in state["routes"]]},
            "describe-network-acls": {"NetworkAcls": [self.described_acl(acl) for acl in state["entries"]]},
            "describe-security-groups": {
                "SecurityGroups": [self.described_group(group, rules) for group, rules in state["rules"].items()]
            },
            "describe-security-group-rules": {
                "SecurityGroupRules": [
                    {"GroupId": group, "SecurityGroupRuleId": rule_id, "IsEgress": rule["egress"], "IpProtocol": "tcp"}
                    | {"FromPort": rule["port"], "ToPort": rule["port"], "CidrIpv4": rule["cidr"]}
                    for group, rules in state["rules"].items()
                    for rule_id, rule in rules.items()
                ]
            },
            "describe-network-interfaces": {
                "NetworkInterfaces": [
                    {
                        "NetworkInterfaceId": "eni-1",
                        "VpcId": VPC,
                        "SubnetId": "subnet-1",
                        "PrivateIpAddress": "10.0.0.10",
                        "Groups": [{"GroupId": group} for group in state["groups"]],
                    }
                ]
            },
            "describe-internet-gateways": {
                "InternetGateways": [
                    {
                        "InternetGatewayId": "igw-1",
                        "Attachments": [{"VpcId": VPC, "State": "available"}] * state["attached"],
                    }
                ]
            },
            "describe-nat-gateways": {
                "NatGateways": [
                    {"NatGatewayId": nat, "VpcId": VPC, "SubnetId": "subnet-1", "State": "available"}
                    for nat in sorted(state["nats"])
                ]
            },
        }

    def described_table(self, table: str) -> Json:
        local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
        routes = [local | {"Origin": "CreateRouteTable"}]
        members = {"tgw": "TransitGatewayId", "eni": "NetworkInterfaceId", "nat": "NatGatewayId", "igw": "GatewayId"}
        for destination, target in self.routes[table].items():
            dead = (target == "igw-1" and not self.attached) or (target.startswith("nat-") and target not in self.nats)
            name = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
            route = {name: destination, members[target[:3]]: target, "Origin": "CreateRoute"}
            routes.append(route | {"State": "blackhole" if dead else "active"})
        associations: list[Json] = [
            {"RouteTableAssociationId": association, "SubnetId": subnet, "Main": False}
            for subnet, (association, of) in self.tables.items()
            if of == table
        ]
        if self.main[1] == table:
            associations.append({"RouteTableAssociationId": self.main[0], "Main": True})
        return {"RouteTableId": table, "VpcId": VPC, "Routes": routes, "Associations": associations}

    def described_acl(self, acl: str) -> Json:
        entries = [
            {"RuleNumber": n, "Egress": egress, "RuleAction": e["action"], "CidrBlock": e["cidr"]}
            | {"Protocol": e["protocol"]}
            | ({} if e["port"] is None else {"PortRange": {"From": e["port"], "To": e["port"]}})
            for (egress, n), e in self.entries[acl].items()
        ]
        associations = [
            {"NetworkAclAssociationId": association, "SubnetId": subnet, "NetworkAclId": acl}
            for subnet, (association, of) in self.acls.items()
            if of == acl
        ]
        return {
            "NetworkAclId": acl,
            "VpcId": VPC,
            "IsDefault": acl == "acl-1",
            "Entries": entries,
            "Associations": associations,
        }

    @staticmethod
    def described_group(group: str, rules: dict[str, Json]) -> Json:
        def permissions(egress: bool) -> list[Json]:
            return [
                {"IpProtocol": "tcp", "FromPort": r["port"], "ToPort": r["port"], "IpRanges": [{"CidrIp": r["cidr"]}]}
                for r in rules.values()
                if r["egress"] == egress
            ]

        return {
            "GroupId": group,
            "GroupName": group,
            "VpcId": VPC,
            "IpPermissions": permissions(False),
            "IpPermissionsEgress": permissions(True),
        }
