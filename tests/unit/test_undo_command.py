"""Proves the commands that undo a change: exact text, accepted by the real `aws` command line, and no command if the
previous state is not known."""

import shlex
from dataclasses import replace
from typing import Any

import pytest
from awscli.clidriver import create_clidriver

from network.history.timeline import Timeline
from pipelines.correlate.blame.edits import edits
from pipelines.correlate.tell.undo_command import Undo, undo
from schemas.change import ChangeEvent
from schemas.configuration import (
    UNKNOWN,
    AclEntry,
    NetworkAcl,
    Resource,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    configuration,
)
from schemas.snapshot import Snapshot
from tests.correlate_lab import call, clock, create_route, delete_route, deny, resources, undeny

ENTRY = "--network-acl-id acl-pub --ingress --rule-number 90"
CONTENT = "--protocol 6 --port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action deny"
ROUTE = "--route-table-id rtb-pub --destination-cidr-block 0.0.0.0/0"


def undone(*changes: ChangeEvent, region: str = "") -> Undo:
    """The command that undoes the last change."""
    known = Timeline([Snapshot(clock("08:00"), "files", resources())], changes)
    return undo(edits(*known.around([changes[-1].event_id])), region)


def changed(resource_id: str, **members: Any) -> tuple[Resource, Resource]:
    resource = next(r for r in resources() if r.id == resource_id)
    new: Resource = replace(resource, **members)
    return resource, new


def between(before: Resource, after: Resource) -> Undo:
    """The command that undoes the change from one resource to the other."""
    rest = [r for r in resources() if r.id != before.id]
    return undo(edits(configuration([*rest, before]), configuration([*rest, after])), "")


def accepted(commands: str | None) -> None:
    """Asserts that the aws command line accepts every command, option and value; nothing is sent."""
    assert commands is not None
    for command in commands.split(" && "):
        words = shlex.split(command.replace('"$(', "'").replace(')"', "'") if "$(" in command else command)
        assert words[:2] == ["aws", "ec2"]
        known_region = [] if "--region" in words else ["--region", "eu-central-1"]
        assert create_clidriver().main([*words[1:], *known_region, "--generate-cli-skeleton", "output"]) == 0, command


