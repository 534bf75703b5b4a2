"""Proves: the CloudFormation template is what cfn-lint accepts, is created by the real `aws` command as far as moto
goes, and lets nobody do more than is needed; the files for containers and systemd run commands that exist."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from cli.app import app
from schemas.flow import BY_AWS_NAME
from tests.conftest import REGION

DEPLOY = Path(__file__).parents[2] / "deploy"
TEMPLATE = DEPLOY / "aws" / "flow-logs.yml"
BIN = Path(sys.executable).parent


class Loader(yaml.SafeLoader):
    """Intrinsic functions as mappings: `!Ref Queue` is {"Ref": "Queue"}."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", _function)
RESOURCES: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), Loader)["Resources"]  # noqa: S506 - a safe loader


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, with the name of its resource."""
    for name, resource in RESOURCES.items():
        properties = resource["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties[key] for key in ("PolicyDocument", "AssumeRolePolicyDocument") if key in properties]
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_cfn_lint_accepts_it() -> None:
    done = subprocess.run([BIN / "cfn-lint", str(TEMPLATE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_nobody_may_do_more_than_is_needed() -> None:
    allowed = [(name, statement) for name, statement in statements() if statement["Effect"] == "Allow"]
    for name, statement in allowed:
        assert statement["Principal"] != "*" if "Principal" in statement else name == "Reader"
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        assert statement.get("Resource") != "*" or statement["Sid"] == "Snapshot"
        if "Service" in statement.get("Principal", {}) and name != "Reader":  # nobody else's service acts here
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    reader = [a for name, statement in allowed if name == "Reader" for a in listed(statement["Action"])]
    assert not [action for action in reader if re.search(r"Put|Create|Modify|Delete(?!Message)", action)]


def test_it_may_take_the_same_snapshots_as_the_policy_by_hand() -> None:
    by_hand = json.loads((DEPLOY / "aws" / "reader-policy.json").read_text("utf-8"))["Statement"]
    actions = {statement["Sid"]: listed(statement["Action"]) for statement in by_hand}
    mine = {s["Sid"]: listed(s["Action"]) for name, s in statements() if name == "Reader" and "Sid" in s}
    assert actions.items() <= mine.items()


def test_nothing_is_public_and_tls_is_demanded() -> None:
    assert all(RESOURCES["Logs"]["Properties"]["PublicAccessBlockConfiguration"].values())
    denied = {name: statement for name, statement in statements() if statement["Effect"] == "Deny"}
    assert denied.keys() == {"LogsPolicy", "QueuePolicy"}
    for statement in denied.values():
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Action"] in ("s3:*", "sqs:*")


def test_the_log_has_fields_that_are_known() -> None:
    log = RESOURCES["FlowLog"]["Properties"]
    fields = re.findall(r"\$\{([a-z0-9-]+)\}", log["LogFormat"])
    assert {*fields} - {"log-status"} <= BY_AWS_NAME.keys()
    assert len(fields) == len({*fields}) > 20
    assert (log["TrafficType"], log["MaxAggregationInterval"]) == ("ALL", 60)


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_it_is_created(s3_endpoint: str) -> None:
    """By create-stack: moto loses the outputs of `deploy`. It makes no policies of queues and buckets, and no trail."""
    vpc = boto3.client("ec2", endpoint_url=s3_endpoint).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    command = [
        *("cloudformation", "create-stack", "--stack-name", "flowtrail", "--capabilities", "CAPABILITY_IAM"),
        *("--template-body", f"file://{TEMPLATE}", "--parameters", f"ParameterKey=VpcId,ParameterValue={vpc}"),
        *("--endpoint-url", s3_endpoint, "--region", REGION),
    ]
    done = subprocess.run([BIN / "aws", *command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    stacks = boto3.client("cloudformation", endpoint_url=s3_endpoint, region_name=REGION)
    stack = stacks.describe_stacks(StackName="flowtrail")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    words = shlex.split(made["Watch"])
    assert words[:2] == ["flowtrail", "watch"]
    assert words[2] == f"s3://{made['Bucket']}/AWSLogs/"
    sqs = boto3.client("sqs", endpoint_url=s3_endpoint, region_name=REGION)
    redrive = sqs.get_queue_attributes(QueueUrl=made["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert json.loads(redrive["RedrivePolicy"])["maxReceiveCount"] == 5
    logs = boto3.client("ec2", endpoint_url=s3_endpoint, region_name=REGION).describe_flow_logs()["FlowLogs"]
    assert [(log["ResourceId"], log["TrafficType"], log["MaxAggregationInterval"]) for log in logs] == [
        (vpc, "ALL", 60)
    ]


def commands() -> list[Any]:
    services = yaml.safe_load((DEPLOY / "container" / "compose.yml").read_text("utf-8"))["services"]
    found = [pytest.param(services[name]["command"], id=name) for name in ("watch", "console")]
    unit = (DEPLOY / "systemd" / "flowtrail-watch.service").read_text("utf-8")
    line = re.search(r"^ExecStart=\S+/flowtrail (.*)$", unit, re.MULTILINE)
    assert line
    return [*found, pytest.param(shlex.split(line[1]), id="systemd")]


@pytest.mark.parametrize("words", commands())
def test_the_commands_exist_with_these_options(words: list[str]) -> None:
    import typer

    given = [re.sub(r"\$\{LOGS[^}]*\}", "s3://logs/AWSLogs/", word) for word in words]
    command = typer.main.get_command(app).commands[given[0]]  # type: ignore[attr-defined]
    with command.make_context(given[0], [re.sub(r"\$\{QUEUE[^}]*\}", "", word) for word in given[1:]]) as context:
        assert context.params is not None


def test_passwords_are_never_written_down() -> None:
    text = (DEPLOY / "container" / "compose.yml").read_text("utf-8")
    for name, value in re.findall(r"^\s+(\S*(?:PASSWORD|TOKEN)\S*): (.*)$", text, re.MULTILINE):
        assert value.startswith("${"), name
