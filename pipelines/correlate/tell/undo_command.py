"""The `aws` commands that undo a change, and those that reverse the undo. They are printed, never run.

An edit records an entry before and after the change; the command restores the entry from its state after to its state
before. Source of the parameters: the AWS CLI command reference for EC2.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipelines.correlate.blame.edits import Edit, Held, Part
from schemas.configuration import UNKNOWN, AclEntry, Route, RouteTableAssociation, SecurityGroupRule
from schemas.protocols import ALL, EC2_NAMES, ICMP, PORTED

TARGETS = {
    "igw-": "--gateway-id",
    "vgw-": "--gateway-id",
    "vpce-": "--vpc-endpoint-id",
    "nat-": "--nat-gateway-id",
    "tgw-": "--transit-gateway-id",
    "eni-": "--network-interface-id",
    "i-": "--instance-id",
    "pcx-": "--vpc-peering-connection-id",
    "eigw-": "--egress-only-internet-gateway-id",
    "lgw-": "--local-gateway-id",
    "cagw-": "--carrier-gateway-id",
}
"""The option for a route's target, by the prefix of the target's id."""
DEFAULT = "0.0.0.0/0"
"""A default route of IPv6 may as well have led to an egress-only internet gateway."""

NOTHING: Mapping[str, str] = {}


class CannotUndo(Exception):
    """There is no command that undoes the change. The message is the reason."""


@dataclass(frozen=True)
class Undo:
    """`fix` undoes the change and `inverse` reverses the fix: shell commands, or None where there is none; `why` is
    then the reason."""

    fix: str | None
    inverse: str | None
    why: str = ""


NO_UNDO = Undo(None, None)


def undo(
    found: Sequence[Edit], region: str, refused: Mapping[str, str] = NOTHING, owners: Mapping[str, str] = NOTHING
) -> Undo:
    """The commands for the edits of one change, which may be several API calls. `region` is "" when it is unknown.
    `refused` are ids that no command may name, each with the reason; `owners` the accounts of groups of others."""
    if not found:
        return Undo(None, None, "Everything that this change did has been undone since.")
    try:
        option = f" --region {shlex.quote(region)}" if region else ""
        fix = _all(
            [replace(e, before=e.after, after=e.before) for e in found], _Where(option, known=True, owners=owners)
        )
        inverse = _all(found, _Where(option, known=False, owners=owners))
        if named := next((name for name in refused if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", fix)), None):
            raise CannotUndo(refused[named])
    except CannotUndo as error:
        return Undo(None, None, str(error))
    return Undo(fix, inverse)


@dataclass(frozen=True)
class _Where:
    """`region` is the --region option, or "". `known`: the association ids in the edits' `before` are the current ones;
    otherwise a command must look them up, since each replacement creates a new id. `owners`: as in `undo`."""

    region: str
    known: bool
    owners: Mapping[str, str] = field(default_factory=dict)


def likely(found: Sequence[Edit], region: str, gateway: str) -> str:
    """A sentence with the command that likely undoes the deletion of default routes whose target is not known, as only
    `gateway` can have been it; "" where that is not so."""
    known = [replace(edit, before=replace(route, target=gateway)) for edit in found if (route := _lost_default(edit))]
    if not gateway or not found or len(known) != len(found):
        return ""
    return f"Likely, as {gateway} is the only internet gateway attached to the VPC: {undo(known, region).fix}"


def _lost_default(edit: Edit) -> Route | None:
    """The default route that was deleted, if its target is not known."""
    route = edit.before
    if not isinstance(route, Route) or edit.after is not None or route.target != UNKNOWN:
        return None
    return route if route.destination == DEFAULT else None


def _all(found: Sequence[Edit], where: _Where) -> str:
    """The commands for all edits. Raises CannotUndo."""
    if any(not edit.exact for edit in found):
        raise CannotUndo("The rules of the security group before the change are not fully known.")
    commands = [
        *(c for e in found if e.part is not Part.GROUP_RULE for c in _one(e, where)),
        *_group_rules([e for e in found if e.part is Part.GROUP_RULE], where.owners),
    ]
    if not commands:
        raise CannotUndo("The deleted resource cannot be restored by a command.")
    return " && ".join(f"aws ec2 {command}{where.region}" for command in commands)


def _one(edit: Edit, where: _Where) -> list[str]:
    have, want = edit.before, edit.after
    match edit.part:
        case Part.ROUTE:
            return _route(edit)
        case Part.ACL_ENTRY:
            return _acl_entry(edit)
        case Part.ACL_ASSOCIATION if isinstance(have, Held) and isinstance(want, Held):
            return [
                _associated("replace-network-acl-association", have, edit.key, where, "--network-acl-id", want.holder)
            ]
        case Part.TABLE_ASSOCIATION:
            return [_table_association(edit, where)]
        case Part.INTERFACE_GROUPS if isinstance(want, tuple) and want:
            return [
                _line("modify-network-interface-attribute", "--network-interface-id", edit.resource, "--groups", *want)
            ]
        case Part.ATTACHMENT:
            verb = "attach" if have is None else "detach"
            return [_line(f"{verb}-internet-gateway", "--internet-gateway-id", edit.resource, "--vpc-id", edit.key)]
    return []


def _route(edit: Edit) -> list[str]:
    have, want = edit.before, edit.after
    route = want if isinstance(want, Route) else have
    if not isinstance(route, Route) or route.propagated:
        raise CannotUndo("The route was propagated by a gateway, not created by an API call.")
    where = ["--route-table-id", edit.resource, _destination(route.destination), route.destination]
    if not isinstance(want, Route):
        return [_line("delete-route", *where)]
    if isinstance(have, Route) and have.target == want.target:
        return []  # only its state differs, which depends on the target
    return [_line("replace-route" if have else "create-route", *where, *_target(want.target, bool(have)))]


def _destination(destination: str) -> str:
    if destination.startswith("pl-"):
        return "--destination-prefix-list-id"
    return "--destination-ipv6-cidr-block" if ":" in destination else "--destination-cidr-block"


def _target(target: str, replacing: bool) -> list[str]:
    if target == UNKNOWN:
        raise CannotUndo("The route's target before the change is unknown: no snapshot is older than the change.")
    if target == "local":
        return ["--local-target"] if replacing else ["--gateway-id", "local"]
    if target.startswith("arn:"):
        return ["--odb-network-arn" if ":odb:" in target else "--core-network-arn", target]
    for prefix, option in TARGETS.items():
        if target.startswith(prefix):
            return [option, target]
    raise CannotUndo(f"create-route has no option for a target such as {target}.")


def _acl_entry(edit: Edit) -> list[str]:
    have, want = edit.before, edit.after
    entry = want if isinstance(want, AclEntry) else have
    assert isinstance(entry, AclEntry)  # noqa: S101 - an edit has one end at least
    where = ["--network-acl-id", edit.resource, "--egress" if entry.egress else "--ingress"]
    where += ["--rule-number", str(entry.number)]
    if not isinstance(want, AclEntry):
        return [_line("delete-network-acl-entry", *where)]
    if not want.known:
        raise CannotUndo(
            f"The content of rule {want.number} before the change is unknown: no snapshot is older than the change."
        )
    return [_line("replace-network-acl-entry" if have else "create-network-acl-entry", *where, *_acl_content(want))]


def _acl_content(entry: AclEntry) -> list[str]:
    words = ["--protocol", str(entry.protocol)]
    if entry.protocol in PORTED:
        first = 0 if entry.port_from is None else entry.port_from
        last = 65535 if entry.port_from is None else first if entry.port_to is None else entry.port_to
        words += ["--port-range", f"From={first},To={last}"]
    if entry.protocol in ICMP:
        kind, code = (ALL if part is None else part for part in (entry.icmp_type, entry.icmp_code))
        words += ["--icmp-type-code", f"Type={kind},Code={code}"]
    block = "--ipv6-cidr-block" if ":" in entry.cidr else "--cidr-block"
    return [*words, block, entry.cidr, "--rule-action", entry.action]


def _table_association(edit: Edit, where: _Where) -> str:
    have, want = edit.before, edit.after
    if isinstance(have, Held) and isinstance(want, Held):
        return _associated("replace-route-table-association", have, edit.key, where, "--route-table-id", want.holder)
    if isinstance(have, Held):
        return _associated("disassociate-route-table", have, edit.key, where)
    if not isinstance(want, Held) or not isinstance(want.association, RouteTableAssociation) or want.association.main:
        raise CannotUndo("The main route table of a VPC cannot be disassociated.")
    end = "--gateway-id" if want.association.gateway_id else "--subnet-id"
    return _line("associate-route-table", "--route-table-id", want.holder, end, edit.key)


def _associated(command: str, have: Held, key: str, where: _Where, *more: str) -> str:
    """A command on an association, given by its id or by a lookup of the id that runs with the command."""
    if where.known and have.association.id:
        return _line(command, "--association-id", have.association.id, *more)
    if not all(re.fullmatch(r"[\w-]+", name) for name in (have.holder, key.removeprefix("main "))):
        raise CannotUndo(f"{key} is not a valid id in a command.")
    if isinstance(have.association, RouteTableAssociation):
        end = "GatewayId" if have.association.gateway_id else "SubnetId"
        which = "Main" if have.association.main else f"{end} == '{key}'"
        look = f"describe-route-tables --route-table-ids {have.holder}"
        path = f"RouteTables[].Associations[] | [?{which}].RouteTableAssociationId | [0]"
    else:
        look = f"describe-network-acls --filters Name=association.subnet-id,Values={key}"
        path = f"NetworkAcls[].Associations[] | [?SubnetId == '{key}'].NetworkAclAssociationId | [0]"
    found = f'"$(aws ec2 {look} --query "{path}" --output text{where.region})"'
    return f"{_line(command)} --association-id {found}" + (f" {_line(*more)}" if more else "")


def _group_rules(found: list[Edit], owners: Mapping[str, str]) -> list[str]:
    """Commands for security group rules. Rules are added before others are removed, so that no traffic is cut off in
    between."""
    lines = []
    for grants in (True, False):
        places = {(e.resource, _rule(e).egress) for e in found if (e.after is not None) == grants}
        for group, egress in sorted(places):
            rules = [_rule(e) for e in found if e.resource == group and (e.after is not None) == grants]
            permissions = [_permission(rule, owners) for rule in rules if rule.egress == egress]
            verb = f"{'authorize' if grants else 'revoke'}-security-group-{'egress' if egress else 'ingress'}"
            lines.append(
                _line(verb, "--group-id", group, "--ip-permissions", json.dumps(permissions, separators=(",", ":")))
            )
    return lines


def _rule(edit: Edit) -> SecurityGroupRule:
    rule = edit.before if edit.after is None else edit.after
    assert isinstance(rule, SecurityGroupRule)  # noqa: S101 - an edit has one end at least
    return rule


def _permission(rule: SecurityGroupRule, owners: Mapping[str, str]) -> dict[str, object]:
    permission: dict[str, object] = {"IpProtocol": EC2_NAMES.get(rule.protocol, str(rule.protocol))}
    if rule.protocol in PORTED:
        first = 0 if rule.port_from is None else rule.port_from
        last = 65535 if rule.port_from is None else first if rule.port_to is None else rule.port_to
        permission |= {"FromPort": first, "ToPort": last}
    if rule.protocol in ICMP:
        kind, code = (ALL if part is None else part for part in (rule.port_from, rule.port_to))
        permission |= {"FromPort": kind, "ToPort": code}
    if rule.peer.startswith("sg-"):
        owner = {"UserId": owners[rule.peer]} if rule.peer in owners else {}
        return permission | {"UserIdGroupPairs": [{"GroupId": rule.peer, **owner}]}
    if rule.peer.startswith("pl-"):
        return permission | {"PrefixListIds": [{"PrefixListId": rule.peer}]}
    if ":" in rule.peer:
        return permission | {"Ipv6Ranges": [{"CidrIpv6": rule.peer}]}
    return permission | {"IpRanges": [{"CidrIp": rule.peer}]}


def _line(*words: str) -> str:
    return shlex.join(words)
