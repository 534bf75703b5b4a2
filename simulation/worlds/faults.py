"""Kinds of faults: each plays its calls, and may add traffic of its own. Decoys come before and after them."""

from simulation.worlds.vpc import LISTED, WEB, WEB6
from simulation.worlds.world import PEOPLE, SAVED_AFTER, SIX, Maker

ANY, ANY6 = "0.0.0.0/0", "::/0"


def deny(m: Maker, acl: str, number: int, port: str = "443", *, cidr: str = ANY, way: str = "--ingress") -> str:
    first, _, last = port.partition("-")
    block = "--ipv6-cidr-block" if ":" in cidr else "--cidr-block"
    return (
        f"create-network-acl-entry --network-acl-id {m.id('acl', acl)} {way} --rule-number {number} --protocol tcp"
        f" --port-range From={first},To={last or first} {block} {cidr} --rule-action deny"
    )


def undeny(m: Maker, acl: str, number: int) -> str:
    return f"delete-network-acl-entry --network-acl-id {m.id('acl', acl)} --ingress --rule-number {number}"


def rule(m: Maker, verb: str, group: str, json: str, way: str = "ingress") -> str:
    return f"{verb}-security-group-{way} --group-id {m.id('sg', group)} --ip-permissions '{json}'"


def cidr(port: int, value: str = ANY, protocol: str = "tcp") -> str:
    name, key = ("Ipv6Ranges", "CidrIpv6") if ":" in value else ("IpRanges", "CidrIp")
    return f'[{{"IpProtocol":"{protocol}","FromPort":{port},"ToPort":{port},"{name}":[{{"{key}":"{value}"}}]}}]'


def acl_deny(m: Maker) -> None:
    m.call(deny(m, "pub", 90, m.rng.choice(("443", "400-500", "22"))), guilty=True)


def acl_deny_some_clients(m: Maker) -> None:
    m.call(deny(m, "pub", 90, cidr="192.0.2.0/24"), guilty=True)


def acl_stops_answers(m: Maker) -> None:
    m.call(deny(m, "pub", 90, "1024-65535", way="--egress"), guilty=True)


def acl_partial_answers(m: Maker) -> None:
    """Clients that connect from ports above 48000 get no answers; the others do."""
    m.call(deny(m, "pub", 90, "48000-65535", way="--egress"), guilty=True)


def acl_association(m: Maker) -> None:
    m.call(
        f"replace-network-acl-association --association-id {m.id('aclassoc', 'pub')}"
        f" --network-acl-id {m.id('acl', 'shut')}",
        guilty=True,
    )


def acl_allow_deleted(m: Maker) -> None:
    m.call(undeny(m, "pub", 100), guilty=True)


def acl_database_subnet(m: Maker) -> None:
    m.call(deny(m, "prv", 80, "3306"), guilty=True)


def acl_nat_subnet(m: Maker) -> None:
    m.call(deny(m, "pub", 80, "32768-65535"), guilty=True)


def acl_ipv6(m: Maker) -> None:
    six(m)
    m.call(deny(m, "pub", 70, cidr=ANY6), guilty=True)


def acl_deny_saved_after(m: Maker) -> None:
    """The configuration is saved when all is over."""
    acl_deny(m)
    m.saved_at = SAVED_AFTER


def acl_repaired_and_made_again(m: Maker) -> None:
    m.call(deny(m, "pub", 90), guilty=True)
    m.call(undeny(m, "pub", 90), m.after(600))
    m.call(deny(m, "pub", 90), m.after(1500), m.other, guilty=True)


def acl_repaired(m: Maker) -> None:
    m.call(deny(m, "pub", 90), guilty=True)
    m.call(undeny(m, "pub", 90), m.after(900), m.other)


def acl_two_faults_on_one_port(m: Maker) -> None:
    m.call(deny(m, "pub", 90, cidr="192.0.2.0/24"), guilty=True)
    m.call(deny(m, "pub", 91, cidr="203.0.113.0/24"), m.after(720), m.other, guilty=True)


def six(m: Maker) -> None:
    m.late = [(peer, WEB6, 443, ("web",), 6) for peer in SIX]


def group_revoke(m: Maker) -> None:
    m.call(rule(m, "revoke", "web", cidr(m.rng.choice((443, 22)))), guilty=True)


def group_revoke_ipv6(m: Maker) -> None:
    six(m)
    m.call(rule(m, "revoke", "web", cidr(443, ANY6)), guilty=True)


def group_revoke_udp(m: Maker) -> None:
    m.late = [(f"203.0.113.{n}", WEB, 53, ("web",), 17) for n in (31, 32, 33)]
    m.call(rule(m, "revoke", "web", cidr(53, protocol="udp")), guilty=True)


def group_revoke_member(m: Maker) -> None:
    pair = f'"UserIdGroupPairs":[{{"GroupId":"{m.id("sg", "app")}"}}]'
    m.call(rule(m, "revoke", "db", f'[{{"IpProtocol":"tcp","FromPort":5432,"ToPort":5432,{pair}}}]'), guilty=True)


def group_revoke_member_not_saved(m: Maker) -> None:
    """The only member of the group that loses access is younger than the saved configuration."""
    group_revoke_member(m)
    m.demanded, m.hidden = "suspected", ("app",)


def group_revoke_living(m: Maker) -> None:
    """Connections live on; the next ones are refused, many minutes later."""
    m.held = [(peer, WEB, 80, ("web",)) for peer in PEOPLE[:4]]
    m.call(rule(m, "revoke", "web", cidr(80)), guilty=True)


