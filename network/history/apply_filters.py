"""What calls on network ACLs, security groups and interfaces do to the configuration, forward in time."""

from collections.abc import Callable
from dataclasses import replace

from network.aws import group_rules
from network.aws.call import Call
from network.aws.fields import Fields
from network.aws.shapes import acl_entries, acl_entry_from, name_tag
from network.history.state import State
from network.rules import ordered_rules
from schemas.configuration import (
    AclAssociation,
    AclEntry,
    NetworkAcl,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupRule,
)


def _create_network_acl(call: Call, state: State) -> None:
    made = call.response.fields("networkAcl")
    if state.covers(made.text("vpcId")) and made.text("networkAclId"):
        try:
            entries = acl_entries(made.each("entrySet"))
        except ValueError:  # a new ACL has no entries except the final deny
            entries = ()
        names = made.text("networkAclId"), made.text("vpcId")
        state.put(NetworkAcl(*names, made.flag("default"), entries, name=name_tag(made)))


def _delete_network_acl(call: Call, state: State) -> None:
    state.remove(NetworkAcl, call.request.text("networkAclId"))


def put_entry(acl: NetworkAcl, entry: AclEntry) -> NetworkAcl:
    """The ACL with this entry, which replaces any with the same number and direction."""
    kept = [e for e in acl.entries if (e.egress, e.number) != (entry.egress, entry.number)]
    return replace(acl, entries=tuple(sorted([*kept, entry], key=lambda e: (e.egress, e.number))))


def drop_entry(acl: NetworkAcl, number: int | None, egress: bool) -> NetworkAcl:
    return replace(acl, entries=tuple(e for e in acl.entries if (e.number, e.egress) != (number, egress)))


def named_entry(call: Call) -> AclEntry:
    """The entry in a create or replace call; its content is unknown if it cannot be read."""
    try:
        return acl_entry_from(call.request)
    except ValueError:
        return AclEntry(call.request.number("ruleNumber") or 0, call.request.flag("egress"), known=False)


def _put_entry(call: Call, state: State) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(put_entry(acl, named_entry(call)))


def _drop_entry(call: Call, state: State) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(drop_entry(acl, call.request.number("ruleNumber"), call.request.flag("egress")))


def associate_acl(state: State, acl_id: str, association_id: str, subnet_id: str) -> None:
    """Add an association, or mark the subnet's ACL as unknown."""
    acl = state.get(NetworkAcl, acl_id)
    if acl is not None and subnet_id:
        kept = [a for a in acl.associations if a.id != association_id]
        associations = sorted([*kept, AclAssociation(association_id, subnet_id)], key=lambda a: a.id)
        state.put(replace(acl, associations=tuple(associations)))
    state.doubt("network-acl", subnet_id, acl is None)


def _replace_acl_association(call: Call, state: State) -> None:
    subnet_id = state.drop_acl_association(call.request.text("associationId"))
    new_id = call.response.text("newAssociationId")
    state.subnet_of[new_id] = subnet_id
    associate_acl(state, call.request.text("networkAclId"), new_id, subnet_id)


def group_of(call: Call, state: State) -> SecurityGroup | None:
    """The group that a call names, by id or, as old clients do, by name."""
    group_id, name = call.request.text("groupId"), call.request.text("groupName")
    if group_id:
        return state.get(SecurityGroup, group_id)
    named = [group for group in state.every(SecurityGroup) if name and group.name == name]
    return named[0] if len(named) == 1 else None


def add_rules(group: SecurityGroup, rules: list[SecurityGroupRule]) -> SecurityGroup:
    """The group with these rules added; rules that it already has are not duplicated."""
    return replace(group, rules=ordered_rules([*group_rules.without(group.rules, rules), *rules]))


def drop_rules(group: SecurityGroup, rules: list[SecurityGroupRule]) -> SecurityGroup:
    return replace(group, rules=tuple(group_rules.without(group.rules, rules)))


