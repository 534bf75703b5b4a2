"""The whole path with the story: S3 objects in, two proven incidents out, closed by the commands that were printed.

The configuration is created, broken and repaired once, with the real `aws` command line; the traffic is generated for
each seed, format and reading of a lost route. A quiet day with the same noise has no cause to name.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, query
from simulation.aws import environment
from simulation.network import Phase, save
from simulation.rows import Reading
from simulation.story import BEGIN, END, FIXED, NOW, Fault, Stage, Story, Telling, logs, population, put
from tests.stories import Stories

SEEDS = (1, 2, 3, 4, 5)
VERSIONS = (2, 5)
LOOKED_AT = "2026-11-20T14:00:00Z"


@dataclass
class Account:
    """A simulated account in which the story took place; `fixed` once the printed commands have really been run."""

    endpoint: str
    stage: Stage
    story: Story
    fixes: tuple[str, ...] = ()
    fixed: Story | None = None

    def fix(self, fixes: tuple[str, ...]) -> Story:
        """Run the commands the first time; after that they must be exactly the same."""
        if self.fixed is None:
            self.fixes, self.fixed = fixes, self.stage.fix(self.story, fixes, FIXED)
        assert fixes == self.fixes
        return self.fixed


@pytest.fixture(scope="module")
def account(stories: Stories) -> Iterator[Account]:
    with stories.told() as (stage, story):
        yield Account(stage.endpoint, stage, story)


@pytest.fixture(scope="module")
def quiet(stories: Stories) -> Iterator[Account]:
    with stories.built() as stage:
        yield Account(stage.endpoint, stage, stage.quiet_day())


@dataclass(frozen=True)
class Flowtrail:
    """The commands, run in this process: the embedded engine opens one folder per process."""

    store: Store
    variables: dict[str, str]

    def run(self, *arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, prog_name="flowtrail", env=self.variables)
        assert result.exit_code == 0, f"flowtrail {' '.join(arguments)}: {result.output}"
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--output", "json"))

    def look(self, until: str) -> list[dict[str, Any]]:
        """Correlate; the output of `incidents` must then be the same, byte for byte."""
        found = self.run("correlate", "--from", LOOKED_AT, "--to", until, "--output", "json")
        assert self.run("incidents", "--output", "json") == found
        incidents: list[dict[str, Any]] = json.loads(found)
        return incidents


def _flowtrail(account: Account, store: Store) -> Flowtrail:
    variables = environment(account.endpoint) | {"FLOWTRAIL_DB": store.db, "FLOWTRAIL_DATABASE": store.database}
    return Flowtrail(store, variables)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _snapshot(flowtrail: Flowtrail, phase: Phase, as_of: datetime, folder: Path) -> None:
    """The configuration at the endpoint has changed since, so it comes from answers saved at that time."""
    save(phase.answers, folder)
    flowtrail.run("snapshot", "--from-files", str(folder), "--as-of", _text(as_of))


def _tellings() -> Iterator[Any]:
    """Every seed, format and reading; half of them, in which any two occur together, is the short form."""
    for seed, (v, version), (r, reading) in product(SEEDS, enumerate(VERSIONS), enumerate(Reading)):
        yield pytest.param(seed, version, reading, marks=[pytest.mark.long] if (seed + v + r) % 2 else [])


@pytest.mark.parametrize(("seed", "version", "reading"), list(_tellings()))
def test_the_story(  # noqa: PLR0917 - fixtures, then what varies
    account: Account, store: Store, tmp_path: Path, seed: int, version: Any, reading: Reading
) -> None:
    telling = Telling(seed, version, reading)
    bucket = f"story-{seed}-{version}-{reading.value}"
    flowtrail = _flowtrail(account, store)
    _snapshot(flowtrail, account.story.phases[0], BEGIN, tmp_path)

    put(logs(account.story, telling, BEGIN, NOW), account.endpoint, bucket)
    flowtrail.json("ingest", f"s3://{bucket}/")
    found = flowtrail.look(_text(NOW))
    assert [incident["state"] for incident in found] == ["open", "open"]
    assert json.dumps(flowtrail.look(_text(NOW))) == json.dumps(found)
    _assert_reported(account.story, telling, found)

    fixed = account.fix(tuple(incident["fix"] for incident in found))
    put(logs(fixed, telling, NOW, END), account.endpoint, bucket)
    flowtrail.json("ingest", f"s3://{bucket}/")
    closed = flowtrail.look(_text(END))
    assert [incident["state"] for incident in closed] == ["closed", "closed"]
    _assert_reported(account.story, telling, closed)
    assert [incident["id"] for incident in closed] == [incident["id"] for incident in found]
    for incident in closed:
        assert _text(FIXED) <= incident["closed_at"] <= "2026-11-20T15:53:00Z"
        assert set(incident["closed_by"]) <= set(fixed.fixes)
        assert incident["closed_by"]
    _assert_conserved(store)


@pytest.mark.parametrize("reading", Reading)
def test_logs_first_and_a_snapshot_from_after_the_faults(
    account: Account, store: Store, tmp_path: Path, reading: Reading
) -> None:
    """The deny can be undone exactly; the target of the deleted route was not recorded: suspected, with that reason,
    and with what it can only have been."""
    flowtrail = _flowtrail(account, store)
    bucket = f"late-{reading.value}"
    put(logs(account.story, Telling(6, 2, reading)), account.endpoint, bucket)
    flowtrail.json("ingest", f"s3://{bucket}/")
    _snapshot(flowtrail, account.story.phases[-1], NOW, tmp_path)
    route, rule = flowtrail.look(_text(NOW))
    assert (route["kind"], route["certainty"], route["fix"]) == ("lost-traffic", "suspected", None)
    assert route["cause"]["event_ids"] == [account.story.faults[0].event_id]
    assert "no snapshot is older than the change" in route["reason"]
    gateway, table = account.story.network.internet_gateway_id, account.story.network.public_route_table_id
    assert (
        f"Likely, as {gateway} is the only internet gateway attached to the VPC: aws ec2 create-route"
        f" --route-table-id {table} --destination-cidr-block 0.0.0.0/0 --gateway-id {gateway}"
    ) in route["reason"]
    assert (rule["kind"], rule["certainty"]) == ("rejects", "proven")
    assert rule["cause"]["event_ids"] == [account.story.faults[1].event_id]
    assert rule["fix"].startswith("aws ec2 delete-network-acl-entry ")


def _assert_reported(story: Story, telling: Telling, incidents: list[dict[str, Any]]) -> None:
    assert [(incident["kind"], incident["certainty"]) for incident in incidents] == [
        ("lost-traffic", "proven"),
        ("rejects", "proven"),
    ]
    for fault, incident in zip(story.faults, incidents, strict=True):
        cause = incident["cause"]
        assert cause["event_ids"] == [fault.event_id]
        assert (cause["event_name"], cause["actor"], cause["source_ip"]) == (
            fault.event_name,
            fault.actor,
            fault.source_ip,
        )
        assert (cause["layer"], cause["resource"], cause["rule"]) == (fault.layer, fault.resource, fault.rule)
        assert cause["time"] == _text(fault.time)
        assert incident["enis"] == [story.network.web.interface_id]
        assert set(fault.ports) <= set(incident["ports"])
        _assert_peers(fault, telling, story, incident)
        assert _text(fault.time) <= incident["first_seen"] < incident["last_seen"]
        assert incident["fix"]
        assert incident["inverse"]
        assert {piece["key"].split("/")[2] for piece in incident["evidence"]} == {"vpcflowlogs", "CloudTrail"}
        assert all(piece["line"] >= 1 for piece in incident["evidence"])
    text = json.dumps(incidents)
    assert not [event for event in story.harmless if event in text]


def _assert_peers(fault: Fault, telling: Telling, story: Story, incident: dict[str, Any]) -> None:
    """The peers are clients of the service; a scanner that was once accepted may be among the rejected peers too."""
    people = fault.peers(population(story, telling))
    assert people & set(incident["peers"])
    if fault.kind == "rejects":
        assert people <= set(incident["peers"])


def _assert_conserved(store: Store) -> None:
    sql = "SELECT count() AS n FROM receipts WHERE rows_read != rows_written + rows_rejected + rows_skipped"
    assert query(store.client(), sql)["n"][0].as_py() == 0
    written = query(store.client(), "SELECT sum(rows_written) AS n FROM receipts")["n"][0].as_py()
    stored = "SELECT (SELECT count() FROM flows) + (SELECT count() FROM coverage) + (SELECT count() FROM change_events)"
    assert query(store.client(), f"{stored} AS n")["n"][0].as_py() == written


@pytest.mark.parametrize(("seed", "version"), [(1, 2), (2, 5), (3, 2), (4, 5)])
def test_a_quiet_day_names_no_cause(quiet: Account, store: Store, tmp_path: Path, seed: int, version: Any) -> None:
    flowtrail = _flowtrail(quiet, store)
    _snapshot(flowtrail, quiet.story.phases[0], BEGIN, tmp_path)
    bucket = f"quiet-{seed}-{version}"
    put(logs(quiet.story, Telling(seed, version), BEGIN, END), quiet.endpoint, bucket)
    flowtrail.json("ingest", f"s3://{bucket}/")
    assert flowtrail.look(_text(END)) == []
