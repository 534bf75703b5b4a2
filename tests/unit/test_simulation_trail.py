"""Proves that the simulation writes CloudTrail as AWS does: the request, the caller, and the delivery."""

import gzip
import json
import random
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from simulation.calls import UnknownCall, parse, request_parameters, response_elements, split_line
from simulation.recorder import Actor, background, envelope
from simulation.story import BEGIN, END, clock
from simulation.trail_objects import trail_objects

KEY = re.compile(
    r"p/AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20/"
    r"123456789012_CloudTrail_us-east-1_20261120T\d{2}\d[05]Z_[0-9A-Za-z]{16}\.json\.gz$"
)


def requested(line: str) -> tuple[str, dict[str, Any]]:
    call = parse(line)
    return call.event_name, request_parameters(call)


@pytest.mark.parametrize(
    ("line", "name", "request_"),
    [
        (
            "aws ec2 create-route --route-table-id rtb-1 --destination-cidr-block 0.0.0.0/0 --gateway-id igw-1",
            "CreateRoute",
            {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"},
        ),
        (
            "aws ec2 delete-route --route-table-id rtb-1 --destination-ipv6-cidr-block ::/0 --region us-east-1",
            "DeleteRoute",
            {"routeTableId": "rtb-1", "destinationIpv6CidrBlock": "::/0"},
        ),
        (
            "aws ec2 replace-route --route-table-id rtb-1 --destination-cidr-block 10.0.0.0/16 --local-target",
            "ReplaceRoute",
            {"routeTableId": "rtb-1", "destinationCidrBlock": "10.0.0.0/16", "localTarget": True},
        ),
        (
            "aws ec2 create-network-acl-entry --network-acl-id acl-1 --rule-number 12 --ingress --rule-action allow "
            "--protocol tcp --cidr-block 0.0.0.0/0 --port-range From=700,To=702",
            "CreateNetworkAclEntry",
            {
                "networkAclId": "acl-1",
                "ruleNumber": 12,
                "egress": False,
                "ruleAction": "allow",
                "aclProtocol": "6",
                "cidrBlock": "0.0.0.0/0",
                "icmpTypeCode": {},
                "portRange": {"from": 700, "to": 702},
            },
        ),
        (
            "aws ec2 replace-network-acl-entry --network-acl-id acl-1 --rule-number=9 --egress --rule-action deny "
            "--protocol 1 --ipv6-cidr-block ::/0 --icmp-type-code Code=-1,Type=8",
            "ReplaceNetworkAclEntry",
            {
                "networkAclId": "acl-1",
                "ruleNumber": 9,
                "egress": True,
                "ruleAction": "deny",
                "aclProtocol": "1",
                "ipv6CidrBlock": "::/0",
                "icmpTypeCode": {"code": -1, "type": 8},
                "portRange": {},
            },
        ),
        (
            "aws ec2 delete-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 100",
            "DeleteNetworkAclEntry",
            {"egress": False, "networkAclId": "acl-1", "ruleNumber": 100},
        ),
        (
            """aws ec2 authorize-security-group-ingress --group-id sg-1 --ip-permissions '[{"IpProtocol": "tcp", """
            """"FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "TLS"}]}]'""",
            "AuthorizeSecurityGroupIngress",
            {
                "groupId": "sg-1",
                "ipPermissions": {
                    "items": [
                        {
                            "ipProtocol": "tcp",
                            "fromPort": 443,
                            "toPort": 443,
                            "groups": {},
                            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0", "description": "TLS"}]},
                            "ipv6Ranges": {},
                            "prefixListIds": {},
                        }
                    ]
                },
            },
        ),
        (
            "aws ec2 revoke-security-group-egress --group-id sg-1 --ip-permissions "
            "'IpProtocol=-1,UserIdGroupPairs=[{GroupId=sg-2}]'",
            "RevokeSecurityGroupEgress",
            {
                "groupId": "sg-1",
                "ipPermissions": {
                    "items": [
                        {
                            "ipProtocol": "-1",
                            "groups": {"items": [{"groupId": "sg-2"}]},
                            "ipRanges": {},
                            "ipv6Ranges": {},
                            "prefixListIds": {},
                        }
                    ]
                },
            },
        ),
        (
            "aws ec2 revoke-security-group-ingress --group-id sg-1 --security-group-rule-ids sgr-1 sgr-2",
            "RevokeSecurityGroupIngress",
            {
                "groupId": "sg-1",
                "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-1"}, {"securityGroupRuleId": "sgr-2"}]},
            },
        ),
        (
            "aws ec2 create-tags --resources rtb-1 --tags Key=Team,Value=web",
            "CreateTags",
            {
                "resourcesSet": {"items": [{"resourceId": "rtb-1"}]},
                "tagSet": {"items": [{"key": "Team", "value": "web"}]},
            },
        ),
        (
            "aws ec2 modify-network-interface-attribute --network-interface-id eni-1 --groups sg-1 sg-2",
            "ModifyNetworkInterfaceAttribute",
            {"networkInterfaceId": "eni-1", "groupSet": {"items": [{"groupId": "sg-1"}, {"groupId": "sg-2"}]}},
        ),
    ],
)
def test_requests_have_the_shapes_that_cloudtrail_gives_them(line: str, name: str, request_: dict[str, Any]) -> None:
    assert requested(line) == (name, request_)


