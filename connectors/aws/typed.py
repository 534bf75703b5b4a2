"""An `aws ec2` command as typed, read as the call that CloudTrail would record. Nothing is sent.

The names and types of options come from botocore's model of EC2; their short forms (`Key=Value,...`) and the options
that only the command line has (`--egress`, `--port`, `--cidr`) are those of the AWS CLI command reference. CloudTrail
records EC2 requests with lowerCamel names, and lists as `{"items": [...]}`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel
from botocore.session import get_session

from schemas.errors import FlowtrailError
from schemas.protocols import ALL, PORTED, protocol_name, protocol_number

Json = dict[str, Any]
Options = dict[str, list[str]]

HARMLESS = frozenset({"region", "profile", "output", "query", "endpoint-url", "color"})
HARMLESS_FLAGS = frozenset({"no-cli-pager", "no-paginate", "debug", "no-verify-ssl", "no-dry-run", "dry-run"})
ACL_OPTIONS = frozenset({"ingress", "egress"})
LOCAL = "local-target"
JSON = "cli-input-json"
GROUP_OPTIONS = frozenset({"protocol", "port", "cidr", "source-group"})


def request_of(words: Sequence[str]) -> tuple[str, Json]:
    """The name of the call, and its `requestParameters`. Raises FlowtrailError for anything that is not one complete
    `aws ec2` command whose effect can be computed, naming the word that is wrong."""
    if list(words[:2]) != ["aws", "ec2"] or len(words) < 3:
        raise FlowtrailError("This is not an `aws ec2` command.", f"Type it in full: {_EXAMPLE}")
    operation = words[2]
    build = _BUILDERS.get(operation)
    if build is None:
        raise FlowtrailError(
            f"What `aws ec2 {operation}` does cannot be previewed.", f"These can: {', '.join(sorted(_BUILDERS))}."
        )
    model = _operation(operation)
    shape: Any = model.input_shape
    options = _from_json(_options(words[3:], operation, {xform_name(name, "-") for name in shape.members}), model)
    missing = [xform_name(name, "-") for name in shape.required_members if not _given(operation, name, options)]
    if missing:
        raise FlowtrailError(f"`aws ec2 {operation}` lacks --{missing[0]}.", f"Type it in full: {_EXAMPLE}")
    return model.name, build(options)


_EXAMPLE = "aws ec2 delete-route --route-table-id rtb-1 --destination-cidr-block 0.0.0.0/0"


@lru_cache
def _operation(name: str) -> OperationModel:
    service = get_session().get_service_model("ec2")
    return next(service.operation_model(each) for each in service.operation_names if xform_name(each, "-") == name)


def _options(words: Sequence[str], operation: str, known: set[str]) -> Options:
    if operation.endswith("network-acl-entry"):
        known = known | ACL_OPTIONS
    if "security-group" in operation:
        known = known | GROUP_OPTIONS
    found: Options = {}
    for word in words:
        if not word.startswith("--"):
            if not found:
                raise FlowtrailError(f"{word!r} does not belong to an option.", f"Type it in full: {_EXAMPLE}")
            found[list(found)[-1]].append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in known | HARMLESS | HARMLESS_FLAGS | {JSON}:
            raise FlowtrailError(
                f"`aws ec2 {operation}` has no option --{name}.",
                f"It has --{', --'.join(sorted(known - {'dry-run'}))}.",
            )
        if name in found:
            raise FlowtrailError(f"--{name} is given twice.", "Give it once.")
        found[name] = [value] if equals else []
    for name in (HARMLESS_FLAGS | ACL_OPTIONS | {LOCAL}) & found.keys():
        if found[name]:
            raise FlowtrailError(f"--{name} takes no value.", f"Leave out {' '.join(found[name])!r}.")
    return {name: values for name, values in found.items() if name not in HARMLESS | HARMLESS_FLAGS}


def _from_json(options: Options, model: OperationModel) -> Options:
    """The options with those of `--cli-input-json` in the place of it. As on the command line, what is also given as
    an option of its own counts."""
    if JSON not in options:
        return options
    shape: Any = model.input_shape
    found: Options = {}
    for member, value in _structure(_text(options, JSON), JSON).items():
        if member not in shape.members:
            known = ", ".join(sorted(shape.members.keys() - {"DryRun"}))
            raise FlowtrailError(f"{model.name} has no member {member!r}.", f"It has {known}.")
        name, kind = xform_name(member, "-"), shape.members[member].type_name
        if not isinstance(value, _JSON_TYPES.get(kind, object)) or (kind != "boolean" and isinstance(value, bool)):
            raise FlowtrailError(f"{member} of --{JSON} is not a {kind}.", f"It is {json.dumps(value)}.")
        if member == "Egress":
            found["egress" if value else "ingress"] = []
        elif kind == "boolean":
            found |= {name: []} if value else {}
        elif kind == "list" and all(isinstance(each, str) for each in value):
            found[name] = list(value)
        else:
            found[name] = [value if isinstance(value, str) else json.dumps(value)]
    if ACL_OPTIONS & options.keys():
        found = {name: values for name, values in found.items() if name not in ACL_OPTIONS}
    return {name: values for name, values in {**found, **options}.items() if name not in {JSON, *HARMLESS_FLAGS}}


def _given(operation: str, member: str, options: Options) -> bool:
    if member == "Egress":
        return len(ACL_OPTIONS & options.keys()) == 1
    return bool(options.get(xform_name(member, "-")))


def _text(options: Options, name: str) -> str:
    values = options[name]
    if len(values) != 1:
        raise FlowtrailError(f"--{name} takes one value, not {len(values)}.", "Give exactly one.")
    return values[0]


def _number(text: str, name: str, low: int = -1, high: int = 65535) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise FlowtrailError(f"{text!r} is not a number for {name}.", f"Write one from {low} to {high}.")
    return int(text)


def _range(text: str) -> str:
    """A range of addresses, as it was written."""
    try:
        ip_network(text)
    except ValueError as error:
        raise FlowtrailError(f"{text!r} is not a CIDR: {error}.", "Write 192.0.2.0/24 or 2001:db8::/32.") from None
    return text


def _protocol(text: str) -> int:
    return ALL if text in ("-1", "all") else protocol_number(text) or 0


def _refuse_others(options: Options, known: set[str], what: str) -> None:
    if others := sorted(options.keys() - known):
        raise FlowtrailError(f"--{others[0]} cannot be given beside {what}.", "Leave one of them out.")


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _items(values: Sequence[Any]) -> Json:
    return {"items": list(values)} if values else {}


def _plain(options: Options) -> Json:
    return {_camel(name): True if name == LOCAL else _text(options, name) for name in options}


def _route(options: Options) -> Json:
    """A route has one destination and, unless it is deleted, one target."""
    ends = [name for name in options if name.startswith("destination-")]
    if len(ends) != 1:
        raise FlowtrailError(f"A route has one destination, not {len(ends)}.", "Give --destination-cidr-block.")
    if not ends[0].endswith("prefix-list-id"):
        _range(_text(options, ends[0]))
    return _plain(options)


def _new_route(options: Options) -> Json:
    targets = [name for name in options if name != "route-table-id" and not name.startswith("destination-")]
    if len(targets) != 1:
        raise FlowtrailError(f"A route has one target, not {len(targets)}.", "Give --gateway-id or another target.")
    return _route(options)


def _acl_entry(options: Options) -> Json:
    request: Json = {
        "networkAclId": _text(options, "network-acl-id"),
        "ruleNumber": _number(_text(options, "rule-number"), "--rule-number", 1, 32766),
        "egress": "egress" in options,
    }
    if "protocol" not in options:
        return request
    action, protocol = _text(options, "rule-action"), _protocol(_text(options, "protocol"))
    if action not in ("allow", "deny"):
        raise FlowtrailError(f"{action!r} is not a rule action.", "Write allow or deny.")
    blocks = [name for name in ("cidr-block", "ipv6-cidr-block") if name in options]
    if len(blocks) != 1:
        raise FlowtrailError(f"An entry has one CIDR, not {len(blocks)}.", "Give --cidr-block or --ipv6-cidr-block.")
    request |= {
        "ruleAction": action,
        "aclProtocol": str(protocol),
        _camel(blocks[0]): _range(_text(options, blocks[0])),
    }
    for name, members in (("icmp-type-code", ("Type", "Code")), ("port-range", ("From", "To"))):
        given = {key: value for one in _structures(options, name) for key, value in one.items()}
        if given and sorted(given) != sorted(members):
            raise FlowtrailError(f"--{name} has other members: {', '.join(given)}.", f"Give {' and '.join(members)}.")
        request[_camel(name)] = {key.lower(): _number(str(value), key) for key, value in given.items()}
    if protocol in PORTED and not request["portRange"]:
        raise FlowtrailError(f"An entry for {protocol_name(protocol)} has ports.", "Give --port-range From=22,To=22.")
    return request


def _permissions(options: Options) -> Json:
    request: Json = {_camel(name): _text(options, name) for name in ("group-id", "group-name") if name in options}
    if not request:
        raise FlowtrailError("The security group is not named.", "Give --group-id.")
    if "security-group-rule-ids" in options:
        _refuse_others(options, {"group-id", "group-name", "security-group-rule-ids"}, "--security-group-rule-ids")
        rules = [{"securityGroupRuleId": rule} for rule in options["security-group-rule-ids"]]
        return request | {"securityGroupRuleIds": _items(rules)}
    if "ip-permissions" in options:
        _refuse_others(options, {"group-id", "group-name", "ip-permissions", "tag-specifications"}, "--ip-permissions")
    given = _structures(options, "ip-permissions") or [_simple(options)]
    return request | {"ipPermissions": _items([_permission(one) for one in given])}


def _simple(options: Options) -> Json:
    """`--protocol --port --cidr --source-group`, which the command line turns into one permission."""
    if "protocol" not in options or not {"cidr", "source-group"} & options.keys():
        raise FlowtrailError("The rule is not given.", "Give --ip-permissions, or --protocol, --port and --cidr.")
    protocol = _text(options, "protocol")
    permission: Json = {"IpProtocol": "-1" if protocol == "all" else protocol}
    if "port" in options:
        port = _text(options, "port")
        first, last = (port, port) if port == "-1" or "-" not in port else port.split("-", 1)
        permission |= {"FromPort": _number(first, "--port"), "ToPort": _number(last, "--port")}
    if "cidr" in options:
        permission["IpRanges"] = [{"CidrIp": _text(options, "cidr")}]
    if "source-group" in options:
        permission["UserIdGroupPairs"] = [{"GroupId": _text(options, "source-group")}]
    return permission


_LISTS = (
    ("groups", "UserIdGroupPairs", "GroupId"),
    ("ipRanges", "IpRanges", "CidrIp"),
    ("ipv6Ranges", "Ipv6Ranges", "CidrIpv6"),
    ("prefixListIds", "PrefixListIds", "PrefixListId"),
)


def _permission(permission: Mapping[str, Any]) -> Json:
    known = {"IpProtocol", "FromPort", "ToPort", *(member for _, member, _ in _LISTS)}
    if wrong := sorted(set(permission) - known):
        raise FlowtrailError(f"A permission has no member {wrong[0]!r}.", f"It has {', '.join(sorted(known))}.")
    if "IpProtocol" not in permission:
        raise FlowtrailError("A permission lacks IpProtocol.", "Give it: tcp, udp, icmp, ... or -1.")
    protocol = _protocol(str(permission["IpProtocol"]))
    if protocol in PORTED and not {"FromPort", "ToPort"} <= permission.keys():
        raise FlowtrailError(f"A rule for {protocol_name(protocol)} has ports.", "Give FromPort and ToPort, or --port.")
    written: Json = {"ipProtocol": str(permission["IpProtocol"])}
    for name in ("FromPort", "ToPort"):
        if name in permission:
            written[name[0].lower() + name[1:]] = _number(str(permission[name]), name)
    for name, member, key in _LISTS:
        peers = permission.get(member, [])
        if any(key not in peer for peer in peers):
            raise FlowtrailError(f"A peer in {member} lacks {key}.", "Give it.")
        for peer in peers if key.startswith("Cidr") else ():
            _range(str(peer[key]))
        written[name] = _items([{each[0].lower() + each[1:]: value for each, value in peer.items()} for peer in peers])
    return written


def _groups(options: Options) -> Json:
    """Of an interface, or of the only interface of an instance."""
    if "groups" not in options:
        raise FlowtrailError("Only --groups can be previewed.", "Give --groups sg-...")
    named = next(name for name in ("network-interface-id", "instance-id") if name in options)
    _refuse_others(options, {named, "groups"}, "--groups")
    request = {_camel(named): _text(options, named)}
    return request | {"groupSet": _items([{"groupId": group} for group in options["groups"]])}


def _structures(options: Options, name: str) -> list[Any]:
    """Structures as JSON or in the short form."""
    values = options.get(name, [])
    if values and values[0].lstrip().startswith(("[", "{")):
        loaded = _loaded(" ".join(values), name)
        found = loaded if isinstance(loaded, list) else [loaded]
    else:
        found = [_short(value, name) for value in values]
    if not all(isinstance(one, dict) for one in found):
        raise FlowtrailError(f"The value of --{name} is not a structure.", "Write Key=Value,Key=Value or JSON.")
    return found


def _loaded(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FlowtrailError(f"The value of --{name} is not JSON: {error}.", "Correct it.") from None


def _structure(text: str, name: str) -> Json:
    loaded = _loaded(text, name)
    if not isinstance(loaded, dict):
        raise FlowtrailError(f"The value of --{name} is not a structure.", 'Write {"Member": value, ...}.')
    return loaded


_JSON_TYPES: Mapping[str, Any] = {
    "string": str, "integer": int, "boolean": bool, "list": list, "structure": dict,
}  # fmt: skip


def _short(text: str, name: str) -> Json:
    """`Key=Value,Key=[{Key=Value},{...}]`, as far as permissions, ports and ICMP types need it.

    >>> _short("IpProtocol=tcp,IpRanges=[{CidrIp=192.0.2.0/24},{CidrIp=10.0.0.0/8}]", "ip-permissions")
    {'IpProtocol': 'tcp', 'IpRanges': [{'CidrIp': '192.0.2.0/24'}, {'CidrIp': '10.0.0.0/8'}]}
    """
    found: Json = {}
    for part in _split(text):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise FlowtrailError(f"{part!r} in --{name} is not Key=Value.", "Write Key=Value,Key=Value or JSON.")
        if value.startswith("[") and value.endswith("]"):
            inner = _split(value[1:-1])
            found[key] = [
                _short(one[1:-1], name) if one.startswith("{") and one.endswith("}") else one for one in inner
            ]
        else:
            found[key] = value
    return found


def _split(text: str) -> list[str]:
    """The parts between commas that are not within brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


_BUILDERS: Mapping[str, Callable[[Options], Json]] = {
    **dict.fromkeys(("create-route", "replace-route"), _new_route),
    "delete-route": _route,
    **dict.fromkeys(
        (
            "associate-route-table",
            "disassociate-route-table",
            "replace-route-table-association",
            "attach-internet-gateway",
            "detach-internet-gateway",
            "replace-network-acl-association",
            "delete-nat-gateway",
            "delete-vpc-peering-connection",
            "detach-vpn-gateway",
            "disable-vgw-route-propagation",
        ),
        _plain,
    ),
    **dict.fromkeys(("create-network-acl-entry", "replace-network-acl-entry", "delete-network-acl-entry"), _acl_entry),
    **{
        f"{verb}-security-group-{way}": _permissions
        for verb in ("authorize", "revoke")
        for way in ("ingress", "egress")
    },
    **dict.fromkeys(("modify-network-interface-attribute", "modify-instance-attribute"), _groups),
}
