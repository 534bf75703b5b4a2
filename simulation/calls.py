"""From an `aws ec2` command line to the request that CloudTrail records.

CloudTrail records EC2 requests in an "old style": lowerCamel names, lists as `{"items": [...]}`, unset structures as
`{}`, and the protocol of a network ACL entry as `aclProtocol`.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

Json = dict[str, Any]
GLOBAL_OPTIONS = ("region", "output", "profile", "endpoint-url", "no-cli-pager", "no-paginate")
ACL_PROTOCOLS = {"all": "-1", "icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58"}


class UnknownCall(Exception):
    """A command line that the recorder cannot write a CloudTrail record for."""


@dataclass(frozen=True)
class Call:
    """`aws ec2 <operation> --<option> <values>`; `words` is everything after `aws ec2`."""

    operation: str
    options: Mapping[str, Sequence[str]]
    words: tuple[str, ...]

    @property
    def event_name(self) -> str:
        return "".join(word.capitalize() for word in self.operation.split("-"))


def parse(command: str | Sequence[str]) -> Call:
    """Parse a line (`aws ec2 ...`) or its words, with or without the leading `aws ec2`. Raises UnknownCall."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if words[:1] == ["aws"]:
        words = words[1:]
        if words[:1] != ["ec2"]:
            raise UnknownCall(f"not an `aws ec2` command: {shlex.join(words)}")
    if words[:1] == ["ec2"]:
        words = words[1:]
    if not words or words[0].startswith("-"):
        raise UnknownCall(f"no operation in {command!r}")
    options: dict[str, list[str]] = {}
    for word in words[1:]:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            options[name] = [value] if value else []
        elif not options:
            raise UnknownCall(f"{word!r} does not belong to an option in {command!r}")
        else:
            options[list(options)[-1]].append(word)
    kept = {name: values for name, values in options.items() if name not in GLOBAL_OPTIONS}
    return Call(words[0], kept, tuple(words))


def split_line(line: str) -> list[str]:
    """The commands of a line that joins them with `&&`."""
    parts: list[list[str]] = [[]]
    for word in shlex.split(line):
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return [shlex.join(part) for part in parts if part]


def request_parameters(call: Call) -> Json:
    """`requestParameters` of the record. Raises UnknownCall for an unsupported operation."""
    builder = _BUILDERS.get(call.operation)
    if builder is None:
        raise UnknownCall(f"the CloudTrail record of `aws ec2 {call.operation}` is not implemented")
    return builder(call.options)


def response_elements(call: Call, answer: Mapping[str, Any], request_id: str, account: str) -> Json:
    """`responseElements`, with the ids that the command line actually returned."""
    response: Json = {"requestId": request_id}
    if call.operation == "associate-route-table":
        return response | {"associationId": answer["AssociationId"], "associationState": {"state": "associated"}}
    if call.operation == "replace-route-table-association":
        return response | {"newAssociationId": answer["NewAssociationId"], "associationState": {"state": "associated"}}
    if call.operation == "replace-network-acl-association":
        return response | {"newAssociationId": answer["NewAssociationId"]}
    if call.operation == "disassociate-route-table":
        response["associationState"] = {"state": "disassociating"}
    response["_return"] = True
    if call.operation.startswith("authorize-security-group"):
        rules = [{"groupOwnerId": account} | _camel_keys(rule) for rule in answer.get("SecurityGroupRules", [])]
        response["securityGroupRuleSet"] = _items(rules)
    return response


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _camel_keys(rule: Mapping[str, Any]) -> Json:
    """`{"CidrIpv4": x}` to `{"cidrIpv4": x}`, including nested objects; empty values are left out."""
    return {
        name[0].lower() + name[1:]: _camel_keys(value) if isinstance(value, Mapping) else value
        for name, value in rule.items()
        if value not in ([], {}, None)
    }


def _items(values: Sequence[Any]) -> Json:
    return {"items": list(values)} if values else {}


def _structures(values: Sequence[str]) -> list[Any]:
    """Structures in either CLI syntax: JSON or shorthand."""
    if values and values[0].lstrip().startswith(("[", "{")):
        loaded = json.loads(" ".join(values))
        return loaded if isinstance(loaded, list) else [loaded]
    return [ShorthandParser().parse(value) for value in values]


def _plain(options: Mapping[str, Sequence[str]]) -> Json:
    return {_camel(name): values[0] if values else True for name, values in options.items()}


