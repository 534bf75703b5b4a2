"""The commands that ask the model of the VPC, on one prepared store: `explain`, `changes`, `config show` and `config
diff`."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import Result
from clickhouse_connect.driver.binding import quote_identifier
from typer.testing import CliRunner

from cli.app import app
from connectors.store import configuration
from connectors.store.clickhouse import Store, insert
from connectors.store.receipts import rows as receipt_rows
from network.aws.call import ids_in
from schemas.configuration import (
    NetworkInterface,
    Resource,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from schemas.flow import FLOWS
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.snapshot import Snapshot
from tests.conftest import copy
from tests.correlate_lab import (
    ADMINS,
    DB,
    ENI,
    PEOPLE,
    WEB,
    Flow,
    call,
    clock,
    create_route,
    delete_route,
    deny,
    every,
    flows_table,
    packed,
    refused,
    reject,
    resources,
    service,
    undeny,
)
from tests.integration.test_correlate import put_changes, put_flows

Run = Callable[..., Result]

NEVER, SHADOW, MIXED, MUTE, LATE, LISTED = (f"198.51.100.{n}" for n in range(77, 83))
"""Whom the group never let in; whose packets are rejected, all or one, though the model lets them in; who is not
answered; who is served by an instance after it was stopped; whom a prefix list may contain."""

TWINS, OFF = "10.0.1.50", "10.0.1.70"
CLI = "aws-cli/2.31.18 md/awscrt#0.28.2"
STOP = {"instancesSet": {"items": [{"instanceId": "i-off"}]}}


def known() -> tuple[Resource, ...]:
    """The lab's VPC; two interfaces with one address, in two VPCs; one whose group has rules that are not known; one of
    an instance that is stopped later."""
    return (
        *resources(),
        Vpc("vpc-2", ("10.0.0.0/16",)),
        Subnet("subnet-2", "vpc-2", ("10.0.1.0/24",)),
        RouteTable("rtb-2", "vpc-2", (), (RouteTableAssociation("rtbassoc-2", main=True),)),
        SecurityGroup("sg-2", "vpc-2"),
        NetworkInterface("eni-twin2", "vpc-2", "subnet-2", (TWINS,), (), ("sg-2",)),
        NetworkInterface("eni-twin1", "vpc-1", "subnet-pub", (TWINS,), ("198.51.100.50",), ("sg-web",)),
        SecurityGroup("sg-list", "vpc-1", "list", (SecurityGroupRule(False, 6, "pl-1", 22, 22, "sgr-list"),)),
        NetworkInterface("eni-list", "vpc-1", "subnet-pub", ("10.0.1.60",), ("198.51.100.60",), ("sg-list",)),
        NetworkInterface("eni-off", "vpc-1", "subnet-pub", (OFF,), ("198.51.100.70",), ("sg-web",), "i-off"),
    )


def story() -> list[Flow]:
    flows = (
        service(22, ADMINS, 90, "12:00", "15:05")
        + refused("15:05", "15:50")
        + service(22, ADMINS, 90, "15:51", "16:10")
    )
    flows += service(80, PEOPLE, 90, "12:00", "14:32") + service(80, PEOPLE, 90, "15:51", "16:10")
    flows += [reject(at, NEVER, 443, n) for n, at in enumerate(every(60, "12:00", "16:10"))]
    flows += [reject(at, SHADOW, 80, n) for n, at in enumerate(every(60, "15:55", "16:10"))]
    flows += [*service(80, [MIXED], 60, "15:55", "16:10"), reject(clock("16:00"), MIXED, 80)]
    flows += [Flow(at, MUTE, 40000 + n, WEB, 80) for n, at in enumerate(every(60, "15:55", "16:10"))]
    return flows


def moved(peer: str, address: str, interface_id: str) -> list[dict[str, Any]]:
    """Records of SSH at another address than the web server's."""
    here = {packed(WEB): packed(address)}
    return [
        {**row, "interface_id": interface_id, **{end: here.get(row[end], row[end]) for end in ("srcaddr", "dstaddr")}}
        for row in flows_table(service(22, [peer], 60, "15:55", "16:00"), 9).to_pylist()
    ]


