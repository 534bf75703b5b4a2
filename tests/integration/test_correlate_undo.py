"""Proves that a printed command that looks up an association itself does what it says, in a real shell with the real
`aws` command line."""

import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from connectors.aws.ec2 import describe_all
from network.aws.describe import resources_from_describe
from pipelines.correlate.blame.edits import edits
from pipelines.correlate.tell.undo_command import Undo, undo
from schemas.configuration import Configuration, configuration
from simulation.aws import environment, program


class Vpc:
    """A subnet with the default network ACL and its own route table, and a second one of each."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.ec2: Any = boto3.client("ec2", endpoint_url=endpoint)
        self.id = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.acl = self.ec2.create_network_acl(VpcId=self.id)["NetworkAcl"]["NetworkAclId"]
        self.tables = [self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"] for _ in range(2)]
        self.ec2.associate_route_table(RouteTableId=self.tables[0], SubnetId=self.subnet)

    def configuration(self) -> Configuration:
        """The ids in use now."""
        return configuration(resources_from_describe(describe_all(self.ec2)))

    def run(self, command: str) -> None:
        beside = str(Path(program("aws")).parent)
        variables = environment(self.endpoint) | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(["bash", "-euc", command], env=variables, check=True, capture_output=True, timeout=120)

    def acl_of_subnet(self) -> str:
        acls = self.configuration().network_acls.values()
        return next(acl.id for acl in acls if any(a.subnet_id == self.subnet for a in acl.associations))

    def table_of_subnet(self) -> str:
        tables = self.configuration().route_tables.values()
        return next((t.id for t in tables if any(a.subnet_id == self.subnet for a in t.associations)), "")


@pytest.fixture
def vpc(s3_endpoint: str) -> Vpc:
    return Vpc(s3_endpoint)


def undone(before: Configuration, after: Configuration) -> Undo:
    found = undo(edits(before, after), "eu-central-1")
    assert found.fix
    assert found.inverse
    return found


def test_a_network_acl_association_there_and_back_and_there(vpc: Vpc) -> None:
    before, first = vpc.configuration(), vpc.acl_of_subnet()
    held = before.network_acls[first].associations
    association = next(a.id for a in held if a.subnet_id == vpc.subnet)
    vpc.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=vpc.acl)
    found = undone(before, vpc.configuration())
    for command, expected in ((found.fix, first), (found.inverse, vpc.acl)):
        assert command
        vpc.run(command)
        assert vpc.acl_of_subnet() == expected


def test_a_route_table_association_replaced_and_removed(vpc: Vpc) -> None:
    before = vpc.configuration()
    association = before.route_tables[vpc.tables[0]].associations[0].id
    vpc.ec2.replace_route_table_association(AssociationId=association, RouteTableId=vpc.tables[1])
    moved = vpc.configuration()
    found = undone(before, moved)
    for command, expected in ((found.fix, vpc.tables[0]), (found.inverse, vpc.tables[1])):
        assert command
        vpc.run(command)
        assert vpc.table_of_subnet() == expected
    there = vpc.configuration().route_tables[vpc.tables[1]].associations[0].id
    now = vpc.configuration()
    vpc.ec2.disassociate_route_table(AssociationId=there)
    found = undone(now, vpc.configuration())
    for command, expected in ((found.fix, vpc.tables[1]), (found.inverse, "")):
        assert command
        vpc.run(command)
        assert vpc.table_of_subnet() == expected
