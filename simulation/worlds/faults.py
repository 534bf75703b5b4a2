"""Faults: calls that stop traffic. Each is a function of the account and dice, and gives the calls in order; the guilty
ones are what an answer must name, no more and no less."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulation.worlds.account import CLIENTS, Account


@dataclass(frozen=True)
class Said:
    """A call: the words of an `aws ec2` command, or a call's name and request. `after`: seconds from the fault."""

    line: str = ""
    after: int = 0
    guilty: bool = True
    actor: str = "mallory"
    name: str = ""
    request: tuple[tuple[str, str], ...] = ()


Fault = Callable[[Account, random.Random], Sequence[Said]]


def _entry(acl: str, number: int, action: str, what: str, *, egress: bool = False, verb: str = "create") -> str:
    side = "--egress" if egress else "--ingress"
    return (
        f"{verb}-network-acl-entry --network-acl-id {acl} --rule-number {number} {side} --rule-action {action} {what}"
    )


def _tcp(first: int, last: int = 0, cidr: str = "0.0.0.0/0") -> str:
    block = "--ipv6-cidr-block" if ":" in cidr else "--cidr-block"
    return f"--protocol 6 --port-range From={first},To={last or first} {block} {cidr}"


def _revoke(
    group: str, protocol: str, port: int, cidr: str = "0.0.0.0/0", *, egress: bool = False, of: str = ""
) -> str:
    permission: dict[str, object] = {"IpProtocol": protocol}
    if protocol != "-1":
        permission |= {"FromPort": port, "ToPort": port}
    if of:
        permission["UserIdGroupPairs"] = [{"GroupId": of, "UserId": "123456789012"}]
    elif ":" in cidr:
        permission["Ipv6Ranges"] = [{"CidrIpv6": cidr}]
    else:
        permission["IpRanges"] = [{"CidrIp": cidr}]
    side = "egress" if egress else "ingress"
    return f"revoke-security-group-{side} --group-id {group} --ip-permissions '{json.dumps([permission])}'"


