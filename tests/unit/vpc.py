"""`describe-*` answers for the smallest useful VPC: a web server with a public address."""

from typing import Any


def web_answers() -> dict[str, Any]:
    """A new copy that the caller may change."""
    everything = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "RuleNumber": 100}
    implied = everything | {"RuleAction": "deny", "RuleNumber": 32767}
    ports = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        for port in (22, 80)
    ]
    return {
        "describe-vpcs": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
        "describe-subnets": {
            "Subnets": [
                {
                    "SubnetId": "subnet-1",
                    "VpcId": "vpc-1",
                    "CidrBlock": "10.0.1.0/24",
                    "AvailabilityZone": "eu-central-1a",
                    "Tags": [{"Key": "Name", "Value": "public"}],
                }
            ]
        },
        "describe-route-tables": {
            "RouteTables": [
                {
                    "RouteTableId": "rtb-1",
                    "VpcId": "vpc-1",
                    "Associations": [
                        {
                            "Main": True,
                            "RouteTableAssociationId": "rtbassoc-main",
                            "AssociationState": {"State": "associated"},
                        }
                    ],
                    "Routes": [
                        {
                            "DestinationCidrBlock": "10.0.0.0/16",
                            "GatewayId": "local",
                            "Origin": "CreateRouteTable",
                            "State": "active",
                        },
                        {
                            "DestinationCidrBlock": "0.0.0.0/0",
                            "GatewayId": "igw-1",
                            "Origin": "CreateRoute",
                            "State": "active",
                        },
                    ],
                }
            ]
        },
        "describe-network-acls": {
            "NetworkAcls": [
                {
                    "NetworkAclId": "acl-1",
                    "VpcId": "vpc-1",
                    "IsDefault": True,
                    "Associations": [{"NetworkAclAssociationId": "aclassoc-1", "SubnetId": "subnet-1"}],
                    "Entries": [entry | {"Egress": e} for entry in (implied, everything) for e in (True, False)],
                }
            ]
        },
        "describe-security-groups": {
            "SecurityGroups": [
                {
                    "GroupId": "sg-1",
                    "GroupName": "web",
                    "VpcId": "vpc-1",
                    "IpPermissions": ports,
                    "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
                }
            ]
        },
        "describe-security-group-rules": {
            "SecurityGroupRules": [
                {
                    "SecurityGroupRuleId": "sgr-22",
                    "GroupId": "sg-1",
                    "IsEgress": False,
                    "IpProtocol": "tcp",
                    "FromPort": 22,
                    "ToPort": 22,
                    "CidrIpv4": "0.0.0.0/0",
                }
            ]
        },
        "describe-network-interfaces": {
            "NetworkInterfaces": [
                {
                    "NetworkInterfaceId": "eni-1",
                    "VpcId": "vpc-1",
                    "SubnetId": "subnet-1",
                    "PrivateIpAddress": "10.0.1.10",
                    "PrivateIpAddresses": [
                        {"PrivateIpAddress": "10.0.1.11", "Primary": False},
                        {
                            "PrivateIpAddress": "10.0.1.10",
                            "Primary": True,
                            "Association": {"PublicIp": "198.51.100.1"},
                        },
                    ],
                    "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
                    "Attachment": {"InstanceId": "i-1"},
                    "TagSet": [{"Key": "Name", "Value": "the interface"}],
                }
            ]
        },
        "describe-instances": {
            "Reservations": [{"Instances": [{"InstanceId": "i-1", "Tags": [{"Key": "Name", "Value": "web-1"}]}]}]
        },
        "describe-internet-gateways": {
            "InternetGateways": [
                {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}
            ]
        },
        "describe-nat-gateways": {
            "NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-1", "State": "deleted"}]
        },
    }
