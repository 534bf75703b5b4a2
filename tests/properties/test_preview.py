"""Proves that a typed command is read as the call that CloudTrail would record, and that what is foreseen of it is what
the simulation then does, for changes of all kinds."""

import json
import shlex
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from connectors.aws.typed import _short, request_of
from network.aws.call import ids_in
from network.aws.describe import resources_from_describe
from network.history.timeline import Timeline
from network.verdict.foresee import Fate, foresee
from network.verdict.packet import Packet
from schemas.change import ChangeEvent
from schemas.snapshot import Snapshot
from simulation.calls import parse, request_parameters
from simulation.recorder import Actor
from simulation.walk import Unseen, walk
from simulation.worlds.faults import FAULTS
from simulation.worlds.noise import decoys
from simulation.worlds.vpc import APP, DB, LISTED, WEB, WEB6
from simulation.worlds.world import OUTSIDE, PEOPLE, SIX, Maker

TALKS = [
    *((peer, WEB, port, 6, ("web",)) for peer in (PEOPLE[0], PEOPLE[-1]) for port in (22, 80, 443)),
    *((peer, WEB6, 443, 6, ("web",)) for peer in SIX[:1]),
    (PEOPLE[0], WEB, 53, 17, ("web",)),
    (LISTED.replace("0/24", "41"), WEB, 8443, 6, ("web",)),
    *((APP, outside, 443, 6, ("app",)) for outside in OUTSIDE[:1]),
    (APP, DB, 5432, 6, ("app", "db")),
    (WEB, DB, 3306, 6, ("web", "db")),
]


class Typed(Maker):
    """Keeps the commands that are typed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.typed: list[str] = []

    def call(self, command: str, at: datetime | None = None, who: Actor | None = None, *, guilty: bool = False) -> str:
        self.typed.append(command)
        return super().call(command, at, who, guilty=guilty)


def event_of(command: str, at: datetime) -> ChangeEvent:
    name, request = request_of(["aws", "ec2", *shlex.split(command)])
    who = ("me", "IAMUser", "", "", "1", "us-east-1")
    return ChangeEvent(at, "typed", name, *who, ids_in(request), request, {"_return": True})


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_foreseen_is_what_happens(kind: str, seed: int) -> None:
    maker = Typed(kind, seed, 1)
    decoys(maker)
    FAULTS[kind](maker)
    assert len(maker.typed) == len(maker.states) - 1
    changed = 0
    for n, command in enumerate(maker.typed):
        if command.startswith("create-tags"):
            continue
        (_, before), (at, after) = maker.states[n], maker.states[n + 1]
        words = shlex.split(command)
        assert request_of(["aws", "ec2", *words])[1] == request_parameters(parse(words))
        saved = {name: answer for name, answer in before.items() if name.startswith("describe-")}
        known = Timeline(
            [Snapshot(at - timedelta(hours=1), "files", resources_from_describe(saved))], [event_of(command, at)]
        )
        was, will = known.around(["typed"])
        for src, dst, port, protocol, seen in TALKS:
            for name in seen:
                eni, client = maker.id("eni", name), 50_000
                fate, *_ = foresee(Packet(src, dst, protocol, client, port), eni, was, will)
                ends: tuple[Any, ...] = (eni, src, dst, protocol, client, port, Unseen(nat_port=client))
                worked, works = (walk(state, *ends).outcome == "completes" for state in (before, after))
                expected = {(True, False): Fate.CUT_OFF, (False, True): Fate.OPENED}.get((worked, works), Fate.SAME)
                assert fate in (expected, Fate.UNKNOWN), (command, ends)
                # The port that a NAT gateway uses is not known, nor is what is behind another target.
                assert fate is expected or dst in OUTSIDE or "--nat-gateway-id" in command, (command, ends)
                changed += fate is not Fate.SAME
    assert changed


def test_options_in_other_forms() -> None:
    short = "IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=192.0.2.0/24}]"
    rule = ["aws", "ec2", "authorize-security-group-ingress", "--group-id", "sg-1"]
    name, request = request_of([*rule, "--ip-permissions", short, "--region=eu-central-1", "--dry-run"])
    assert name == "AuthorizeSecurityGroupIngress"
    assert request == request_of([*rule, "--protocol", "tcp", "--port", "443", "--cidr", "192.0.2.0/24"])[1]
    assert request["ipPermissions"]["items"][0]["ipRanges"] == {"items": [{"cidrIp": "192.0.2.0/24"}]}


@pytest.mark.parametrize(
    "command",
    [
        "delete-route --route-table-id rtb-1 --destination-cidr-block 0.0.0.0/0",
        "create-network-acl-entry --network-acl-id acl-1 --rule-number 90 --ingress --protocol 6 --rule-action deny"
        " --cidr-block 0.0.0.0/0 --port-range From=22,To=22",
        "create-network-acl-entry --network-acl-id acl-1 --rule-number 90 --egress --protocol 1 --rule-action allow"
        " --cidr-block 0.0.0.0/0 --icmp-type-code Type=-1,Code=-1",
        "revoke-security-group-ingress --group-id sg-1 --security-group-rule-ids sgr-1 sgr-2",
        "authorize-security-group-egress --group-id sg-1 --ip-permissions"
        " IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=192.0.2.0/24}]",
        "modify-instance-attribute --instance-id i-1 --groups sg-1 sg-2",
    ],
)
def test_a_json_request_is_the_same_call(command: str) -> None:
    words = shlex.split(command)
    request: dict[str, Any] = {"Egress": "--egress" in words} if {"--ingress", "--egress"} & {*words} else {}
    shape: Any = operation(words[0]).input_shape
    for name, values in options(words[1:]).items():
        member = next(each for each in shape.members if xform_name(each, "-") == name)
        kind = shape.members[member].type_name
        if "=" in values[0]:
            structures = [_short(value, name) for value in values]
            request[member] = structures if kind == "list" else structures[0]
        else:
            request[member] = {"list": values, "integer": values[0]}.get(kind, values[0])
    if "RuleNumber" in request:
        request["RuleNumber"] = int(request["RuleNumber"])
    typed = request_of(["aws", "ec2", *words])
    assert request_of(["aws", "ec2", words[0], "--cli-input-json", json.dumps(request)]) == typed
    assert request_of(["aws", "ec2", *words, "--cli-input-json", json.dumps(request)]) == typed


def options(words: list[str]) -> dict[str, list[str]]:
    """The options with values."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found[word[2:]] = []
        else:
            found[list(found)[-1]].append(word)
    return {name: values for name, values in found.items() if values}


