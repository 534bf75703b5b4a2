"""Network ACLs, security groups and interfaces as they were before a call on them."""

from collections.abc import Callable
from dataclasses import replace

from network.aws import group_rules
from network.aws.call import Call, History
from network.aws.fields import Fields
from network.history.apply_filters import (
    add_rules,
    associate_acl,
    doubt_rules,
    drop_entry,
    drop_rules,
    group_of,
    modified_interface,
    named_entry,
    new_groups,
    new_source_dest_check,
    put_entry,
)
from network.history.rebuild import rebuilt
from network.history.state import State
from schemas.configuration import UNKNOWN, AclEntry, NetworkAcl, SecurityGroupRule


def _uncreate_entry(call: Call, state: State, _: History) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    if acl is not None:
        state.put(drop_entry(acl, call.request.number("ruleNumber"), call.request.flag("egress")))


def _restore_entry(call: Call, state: State, history: History) -> None:
    acl = state.get(NetworkAcl, call.request.text("networkAclId"))
    number, egress = call.request.number("ruleNumber"), call.request.flag("egress")
    if acl is None or number is None:
        return
    for earlier in history.before(call, acl.id):
        if (
            earlier.request.text("networkAclId") == acl.id
            and earlier.request.number("ruleNumber") == number
            and earlier.request.flag("egress") == egress
        ):
            if earlier.name in ("CreateNetworkAclEntry", "ReplaceNetworkAclEntry"):
                state.put(put_entry(acl, named_entry(earlier)))
                return
            break
    state.put(put_entry(acl, AclEntry(number, egress, known=False)))


def _replace_acl_back(call: Call, state: State, history: History) -> None:
    old_id, new_id = call.request.text("associationId"), call.response.text("newAssociationId")
    subnet_id = state.drop_acl_association(new_id)
    state.subnet_of[old_id] = subnet_id
    acl_id = next(
        (
            earlier.request.text("networkAclId")
            for earlier in history.before(call, old_id)
            if earlier.name == "ReplaceNetworkAclAssociation" and earlier.response.text("newAssociationId") == old_id
        ),
        "",
    )
    associate_acl(state, acl_id, old_id, subnet_id)


def _uncreate_network_acl(call: Call, state: State, _: History) -> None:
    state.remove(NetworkAcl, call.response.fields("networkAcl").text("networkAclId"))


def _undelete_network_acl(call: Call, state: State, history: History) -> None:
    """No subnet used it, or it could not have been deleted."""
    acl = rebuilt(NetworkAcl, call.request.text("networkAclId"), call, history)
    if acl is not None and state.covers(acl.vpc_id):
        state.put(replace(acl, associations=()))


# Security groups and interfaces


def _unauthorize(call: Call, state: State, _: History) -> None:
    group = group_of(call, state)
    if group is not None:
        try:
            state.put(drop_rules(group, group_rules.authorized(call)))
        except ValueError:
            state.put(doubt_rules(group, group_rules.is_egress(call)))


def _unrevoke(call: Call, state: State, history: History) -> None:
    group = group_of(call, state)
    if group is None:
        return
    ids = group_rules.revoked_ids(call)
    try:
        rules = group_rules.revoked(call)
    except ValueError:
        state.put(replace(group, known=False))
        return
    earlier = _earlier_rules(call, group.id, history)
    named = [rule if rule.id else next((e for e in earlier if group_rules.same(e, rule)), rule) for rule in rules]
    for rule_id in ids:
        if not any(rule.id == rule_id for rule in named):
            found = next((rule for rule in earlier if rule.id == rule_id), None)
            named += [found] if found else []
            group = group if found else replace(group, known=False)
    state.put(add_rules(group, named))


def _earlier_rules(call: Call, group_id: str, history: History) -> list[SecurityGroupRule]:
    """Rules as the calls before this one left them, newest first: the first with an id is the rule as it was."""
    found: list[SecurityGroupRule] = []
    changed: list[tuple[str, Call]] = []
    for earlier in history.before(call, group_id):
        try:
            if earlier.name.startswith("AuthorizeSecurityGroup"):
                rules = group_rules.authorized(earlier)
                egress = {rule.id: rule.egress for rule in rules}
                found += [
                    group_rules.modified_rule(rule_id, fields, egress[rule_id])
                    for changed_id, modify in changed
                    for rule_id, fields in group_rules.modified(modify)
                    if rule_id == changed_id and rule_id in egress
                ]
                found += rules
            elif earlier.name == "ModifySecurityGroupRules":
                changed += [(rule_id, earlier) for rule_id, _ in group_rules.modified(earlier)]
        except ValueError:
            continue  # a call that cannot be read gives no rules
    return found


def _unmodify_rules(call: Call, state: State, history: History) -> None:
    group = group_of(call, state)
    if group is None:
        return
    earlier = _earlier_rules(call, group.id, history)
    for rule_id, fields in group_rules.modified(call):
        kept = tuple(rule for rule in group.rules if not _is_modified(rule, rule_id, fields))
        group = doubt_rules(group) if kept == group.rules else replace(group, rules=kept)
        old = next((rule for rule in earlier if rule.id == rule_id), None)
        group = replace(group, known=False) if old is None else add_rules(group, [old])
    state.put(group)


def _is_modified(rule: SecurityGroupRule, rule_id: str, fields: Fields) -> bool:
    """Whether the rule is the one the call modified: by id, or by content if its id is unknown."""
    try:
        return group_rules.same(rule, group_rules.modified_rule(rule_id, fields, rule.egress))
    except ValueError:
        return rule.id == rule_id


def _unmodify_interface(call: Call, state: State, history: History) -> None:
    interface = modified_interface(call, state)
    if interface is None:
        return
    named = {interface.id, call.request.text("instanceId")} - {""}
    if not new_groups(call):
        if new_source_dest_check(call) is not None:
            checks = (
                c for n in sorted(named) for e in history.before(call, n) if (c := new_source_dest_check(e)) is not None
            )
            state.put(replace(interface, source_dest_check=next(checks, None)))
        return
    earlier = (groups for name in sorted(named) for e in history.before(call, name) if (groups := new_groups(e)))
    state.put(replace(interface, group_ids=next(earlier, (UNKNOWN,))))


EFFECTS: dict[str, Callable[[Call, State, History], None]] = {
    "CreateNetworkAcl": _uncreate_network_acl,
    "DeleteNetworkAcl": _undelete_network_acl,
    "CreateNetworkAclEntry": _uncreate_entry,
    "ReplaceNetworkAclEntry": _restore_entry,
    "DeleteNetworkAclEntry": _restore_entry,
    "ReplaceNetworkAclAssociation": _replace_acl_back,
    "AuthorizeSecurityGroupIngress": _unauthorize,
    "AuthorizeSecurityGroupEgress": _unauthorize,
    "RevokeSecurityGroupIngress": _unrevoke,
    "RevokeSecurityGroupEgress": _unrevoke,
    "ModifySecurityGroupRules": _unmodify_rules,
    "ModifyNetworkInterfaceAttribute": _unmodify_interface,
    "ModifyInstanceAttribute": _unmodify_interface,
}
