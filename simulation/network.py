"""The VPC of the story, created with the real `aws` command line, and what `describe-*` returns for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from simulation.aws import REGION, AwsCli
from simulation.walk import Answers

VPC_CIDR, PUBLIC_CIDR, PRIVATE_CIDR = "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24"
ANYWHERE = "0.0.0.0/0"
IMAGE = "ami-12c6146b"

DESCRIBED = {
    "describe-vpcs": "Vpcs",
    "describe-subnets": "Subnets",
    "describe-route-tables": "RouteTables",
    "describe-network-acls": "NetworkAcls",
    "describe-security-groups": "SecurityGroups",
    "describe-security-group-rules": "SecurityGroupRules",
    "describe-network-interfaces": "NetworkInterfaces",
    "describe-instances": "Reservations",
    "describe-internet-gateways": "InternetGateways",
    "describe-nat-gateways": "NatGateways",
}
"""Every command whose answer a snapshot needs, and the member of the answer that contains the list."""


@dataclass(frozen=True)
class Endpoint:
    """An instance's network interface, with what a flow log record contains about it."""

    name: str
    interface_id: str
    instance_id: str
    address: str
    vpc_id: str
    subnet_id: str
    az_id: str


@dataclass(frozen=True)
class Network:
    """Ids as AWS assigned them."""

    vpc_id: str
    web: Endpoint
    db: Endpoint
    internet_gateway_id: str
    public_route_table_id: str
    public_acl_id: str
    private_acl_id: str


@dataclass(frozen=True)
class Phase:
    """What `describe-*` returned from a call until the next one."""

    at: datetime
    answers: Answers


def build(aws: AwsCli) -> Network:
    """Create a public subnet with `web-1` (SSH and HTTP open, a public address) and the default ACL of the VPC, and a
    private subnet with `db-1` and its own ACL. About 25 commands; raises AwsError if one fails."""
    vpc = aws.ec2(f"create-vpc --cidr-block {VPC_CIDR}")["Vpc"]["VpcId"]
    public = aws.ec2(f"create-subnet --vpc-id {vpc} --cidr-block {PUBLIC_CIDR}")["Subnet"]
    private = aws.ec2(f"create-subnet --vpc-id {vpc} --cidr-block {PRIVATE_CIDR}")["Subnet"]

    gateway = aws.ec2("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
    aws.ec2(f"attach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc}")
    table = aws.ec2(f"create-route-table --vpc-id {vpc}")["RouteTable"]["RouteTableId"]
    aws.ec2(f"associate-route-table --route-table-id {table} --subnet-id {public['SubnetId']}")
    aws.ec2(f"create-route --route-table-id {table} --destination-cidr-block {ANYWHERE} --gateway-id {gateway}")

    web = _instance(aws, "web-1", public, "10.0.1.10", ((22, ANYWHERE), (80, ANYWHERE)))
    db = _instance(aws, "db-1", private, "10.0.2.20", ((5432, VPC_CIDR),))
    allocation = aws.ec2("allocate-address --domain vpc")["AllocationId"]
    aws.ec2(f"associate-address --allocation-id {allocation} --network-interface-id {web.interface_id}")

    default_acl, private_acl = _acls(aws, vpc, private["SubnetId"])
    return Network(vpc, web, db, gateway, table, default_acl, private_acl)


def _instance(
    aws: AwsCli, name: str, subnet: dict[str, Any], address: str, open_ports: tuple[tuple[int, str], ...]
) -> Endpoint:
    group = aws.ec2(f"create-security-group --group-name {name} --description {name} --vpc-id {subnet['VpcId']}")
    for port, cidr in open_ports:
        aws.ec2(
            f"authorize-security-group-ingress --group-id {group['GroupId']} --protocol tcp --port {port} --cidr {cidr}"
        )
    made = aws.ec2(
        f"run-instances --image-id {IMAGE} --instance-type t3.micro --count 1 --subnet-id {subnet['SubnetId']} "
        f"--private-ip-address {address} --security-group-ids {group['GroupId']} "
        f"--tag-specifications ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]"
    )["Instances"][0]
    return Endpoint(
        name=name,
        interface_id=made["NetworkInterfaces"][0]["NetworkInterfaceId"],
        instance_id=made["InstanceId"],
        address=address,
        vpc_id=subnet["VpcId"],
        subnet_id=subnet["SubnetId"],
        az_id=subnet.get("AvailabilityZoneId", "use1-az1"),
    )


def _acls(aws: AwsCli, vpc: str, private_subnet: str) -> tuple[str, str]:
    """Ids of the default ACL and of a new one for the private subnet that allows traffic within the VPC."""
    default = aws.ec2(f"describe-network-acls --filters Name=vpc-id,Values={vpc} Name=default,Values=true")
    (acl,) = default["NetworkAcls"]
    association = next(a["NetworkAclAssociationId"] for a in acl["Associations"] if a["SubnetId"] == private_subnet)
    private = aws.ec2(f"create-network-acl --vpc-id {vpc}")["NetworkAcl"]["NetworkAclId"]
    for direction in ("--ingress", "--egress"):
        aws.ec2(
            f"create-network-acl-entry --network-acl-id {private} {direction} --rule-number 100 --protocol -1 "
            f"--rule-action allow --cidr-block {VPC_CIDR}"
        )
    aws.ec2(f"replace-network-acl-association --association-id {association} --network-acl-id {private}")
    return acl["NetworkAclId"], private


def client(service: str, endpoint: str) -> Any:
    """A boto3 client for the simulated endpoint, regardless of the environment."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",  # noqa: S106 - moto accepts anything
        config=Config(retries={"max_attempts": 3, "mode": "standard"}, proxies={}),
    )


def describe(endpoint: str) -> Answers:
    """What every `aws ec2 describe-*` in `DESCRIBED` returns now, as plain JSON."""
    ec2 = client("ec2", endpoint)
    answers: dict[str, Any] = {}
    for command, member in DESCRIBED.items():
        ask: Callable[[], dict[str, Any]] = getattr(ec2, command.replace("-", "_"))
        answers[command] = json.loads(json.dumps({member: ask()[member]}, default=_as_text))
    return answers


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot convert {value!r} to JSON")


def save(answers: Answers, folder: Path) -> None:
    """Save each answer, as `aws ec2 describe-route-tables > describe-route-tables.json` would."""
    folder.mkdir(parents=True, exist_ok=True)
    for command, answer in answers.items():
        (folder / f"{command}.json").write_text(json.dumps(answer, indent=4) + "\n", encoding="utf-8")