@pytest.mark.parametrize(
    ("changes", "fix", "inverse"),
    [
        ([delete_route("14:00")], f"create-route {ROUTE} --gateway-id igw-1", f"delete-route {ROUTE}"),
        (
            [delete_route("14:00"), create_route("14:10")],
            f"delete-route {ROUTE}",
            f"create-route {ROUTE} --gateway-id igw-1",
        ),
        (
            [
                call(
                    "14:00",
                    "ReplaceRoute",
                    {"routeTableId": "rtb-pub", "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"},
                )
            ],
            f"replace-route {ROUTE} --gateway-id igw-1",
            f"replace-route {ROUTE} --nat-gateway-id nat-1",
        ),
        (
            [deny("14:00")],
            f"delete-network-acl-entry {ENTRY}",
            f"create-network-acl-entry {ENTRY} {CONTENT}",
        ),
        (
            [deny("14:00"), undeny("14:10")],
            f"create-network-acl-entry {ENTRY} {CONTENT}",
            f"delete-network-acl-entry {ENTRY}",
        ),
        (
            [
                call(
                    "14:00",
                    "ReplaceNetworkAclEntry",
                    {
                        "networkAclId": "acl-pub",
                        "ruleNumber": 100,
                        "egress": True,
                        "ruleAction": "deny",
                        "aclProtocol": "1",
                        "cidrBlock": "10.0.0.0/8",
                        "icmpTypeCode": {"type": 8, "code": -1},
                    },
                )
            ],
            "replace-network-acl-entry --network-acl-id acl-pub --egress --rule-number 100 --protocol -1"
            " --cidr-block 0.0.0.0/0 --rule-action allow",
            "replace-network-acl-entry --network-acl-id acl-pub --egress --rule-number 100 --protocol 1"
            " --icmp-type-code Type=8,Code=-1 --cidr-block 10.0.0.0/8 --rule-action deny",
        ),
        (
            [
                call(
                    "14:00",
                    "ReplaceNetworkAclAssociation",
                    {"associationId": "aclassoc-pub", "networkAclId": "acl-shut"},
                    {"newAssociationId": "aclassoc-2"},
                )
            ],
            "replace-network-acl-association --association-id aclassoc-2 --network-acl-id acl-pub",
            "replace-network-acl-association --association-id"
            ' "$(aws ec2 describe-network-acls --filters Name=association.subnet-id,Values=subnet-pub --query'
            " \"NetworkAcls[].Associations[] | [?SubnetId == 'subnet-pub'].NetworkAclAssociationId | [0]\""
            ' --output text)" --network-acl-id acl-shut',
        ),
        (
            [
                call(
                    "14:00",
                    "ReplaceRouteTableAssociation",
                    {"associationId": "rtbassoc-pub", "routeTableId": "rtb-main"},
                    {"newAssociationId": "rtbassoc-2"},
                )
            ],
            "replace-route-table-association --association-id rtbassoc-2 --route-table-id rtb-pub",
            "replace-route-table-association --association-id"
            ' "$(aws ec2 describe-route-tables --route-table-ids rtb-pub --query'
            " \"RouteTables[].Associations[] | [?SubnetId == 'subnet-pub'].RouteTableAssociationId | [0]\""
            ' --output text)" --route-table-id rtb-main',
        ),
        (
            [call("14:00", "DisassociateRouteTable", {"associationId": "rtbassoc-pub"})],
            "associate-route-table --route-table-id rtb-pub --subnet-id subnet-pub",
            'disassociate-route-table --association-id "$(aws ec2 describe-route-tables --route-table-ids rtb-pub'
            " --query \"RouteTables[].Associations[] | [?SubnetId == 'subnet-pub'].RouteTableAssociationId | [0]\""
            ' --output text)"',
        ),
        (
            [call("14:00", "DetachInternetGateway", {"internetGatewayId": "igw-1", "vpcId": "vpc-1"})],
            "attach-internet-gateway --internet-gateway-id igw-1 --vpc-id vpc-1",
            "detach-internet-gateway --internet-gateway-id igw-1 --vpc-id vpc-1",
        ),
        (
            [
                call(
                    "14:00",
                    "ModifyNetworkInterfaceAttribute",
                    {"networkInterfaceId": "eni-web", "groupSet": {"items": [{"groupId": "sg-none"}]}},
                )
            ],
            "modify-network-interface-attribute --network-interface-id eni-web --groups sg-web",
            "modify-network-interface-attribute --network-interface-id eni-web --groups sg-none",
        ),
    ],
    ids=lambda value: value[-1].event_name if isinstance(value, list) else "",
)
def test_each_kind_of_change_has_its_command_and_the_inverse(
    changes: list[ChangeEvent], fix: str, inverse: str
) -> None:
    found = undone(*changes)
    assert found == Undo(f"aws ec2 {fix}", f"aws ec2 {inverse}")
    accepted(found.fix)
    accepted(found.inverse)


def test_the_region_is_named_when_the_change_names_it() -> None:
    assert (
        undone(deny("14:00"), region="us-east-1").fix == f"aws ec2 delete-network-acl-entry {ENTRY} --region us-east-1"
    )


@pytest.mark.parametrize(
    ("rule", "permission"),
    [
        (
            SecurityGroupRule(False, 6, "0.0.0.0/0", 22, 22),
            '"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]',
        ),
        (SecurityGroupRule(False, -1, "::/0"), '"IpProtocol":"-1","Ipv6Ranges":[{"CidrIpv6":"::/0"}]'),
        (
            SecurityGroupRule(False, 1, "sg-9"),
            '"IpProtocol":"icmp","FromPort":-1,"ToPort":-1,"UserIdGroupPairs":[{"GroupId":"sg-9"}]',
        ),
        (SecurityGroupRule(False, 47, "pl-9"), '"IpProtocol":"47","PrefixListIds":[{"PrefixListId":"pl-9"}]'),
        (
            SecurityGroupRule(False, 17, "10.0.0.0/8"),
            '"IpProtocol":"udp","FromPort":0,"ToPort":65535,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]',
        ),
    ],
)
def test_rules_of_a_security_group(rule: SecurityGroupRule, permission: str) -> None:
    before, after = changed("sg-web", rules=(rule,))
    old, new = changed("sg-web", rules=())
    assert before == old
    revoked = between(after, new)
    rest = f"security-group-ingress --group-id sg-web --ip-permissions '[{{{permission}}}]'"
    assert revoked == Undo(f"aws ec2 authorize-{rest}", f"aws ec2 revoke-{rest}")
    accepted(revoked.fix)
    accepted(revoked.inverse)