@pytest.fixture(scope="module")
def facts(engine_folder: Path, template: Store) -> Iterator[Store]:
    store = Store(str(engine_folder), "t_ask")
    copy(template, store.database)
    configuration.save_snapshot(store.client(), Snapshot(clock("08:00"), "files", known()))
    changes = (
        delete_route("14:32", event_id="route-gone", user_agent=CLI),
        deny("15:04", acl="acl-prv", event_id="elsewhere", actor="arn:dave"),
        deny("15:05", event_id="rule-90", actor="arn:aws:sts::1:assumed-role/NetworkAdmin/bob", user_agent=CLI),
        call("15:10", "StopInstances", STOP, event_id="not-modelled"),
        call("15:11", "CreateFlowLogs", {"TrafficType": "ALL"}, event_id="account"),
        call("15:12", "AuthorizeSecurityGroupIngress", {"groupId": "sg-away"}, event_id="unknown-group"),
        create_route("15:50", event_id="route-back"),
        undeny("15:50:20", event_id="rule-gone", actor="=cmd|' /C calc'!A0"),
    )
    put_changes(store, [replace(c, resources=ids_in(c.request, c.response)) for c in changes])
    skipped = {"failed-call": 2, "read-only": 5}
    trail = ObjectRef("logs", "AWSLogs/1/CloudTrail/other.json.gz", "etag", 10)
    receipt = Receipt(trail, ObjectKind.CLOUDTRAIL, 2, 7, 0, 0, skipped_reasons=skipped)
    insert(store.client(), RECEIPTS, receipt_rows([receipt], 2))
    put_flows(store, story())
    late = [*moved(LATE, OFF, "eni-off"), *moved(LISTED, "10.0.1.60", "eni-list")]
    insert(store.client(), FLOWS, pa.Table.from_pylist(late, FLOWS.schema))
    yield store
    store.server().command(f"DROP DATABASE IF EXISTS {quote_identifier(store.database)} SYNC")


