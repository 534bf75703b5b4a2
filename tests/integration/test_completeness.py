"""Proves that "no incidents" says what was examined, and that the completeness of CloudTrail is always said."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store
from pipelines.configuration import save_versions
from pipelines.correlate.pipeline import run_correlate
from schemas.incident import Incident
from tests.correlate_lab import call, clock, noise, usual
from tests.integration.test_correlate import FAULTS, put_changes, put_flows, put_snapshot, story

Run = Callable[..., Any]


@pytest.fixture
def run(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FLOWTRAIL_DB", store.db)
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def invoke(*arguments: str) -> Any:
        result = CliRunner().invoke(app, arguments, prog_name="flowtrail")
        assert result.exit_code == 0, result.output
        return result

    return invoke


def correlated(store: Store, start: str, end: str) -> list[Incident]:
    return run_correlate(store, clock(start), clock(end))


def test_without_incidents_it_is_said_what_was_examined(store: Store, run: Run) -> None:
    put_snapshot(store)
    put_flows(store, usual("12:00", "16:00") + noise("12:00", "16:00"))
    nothing = run("incidents").stdout
    assert "correlate` has not run yet" in nothing
    correlated(store, "13:00", "14:00")
    correlated(store, "14:00", "14:30")
    correlated(store, "15:00", "16:00")
    text = " ".join(run("incidents").stdout.split())
    assert "No incidents. Examined: 2026-11-20 13:00:00Z to 2026-11-20 14:30:00Z, 2026-11-20 15:00:00Z to" in text
    assert "in the largest run 1 interface and" in text
    assert "Nothing has been loaded yet for the time after 2026-11-20 15:59:" in text
    assert "No CloudTrail object from 2026-11-20T15:00:00Z to 2026-11-20T16:00:00Z is loaded" in text
    again = run("correlate", "--from", "2026-11-20T13:00:00Z", "--to", "2026-11-20T14:00:00Z").stdout
    assert "No incidents.\nExamined: 2026-11-20 13:00:00Z to 2026-11-20 14:30:00Z" in again
    as_json = run("incidents", "--output", "json")
    assert json.loads(as_json.stdout) == []
    assert "Examined: 2026-11-20 13:00:00Z" in as_json.stderr


def test_how_complete_cloudtrail_is_stands_in_the_incident_and_in_status(store: Store, run: Run) -> None:
    put_snapshot(store)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    for incident in correlated(store, "14:00", "15:45"):
        assert "No CloudTrail object from 2026-11-20T1" in incident.reason
        assert "a change of that time would not be known" in incident.coverage
    gone = call("14:10", "DeleteFlowLogs", {"flowLogIds": ["fl-0a1"]}, event_id="log-gone")
    put_changes(store, [*FAULTS, gone])
    for incident in correlated(store, "14:00", "15:45"):
        assert "CloudTrail" not in incident.reason
    save_versions(store)
    status = json.loads(run("status", "--output", "json").stdout)
    assert [each["interface_id"] for each in status["unlogged"]] == ["eni-db"]
    assert status["unlogged"][0]["deleted_at"] == "2026-11-20T14:10:00Z"
    text = run("status").stdout
    assert "of 1 interface there is no record at all: eni-db" in text
    assert "a flow log was deleted at 2026-11-20 14:10:00Z" in text