def _acl_entry(options: Mapping[str, Sequence[str]]) -> Json:
    request: Json = {
        "networkAclId": options["network-acl-id"][0],
        "ruleNumber": int(options["rule-number"][0]),
        "egress": "egress" in options,
    }
    if "protocol" not in options:  # a deletion identifies the rule only by its number
        return request
    protocol = options["protocol"][0]
    request |= {"ruleAction": options["rule-action"][0], "aclProtocol": ACL_PROTOCOLS.get(protocol, protocol)}
    request |= {_camel(name): options[name][0] for name in ("cidr-block", "ipv6-cidr-block") if name in options}
    request["icmpTypeCode"] = _numbers(options.get("icmp-type-code", ()))
    request["portRange"] = _numbers(options.get("port-range", ()))
    return request


def _numbers(values: Sequence[str]) -> Json:
    return {name.lower(): int(value) for part in _structures(values) for name, value in part.items()}


def _permissions(options: Mapping[str, Sequence[str]]) -> Json:
    request: Json = {_camel(name): options[name][0] for name in ("group-id", "group-name") if name in options}
    if "security-group-rule-ids" in options:
        ids = [{"securityGroupRuleId": rule_id} for rule_id in options["security-group-rule-ids"]]
        return request | {"securityGroupRuleIds": _items(ids)}
    given = _structures(options.get("ip-permissions", ())) or [_simple_permission(options)]
    return request | {"ipPermissions": _items([_permission(permission) for permission in given])}


def _simple_permission(options: Mapping[str, Sequence[str]]) -> Json:
    """The CLI turns `--protocol --port --cidr --source-group` into one permission before it sends the request."""
    protocol = options["protocol"][0]
    permission: Json = {"IpProtocol": "-1" if protocol == "all" else protocol}
    if "port" in options:
        port = options["port"][0]
        first, last = (port, port) if port == "-1" or "-" not in port else port.split("-", 1)
        permission |= {"FromPort": int(first), "ToPort": int(last)}
    if "cidr" in options:
        permission["IpRanges"] = [{"CidrIp": options["cidr"][0]}]
    if "source-group" in options:
        permission["UserIdGroupPairs"] = [{"GroupId": options["source-group"][0]}]
    return permission


def _permission(permission: Mapping[str, Any]) -> Json:
    written: Json = {"ipProtocol": str(permission["IpProtocol"])}
    written |= {
        name[0].lower() + name[1:]: int(permission[name]) for name in ("FromPort", "ToPort") if name in permission
    }
    lists = (("groups", "UserIdGroupPairs"), ("ipRanges", "IpRanges"), ("ipv6Ranges", "Ipv6Ranges"))
    for name, member in (*lists, ("prefixListIds", "PrefixListIds")):
        written[name] = _items([_camel_keys(element) for element in permission.get(member, [])])
    return written


def _tags(options: Mapping[str, Sequence[str]]) -> Json:
    tags = [{name.lower(): value for name, value in tag.items()} for tag in _structures(options.get("tags", ()))]
    resources = [{"resourceId": resource} for resource in options["resources"]]
    return {"resourcesSet": _items(resources), "tagSet": _items(tags)}


def _groups(options: Mapping[str, Sequence[str]]) -> Json:
    request: Json = {_camel(name): options[name][0] for name in options if name.endswith("-id")}
    if "groups" not in options:
        raise UnknownCall("the only attribute that is implemented is --groups")
    return request | {"groupSet": _items([{"groupId": group} for group in options["groups"]])}


_BUILDERS: dict[str, Callable[[Mapping[str, Sequence[str]]], Json]] = {
    **dict.fromkeys(
        (
            "create-route",
            "replace-route",
            "delete-route",
            "associate-route-table",
            "disassociate-route-table",
            "replace-route-table-association",
            "attach-internet-gateway",
            "detach-internet-gateway",
            "replace-network-acl-association",
        ),
        _plain,
    ),
    **dict.fromkeys(("create-network-acl-entry", "replace-network-acl-entry", "delete-network-acl-entry"), _acl_entry),
    **{
        f"{verb}-security-group-{direction}": _permissions
        for verb in ("authorize", "revoke")
        for direction in ("ingress", "egress")
    },
    "create-tags": _tags,
    "delete-tags": _tags,
    "modify-network-interface-attribute": _groups,
    "modify-instance-attribute": _groups,
}
