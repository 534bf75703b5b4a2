"""The packet walk: what AWS would do with a packet, from raw `aws ec2 describe-*` answers.

It decides every fate in the simulation and is the oracle that the product's verdict is compared with, so it is
deliberately simple: no caching, no model, one question after the other. Source of the rules: the AWS guides on network
ACLs (stateless, by rule number, at the subnet boundary only), security groups (stateful, allow rules only) and route
tables (longest prefix; a blackhole drops the packet). What flow logs and `describe-*` answers do not contain is given
to it: the entries of prefix lists in the answers, as `PREFIX_LISTS`, and the rest as `Unseen`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal

Answers = Mapping[str, Mapping[str, Any]]
"""By command (`describe-route-tables`, ...), the JSON that it returned."""

Eni = Mapping[str, Any]
"""An element of `NetworkInterfaces`."""

PREFIX_LISTS = "prefix-lists"
"""Under this name the answers may have the CIDRs of prefix lists, by id."""

TCP_UDP = (6, 17)
ICMP = (1, 58)
PROTOCOL_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


@dataclass(frozen=True)
class Walk:
    """`action` is what the interface's flow log records for the opening packet, `reply` what it records for the answer
    (LOST: sent but never arrives; NONE: there is no answer), `outcome` what the client sees."""

    action: Literal["ACCEPT", "REJECT"]
    reply: Literal["ACCEPT", "REJECT", "LOST", "NONE"]
    outcome: Literal["completes", "rejected", "lost"]


@dataclass(frozen=True)
class Unseen:
    """What a flow log does not show of a conversation: the ICMP types of request and answer, and the port that a NAT
    gateway uses for it."""

    request_type: int = 8
    answer_type: int = 0
    nat_port: int = 1024


@dataclass(frozen=True)
class _Opening:
    """The opening packet of a conversation."""

    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int
    unseen: Unseen

    @property
    def request_port(self) -> int:
        """The destination port of the request, or its ICMP type."""
        return self.unseen.request_type if self.protocol in ICMP else self.dst_port

    @property
    def answer_port(self) -> int:
        return self.unseen.answer_type if self.protocol in ICMP else self.src_port

    @property
    def nat_port(self) -> int:
        return self.unseen.answer_type if self.protocol in ICMP else self.unseen.nat_port


def walk(  # noqa: PLR0917 - the 5-tuple of the packet in its usual order
    answers: Answers,
    interface_id: str,
    src: str,
    dst: str,
    protocol: int,
    src_port: int,
    dst_port: int,
    unseen: Unseen = Unseen(),
) -> Walk:
    """The fate of a conversation that opens with this packet, as seen at `interface_id`, one of its two ends.

    Raises LookupError if the answers do not contain the interface, or its subnet's network ACL or route table.
    """
    here = interface(answers, interface_id)
    packet = _Opening(src, dst, protocol, src_port, dst_port, unseen)
    return _walk_ingress(answers, here, packet) if dst in addresses_of(here) else _walk_egress(answers, here, packet)


def _walk_ingress(answers: Answers, here: Eni, packet: _Opening) -> Walk:
    src, dst, protocol = packet.src, packet.dst, packet.protocol
    peer = neighbour(answers, here, src)
    same_subnet = peer is not None and peer["SubnetId"] == here["SubnetId"]

    accepted = same_subnet or acl_allows(answers, here, src, protocol, packet.request_port, egress=False)
    accepted = accepted and group_allows(answers, here, src, protocol, packet.request_port, egress=False)
    action: Literal["ACCEPT", "REJECT"] = "ACCEPT" if accepted else "REJECT"

    if peer is not None:
        if not group_allows(answers, peer, dst, protocol, packet.request_port, egress=True):
            return Walk(action, "NONE", "rejected")
        if not same_subnet:
            if not acl_allows(answers, peer, dst, protocol, packet.request_port, egress=True):
                return Walk(action, "NONE", "rejected")
            if not route_delivers(answers, peer, dst):
                return Walk(action, "NONE", "lost")
    if not accepted:
        return Walk("REJECT", "NONE", "rejected")

    if not same_subnet:
        if not acl_allows(answers, here, src, protocol, packet.answer_port, egress=True):
            return Walk("ACCEPT", "REJECT", "rejected")
        if not route_delivers(answers, here, src, answer=True):
            return Walk("ACCEPT", "LOST", "lost")
        if peer is not None and not acl_allows(answers, peer, dst, protocol, packet.answer_port, egress=False):
            return Walk("ACCEPT", "ACCEPT", "rejected")
    return Walk("ACCEPT", "ACCEPT", "completes")


def _walk_egress(answers: Answers, here: Eni, packet: _Opening) -> Walk:
    src, dst, protocol = packet.src, packet.dst, packet.protocol
    peer = neighbour(answers, here, dst)
    same_subnet = peer is not None and peer["SubnetId"] == here["SubnetId"]

    if not group_allows(answers, here, dst, protocol, packet.request_port, egress=True):
        return Walk("REJECT", "NONE", "rejected")
    if not same_subnet:
        if not acl_allows(answers, here, dst, protocol, packet.request_port, egress=True):
            return Walk("REJECT", "NONE", "rejected")
        if not route_delivers(answers, here, dst):
            return Walk("ACCEPT", "NONE", "lost")
        stopped = _stopped_behind_nat(answers, here, packet)
        if stopped is not None:
            return Walk("ACCEPT", "NONE", stopped)

    if peer is not None and (same_subnet or route_target(answers, here, dst) == "local"):
        if not same_subnet and not acl_allows(answers, peer, src, protocol, packet.request_port, egress=False):
            return Walk("ACCEPT", "NONE", "rejected")
        if not group_allows(answers, peer, src, protocol, packet.request_port, egress=False):
            return Walk("ACCEPT", "NONE", "rejected")
        if not same_subnet:
            if not acl_allows(answers, peer, src, protocol, packet.answer_port, egress=True):
                return Walk("ACCEPT", "NONE", "rejected")
            if not route_delivers(answers, peer, src, answer=True):
                return Walk("ACCEPT", "NONE", "lost")

    if not same_subnet and not acl_allows(answers, here, dst, protocol, packet.answer_port, egress=False):
        return Walk("ACCEPT", "REJECT", "rejected")
    return Walk("ACCEPT", "ACCEPT", "completes")


def _stopped_behind_nat(answers: Answers, here: Eni, packet: _Opening) -> Literal["rejected", "lost"] | None:
    """What stops a request behind the NAT gateway that it is routed to, or its answer on the way back to it."""
    target = route_target(answers, here, packet.dst) or ""
    gateway = next((g for g in nat_gateways(answers) if g["NatGatewayId"] == target), None)
    if gateway is None:
        return None
    # The gateway as an interface of its subnet. It has a public address, and no security groups.
    there: Eni = {**gateway, "Association": {"PublicIp": "x"}, "NetworkInterfaceId": target}
    src, dst, protocol = packet.src, packet.dst, packet.protocol
    crosses = there["SubnetId"] != here["SubnetId"]
    if crosses and not acl_allows(answers, there, src, protocol, packet.request_port, egress=False):
        return "rejected"
    if not acl_allows(answers, there, dst, protocol, packet.request_port, egress=True):
        return "rejected"
    if not route_delivers(answers, there, dst):
        return "lost"
    if not acl_allows(answers, there, dst, protocol, packet.nat_port, egress=False):
        return "rejected"
    if crosses and not acl_allows(answers, there, src, protocol, packet.answer_port, egress=True):
        return "rejected"
    return None


def nat_gateways(answers: Answers) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = answers.get("describe-nat-gateways", {}).get("NatGateways", [])
    return found


def interface(answers: Answers, interface_id: str) -> Eni:
    """The interface as it is in the answers. Raises LookupError if it is not there."""
    for candidate in interfaces(answers):
        if candidate["NetworkInterfaceId"] == interface_id:
            return candidate
    raise LookupError(f"describe-network-interfaces does not contain {interface_id}")


def interfaces(answers: Answers) -> list[Eni]:
    found: list[Eni] = answers["describe-network-interfaces"]["NetworkInterfaces"]
    return found


def addresses_of(eni: Eni) -> list[str]:
    """The private IPv4 addresses, primary first, then the IPv6 addresses."""
    found = [eni["PrivateIpAddress"]] if "PrivateIpAddress" in eni else []
    found += [a["PrivateIpAddress"] for a in eni.get("PrivateIpAddresses", []) if a["PrivateIpAddress"] not in found]
    return found + [a["Ipv6Address"] for a in eni.get("Ipv6Addresses", [])]


def has_public_address(eni: Eni) -> bool:
    holders = [eni, *eni.get("PrivateIpAddresses", [])]
    return any(holder.get("Association", {}).get("PublicIp") for holder in holders)


def neighbour(answers: Answers, here: Eni, address: str) -> Eni | None:
    """The other interface in the same VPC that has this address; None if the address is outside or unused."""
    for candidate in interfaces(answers):
        if candidate["VpcId"] == here["VpcId"] and candidate is not here and address in addresses_of(candidate):
            return candidate
    return None


def acl_allows(answers: Answers, eni: Eni, peer: str, protocol: int, port: int, *, egress: bool) -> bool:
    """Whether the network ACL of the interface's subnet allows this packet. `port` is its destination port, or its ICMP
    type."""
    acl = subnet_acl(answers, eni["SubnetId"])
    entries = [entry for entry in acl["Entries"] if entry["Egress"] == egress]
    for entry in sorted(entries, key=lambda entry: int(entry["RuleNumber"])):
        if _entry_matches(entry, peer, protocol, port):
            return bool(entry["RuleAction"] == "allow")
    return False


def subnet_acl(answers: Answers, subnet_id: str) -> Mapping[str, Any]:
    for acl in answers["describe-network-acls"]["NetworkAcls"]:
        if any(association["SubnetId"] == subnet_id for association in acl["Associations"]):
            found: Mapping[str, Any] = acl
            return found
    raise LookupError(f"describe-network-acls has no ACL for {subnet_id}")


def _entry_matches(entry: Mapping[str, Any], peer: str, protocol: int, port: int) -> bool:
    if not _contains(entry.get("CidrBlock") or entry.get("Ipv6CidrBlock") or "", peer):
        return False
    if entry["Protocol"] == "-1":
        return True
    if int(entry["Protocol"]) != protocol:
        return False
    if protocol in TCP_UDP and entry.get("PortRange"):
        return bool(entry["PortRange"]["From"] <= port <= entry["PortRange"]["To"])
    if protocol in ICMP:
        return bool((entry.get("IcmpTypeCode") or {}).get("Type", -1) in (-1, port))
    return True


def group_allows(answers: Answers, eni: Eni, peer: str, protocol: int, port: int, *, egress: bool) -> bool:
    """Whether any security group of the interface allows the packet; without groups, nothing is filtered. For opening
    packets only: groups are stateful."""
    ids = [group["GroupId"] for group in eni.get("Groups", [])]
    if not ids:
        return True
    for group in answers["describe-security-groups"]["SecurityGroups"]:
        if group["GroupId"] in ids:
            for rule in group["IpPermissionsEgress" if egress else "IpPermissions"]:
                if _rule_allows_port(rule, protocol, port) and _rule_names_peer(answers, rule, peer):
                    return True
    return False


def _rule_allows_port(rule: Mapping[str, Any], protocol: int, port: int) -> bool:
    name = str(rule["IpProtocol"])
    if name == "-1":
        return True
    if PROTOCOL_NUMBERS.get(name, name) not in (protocol, str(protocol)):
        return False
    first, last = rule.get("FromPort"), rule.get("ToPort")
    if protocol in TCP_UDP and first is not None and last is not None:
        return bool(first <= port <= last)
    if protocol in ICMP:
        return first in (None, -1, port)
    return True


def _rule_names_peer(answers: Answers, rule: Mapping[str, Any], peer: str) -> bool:
    """By CIDR, by a prefix list, or by a group attached to an interface with this private address."""
    cidrs = [cidr for item in rule.get("PrefixListIds", []) for cidr in _listed(answers, item["PrefixListId"])]
    cidrs += [r["CidrIp"] for r in rule.get("IpRanges", [])] + [r["CidrIpv6"] for r in rule.get("Ipv6Ranges", [])]
    if any(_contains(cidr, peer) for cidr in cidrs):
        return True
    wanted = {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])}
    return any(
        peer in addresses_of(eni) and any(group["GroupId"] in wanted for group in eni.get("Groups", []))
        for eni in interfaces(answers)
    )


def _listed(answers: Answers, list_id: str) -> list[str]:
    found: list[str] = list(answers.get(PREFIX_LISTS, {}).get(list_id, []))
    return found


def route_delivers(answers: Answers, eni: Eni, destination: str, *, answer: bool = False) -> bool:
    """Whether a packet that leaves the interface's subnet for this address is delivered. `answer`: to a request that
    came from outside, which a NAT gateway does not know."""
    target = route_target(answers, eni, destination)
    if target is None:
        return False
    if target == "local":
        return neighbour(answers, eni, destination) is not None
    if target.startswith("igw-"):
        if not gateway_attached(answers, target, eni["VpcId"]):
            return False
        return _address(destination).version == 6 or (has_public_address(eni) and not _private(destination))
    return not (answer and target.startswith("nat-"))


def _private(address: str) -> bool:
    """Whether no internet gateway carries packets to this address (RFC 1918, 6598 and 3927)."""
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
    return any(_contains(cidr, address) for cidr in ranges)


def route_target(answers: Answers, eni: Eni, destination: str) -> str | None:
    """Target of the longest matching prefix; None if there is none or it is a blackhole."""
    best: tuple[tuple[int, int], Mapping[str, Any]] | None = None
    for route in subnet_route_table(answers, eni)["Routes"]:
        own = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock") or ""
        propagated = route.get("Origin") in ("EnableVgwRoutePropagation", "Advertisement")
        for cidr in [own] if own else _listed(answers, route.get("DestinationPrefixListId", "")):
            if _contains(cidr, destination):
                preference = 0 if propagated else 2 if own else 1
                rank = (_network(cidr).prefixlen, preference)
                if best is None or rank > best[0]:
                    best = (rank, route)
    if best is None or best[1].get("State") == "blackhole":
        return None
    return next((str(best[1][name]) for name in TARGETS if best[1].get(name)), "")


def subnet_route_table(answers: Answers, eni: Eni) -> Mapping[str, Any]:
    """The route table associated with the interface's subnet, or else the VPC's main route table."""
    main: Mapping[str, Any] | None = None
    for table in answers["describe-route-tables"]["RouteTables"]:
        for association in table["Associations"]:
            if association.get("SubnetId") == eni["SubnetId"]:
                found: Mapping[str, Any] = table
                return found
            if association.get("Main") and table["VpcId"] == eni["VpcId"]:
                main = table
    if main is None:
        raise LookupError(f"describe-route-tables has no table for {eni['SubnetId']}")
    return main


def gateway_attached(answers: Answers, gateway_id: str, vpc_id: str) -> bool:
    for gateway in answers["describe-internet-gateways"]["InternetGateways"]:
        if gateway["InternetGatewayId"] == gateway_id:
            return any(a["VpcId"] == vpc_id for a in gateway.get("Attachments", []))
    return False


def _contains(cidr: str, address: str) -> bool:
    if not cidr:
        return False
    network, ip = _network(cidr), _address(address)
    return network.version == ip.version and ip in network


@lru_cache
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)


@lru_cache
def _address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)
