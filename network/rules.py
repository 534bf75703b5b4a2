"""The normal form of routes, ACL entries and security group rules, whatever their source, and their text form.

Normal form: canonical CIDRs, IANA protocol numbers, ports only for TCP and UDP (for ICMP in a security group: type and
code), None for any. The content of a change event then equals what a later `describe-*` shows.
"""

from collections.abc import Iterable

from network.cidr import canonical
from schemas.configuration import AclEntry, Route, SecurityGroupRule
from schemas.protocols import ALL, EC2_NAMES, ICMP, NAMES, PORTED

_NUMBERS = {name: number for number, name in EC2_NAMES.items()} | {"all": ALL}
LAST_RULE = 32766
"""The highest rule number; entries above it are the final deny of every network ACL."""


def rule_protocol(text: str | int) -> int:
    """The IANA number of `tcp`, `6`, `-1`, ... Raises ValueError for anything else.

    >>> rule_protocol("tcp"), rule_protocol("17"), rule_protocol(-1)
    (6, 17, -1)
    """
    word = str(text).strip().lower()
    return _NUMBERS[word] if word in _NUMBERS else int(word)


def acl_entry(
    number: int,
    egress: bool,
    action: str,
    protocol: str | int,
    cidr: str,
    *,
    ports: tuple[int | None, int | None] = (None, None),
    icmp: tuple[int | None, int | None] = (None, None),
) -> AclEntry:
    """An ACL entry in normal form. Raises ValueError when the protocol is not valid."""
    value = rule_protocol(protocol)
    first, last = ports if value in PORTED else (None, None)
    kind, code = (None if part == ALL else part for part in icmp) if value in ICMP else (None, None)
    return AclEntry(number, egress, action.lower(), value, canonical(cidr), first, last, kind, code)


def group_rule(
    egress: bool, protocol: str | int, peer: str, ports: tuple[int | None, int | None], rule_id: str = ""
) -> SecurityGroupRule:
    """A security group rule in normal form. Raises ValueError when the protocol is not valid."""
    value = rule_protocol(protocol)
    first, last = ports
    if value in ICMP:
        first, last = (None if part == ALL else part for part in ports)
    elif value not in PORTED:
        first, last = None, None
    return SecurityGroupRule(egress, value, canonical(peer), first, last, rule_id)


def ordered_rules(rules: Iterable[SecurityGroupRule]) -> tuple[SecurityGroupRule, ...]:
    """A group's rules in canonical order."""
    return tuple(sorted(rules, key=lambda r: (r.egress, r.protocol, r.port_from or -1, r.port_to or -1, r.peer, r.id)))


def protocol_text(protocol: int) -> str:
    return "all" if protocol == ALL else NAMES.get(protocol, f"protocol {protocol}")


def _traffic(protocol: int, first: int | None, last: int | None) -> str:
    words = protocol_text(protocol)
    if protocol in ICMP and (first, last) != (None, None):
        kind = "any" if first is None else first
        return f"{words} type {kind}" if last is None else f"{words} type {kind} code {last}"
    if first is None:
        return words
    return f"{words} {first}" if last in (None, first) else f"{words} {first}-{last}"


def direction_of(egress: bool) -> str:
    return "egress" if egress else "ingress"


def _peer(egress: bool) -> str:
    return "to" if egress else "from"


def acl_entry_text(entry: AclEntry) -> str:
    """`ingress 90 deny tcp 22 from 0.0.0.0/0`; for an entry with unknown content, `ingress 90 unknown`."""
    start = f"{direction_of(entry.egress)} {entry.number}"
    if not entry.known:
        return f"{start} unknown"
    pair = (entry.icmp_type, entry.icmp_code) if entry.protocol in ICMP else (entry.port_from, entry.port_to)
    return f"{start} {entry.action} {_traffic(entry.protocol, *pair)} {_peer(entry.egress)} {entry.cidr}"


def default_entry_text(egress: bool) -> str:
    """The text of the final deny of every network ACL."""
    return f"{direction_of(egress)} * deny all"


def group_rule_text(rule: SecurityGroupRule) -> str:
    """`ingress tcp 22 from 0.0.0.0/0 (sgr-1)`; without the parentheses if the rule's id is not known."""
    traffic = _traffic(rule.protocol, rule.port_from, rule.port_to)
    text = f"{direction_of(rule.egress)} {traffic} {_peer(rule.egress)} {rule.peer}"
    return f"{text} ({rule.id})" if rule.id else text


def route_text(route: Route) -> str:
    """`0.0.0.0/0 -> igw-1`."""
    return f"{route.destination} -> {route.target}"
