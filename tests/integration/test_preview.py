"""`flowtrail preview` on the day of the cookbook: what is cut off and opened, what is not said, and what is refused."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from botocore.client import BaseClient
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store
from tests.cookbook import fill
from tests.correlate_lab import ADMINS, DB, PEOPLE

Ask = Callable[..., Result]
DENY = "create-network-acl-entry --network-acl-id acl-pub --ingress --rule-number 80 --protocol tcp --rule-action deny"


@pytest.fixture
def ask(store: Store) -> Iterator[Ask]:
    fill(store)

    def call(command: str, *options: str) -> Result:
        words = ["--db", store.db, "preview", "--lookback", "5000d", *options, "--", "aws", "ec2", *command.split()]
        return CliRunner(env={"FLOWTRAIL_DATABASE": store.database}).invoke(app, words, prog_name="flowtrail")

    with mock.patch.object(BaseClient, "_make_api_call", side_effect=AssertionError("something was sent")):
        yield call


def of(ask: Ask, command: str) -> dict[str, Any]:
    result = ask(command, "--output", "json")
    assert result.exit_code == 0, (result.output, result.stderr, result.exception)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_each_kind_of_fate(ask: Ask) -> None:
    found = of(ask, f"{DENY} --port-range From=22,To=22 --cidr-block 0.0.0.0/0")
    assert found["changes"] == ["network ACL acl-pub: added: ingress 80 deny tcp 22 from 0.0.0.0/0"]
    cut = {(one["peer"], one["port"]) for one in found["conversations"] if one["fate"] == "cut off"}
    assert {peer for peer, _ in cut} >= set(ADMINS)
    assert {port for _, port in cut} == {22}
    assert all(one["step"].startswith("network-acl acl-pub: ingress 80 deny") for one in found["conversations"])
    assert found["same"] > 10

    gone = of(ask, "delete-route --route-table-id rtb-pub --destination-cidr-block 0.0.0.0/0")
    cut = {(one["peer"], one["port"]) for one in gone["conversations"] if one["fate"] == "cut off"}
    assert {(peer, 80) for peer in PEOPLE} | {(peer, 22) for peer in ADMINS} <= cut
    assert DB not in {peer for peer, _ in cut}

    everything = '[{"IpProtocol":"tcp","FromPort":1,"ToPort":10000,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]'
    opened = of(ask, f"authorize-security-group-ingress --group-id sg-web --ip-permissions {everything}")
    assert {one["fate"] for one in opened["conversations"]} == {"opened"}
    assert {one["port"] for one in opened["conversations"]} >= {23, 445, 3389, 8080}
    assert "lets the connections live" in opened["notes"][0]

    away = of(
        ask, "replace-route --route-table-id rtb-pub --destination-cidr-block 0.0.0.0/0 --transit-gateway-id tgw-1"
    )
    assert {one["fate"] for one in away["conversations"]} == {"unknown"}

    harmless = ask(f"{DENY} --port-range From=9,To=9 --cidr-block 0.0.0.0/0")
    assert "None of the conversations that were observed would be cut off or opened." in harmless.stdout
    table = ask(f"{DENY} --port-range From=22,To=22 --cidr-block 0.0.0.0/0").stdout
    assert "Would be cut off: " in table
    assert "192.0.2.21 to 10.0.1.10, tcp 22" in table
    assert "Nothing was sent" in table
    lines = ask(f"{DENY} --port-range From=22,To=22 --cidr-block 0.0.0.0/0", "--output", "csv").stdout.splitlines()
    assert lines[0].startswith("fate,interface_id,local,peer,protocol,port")


def test_a_time_before_a_snapshot_is_refused(ask: Ask) -> None:
    """Seen: the change was taken back from the snapshot, so that its effect was the reverse."""
    result = ask(
        "delete-route --route-table-id rtb-pub --destination-cidr-block 0.0.0.0/0", "--at", "2026-11-20T07:00:00Z"
    )
    assert result.exit_code == 1
    assert "a snapshot of the configuration is later" in result.stderr


AWS = "changes nothing, or AWS refuses it"


@pytest.mark.parametrize(
    ("command", "message", "remedy"),
    [
        (
            "delete-route --route-table-id rtb-pub --destination-cidr-block 10.9.0.0/16",
            "changes nothing",
            "config show",
        ),
        ("create-route --route-table-id rtb-pub --destination-cidr-block 0.0.0.0/0 --gateway-id igw-2", AWS, "config"),
        (f"{DENY.replace('80', '100')} --port-range From=22,To=22 --cidr-block 0.0.0.0/0", AWS, "config"),
        ("delete-network-acl-entry --network-acl-id acl-pub --ingress --rule-number 7", AWS, "config"),
        ("authorize-security-group-ingress --group-id sg-web --protocol tcp --port 22 --cidr 0.0.0.0/0", AWS, "config"),
        ("terminate-instances --instance-ids i-web", "cannot be previewed", "These can: associate-route-table"),
        ("delete-route --route-table rtb-pub", "has no option --route-table.", "--route-table-id"),
    ],
)
def test_what_is_refused(ask: Ask, command: str, message: str, remedy: str) -> None:
    result = ask(command)
    assert result.exit_code == 1
    assert message in result.stderr
    assert remedy in result.stderr
    assert result.stdout == ""
