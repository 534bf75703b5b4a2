"""`snapshot`: from the endpoint and from saved answers, with the time for which it is valid."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli import follow
from cli.app import app
from connectors.aws.ec2 import describe_all
from connectors.store.clickhouse import Store
from connectors.store.configuration import load_snapshots
from pipelines import snapshot as taking
from pipelines.snapshot import is_due
from schemas.configuration import Vpc
from schemas.errors import FlowtrailError
from tests.conftest import Bucket

Run = Callable[..., Result]


@pytest.fixture
def run(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", empty_store.database)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", empty_store.db, *arguments], prog_name="flowtrail")

    return call


@pytest.fixture
def vpc(s3_endpoint: str) -> str:
    """A VPC with a subnet at the endpoint."""
    ec2 = boto3.client("ec2", endpoint_url=s3_endpoint)
    made: str = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=made, CidrBlock="10.7.1.0/24")
    return made


def vpcs(store: Store) -> set[str]:
    resources = (resource for snapshot in load_snapshots(store.client()) for resource in snapshot.resources)
    return {resource.id for resource in resources if isinstance(resource, Vpc)}


def test_from_the_endpoint_now(run: Run, vpc: str, empty_store: Store) -> None:
    result = run("snapshot", "--output", "json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["source"] == "endpoint"
    assert answer["resources"]["vpc"] >= 1
    assert result.stderr == ""
    assert vpc in vpcs(empty_store)
    [stored] = load_snapshots(empty_store.client())
    assert stored.region == "eu-central-1"
    assert stored.account_id == "123456789012"


def test_aws_region_alone_names_the_region(
    run: Run, vpc: str, empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert run("snapshot").exit_code == 0
    [stored] = load_snapshots(empty_store.client())
    assert stored.region == "eu-west-3"


def test_from_files_as_of_a_time(run: Run, vpc: str, empty_store: Store, tmp_path: Path) -> None:
    for command, answer in describe_all().items():
        (tmp_path / f"{command}.json").write_text(json.dumps(answer), "utf-8")
    result = run("snapshot", "--from-files", str(tmp_path), "--as-of", "2026-11-20T10:00:00+01:00")
    assert result.exit_code == 0, result.stderr
    assert "as of 2026-11-20T09:00:00Z" in result.stdout
    assert "warning" not in result.stderr
    assert vpc in vpcs(empty_store)


def test_saved_answers_without_a_time_are_taken_as_true_now_with_a_warning(run: Run, vpc: str, tmp_path: Path) -> None:
    for command, answer in describe_all().items():
        (tmp_path / f"{command}.json").write_text(json.dumps(answer), "utf-8")
    result = run("snapshot", "--from-files", str(tmp_path))
    assert result.exit_code == 0
    assert "set --as-of to when it was saved" in result.stderr


def test_a_missing_answer_is_named_with_the_command_that_saves_it(run: Run, tmp_path: Path) -> None:
    result = run("snapshot", "--from-files", str(tmp_path))
    assert result.exit_code == 1
    assert "describe-subnets.json is missing" in result.stderr
    assert "aws ec2 describe-subnets" in result.stderr


def test_a_part_of_an_answer_is_refused(run: Run, vpc: str, tmp_path: Path) -> None:
    for command, answer in describe_all().items():
        more = {"NextToken": "abc"} if command == "describe-network-interfaces" else {}
        (tmp_path / f"{command}.json").write_text(json.dumps({**answer, **more}), "utf-8")
    result = run("snapshot", "--from-files", str(tmp_path))
    assert result.exit_code == 1
    assert "describe-network-interfaces.json is only a part of what" in result.stderr
    assert "--max-items" in result.stderr


def test_a_folder_that_does_not_exist(run: Run, tmp_path: Path) -> None:
    result = run("snapshot", "--from-files", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert f"The folder {tmp_path / 'nowhere'} does not exist." in result.stderr


def test_what_the_known_changes_do_not_explain_is_told(run: Run, vpc: str, s3_endpoint: str) -> None:
    """Nothing is drift at first, nor when nothing has changed; then a rule that no loaded call has made."""
    assert json.loads(run("snapshot", "-o", "json").stdout)["drift"] == []
    assert json.loads(run("snapshot", "-o", "json").stdout)["drift"] == []
    ec2 = boto3.client("ec2", endpoint_url=s3_endpoint)
    [group] = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    text = run("snapshot").stdout
    assert (
        f"1 resource differs from what the earlier snapshot and the changes since lead to: {group['GroupId']}." in text
    )


def test_another_region_is_no_drift(run: Run, vpc: str, s3_endpoint: str) -> None:
    """Nothing was known of it."""
    assert run("snapshot").exit_code == 0
    boto3.client("ec2", endpoint_url=s3_endpoint, region_name="eu-west-3").create_vpc(CidrBlock="10.8.0.0/16")
    assert json.loads(run("snapshot", "--aws-region", "eu-west-3", "-o", "json").stdout)["drift"] == []


def test_when_a_snapshot_is_due(run: Run, vpc: str, empty_store: Store) -> None:
    assert run("migrate").exit_code == 0
    client, hour = empty_store.client(), timedelta(hours=1)
    assert is_due(client, hour, datetime.now(UTC))
    assert run("snapshot").exit_code == 0
    taken = load_snapshots(client)[0].as_of
    assert not is_due(client, hour, taken + timedelta(minutes=59))
    assert is_due(client, hour, taken + hour)
    change = taken.replace(microsecond=0) + timedelta(minutes=5)
    client.command(f"INSERT INTO change_events (event_time, event_id) VALUES ({int(change.timestamp())}, 'e')")  # noqa: S608
    assert not is_due(client, hour, change + timedelta(minutes=14))
    assert is_due(client, hour, change + timedelta(minutes=15))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns run in this process, which has the database open."""
    monkeypatch.setattr(follow, "apart", lambda once: once())


def test_watch_takes_them(run: Run, vpc: str, bucket: Bucket, empty_store: Store, here: None) -> None:
    result = run("watch", bucket.url, "--for", "1s", "--every", "1m", "--snapshots", "1h", "--notify", "stdout")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("Snapshot ") == 1
    assert vpc in vpcs(empty_store)
    assert "Snapshot " not in run("watch", bucket.url, "--for", "1s", "--every", "1m", "--snapshots", "1h").stderr


def test_watch_goes_on_without_permission(
    run: Run, bucket: Bucket, empty_store: Store, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> object:
        raise FlowtrailError("EC2 denies ec2:DescribeVpcs.", "Grant it.")

    monkeypatch.setattr(taking, "describe_all", denied)
    result = run("watch", bucket.url, "--for", "1s", "--every", "1m", "--snapshots", "1h")
    assert result.exit_code == 0, result.stderr
    assert "warning: no snapshot was taken: EC2 denies ec2:DescribeVpcs. Grant it." in result.stderr
    again = run("watch", bucket.url, "--for", "1s", "--every", "1m", "--snapshots", "1h")
    assert "no snapshot was taken" not in again.stderr, "it is tried again later"
    assert not is_due(empty_store.client(), timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=14))
    assert is_due(empty_store.client(), timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=15))
