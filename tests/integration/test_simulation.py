"""Proves that the real `aws` command line builds the story's network on moto, and the history matches the calls."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.aws import AwsCli, AwsError
from simulation.network import DESCRIBED, save
from simulation.story import BEGIN, END, FIXED, NOW, Reading, Stage, Story, Telling, client, logs, put
from simulation.walk import Walk, walk
from tests.stories import Stories

COMPLETES = Walk("ACCEPT", "ACCEPT", "completes")


@pytest.fixture(scope="module")
def _told(stories: Stories) -> Iterator[tuple[Stage, Story]]:
    with stories.told() as told:
        yield told


@pytest.fixture(scope="module")
def stage(_told: tuple[Stage, Story]) -> Stage:
    return _told[0]


@pytest.fixture(scope="module")
def story(_told: tuple[Stage, Story]) -> Story:
    return _told[1]


@pytest.fixture(scope="module")
def fixed(stage: Stage, story: Story) -> Story:
    net = story.network
    return stage.fix(
        story,
        [
            f"aws ec2 create-route --route-table-id {net.public_route_table_id} --destination-cidr-block 0.0.0.0/0 "
            f"--gateway-id {net.internet_gateway_id}",
            f"aws ec2 delete-network-acl-entry --network-acl-id {net.public_acl_id} --ingress --rule-number 90",
        ],
    )


def fates(story: Story, port: int) -> list[Walk]:
    web = story.network.web
    return [walk(p.answers, web.interface_id, "203.0.113.7", web.address, 6, 40000, port) for p in story.phases]


def test_each_phase_matches_the_story(fixed: Story) -> None:
    lost, rejected = Walk("ACCEPT", "LOST", "lost"), Walk("REJECT", "NONE", "rejected")
    assert fates(fixed, 80) == [COMPLETES, COMPLETES, lost, lost, lost, COMPLETES, COMPLETES]
    assert fates(fixed, 22) == [COMPLETES, COMPLETES, lost, lost, rejected, rejected, COMPLETES]
    web, db = fixed.network.web, fixed.network.db
    for phase in fixed.phases:
        for here in (web, db):
            assert walk(phase.answers, here.interface_id, web.address, db.address, 6, 40000, 5432) == COMPLETES
    assert [phase.at for phase in fixed.phases] == sorted(phase.at for phase in fixed.phases)


def test_the_records_contain_every_call_and_the_denied_one(fixed: Story) -> None:
    names = [record["eventName"] for record in fixed.records]
    assert names == [
        "CreateTags",
        "DeleteRoute",
        "CreateNetworkAclEntry",
        "CreateNetworkAclEntry",
        "CreateNetworkAclEntry",
        "CreateRoute",
        "DeleteNetworkAclEntry",
    ]
    failed = [record for record in fixed.records if "errorCode" in record]
    assert [record["errorCode"] for record in failed] == ["Client.UnauthorizedOperation"]
    assert failed[0]["responseElements"] is None
    assert len({record["eventID"] for record in fixed.records}) == len(names)
    route, rule = fixed.faults
    assert {route.event_id, rule.event_id} == {fixed.records[1]["eventID"], fixed.records[4]["eventID"]}
    assert not fixed.harmless & {route.event_id, rule.event_id, *fixed.fixes}
    assert len(fixed.harmless) == 3


def test_a_failed_command_is_an_error_and_leaves_no_record(stage: Stage, fixed: Story) -> None:
    before = list(stage.recorder.records)
    with pytest.raises(AwsError, match="rtb-none"):
        stage.fix(fixed, ["aws ec2 delete-route --route-table-id rtb-none --destination-cidr-block 0.0.0.0/0"])
    assert stage.recorder.records == before


def test_answers_are_saved_as_the_command_line_would(stage: Stage, story: Story, tmp_path: Path) -> None:
    save(story.phases[0].answers, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(DESCRIBED)
    saved = json.loads((tmp_path / "describe-internet-gateways.json").read_text("utf-8"))
    assert saved == AwsCli(stage.endpoint).ec2("describe-internet-gateways")


def test_objects_go_into_the_bucket_over_the_socket(stage: Stage, fixed: Story) -> None:
    objects = logs(fixed, Telling(4, 2, Reading.NOTHING_LOGGED), BEGIN, END, prefix="p/")
    assert put(objects, stage.endpoint, "logs") == len(objects)
    s3 = client("s3", stage.endpoint)
    listed = s3.list_objects_v2(Bucket="logs", Prefix="p/AWSLogs/123456789012/")["Contents"]
    assert {entry["Key"] for entry in listed} == {stored.key for stored in objects}
    assert s3.get_object(Bucket="logs", Key=objects[0].key)["Body"].read() == objects[0].body
    assert BEGIN < NOW < FIXED < END