def acl_denies_port(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", _tcp(443)))]


def acl_denies_all(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-prv"), dice.randint(1, 99), "deny", "--protocol -1 --cidr-block 0.0.0.0/0"))]


def acl_denies_replies(a: Account, dice: random.Random) -> Sequence[Said]:
    line = _entry(a.id("acl-pub"), dice.randint(1, 99), "deny", _tcp(1024, 65535), egress=True)
    return [Said(line)]


def acl_denies_some_replies(a: Account, dice: random.Random) -> Sequence[Said]:
    line = _entry(a.id("acl-pub"), dice.randint(1, 99), "deny", _tcp(1024, dice.randint(30000, 45000)), egress=True)
    return [Said(line)]


def acl_denies_one_client(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", _tcp(443, cidr=f"{dice.choice(CLIENTS)}/32")))]


def acl_denies_six(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", _tcp(443, cidr="::/0")))]


def acl_denies_calls(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-prv"), dice.randint(1, 99), "deny", _tcp(443), egress=True))]


def acl_denies_udp(a: Account, dice: random.Random) -> Sequence[Said]:
    what = "--protocol 17 --port-range From=53,To=53 --cidr-block 0.0.0.0/0"
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", what))]


def acl_denies_icmp(a: Account, dice: random.Random) -> Sequence[Said]:
    what = "--protocol 1 --icmp-type-code Type=-1,Code=-1 --cidr-block 0.0.0.0/0"
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", what))]


def acl_entry_removed(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"delete-network-acl-entry --network-acl-id {a.id('acl-pub')} --rule-number 100 --ingress")]


def acl_entry_replaced(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_entry(a.id("acl-pub"), 100, "allow", _tcp(22), verb="replace"))]


def acl_exchanged(a: Account, _: random.Random) -> Sequence[Said]:
    association = f"aclassoc-{a.id('subnet-pub')[7:]}"
    acl = a.id("acl-shut")
    return [Said(f"replace-network-acl-association --association-id {association} --network-acl-id {acl}")]


def acl_of_nat_subnet(a: Account, dice: random.Random) -> Sequence[Said]:
    what = _tcp(1024, 65535, cidr="198.51.100.0/24")
    return [Said(_entry(a.id("acl-pub"), dice.randint(1, 99), "deny", what))]


def group_rule_revoked(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-web"), "tcp", 443))]


def group_six_rule_revoked(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-web"), "tcp", 443, "::/0"))]


def group_one_range_revoked(a: Account, dice: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-web"), "tcp", 8443, f"{dice.choice(CLIENTS)}/32"))]


def group_reference_revoked(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-db"), "tcp", 5432, of=a.id("sg-app")))]


def group_udp_rule_revoked(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-web"), "udp", 53))]


def group_egress_revoked(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(_revoke(a.id("sg-app"), "-1", 0, egress=True))]


def groups_of_interface(a: Account, _: random.Random) -> Sequence[Said]:
    web, none = a.id("eni-web"), a.id("sg-none")
    return [Said(f"modify-network-interface-attribute --network-interface-id {web} --groups {none}")]


def two_rules_revoked(a: Account, dice: random.Random) -> Sequence[Said]:
    return [
        Said(_revoke(a.id("sg-web"), "tcp", 443)),
        Said(_revoke(a.id("sg-web"), "tcp", 9999, "198.51.100.0/24"), dice.randint(0, 9), guilty=False),
        Said(_revoke(a.id("sg-web"), "udp", 53), dice.randint(10, 20)),
    ]


def rule_narrowed_in_a_second(a: Account, _: random.Random) -> Sequence[Said]:
    """The console replaces a rule: delete and create within one second."""
    narrow = _revoke(a.id("sg-web"), "tcp", 443, "192.0.2.0/24").replace("revoke-", "authorize-", 1)
    return [Said(_revoke(a.id("sg-web"), "tcp", 443)), Said(narrow, guilty=False)]


def route_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"delete-route --route-table-id {a.id('rtb-pub')} --destination-cidr-block 0.0.0.0/0")]


def route_six_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"delete-route --route-table-id {a.id('rtb-pub')} --destination-ipv6-cidr-block ::/0")]


def route_of_private_subnet_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"delete-route --route-table-id {a.id('rtb-prv')} --destination-cidr-block 0.0.0.0/0")]


def route_leads_to_gateway_without_address(a: Account, _: random.Random) -> Sequence[Said]:
    table, gateway = a.id("rtb-prv"), a.id("igw-one")
    return [Said(f"replace-route --route-table-id {table} --destination-cidr-block 0.0.0.0/0 --gateway-id {gateway}")]


def gateway_detached(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"detach-internet-gateway --internet-gateway-id {a.id('igw-one')} --vpc-id {a.id('vpc-one')}")]


def table_exchanged(a: Account, _: random.Random) -> Sequence[Said]:
    association, table = f"rtbassoc-{a.id('subnet-prv')[7:]}", a.id("rtb-main")
    return [Said(f"replace-route-table-association --association-id {association} --route-table-id {table}")]


def nat_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(name="DeleteNatGateway", request=(("natGatewayId", a.id("nat-one")),))]


def peering_route_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    return [Said(f"delete-route --route-table-id {a.id('rtb-prv')} --destination-cidr-block 192.168.0.0/16")]


def peering_deleted(a: Account, _: random.Random) -> Sequence[Said]:
    request = (("vpcPeeringConnectionId", a.id("pcx-one")),)
    return [Said(name="DeleteVpcPeeringConnection", request=request)]


def deploy_with_a_deny(a: Account, dice: random.Random) -> Sequence[Said]:
    """Thirty calls by one person in two minutes, one of which denies."""
    acl = a.id("acl-pub")
    calls = [
        Said(_entry(acl, 200 + n, "allow", _tcp(9000 + n)), dice.randint(-60, 60), guilty=False) for n in range(30)
    ]
    return [*calls, Said(_entry(acl, dice.randint(1, 99), "deny", _tcp(443)))]


FAULTS: dict[str, Fault] = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        acl_denies_port,
        acl_denies_all,
        acl_denies_replies,
        acl_denies_some_replies,
        acl_denies_one_client,
        acl_denies_six,
        acl_denies_calls,
        acl_denies_udp,
        acl_denies_icmp,
        acl_entry_removed,
        acl_entry_replaced,
        acl_exchanged,
        acl_of_nat_subnet,
        group_rule_revoked,
        group_six_rule_revoked,
        group_one_range_revoked,
        group_reference_revoked,
        group_udp_rule_revoked,
        group_egress_revoked,
        groups_of_interface,
        two_rules_revoked,
        rule_narrowed_in_a_second,
        route_deleted,
        route_six_deleted,
        route_of_private_subnet_deleted,
        route_leads_to_gateway_without_address,
        gateway_detached,
        table_exchanged,
        nat_deleted,
        peering_route_deleted,
        peering_deleted,
        deploy_with_a_deny,
    )
}
"""By name, what stops traffic."""