def operation(name: str) -> Any:
    service = get_session().get_service_model("ec2")
    return next(service.operation_model(each) for each in service.operation_names if xform_name(each, "-") == name)


ENTRY = "aws ec2 create-network-acl-entry --network-acl-id acl-1 --rule-number 90 --egress --rule-action deny"
RULE = "aws ec2 authorize-security-group-ingress --group-id sg-1"
GROUPS = "aws ec2 modify-network-interface-attribute --network-interface-id eni-1 --groups sg-1"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("aws s3 ls", "not an `aws ec2` command"),
        ("aws ec2", "not an `aws ec2` command"),
        ("aws ec2 terminate-instances --instance-ids i-1", "`aws ec2 terminate-instances` does cannot be previewed"),
        ("aws ec2 describe-route-tables", "cannot be previewed"),
        ("aws ec2 delete-route --route-table-id rtb-1 --destination 0.0.0.0/0", "no option --destination."),
        ("aws ec2 delete-route --destination-cidr-block 0.0.0.0/0", "lacks --route-table-id"),
        ("aws ec2 delete-route rtb-1", "'rtb-1' does not belong to an option"),
        (
            "aws ec2 delete-route --destination-cidr-block 0.0.0.0/0 --route-table-id rtb-1 rtb-2",
            "takes one value, not 2",
        ),
        ("aws ec2 delete-route --route-table-id rtb-1 --route-table-id rtb-2", "given twice"),
        ("aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number 90", "lacks --egress"),
        ("aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number x --egress", "'x' is not a number"),
        ("aws ec2 authorize-security-group-ingress --group-id sg-1", "The rule is not given"),
        ("aws ec2 authorize-security-group-ingress --group-id sg-1 --ip-permissions [{", "is not JSON"),
        ("aws ec2 authorize-security-group-ingress --group-id sg-1 --ip-permissions A=1", "no member 'A'"),
        ("aws ec2 modify-network-interface-attribute --network-interface-id eni-1", "Only --groups"),
        ("aws ec2 delete-route --cli-input-json [1]", "not a structure"),
        ("aws ec2 delete-route --cli-input-json {", "is not JSON"),
        ('aws ec2 delete-route --cli-input-json {"RouteTable":"rtb-1"}', "has no member 'RouteTable'"),
        (
            'aws ec2 delete-route --cli-input-json {"RouteTableId":7}',
            "RouteTableId of --cli-input-json is not a string",
        ),
        ('aws ec2 delete-route --cli-input-json {"RouteTableId":"rtb-1"}', "one destination, not 0"),
        (f"{GROUPS} --source-dest-check", "--source-dest-check cannot be given beside --groups"),
        ("aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number 90 --egress=false", "takes no value"),
        (
            "aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number 90 --ingress --dry-run oops",
            "no value",
        ),
        ("aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number 99999 --egress", "not a number"),
        (f"{ENTRY} --cidr-block 0.0.0.0/0 --protocol smtp", "'smtp' is not a protocol"),
        (f"{ENTRY} --cidr-block 0.0.0.0/0 --protocol tcp", "An entry for tcp has ports"),
        (f"{ENTRY} --cidr-block 0.0.0.0/0 --protocol tcp --port-range From=1,Too=2", "other members: From, Too"),
        (f"{ENTRY} --cidr-block 10.0.0.1/8 --protocol all", "is not a CIDR"),
        (f"{ENTRY} --protocol all", "one CIDR, not 0"),
        ("aws ec2 create-route --route-table-id rtb-1 --gateway-id igw-1", "one destination, not 0"),
        ("aws ec2 create-route --route-table-id rtb-1 --destination-cidr-block ::/0", "one target, not 0"),
        (f"{RULE} --protocol tcp --cidr 0.0.0.0/0", "A rule for tcp has ports"),
        (f"{RULE} --protocol tcp --port 22 --cidr here", "'here' is not a CIDR"),
        (f"{RULE} --protocol tcp --ip-permissions IpProtocol=-1", "--protocol cannot be given beside --ip-permissions"),
    ],
)
def test_what_is_not_a_whole_command_is_refused(command: str, words: str) -> None:
    from schemas.errors import FlowtrailError

    with pytest.raises(FlowtrailError) as caught:
        request_of(command.split())
    assert words in caught.value.message
    assert caught.value.remedy
