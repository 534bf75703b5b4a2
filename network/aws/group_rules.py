"""The rules in a call on a security group."""

from collections.abc import Iterable, Sequence

from network.aws.call import Call
from network.aws.fields import Fields
from network.aws.shapes import described_rule, permission_rules
from schemas.configuration import SecurityGroupRule


def same(one: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    """Whether both are the same rule: by id where both have one, else by content."""
    return one.id == other.id if one.id and other.id else content(one) == content(other)


def without(rules: Iterable[SecurityGroupRule], others: Sequence[SecurityGroupRule]) -> list[SecurityGroupRule]:
    """The rules that are not the same as one of the others."""
    ids, contents = {rule.id for rule in others if rule.id}, {content(rule) for rule in others}
    nameless = {content(rule) for rule in others if not rule.id}
    return [
        rule
        for rule in rules
        if content(rule) not in (nameless if rule.id else contents) and not (rule.id and rule.id in ids)
    ]


def content(rule: SecurityGroupRule) -> tuple[object, ...]:
    return rule.egress, rule.protocol, rule.peer, rule.port_from, rule.port_to


def is_egress(call: Call) -> bool:
    return call.name.endswith("Egress")


def authorized(call: Call) -> list[SecurityGroupRule]:
    """Rules that an authorize call added, with their ids if the response has them. Raises ValueError when one
    cannot be read."""
    shown = [described_rule(rule) for rule in call.response.each("securityGroupRuleSet")]
    return shown or requested(call)


def revoked(call: Call) -> list[SecurityGroupRule]:
    """Rules that a revoke call removed, as far as it gives their content: none when it only gives ids. Raises
    ValueError when one cannot be read or the call names no rule at all."""
    shown = [described_rule(rule) for rule in call.response.each("revokedSecurityGroupRuleSet")]
    if shown:
        return shown
    asked = requested(call)
    if not asked and not revoked_ids(call):
        raise ValueError(f"{call.event.event_id} names no rule")
    unknown = call.response.each("unknownIpPermissionSet")
    untouched = [rule for permission in unknown for rule in permission_rules(permission, is_egress(call))]
    return without(asked, untouched)


def requested(call: Call) -> list[SecurityGroupRule]:
    """Rules given by content, in the list of permissions or in the flat form of old clients."""
    permissions = [*call.request.each("ipPermissions")]
    if call.request.text("cidrIp"):
        flat = {name: call.request.value(name) for name in ("ipProtocol", "fromPort", "toPort")}
        permissions.append(Fields({**flat, "ipRanges": {"items": [{"cidrIp": call.request.text("cidrIp")}]}}))
    return [rule for permission in permissions for rule in permission_rules(permission, is_egress(call))]


def revoked_ids(call: Call) -> list[str]:
    """Rule ids in a revoke call, as strings or in objects."""
    named = [*call.request.list("securityGroupRuleIds"), *call.request.list("securityGroupRuleId")]
    ids = (entry if isinstance(entry, str) else Fields(entry).text("securityGroupRuleId") for entry in named)
    return [rule_id for rule_id in ids if rule_id]


def modified(call: Call) -> list[tuple[str, Fields]]:
    """Rule ids and new content in ModifySecurityGroupRules."""
    entries = [*call.request.each("SecurityGroupRule"), *call.request.each("SecurityGroupRules")]
    return [(entry.text("SecurityGroupRuleId"), entry.fields("SecurityGroupRule")) for entry in entries]


def modified_rule(rule_id: str, fields: Fields, egress: bool) -> SecurityGroupRule:
    """The modified rule; the call does not contain its direction. Raises ValueError when it cannot be read."""
    rule = described_rule(fields)
    return SecurityGroupRule(egress, rule.protocol, rule.peer, rule.port_from, rule.port_to, rule_id)
