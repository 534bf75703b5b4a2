"""The VPC of a world: a public subnet (web server, NAT gateway), a private one (application, database)."""

from dataclasses import dataclass
from typing import Any

from simulation.aws import ACCOUNT
from simulation.calls import Json

V4, V6 = "10.0.0.0/16", "2001:db8:77::/56"
WEB, APP, DB, NAT = "10.0.1.10", "10.0.2.10", "10.0.2.20", "10.0.1.5"
WEB6 = "2001:db8:77:1::10"
LISTED = "192.0.2.0/24"
"""The one entry of the prefix list that the group of the web server knows."""


@dataclass(frozen=True)
class Ids:
    """Ids of a world, different from those of every other: `ids("eni", "web")` is `eni-...`."""

    number: int

    def __call__(self, prefix: str, name: str) -> str:
        letters = "".join(f"{ord(c) % 16:x}" for c in name)
        return f"{prefix}-0{self.number:08x}{sum(map(ord, name)) % 256:02x}{letters[:6]:0<6}"


def permission(protocol: str, port: int | None = None, **peer: str) -> Json:
    """`peer` is one of cidr, cidr6, group, listed."""
    made: Json = {"IpProtocol": protocol, "UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}
    if port is not None:
        made |= {"FromPort": port, "ToPort": port}
    members = {"cidr": ("IpRanges", "CidrIp"), "cidr6": ("Ipv6Ranges", "CidrIpv6")}
    members |= {"group": ("UserIdGroupPairs", "GroupId"), "listed": ("PrefixListIds", "PrefixListId")}
    for name, value in peer.items():
        member, key = members[name]
        made[member] = [{key: value}]
    return made


def answers(ids: Ids) -> dict[str, Any]:
    """What `describe-*` returns, and the entries of prefix lists for the walk."""
    vpc, anywhere = ids("vpc", "vpc"), "0.0.0.0/0"
    common = {"VpcId": vpc, "OwnerId": ACCOUNT, "Tags": []}
    local = [{"DestinationCidrBlock": V4, "GatewayId": "local", "State": "active", "Origin": "CreateRouteTable"}]
    local.append({**local[0], "DestinationIpv6CidrBlock": V6})
    del local[1]["DestinationCidrBlock"]

    def table(name: str, routes: list[Json], **end: Any) -> Json:
        table_id = ids("rtb", name)
        made = {"RouteTableAssociationId": ids("rtbassoc", name), "RouteTableId": table_id, **end}
        routes = [{**r, "State": "active", "Origin": "CreateRoute"} for r in routes]
        associations = [made] if end else []
        return {**common, "RouteTableId": table_id, "Routes": [*local, *routes], "Associations": associations}

    def acl(name: str, subnet: str = "", *, default: bool = False, shut: bool = False) -> Json:
        entries: list[Json] = []
        for egress in (False, True):
            common_entry = {"Egress": egress, "Protocol": "-1"}
            if not shut:
                entries.append({**common_entry, "RuleNumber": 100, "RuleAction": "allow", "CidrBlock": anywhere})
                entries.append({**common_entry, "RuleNumber": 101, "RuleAction": "allow", "Ipv6CidrBlock": "::/0"})
            entries.append({**common_entry, "RuleNumber": 32767, "RuleAction": "deny", "CidrBlock": anywhere})
        held = {"NetworkAclAssociationId": ids("aclassoc", name), "NetworkAclId": ids("acl", name), "SubnetId": subnet}
        associations = [held] if subnet else []
        return {
            **common,
            "NetworkAclId": ids("acl", name),
            "IsDefault": default,
            "Entries": entries,
            "Associations": associations,
        }

    def group(name: str, *rules: Json) -> Json:
        out = [permission("-1", cidr=anywhere), permission("-1", cidr6="::/0")]
        named = {"GroupId": ids("sg", name), "GroupName": name, "Description": name}
        return {**common, **named, "IpPermissions": list(rules), "IpPermissionsEgress": out}

    def eni(  # noqa: PLR0917 - a table of interfaces is read by columns
        name: str, subnet: str, address: str, group_name: str, public: str = "", six: str = ""
    ) -> Json:
        one: Json = {"PrivateIpAddress": address, "Primary": True}
        if public:
            one["Association"] = {"PublicIp": public, "IpOwnerId": ACCOUNT}
        groups = [{"GroupId": ids("sg", group_name), "GroupName": group_name}] if group_name else []
        more = {"InterfaceType": "interface" if groups else "nat_gateway", "Status": "in-use"}
        made = {**common, **one, **more, "NetworkInterfaceId": ids("eni", name), "SubnetId": subnet, "Groups": groups}
        made["PrivateIpAddresses"] = [one]
        made["Ipv6Addresses"] = [{"Ipv6Address": six}] if six else []
        made["RequesterManaged"] = not groups
        if groups:
            made["Attachment"] = {"InstanceId": ids("i", name), "Status": "attached", "DeviceIndex": 0}
        return made

    public, private = ids("subnet", "pub"), ids("subnet", "prv")
    gateway, nat = ids("igw", "igw"), ids("nat", "nat")
    subnets = [
        {**common, "SubnetId": s, "CidrBlock": c, "AvailabilityZone": "us-east-1a", "Ipv6CidrBlockAssociationSet": six}
        for s, c, six in (
            (
                public,
                "10.0.1.0/24",
                [{"Ipv6CidrBlock": "2001:db8:77:1::/64", "Ipv6CidrBlockState": {"State": "associated"}}],
            ),
            (private, "10.0.2.0/24", []),
        )
    ]
    six_block = [{"Ipv6CidrBlock": V6, "Ipv6CidrBlockState": {"State": "associated"}}]
    four_block = [{"CidrBlock": V4, "CidrBlockState": {"State": "associated"}}]
    web_rules = [permission("tcp", port, cidr=anywhere) for port in (22, 80, 443)]
    web_rules += [permission("udp", 53, cidr=anywhere), permission("tcp", 443, cidr6="::/0")]
    web_rules += [permission("tcp", 8443, listed=ids("pl", "list"))]
    default = {"DestinationCidrBlock": anywhere, "GatewayId": gateway}
    default6 = {"DestinationIpv6CidrBlock": "::/0", "GatewayId": gateway}
    address = {"PrivateIp": NAT, "PublicIp": "198.51.100.77", "NetworkInterfaceId": ids("eni", "nat")}
    return {
        "describe-vpcs": {
            "Vpcs": [
                {
                    **common,
                    "CidrBlock": V4,
                    "CidrBlockAssociationSet": four_block,
                    "Ipv6CidrBlockAssociationSet": six_block,
                }
            ]
        },
        "describe-subnets": {"Subnets": subnets},
        "describe-route-tables": {
            "RouteTables": [
                table("pub", [default, default6], SubnetId=public, Main=False),
                table("prv", [{"DestinationCidrBlock": anywhere, "NatGatewayId": nat}], SubnetId=private, Main=False),
                table("main", [], Main=True),
                table("bare", []),
            ]
        },
        "describe-network-acls": {
            "NetworkAcls": [acl("pub", public, default=True), acl("prv", private), acl("shut", shut=True)]
        },
        "describe-security-groups": {
            "SecurityGroups": [
                group("web", *web_rules),
                group("app"),
                group("db", permission("tcp", 5432, group=ids("sg", "app")), permission("tcp", 3306, cidr=V4)),
                group("none"),
            ]
        },
        "describe-network-interfaces": {
            "NetworkInterfaces": [
                eni("web", public, WEB, "web", "198.51.100.10", WEB6),
                eni("nat", public, NAT, "", "198.51.100.77"),
                eni("app", private, APP, "app"),
                eni("db", private, DB, "db"),
            ]
        },
        "describe-internet-gateways": {
            "InternetGateways": [
                {**common, "InternetGatewayId": gateway, "Attachments": [{"State": "available", "VpcId": vpc}]}
            ]
        },
        "describe-nat-gateways": {
            "NatGateways": [
                {
                    **common,
                    "NatGatewayId": nat,
                    "SubnetId": public,
                    "State": "available",
                    "NatGatewayAddresses": [address],
                }
            ]
        },
        "describe-prefix-lists": {
            "PrefixLists": [{"PrefixListId": ids("pl", "list"), "PrefixListName": "offices", "Cidrs": [LISTED]}]
        },
        "prefix-lists": {ids("pl", "list"): [LISTED]},
    }
