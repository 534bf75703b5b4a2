"""Proves that what is known of a time stays known, that what was said is kept, and that "no incidents" says what was
examined."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store import incidents
from connectors.store.clickhouse import Store, query
from pipelines.configuration import save_versions
from pipelines.correlate.pipeline import run_correlate
from schemas.incident import Certainty, Incident, State
from tests.correlate_lab import call, clock, noise, usual
from tests.integration.test_correlate import FAULTS, FIXES, put_changes, put_flows, put_snapshot, story

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


def told(store: Store) -> list[Incident]:
    return incidents.load(store.client())


def correlated(store: Store, start: str, end: str) -> list[Incident]:
    return run_correlate(store, clock(start), clock(end))


def test_a_narrower_or_earlier_range_changes_nothing(store: Store, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Seen before: a range inside the outage opened both incidents again, with a command to create the route that was
    there; an earlier one deleted a proven incident."""
    put_snapshot(store)
    put_changes(store, [*FAULTS, *FIXES])
    put_flows(store, story("requests", flagged=True, last="16:10"))
    closed = correlated(store, "14:00", "16:10")
    assert [i.state for i in closed] == [State.CLOSED, State.CLOSED]
    written = query(store.client(), "SELECT count() AS n FROM incidents")["n"][0].as_py()
    for start, end, kept in (
        ("15:10", "15:30", 2),
        ("14:00", "14:40", 1),
        ("12:30", "15:20", 2),
        ("16:00", "16:05", 0),
    ):
        caplog.clear()
        assert correlated(store, start, end) == (closed[:1] if kept == 1 else closed[:kept])
        assert told(store) == closed
        assert ("known from a range that saw more, and unchanged" in caplog.text) == bool(kept)
    assert query(store.client(), "SELECT count() AS n FROM incidents")["n"][0].as_py() == written
    assert json.loads(run("incidents", "--output", "json").stdout) == [i.to_json() for i in closed]


def test_what_was_said_before_is_kept_and_shown(store: Store, run: Run) -> None:
    """CloudTrail comes late, and then the repair: unexplained, then proven, then closed."""
    put_snapshot(store)
    flows = story("requests", flagged=True, last="16:10")
    put_flows(store, [flow for flow in flows if flow.at < clock("15:45")])
    assert {i.certainty for i in correlated(store, "14:00", "15:45")} == {Certainty.UNEXPLAINED}
    put_changes(store, FAULTS)
    assert {i.certainty for i in correlated(store, "14:00", "15:45")} == {Certainty.PROVEN}
    put_changes(store, FIXES)
    put_flows(store, [flow for flow in flows if flow.at >= clock("15:45")], name="1600")
    route, _ = correlated(store, "15:00", "16:10")
    assert route.first_seen == clock("14:32:02")  # as before, although this range begins later
    said = incidents.history(store.client(), route.id)
    assert [(s.incident.certainty.value, s.incident.state.value, bool(s.replaced_by)) for s in said] == [
        ("unexplained", "open", False),
        ("unexplained", "open", True),
        ("proven", "open", False),
        ("proven", "closed", False),
    ]
    assert said[-1].incident == route
    assert len({s.run for s in said}) == 3
    text = run("incident", route.id).stdout
    assert "Said earlier" in text
    assert "open, proven, DeleteRoute by arn:alice" in text
    assert "withdrawn" in text
    answer = json.loads(run("incident", route.id, "--output", "json").stdout)
    assert [each["incident"]["id"] == route.id for each in answer["history"]].count(True) == 2
    assert answer["history"][-1]["judged_to"] == "2026-11-20T16:10:00Z"


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
    assert "1 interfaces" in text
    assert "Nothing has been loaded yet for the time after 2026-11-20 15:59:" in text
    assert "No CloudTrail object from 2026-11-20T15:00:00Z to 2026-11-20T16:00:00Z is loaded" in text
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
    assert "1 interfaces have no record at all: eni-db" in text
    assert "a flow log was deleted at 2026-11-20 14:10:00Z" in text