def group_of_interface(m: Maker) -> None:
    m.call(
        f"modify-network-interface-attribute --network-interface-id {m.id('eni', 'web')} --groups {m.id('sg', 'none')}",
        guilty=True,
    )


def group_client_moved(m: Maker) -> None:
    """The client leaves the group that the database lets in."""
    m.call(
        f"modify-network-interface-attribute --network-interface-id {m.id('eni', 'app')} --groups {m.id('sg', 'none')}",
        guilty=True,
    )


def group_prefix_list(m: Maker) -> None:
    m.late = [(LISTED.replace("0/24", str(n)), WEB, 8443, ("web",), 6) for n in (41, 42, 43)]
    listed = f'"PrefixListIds":[{{"PrefixListId":"{m.id("pl", "list")}"}}]'
    m.call(rule(m, "revoke", "web", f'[{{"IpProtocol":"tcp","FromPort":8443,"ToPort":8443,{listed}}}]'), guilty=True)


def group_prefix_list_unknown(m: Maker) -> None:
    group_prefix_list(m)
    m.demanded = "suspected"
    m.hidden = ("describe-prefix-lists",)


def group_egress(m: Maker) -> None:
    everything = '[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'
    m.call(rule(m, "revoke", "app", everything, "egress"), guilty=True)


def group_deploy_of_thirty_calls(m: Maker) -> None:
    place = m.rng.randrange(5, 25)
    for n in range(30):
        if n == place:
            m.call(rule(m, "revoke", "web", cidr(443)), m.after(n), guilty=True)
        else:
            m.call(rule(m, "authorize", "web", cidr(9100 + n, "10.8.0.0/16")), m.after(n))


def group_same_second(m: Maker) -> None:
    """Narrowed by one call, and opened for somebody else by another, in the same second."""
    m.call(rule(m, "revoke", "web", cidr(443)), guilty=True)
    m.call(rule(m, "authorize", "web", cidr(443, "10.8.0.0/16")))


def route_default(m: Maker) -> None:
    m.call(f"delete-route --route-table-id {m.id('rtb', 'pub')} --destination-cidr-block {ANY}", guilty=True)


def route_default_saved_after(m: Maker) -> None:
    """The configuration is saved when all is over: the target of the route is not in it."""
    route_default(m)
    m.demanded, m.saved_at = "suspected", SAVED_AFTER


def route_ipv6(m: Maker) -> None:
    six(m)
    m.call(f"delete-route --route-table-id {m.id('rtb', 'pub')} --destination-ipv6-cidr-block {ANY6}", guilty=True)


def route_nat(m: Maker) -> None:
    m.call(f"delete-route --route-table-id {m.id('rtb', 'prv')} --destination-cidr-block {ANY}", guilty=True)


def route_target_changed(m: Maker) -> None:
    """To an internet gateway, which carries nothing of interfaces without a public address."""
    m.call(
        f"replace-route --route-table-id {m.id('rtb', 'prv')} --destination-cidr-block {ANY}"
        f" --gateway-id {m.id('igw', 'igw')}",
        guilty=True,
    )


def route_table_association(m: Maker) -> None:
    m.call(
        f"replace-route-table-association --association-id {m.id('rtbassoc', 'pub')}"
        f" --route-table-id {m.id('rtb', 'bare')}",
        guilty=True,
    )


def route_gateway_detached(m: Maker) -> None:
    m.call(
        f"detach-internet-gateway --internet-gateway-id {m.id('igw', 'igw')} --vpc-id {m.id('vpc', 'vpc')}", guilty=True
    )


def route_of_some(m: Maker) -> None:
    """A more specific route takes some clients' answers to the NAT gateway, which does not know them."""
    m.call(
        f"create-route --route-table-id {m.id('rtb', 'pub')} --destination-cidr-block 203.0.113.0/24"
        f" --nat-gateway-id {m.id('nat', 'nat')}",
        guilty=True,
    )


def both_layers(m: Maker) -> None:
    """A rule that is revoked stops the web server; minutes later somebody else's route stops the application."""
    m.call(rule(m, "revoke", "web", cidr(443)), guilty=True)
    line = f"delete-route --route-table-id {m.id('rtb', 'prv')} --destination-cidr-block {ANY}"
    m.call(line, m.after(420), m.other, guilty=True)


def acl_of_web_and_nat(m: Maker) -> None:
    """An entry stops the web server, and the application's calls too: the NAT gateway is in the same subnet."""
    m.call(deny(m, "pub", 90), guilty=True)


FAULTS = {
    f.__name__: f
    for f in (
        acl_deny,
        acl_deny_some_clients,
        acl_deny_saved_after,
        acl_stops_answers,
        acl_partial_answers,
        acl_association,
        acl_allow_deleted,
        acl_database_subnet,
        acl_nat_subnet,
        acl_ipv6,
        acl_repaired,
        acl_repaired_and_made_again,
        acl_two_faults_on_one_port,
        group_revoke,
        group_revoke_ipv6,
        group_revoke_udp,
        group_revoke_member,
        group_revoke_member_not_saved,
        group_revoke_living,
        group_of_interface,
        group_client_moved,
        group_prefix_list,
        group_prefix_list_unknown,
        group_egress,
        group_deploy_of_thirty_calls,
        group_same_second,
        route_default,
        route_default_saved_after,
        route_ipv6,
        route_nat,
        route_target_changed,
        route_table_association,
        route_gateway_detached,
        route_of_some,
        both_layers,
        acl_of_web_and_nat,
    )
}