def test_the_simple_options_of_a_group_rule_become_a_permission() -> None:
    line = "aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 20-22 --cidr 10.0.0.0/8"
    (permission,) = requested(line)[1]["ipPermissions"]["items"]
    assert (permission["ipProtocol"], permission["fromPort"], permission["toPort"]) == ("tcp", 20, 22)
    assert permission["ipRanges"] == {"items": [{"cidrIp": "10.0.0.0/8"}]}


@pytest.mark.parametrize("line", ["aws s3 ls", "rm -rf x", "aws ec2", "aws ec2 --version", "aws ec2 delete-vpc --x 1"])
def test_an_unsupported_line_is_rejected(line: str) -> None:
    with pytest.raises(UnknownCall):
        requested(line)


def test_a_line_may_join_commands() -> None:
    one, two = "aws ec2 create-route --x 1", "aws ec2 create-tags --tags 'Key=A,Value=b && c'"
    assert split_line(f"{one} && {two}") == [one, two]


def test_responses_contain_the_ids_of_the_real_answer() -> None:
    replaced = response_elements(
        parse("aws ec2 replace-network-acl-association --association-id aclassoc-1 --network-acl-id acl-1"),
        {"NewAssociationId": "aclassoc-2"},
        "r",
        "1",
    )
    assert replaced == {"requestId": "r", "newAssociationId": "aclassoc-2"}
    rule = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": False, "FromPort": 0, "Tags": []}
    authorised = response_elements(
        parse("aws ec2 authorize-security-group-ingress --group-id sg-1"), {"SecurityGroupRules": [rule]}, "r", "1"
    )
    assert authorised["_return"] is True
    assert authorised["securityGroupRuleSet"]["items"] == [
        {"groupOwnerId": "1", "securityGroupRuleId": "sgr-1", "groupId": "sg-1", "isEgress": False, "fromPort": 0}
    ]


def test_the_envelope_names_who_when_and_from_where() -> None:
    user = envelope("DeleteRoute", clock("14:32"), Actor("alice", "198.51.100.23"), random.Random(1))
    assert user["eventTime"] == "2026-11-20T14:32:00Z"
    assert user["sourceIPAddress"] == "198.51.100.23"
    assert user["userIdentity"]["type"] == "IAMUser"
    assert user["userIdentity"]["arn"] == "arn:aws:iam::123456789012:user/alice"
    session = Actor("bob", "192.0.2.1", "NetworkAdmin").identity(clock("15:05"))
    assert session["type"] == "AssumedRole"
    assert session["arn"] == "arn:aws:sts::123456789012:assumed-role/NetworkAdmin/bob"
    assert session["sessionContext"]["sessionIssuer"]["arn"] == "arn:aws:iam::123456789012:role/NetworkAdmin"
    again = envelope("DeleteRoute", clock("14:32"), Actor("alice", "198.51.100.23"), random.Random(1))
    assert again == user


def test_events_are_delivered_late_unsorted_and_sometimes_twice() -> None:
    records = background(3, BEGIN, END)
    twice = records[5]["eventID"]
    objects = trail_objects(records, [twice], "p/")
    assert all(KEY.match(stored.key) for stored in objects)
    files = [json.loads(gzip.decompress(stored.body))["Records"] for stored in objects]
    counts = Counter(record["eventID"] for file in files for record in file)
    assert counts == Counter([*(record["eventID"] for record in records), twice])
    assert sum(twice in {record["eventID"] for record in file} for file in files) == 2
    assert any(file != sorted(file, key=lambda record: record["eventTime"]) for file in files)
    for stored, file in zip(objects, files, strict=True):
        delivered = datetime.strptime(stored.key.split("_")[3] + "+0000", "%Y%m%dT%H%MZ%z")
        ages = [(delivered - datetime.fromisoformat(record["eventTime"])).total_seconds() for record in file]
        assert all(20 <= age <= 590 + 300 + 300 for age in ages)
    assert trail_objects(records, [twice], "p/") == objects


def test_background_calls_change_nothing() -> None:
    records = background(3, BEGIN, END)
    assert len(records) > 60
    assert len({record["eventID"] for record in records}) == len(records)
    assert {"ConsoleLogin", "AssumeRole", "DescribeRouteTables"} <= {record["eventName"] for record in records}
    assert all(record["readOnly"] or record["eventName"] == "ConsoleLogin" for record in records)
    assert all(BEGIN <= datetime.fromisoformat(record["eventTime"]) < END for record in records)