def _authorize(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is not None:
        try:
            state.put(add_rules(group, group_rules.authorized(call)))
        except ValueError:
            state.put(replace(group, known=False))


def _revoke(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is None:
        return
    try:
        rules = group_rules.revoked(call)
    except ValueError:
        state.put(doubt_rules(group, group_rules.is_egress(call)))
        return
    ids = set(group_rules.revoked_ids(call)) - {rule.id for rule in rules}
    present = {rule.id for rule in group.rules}
    group = drop_rules(group, rules)
    group = replace(group, rules=tuple(rule for rule in group.rules if rule.id not in ids))
    if ids - present:
        group = doubt_rules(group, group_rules.is_egress(call))
    state.put(group)


def doubt_rules(group: SecurityGroup, egress: bool | None = None) -> SecurityGroup:
    """The group when a rule without an id may have been removed or changed: only the other rules certainly apply."""
    certain = tuple(rule for rule in group.rules if rule.id or egress not in (None, rule.egress))
    return replace(group, rules=certain, known=False)


def _modify_rules(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is None:
        return
    for rule_id, fields in group_rules.modified(call):
        old = next((rule for rule in group.rules if rule.id == rule_id), None)
        if old is None:
            group = doubt_rules(group)
            continue
        group = drop_rules(group, [old])
        try:
            group = add_rules(group, [group_rules.modified_rule(rule_id, fields, old.egress)])
        except ValueError:
            group = replace(group, known=False)
    state.put(group)


def _delete_group(call: Call, state: State) -> None:
    group = group_of(call, state)
    if group is not None:
        state.remove(SecurityGroup, group.id)


def new_groups(call: Call) -> tuple[str, ...]:
    """The complete new set of groups that a call gives an interface; () if it does not change them."""
    named = call.request.list("groupSet")
    ids = (entry if isinstance(entry, str) else Fields(entry).text("groupId") for entry in named)
    return tuple(sorted(group_id for group_id in ids if group_id))


def new_source_dest_check(call: Call) -> bool | None:
    """What a call sets the source/destination check to; None if it does not."""
    given = call.request.fields("sourceDestCheck")
    return None if given.value("value") is None else given.flag("value")


def modified_interface(call: Call, state: State) -> NetworkInterface | None:
    """The interface that the call names, or the only one of the instance that it names."""
    interface = state.get(NetworkInterface, call.request.text("networkInterfaceId"))
    instance_id = call.request.text("instanceId")
    if interface is not None or not instance_id:
        return interface
    of_instance = [i for i in state.every(NetworkInterface) if i.instance_id == instance_id]
    return of_instance[0] if len(of_instance) == 1 else None


def _modify_interface(call: Call, state: State) -> None:
    interface, groups = modified_interface(call, state), new_groups(call)
    if interface is None:
        return
    if groups:
        state.put(replace(interface, group_ids=groups))
    elif (check := new_source_dest_check(call)) is not None:
        state.put(replace(interface, source_dest_check=check))


EFFECTS: dict[str, Callable[[Call, State], None]] = {
    "CreateNetworkAcl": _create_network_acl,
    "DeleteNetworkAcl": _delete_network_acl,
    "CreateNetworkAclEntry": _put_entry,
    "ReplaceNetworkAclEntry": _put_entry,
    "DeleteNetworkAclEntry": _drop_entry,
    "ReplaceNetworkAclAssociation": _replace_acl_association,
    "AuthorizeSecurityGroupIngress": _authorize,
    "AuthorizeSecurityGroupEgress": _authorize,
    "RevokeSecurityGroupIngress": _revoke,
    "RevokeSecurityGroupEgress": _revoke,
    "ModifySecurityGroupRules": _modify_rules,
    "DeleteSecurityGroup": _delete_group,
    "ModifyNetworkInterfaceAttribute": _modify_interface,
    "ModifyInstanceAttribute": _modify_interface,
}