@pytest.fixture
def run(facts: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, on the facts."""
    monkeypatch.setenv("FLOWTRAIL_DATABASE", facts.database)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", facts.db, *arguments], prog_name="flowtrail")

    return call


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    def ask(*arguments: str) -> Any:
        result = run(*arguments, "--output", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return ask


Ask = Callable[..., Any]


def pair(src: str, dst: str, port: int, *more: str) -> list[str]:
    ends = [
        f"--{side}-{'id' if name.startswith(('eni-', 'i-')) else 'ip'}" for side, name in (("from", src), ("to", dst))
    ]
    return ["explain", ends[0], src, ends[1], dst, "--port", str(port), *more]


def test_blocked_then_and_reachable_now_with_the_change_that_turned_it(answer: Ask, run: Run) -> None:
    asked = pair(ADMINS[0], WEB, 22, "--at", "2026-11-20T15:20:00Z")
    found = answer(*asked)
    then, now = found["then"], found["now"]
    assert (then["verdict"], now["verdict"]) == ("blocked", "reachable")
    assert then["walks"][0]["decides"]["resource"] == "acl-pub"
    assert then["walks"][0]["decides"]["code"] == "SUBNET_ACL_RESTRICTION"
    assert (then["since"]["call"]["event_id"], then["since"]["before"]) == ("rule-90", "partly")
    assert [(t["call"]["event_id"], t["before"], t["after"]) for t in found["turned"]] == [
        ("rule-gone", "blocked", "reachable")
    ]
    assert found["turned"][0]["what"] == ["network ACL acl-pub: removed: ingress 90 deny tcp 22 from 0.0.0.0/0"]
    counts = {(o["interface_id"], o["packet"], o["action"]): (o["flows"], o["since"]) for o in then["observed"]}
    assert counts[ENI, "request", "ACCEPT"][1] == 0, "all before the change"
    assert counts[ENI, "request", "ACCEPT"][0] == counts[ENI, "reply", "ACCEPT"][0] > 100
    assert counts[ENI, "request", "REJECT"] == (15, 14), "the first is too soon after the change"
    assert then["disagreements"] == now["disagreements"] == []
    [last] = [o for o in then["observed"] if o["action"] == "REJECT"]
    assert last["last"] == "2026-11-20T15:19:03Z"
    assert (last["bucket"], last["line"] > 1) == ("logs", True)
    text = run(*asked).stdout
    for part in (
        "blocked: network ACL acl-pub stops the request: ingress 90 deny tcp 22 from 0.0.0.0/0 [SUBNET_ACL_",
        "CreateNetworkAclEntry by arn:aws:sts::1:assumed-role/NetworkAdmin/bob from 198.51.100.7, event rule-90",
        "blocked to reachable: DeleteNetworkAclEntry",
    ):
        assert part in text, text


def test_partly_where_the_reply_is_lost(answer: Ask, run: Run) -> None:
    asked = pair(PEOPLE[0], WEB, 80, "--at", "2026-11-20T15:00:00Z")
    found = answer(*asked)
    assert found["then"]["verdict"] == "partly"
    assert found["then"]["walks"][0]["decides"]["of"] == "reply"
    assert [t["call"]["event_id"] for t in found["turned"]] == ["route-back"]
    assert found["not_examined"] == []
    text = run(*asked).stdout
    assert "partly: the request gets there, but route table rtb-pub stops the reply: no route to 192.0.2.11" in text
    assert "The walk is the same." not in text


def test_a_call_that_the_model_does_not_contain_makes_reachable_unknown_until_the_log_confirms_it(
    answer: Ask, run: Run
) -> None:
    asked = pair(ADMINS[0], OFF, 22, "--at", "2026-11-20T15:00:00Z")
    found = answer(*asked)
    assert found["then"]["not_examined"] == []
    assert (found["now"]["verdict"], found["now"]["by_configuration"]) == ("unknown", "reachable")
    assert [c["event_id"] for c in found["now"]["not_examined"]] == ["not-modelled"]
    assert [c["event_id"] for c in found["not_examined"]] == ["not-modelled"]
    text = run(*asked).stdout
    assert "BUT NOT EXAMINED, as its effect is not in the model: StopInstances of 2026-11-20 15:10:00Z" in text
    assert "not examined, as its effect is not in the model: StopInstances by arn:alice" in text
    confirmed = answer(*pair(LATE, OFF, 22))["now"]
    assert (confirmed["verdict"], confirmed["not_examined"]) == ("reachable", [])


def test_what_never_worked_is_explained(answer: Ask, run: Run) -> None:
    asked = pair(NEVER, WEB, 443, "--at", "2026-11-20T13:00:00Z")
    found = answer(*asked)
    assert (found["then"]["verdict"], found["now"]["verdict"], found["turned"]) == ("blocked", "blocked", [])
    assert found["then"]["since"] is None
    assert {o["action"] for o in found["now"]["observed"]} == {"REJECT"}
    text = run(*asked).stdout
    assert (
        f"security group sg-web stops the request: ingress no rule for tcp 443 from {NEVER} [ENI_SG_RULES_MISMATCH]"
        in text
    )
    assert "it never worked, as far as is known" in text
    assert "The walk is the same." in text


def test_a_log_that_disagrees_is_said_loudly_and_outranks_the_model(answer: Ask, run: Run) -> None:
    found = answer(*pair(SHADOW, WEB, 80))["now"]
    assert (found["verdict"], found["by_configuration"]) == ("unknown", "reachable")
    assert found["disagreements"] == [
        f"{ENI} recorded 15 of 15 requests since 2026-11-20 15:51:00Z as REJECT, where all should be ACCEPT."
    ]
    text = run(*pair(SHADOW, WEB, 80)).stdout
    assert "unknown: by the configuration it is reachable" in text
    assert "BUT THE FLOW LOG DISAGREES: eni-web recorded 15 of 15 requests" in text
    csv_answer = run(*pair(SHADOW, WEB, 80), "-o", "csv")
    assert "the flow log disagrees: eni-web recorded" in csv_answer.stderr
    assert {row["verdict"] for row in csv.DictReader(csv_answer.stdout.splitlines())} == {"unknown"}


def test_a_log_that_disagrees_in_part_leaves_the_verdict_with_the_remark(answer: Ask) -> None:
    found = answer(*pair(MIXED, WEB, 80))["now"]
    assert (found["verdict"], found["by_configuration"]) == ("reachable", "reachable")
    assert "BUT THE FLOW LOG DISAGREES: eni-web recorded 1 of 16 requests" in found["sentence"]
    assert answer(*pair("i-db", WEB, 80))["now"]["observed"] == []


def test_nobody_answers_though_the_network_lets_it_through(answer: Ask) -> None:
    found = answer(*pair(MUTE, WEB, 80))["now"]
    assert found["verdict"] == "reachable"
    assert any("15 accepted requests and no reply" in note for note in found["notes"])


def test_ambiguous_unless_it_is_said_which_vpc_is_meant(answer: Ask, run: Run) -> None:
    found = answer(*pair(ADMINS[0], TWINS, 22))["now"]
    assert found["verdict"] == "ambiguous"
    assert {w["to_interface"]: w["verdict"] for w in found["walks"]} == {
        "eni-twin1": "reachable",
        "eni-twin2": "blocked",
    }
    assert "ambiguous: which is meant is not known: " in run(*pair(ADMINS[0], TWINS, 22)).stdout
    assert answer(*pair(ADMINS[0], TWINS, 22, "--vpc", "vpc-1"))["now"]["verdict"] == "reachable"
    assert answer(*pair(ADMINS[0], "eni-twin2", 22))["now"]["verdict"] == "blocked"


def test_unknown_says_what_is_not_known_and_why(answer: Ask, run: Run) -> None:
    found = answer(*pair(ADMINS[0], "10.0.1.60", 22))["now"]
    assert found["verdict"] == "unknown"
    assert found["unknown"] == [
        "security group sg-list: ingress tcp 22 from pl-1 (sgr-list): the entries of prefix list pl-1 are not known"
    ]
    assert "may be stopped or not: security group sg-list" in run(*pair(ADMINS[0], "10.0.1.60", 22)).stdout
    seen = answer(*pair(LISTED, "10.0.1.60", 22))["now"]
    assert (seen["verdict"], seen["disagreements"]) == ("unknown", [])
    assert seen["sentence"].endswith("The flow log has 5 accepted and 0 rejected requests since 2026-11-20 15:51:20Z.")
    nobody = answer(*pair(ADMINS[0], "10.0.1.99", 22))["now"]
    assert (nobody["verdict"], nobody["walks"]) == ("unknown", [])
    assert (
        "No interface that is known has 10.0.1.99, in subnet-2 of vpc-2 or subnet-pub of vpc-1." in nobody["sentence"]
    )
    assert answer(*pair("eni-none", WEB, 22))["now"]["verdict"] == "unknown"
    stranger = answer(*pair("10.0.1.98", DB, 5432))["now"]
    assert stranger["unknown"][0] == "which security groups an end has is not known"
    assert "No interface that is known has 10.0.1.98: it is taken to be one in subnet-pub, " in str(stranger["notes"])


def test_an_interface_or_an_instance_may_be_an_end(answer: Ask) -> None:
    found = answer(*pair("i-web", "eni-db", 5432))["now"]
    assert (found["verdict"], found["walks"][0]["from_address"], found["walks"][0]["to_address"]) == (
        "reachable",
        WEB,
        DB,
    )


def test_before_the_first_snapshot_and_after_the_last_fact_it_says_so(answer: Ask) -> None:
    early = answer(*pair(ADMINS[0], WEB, 22, "--at", "2026-11-20T07:00:00Z"))["then"]
    assert any("before the first snapshot (2026-11-20 08:00:00Z)" in note for note in early["notes"])
    first = answer(*pair(ADMINS[0], WEB, 22, "--at", "1970-01-01T00:00:00Z", "--lookback", "999999d"))["then"]
    assert first["looked_from"] == "1970-01-01T00:00:00Z", "the store holds nothing earlier"
    assert answer(*pair(ADMINS[0], WEB, 22, "--at", "2105-12-31T00:00:00Z"))["then"]["verdict"] == "reachable"
    late = answer(*pair(ADMINS[0], WEB, 22, "--at", "2026-11-21T07:00:00Z"))["then"]
    assert any("Nothing is known of the configuration after 2026-11-20 15:50:20Z" in note for note in late["notes"])


def test_explain_in_csv_has_a_line_for_each_step(run: Run) -> None:
    result = run(*pair(ADMINS[0], WEB, 22, "--at", "2026-11-20T15:20:00Z"), "--output", "csv")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [(r["configuration"], r["verdict"], r["layer"], r["result"]) for r in rows[:2]] == [
        ("then", "blocked", "network-acl", "deny"),
        ("then", "blocked", "security-group", "allow"),
    ]
    assert [r["step"] for r in rows if r["configuration"] == "now"] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "--to-ip", WEB, "--port", "22"], "give either --from-ip or --from-id"),
        (
            ["explain", "--from-ip", WEB, "--from-id", ENI, "--to-ip", DB, "--port", "22"],
            "either --from-ip or --from-id",
        ),
        (["explain", "--from-ip", "web", "--to-ip", DB, "--port", "22"], "'web' is not an address"),
        (["explain", "--from-id", "web", "--to-ip", DB, "--port", "22"], "neither a network interface ID"),
        (["explain", "--from-ip", WEB, "--to-ip", WEB, "--port", "22"], "Both ends are 10.0.1.10"),
        (["explain", "--from-ip", WEB, "--to-ip", "2001:db8::1", "--port", "22"], "One end is IPv4 and the other IPv6"),
        (["explain", "--from-ip", WEB, "--to-ip", DB], "The port is missing"),
        (["explain", "--from-ip", WEB, "--to-ip", DB, "--protocol", "icmp", "--port", "22"], "icmp has no ports"),
        (["explain", "--from-ip", WEB, "--to-ip", DB, "--protocol", "tpc", "--port", "22"], "IANA number"),
        (["config", "diff", "acl-pub"], "--from is missing"),
        (["config", "diff", "acl-pub", "--from", "2026-11-20", "--to", "2026-11-19"], "the range is empty"),
        (["changes", "--from", "2026-11-20", "--to", "2026-11-19"], "the range is empty"),
    ],
)
def test_an_invalid_command_line_is_a_usage_error(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def ids(found: Any) -> list[str]:
    return [change["event_id"] for change in found["changes"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            [],
            [
                "rule-gone",
                "route-back",
                "unknown-group",
                "account",
                "not-modelled",
                "rule-90",
                "elsewhere",
                "route-gone",
            ],
        ),
        (
            ["--vpc", "vpc-1"],
            ["rule-gone", "route-back", "account", "not-modelled", "rule-90", "elsewhere", "route-gone"],
        ),
        (["--resource", "rtb-pub"], ["route-back", "account", "route-gone"]),
        (["--resource", "subnet-pub"], ["rule-gone", "route-back", "account", "not-modelled", "rule-90", "route-gone"]),
        (["--resource", "subnet-prv"], ["account", "elsewhere"]),
        (["--resource", "i-db"], ["account", "elsewhere"]),
        (["--resource", ENI], ["rule-gone", "route-back", "account", "rule-90", "route-gone"]),
        (["--resource", "sg-away"], ["unknown-group", "account"]),
        (["--actor", "BOB"], ["rule-90"]),
        (["--from", "2026-11-20T14:32:00Z", "--to", "2026-11-20T15:05:00Z"], ["elsewhere", "route-gone"]),
        (["--resource", "i-off"], ["rule-gone", "route-back", "account", "not-modelled", "rule-90", "route-gone"]),
        (["--vpc", "vpc-2"], ["account"]),
        (["--limit", "1"], ["rule-gone"]),
    ],
)
def test_changes_are_found_by_what_they_concern(answer: Ask, filters: list[str], expected: list[str]) -> None:
    found = answer("changes", *filters)
    assert ids(found) == expected
    assert found["more"] == ("--limit" in filters)


def test_changes_say_who_did_what_from_where_with_which_tool(answer: Ask, run: Run) -> None:
    [change] = answer("changes", "--actor", "bob")["changes"]
    assert change["what"] == ["network ACL acl-pub: added: ingress 90 deny tcp 22 from 0.0.0.0/0"]
    assert (change["time"], change["source_ip"], change["user_agent"]) == ("2026-11-20T15:05:00Z", "198.51.100.7", CLI)
    assert (change["vpcs"], change["subnets"]) == (["vpc-1"], ["subnet-pub"])
    what = {c["event_id"]: c["what"] for c in answer("changes")["changes"]}
    assert what["not-modelled"] == ["its effect is not in the model (instancesSet.instanceId: i-off)"]
    assert what["account"] == ["does nothing to packets of what exists (TrafficType: ALL)"]
    assert what["unknown-group"] == ["changed nothing that is known (groupId: sg-away)"]
    text = run("changes").stdout
    assert "aws-cli/2.31.18 " in text
    assert "awscrt" not in text
    assert "2 calls that AWS refused, or that failed, were read and are not stored." in text
    lines = list(csv.DictReader(run("changes", "-o", "csv").stdout.splitlines()))
    assert lines[0]["actor"].startswith("'="), "no formula"
    assert run("changes", "--actor", "nobody").stdout.startswith("No matching changes.")


def test_refused_calls_are_not_invented(run: Run) -> None:
    result = run("changes", "--refused", "-o", "json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Calls that AWS refused are not stored" in result.stderr
    assert "2 of them were read and only counted" in result.stderr


def test_config_show_has_each_version_since_when_and_by_whom(answer: Ask, run: Run) -> None:
    found = answer("config", "show", "acl-pub", "--at", "2026-11-20T15:20:00Z")
    assert (found["type"], found["version"]["valid_from"]) == ("network-acl", "2026-11-20T15:05:00Z")
    assert found["version"]["begun_by"]["event_id"] == "rule-90"
    assert "ingress 90 deny tcp 22 from 0.0.0.0/0" in found["version"]["what"]
    assert [v["valid_from"] for v in found["versions"]] == [None, "2026-11-20T15:05:00Z", "2026-11-20T15:50:20Z"]
    text = run("config", "show", "acl-pub", "--at", "2026-11-20T15:20:00Z").stdout
    assert "network ACL acl-pub of vpc-1" in text
    assert "history unknown" in text
    subnet = answer("config", "show", "subnet-prv")["version"]["what"]
    assert subnet == ["CIDR 10.0.2.0/24", "network ACL acl-prv", "route table rtb-main (main)"]
    rows = list(csv.DictReader(run("config", "show", "acl-pub", "-o", "csv").stdout.splitlines()))
    assert [row["begun_by"] for row in rows] == ["", "rule-90", "rule-gone"]


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        ("sg-web", "ingress tcp 22 from 0.0.0.0/0 (sgr-22)"),
        ("rtb-pub", "route 0.0.0.0/0 -> igw-1"),
        (ENI, "security group sg-web"),
        ("igw-1", "attached to vpc-1"),
        ("vpc-1", "CIDR 10.0.0.0/16"),
    ],
)
def test_config_show_says_what_a_resource_contains(run: Run, resource: str, line: str) -> None:
    assert f"  {line}\n" in run("config", "show", resource).stdout


def test_config_diff_has_the_differences_and_the_calls(answer: Ask, run: Run) -> None:
    span = ("--from", "2026-11-20T14:00:00Z", "--to", "2026-11-20T15:00:00Z")
    found = answer("config", "diff", "rtb-pub", *span)
    assert found["differences"] == [{"change": "removed", "before": "route 0.0.0.0/0 -> igw-1", "after": ""}]
    assert [c["call"]["event_id"] for c in found["calls"]] == ["route-gone"]
    assert "removed: route 0.0.0.0/0 -> igw-1" in run("config", "diff", "rtb-pub", *span).stdout
    back = answer("config", "diff", "rtb-pub", "--from", "2026-11-20T14:00:00Z", "--to", "2026-11-20T16:00:00Z")
    assert back["differences"] == []
    assert [c["call"]["event_id"] for c in back["calls"]] == ["route-gone", "route-back"]
    assert run("config", "diff", "sg-web", *span, "-o", "csv").stdout == "resource,change,before,after\n"


def test_config_of_what_was_never_known_is_an_error_with_a_remedy(run: Run) -> None:
    for command in (["show"], ["diff", "--from", "2026-11-20T14:00:00Z"]):
        result = run("config", command[0], "sg-none-such", *command[1:])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "sg-none-such is in no snapshot" in result.stderr
    assert "Ask for one of them: eni-web." in run("config", "show", "i-web").stderr


def test_without_a_snapshot_it_says_to_take_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)
    put_changes(store, [delete_route("14:32", event_id="alone", resources=("rtb-pub",))])

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", store.db, *arguments], prog_name="flowtrail")

    for arguments in (pair(ADMINS[0], WEB, 22), ["config", "show", "acl-pub"]):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "There is no snapshot" in result.stderr
    found = json.loads(run("changes", "--resource", "rtb-pub", "-o", "json").stdout)
    assert ids(found) == ["alone"]
    assert found["changes"][0]["what"] == [
        "changed nothing that is known (routeTableId: rtb-pub, destinationCidrBlock: 0.0.0.0/0)"
    ]
