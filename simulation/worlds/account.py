"""The VPC of one world, as `describe-*` shows it: a public subnet with a web server and a NAT gateway, and a private one
with an application and a database."""

from typing import Any

Json = dict[str, Any]

CLIENTS = ("203.0.113.5", "203.0.113.6", "203.0.113.7")
"""Clients on the internet, which the web server's group names one by one for port 8443."""
SERVERS = ("198.51.100.31", "198.51.100.32")
"""Servers on the internet that the application and the web server call."""
PARTNER = "192.168.7.9"
"""A client behind a peering connection."""
SIX = ("2001:db8:ffff::5", "2001:db8:ffff::6")


class Account:
    """The names in world `number`, and its first answers. Addresses are `10.<number>.<subnet>.<host>`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.net = f"10.{number}"
        self.six = f"2001:db8:{number:x}"
        self.web, self.app, self.db = f"{self.net}.1.10", f"{self.net}.2.10", f"{self.net}.2.20"
        self.web6 = f"{self.six}::1:10"

    def id(self, kind: str) -> str:
        """The id of a resource, such as `acl-pub`, in this world."""
        prefix, _, name = kind.partition("-")
        digits = "".join(f"{ord(c):02x}" for c in name)[:8].ljust(8, "0")
        return f"{prefix}-{self.number:03x}{digits}"

    def answers(self) -> Json:
        """By command, what it answers before anything has happened."""
        of = self.id
        return {
            "describe-vpcs": {"Vpcs": [{"VpcId": of("vpc-one"), "CidrBlock": f"{self.net}.0.0/16"}]},
            "describe-subnets": {"Subnets": [self._subnet("subnet-pub", 1), self._subnet("subnet-prv", 2)]},
            "describe-route-tables": {
                "RouteTables": [
                    self._table("rtb-pub", ["subnet-pub"], [self.route("0.0.0.0/0", GatewayId=of("igw-one"))]),
                    self._table("rtb-prv", ["subnet-prv"], [self.route("0.0.0.0/0", NatGatewayId=of("nat-one"))]),
                    self._table("rtb-main", [], []),
                ]
            },
            "describe-network-acls": {
                "NetworkAcls": [
                    self._acl("acl-pub", ["subnet-pub"]),
                    self._acl("acl-prv", ["subnet-prv"]),
                    {**self._acl("acl-shut", []), "Entries": []},
                ]
            },
            "describe-security-groups": {"SecurityGroups": self._groups()},
            "describe-network-interfaces": {"NetworkInterfaces": self._interfaces()},
            "describe-internet-gateways": {
                "InternetGateways": [
                    {
                        "InternetGatewayId": of("igw-one"),
                        "Attachments": [{"VpcId": of("vpc-one"), "State": "available"}],
                    }
                ]
            },
            "describe-nat-gateways": {
                "NatGateways": [
                    {
                        "NatGatewayId": of("nat-one"),
                        "VpcId": of("vpc-one"),
                        "SubnetId": of("subnet-pub"),
                        "State": "available",
                    }
                ]
            },
        }

    def route(self, destination: str, **target: str) -> Json:
        name = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
        return {name: destination, "State": "active", "Origin": "CreateRoute", **target}

    def _subnet(self, name: str, number: int) -> Json:
        return {
            "SubnetId": self.id(name),
            "VpcId": self.id("vpc-one"),
            "CidrBlock": f"{self.net}.{number}.0/24",
            "AvailabilityZone": "eu-central-1a",
        }

    def _table(self, name: str, subnets: list[str], routes: list[Json]) -> Json:
        local = self.route(f"{self.net}.0.0/16", GatewayId="local") | {"Origin": "CreateRouteTable"}
        local6 = self.route(f"{self.six}::/56", GatewayId="local") | {"Origin": "CreateRouteTable"}
        way6 = [self.route("::/0", GatewayId=self.id("igw-one"))] if name == "rtb-pub" else []
        peer = [self.route("192.168.0.0/16", VpcPeeringConnectionId=self.id("pcx-one"))] if name != "rtb-main" else []
        associations: list[Json] = [
            {"Main": False, "RouteTableAssociationId": f"rtbassoc-{self.id(s)[7:]}", "SubnetId": self.id(s)}
            for s in subnets
        ]
        if name == "rtb-main":
            associations.append({"Main": True, "RouteTableAssociationId": self.id("rtbassoc-main")})
        return {
            "RouteTableId": self.id(name),
            "VpcId": self.id("vpc-one"),
            "Routes": [local, local6, *routes, *way6, *peer],
            "Associations": associations,
        }

    def _acl(self, name: str, subnets: list[str]) -> Json:
        entries = [
            {"RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": egress, **block}
            for egress in (False, True)
            for number, block in ((100, {"CidrBlock": "0.0.0.0/0"}), (101, {"Ipv6CidrBlock": "::/0"}))
        ]
        associations = [
            {
                "NetworkAclAssociationId": f"aclassoc-{self.id(s)[7:]}",
                "NetworkAclId": self.id(name),
                "SubnetId": self.id(s),
            }
            for s in subnets
        ]
        return {
            "NetworkAclId": self.id(name),
            "VpcId": self.id("vpc-one"),
            "IsDefault": False,
            "Entries": entries,
            "Associations": associations,
        }

    def _groups(self) -> list[Json]:
        anywhere: Json = {
            "IpProtocol": "-1",
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "UserIdGroupPairs": [],
        }

        def group(name: str, *permissions: Json) -> Json:
            return {
                "GroupId": self.id(name),
                "GroupName": name,
                "VpcId": self.id("vpc-one"),
                "IpPermissions": list(permissions),
                "IpPermissionsEgress": [anywhere],
            }

        return [
            group(
                "sg-web",
                permission("tcp", 443, "0.0.0.0/0", six="::/0"),
                permission("tcp", 8443, *(f"{client}/32" for client in CLIENTS)),
                permission("udp", 53, "0.0.0.0/0"),
                permission("tcp", 9999, "198.51.100.0/24"),
                {**permission("icmp", -1, "0.0.0.0/0")},
            ),
            group("sg-app", permission("tcp", 8080, group=self.id("sg-web")), permission("tcp", 9999, "10.0.0.0/8")),
            group(
                "sg-db",
                permission("tcp", 5432, group=self.id("sg-app")),
                permission("tcp", 5432, "192.168.0.0/16"),
                permission("tcp", 9999, "10.0.0.0/8"),
            ),
            group("sg-none"),
        ]

    def _interfaces(self) -> list[Json]:
        def interface(name: str, subnet: str, address: str, group: str, public: str = "") -> Json:
            private: Json = {"PrivateIpAddress": address, "Primary": True}
            if public:
                private["Association"] = {"PublicIp": public}
            return {
                "NetworkInterfaceId": self.id(f"eni-{name}"),
                "VpcId": self.id("vpc-one"),
                "SubnetId": self.id(subnet),
                "PrivateIpAddress": address,
                "PrivateIpAddresses": [private],
                "Ipv6Addresses": [{"Ipv6Address": self.web6}] if name == "web" else [],
                "Groups": [{"GroupId": self.id(group)}],
                "Attachment": {"InstanceId": self.id(f"i-{name}")},
                "SourceDestCheck": True,
                "InterfaceType": "interface",
            }

        return [
            interface("web", "subnet-pub", self.web, "sg-web", f"52.{self.number}.0.1"),
            interface("app", "subnet-prv", self.app, "sg-app"),
            interface("db", "subnet-prv", self.db, "sg-db"),
        ]


def permission(protocol: str, port: int, *cidrs: str, six: str = "", group: str = "") -> Json:
    """An element of `IpPermissions` for one port."""
    return {
        "IpProtocol": protocol,
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": cidr} for cidr in cidrs],
        "Ipv6Ranges": [{"CidrIpv6": six}] if six else [],
        "UserIdGroupPairs": [{"GroupId": group, "UserId": "123456789012"}] if group else [],
    }