def test_a_rule_with_another_id_is_the_same_rule() -> None:
    group, _ = changed("sg-web")
    assert isinstance(group, SecurityGroup)
    renamed = replace(group, rules=tuple(replace(rule, id="sgr-new") for rule in group.rules))
    assert edits(configuration([group]), configuration([renamed])) == ()


@pytest.mark.parametrize(
    ("target", "option"),
    [
        ("tgw-1", "--transit-gateway-id tgw-1"),
        ("eni-1", "--network-interface-id eni-1"),
        ("i-1", "--instance-id i-1"),
        ("pcx-1", "--vpc-peering-connection-id pcx-1"),
        ("vgw-1", "--gateway-id vgw-1"),
        ("vpce-1", "--vpc-endpoint-id vpce-1"),
        ("eigw-1", "--egress-only-internet-gateway-id eigw-1"),
        ("lgw-1", "--local-gateway-id lgw-1"),
        ("cagw-1", "--carrier-gateway-id cagw-1"),
        ("arn:aws:networkmanager::1:core-network/c-1", "--core-network-arn arn:aws:networkmanager::1:core-network/c-1"),
    ],
)
@pytest.mark.parametrize(
    ("destination", "where"),
    [
        ("10.9.0.0/16", "--destination-cidr-block 10.9.0.0/16"),
        ("2001:db8::/32", "--destination-ipv6-cidr-block 2001:db8::/32"),
        ("pl-1", "--destination-prefix-list-id pl-1"),
    ],
)
def test_each_kind_of_target_and_destination_has_its_option(
    target: str, option: str, destination: str, where: str
) -> None:
    table, _ = changed("rtb-pub")
    assert isinstance(table, RouteTable)
    more = replace(table, routes=(*table.routes, Route(destination, target)))
    found = between(more, table)
    assert found.fix == f"aws ec2 create-route --route-table-id rtb-pub {where} {option}"
    if destination.startswith("10."):
        accepted(found.fix)


def test_ipv6_entries_and_names_that_need_quotes() -> None:
    acl, _ = changed("acl-pub")
    assert isinstance(acl, NetworkAcl)
    entry = AclEntry(50, True, "deny", 17, "2001:db8::/32", 53, 53)
    found = between(acl, replace(acl, entries=(*acl.entries, entry)))
    assert found.inverse == (
        "aws ec2 create-network-acl-entry --network-acl-id acl-pub --egress --rule-number 50 --protocol 17"
        " --port-range From=53,To=53 --ipv6-cidr-block 2001:db8::/32 --rule-action deny"
    )
    accepted(found.inverse)
    hostile = replace(acl, id="acl; rm -rf /")
    done = undo(edits(configuration([hostile]), configuration([replace(hostile, entries=())])), "a b")
    assert done.fix is not None
    assert "--network-acl-id 'acl; rm -rf /'" in done.fix
    assert "--region 'a b'" in done.fix


def test_what_is_not_known_has_no_command_but_a_reason() -> None:
    table, _ = changed("rtb-pub")
    acl, _ = changed("acl-pub")
    group, _ = changed("sg-web")
    assert isinstance(table, RouteTable)
    assert isinstance(acl, NetworkAcl)
    assert isinstance(group, SecurityGroup)
    lost_target = replace(table, routes=(Route("0.0.0.0/0", UNKNOWN),))
    lost_entry = replace(acl, entries=(AclEntry(90, False, known=False),))
    for before, after, word in (
        (lost_target, replace(table, routes=()), "target"),
        (lost_entry, replace(acl, entries=()), "rule 90"),
        (replace(group, known=False), group, "security group"),
    ):
        found = between(before, after)
        assert (found.fix, found.inverse) == (None, None)
        assert word in found.why


def test_a_deleted_nat_gateway_cannot_be_restored() -> None:
    table, _ = changed("rtb-pub")
    assert isinstance(table, RouteTable)
    before = replace(table, routes=(Route("0.0.0.0/0", "nat-1"),))
    after = replace(table, routes=(Route("0.0.0.0/0", "nat-1", state="blackhole"),))
    found = between(before, after)
    assert found.fix is None
    assert "deleted resource cannot be restored" in found.why
