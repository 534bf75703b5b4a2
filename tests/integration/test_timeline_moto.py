"""Proves that the timeline, built from CloudTrail records of calls made with the real `aws` command line, is what an
EC2 endpoint (moto) described after each of them: forward from a snapshot, and backward wherever it claims to know."""

import json
from dataclasses import replace
from datetime import timedelta

from network.aws.describe import resources_from_describe
from network.history.timeline import Timeline
from network.verdict.explain import Packet, explain
from pipelines.ingest.parse.cloudtrail import parse_changes
from schemas.change import ChangeEvent
from schemas.configuration import Configuration, configuration
from schemas.object_ref import ObjectRef
from schemas.snapshot import Snapshot
from simulation.story import ALICE, BEGIN, Stage
from simulation.walk import walk
from tests.stories import Stories

PROBES = (("203.0.113.9", 22), ("203.0.113.9", 80), ("198.51.100.1", 443))


def config(answers: object) -> Configuration:
    return configuration(resources_from_describe(answers))  # type: ignore[arg-type]


def as_aws_would(config: Configuration) -> Configuration:
    """moto keeps routes to a detached gateway active; AWS shows them as blackholes."""
    loose = {gateway.id for gateway in config.internet_gateways.values() if not gateway.vpc_ids}
    tables = {
        table.id: replace(
            table, routes=tuple(replace(r, state="blackhole") if r.target in loose else r for r in table.routes)
        )
        for table in config.route_tables.values()
    }
    return replace(config, route_tables=tables)


def lines(stage: Stage) -> list[str]:
    """Calls on every kind of resource in the story's VPC; `{0}` is the id that the previous call returned."""
    net = stage.network
    route = f"--route-table-id {net.public_route_table_id} --destination-cidr-block"
    entry = f"--network-acl-id {net.public_acl_id} --ingress --rule-number"
    group = next(iter(stage.phases[0].answers["describe-network-interfaces"]["NetworkInterfaces"]))["Groups"][0][
        "GroupId"
    ]
    deny = "--protocol tcp --port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action deny"
    tables = stage.phases[0].answers["describe-route-tables"]["RouteTables"]
    mine = [t for t in tables if t["VpcId"] == net.vpc_id]
    public = next(
        a["RouteTableAssociationId"] for t in mine for a in t["Associations"] if a.get("SubnetId") and not a.get("Main")
    )
    main = next(t["RouteTableId"] for t in mine for a in t["Associations"] if a.get("Main"))
    acls = stage.phases[0].answers["describe-network-acls"]["NetworkAcls"]
    acl = next(
        a["NetworkAclAssociationId"] for n in acls for a in n["Associations"] if n["NetworkAclId"] == net.public_acl_id
    )
    gateway = f"--internet-gateway-id {net.internet_gateway_id} --vpc-id {net.vpc_id}"
    return [
        f"detach-internet-gateway {gateway}",
        f"attach-internet-gateway {gateway}",
        f"delete-route {route} 0.0.0.0/0",
        f"create-route {route} 0.0.0.0/0 --gateway-id {net.internet_gateway_id}",
        f"create-route {route} 192.0.2.0/24 --gateway-id {net.internet_gateway_id}",
        f"delete-route {route} 192.0.2.0/24",
        f"create-network-acl-entry {entry} 90 {deny}",
        f"replace-network-acl-entry {entry} 90 {deny.replace('deny', 'allow')}",
        f"delete-network-acl-entry {entry} 90",
        f"authorize-security-group-ingress --group-id {group} --protocol tcp --port 443 --cidr 0.0.0.0/0",
        f"authorize-security-group-ingress --group-id {group} --protocol icmp --port -1 --cidr 10.0.0.0/8",
        f"authorize-security-group-ingress --group-id {group} --protocol all --source-group {group}",
        f"revoke-security-group-ingress --group-id {group} --protocol tcp --port 22 --cidr 0.0.0.0/0",
        f"revoke-security-group-ingress --group-id {group} --protocol tcp --port 443 --cidr 0.0.0.0/0",
        f"revoke-security-group-egress --group-id {group} --protocol all --cidr 0.0.0.0/0",
        f"replace-network-acl-association --association-id {acl} --network-acl-id {net.private_acl_id}",
        f"replace-route-table-association --association-id {public} --route-table-id {main}",
        "disassociate-route-table --association-id {0}",
        f"associate-route-table --route-table-id {net.public_route_table_id} --subnet-id {net.web.subnet_id}",
    ]


def told(stage: Stage) -> list[ChangeEvent]:
    parsed = parse_changes(ObjectRef("b", "k", "e", 1), json.dumps({"Records": stage.recorder.records}).encode())
    assert parsed.skipped == {}
    return [ChangeEvent.from_row(row) for row in parsed.tables["change_events"].to_pylist()]


def test_the_timeline_is_what_the_endpoint_described_after_each_call(s3_endpoint: str, stories: Stories) -> None:
    stage = stories.built_on(s3_endpoint)
    answer = ""
    for number, line in enumerate(lines(stage), 1):
        record = stage.call(line.format(answer), BEGIN + timedelta(minutes=number), ALICE)
        answer = record["responseElements"].get("newAssociationId", "")
    changes = told(stage)
    truth = [config(phase.answers) for phase in stage.phases]
    assert len(changes) == len(truth) - 1 == len(lines(stage))

    forward = Timeline([Snapshot(BEGIN, "files", tuple(truth[0].resources()))], changes)
    for phase, true in zip(stage.phases, truth, strict=True):
        assert forward.at(phase.at) == as_aws_would(true), phase.at

    end = stage.phases[-1].at + timedelta(minutes=1)
    backward = Timeline([Snapshot(end, "files", tuple(truth[-1].resources()))], changes)
    web, known = stage.network.web, 0
    for phase in stage.phases:
        for peer, port in PROBES:
            verdict = explain(Packet(peer, web.address, 6, 40000, port), backward.at(phase.at), web.interface_id)
            walked = walk(phase.answers, web.interface_id, peer, web.address, 6, 40000, port)
            assert verdict.action in (walked.action, "UNKNOWN")
            assert verdict.outcome in (walked.outcome, "unknown")
            known += verdict.outcome != "unknown"
    assert known > len(stage.phases)
