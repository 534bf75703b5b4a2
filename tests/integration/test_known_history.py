"""Proves that a narrower or an earlier look changes nothing that is known of another time, that late truth corrects in
place, and that what was said stays known."""

import json
import logging

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store import incidents
from connectors.store.clickhouse import Store, query
from pipelines.correlate.pipeline import run_correlate
from schemas.incident import Certainty, Incident, State
from tests.correlate_lab import clock
from tests.integration.test_correlate import FAULTS, FIXES, put_changes, put_flows, put_snapshot, story


def correlate(store: Store, start: str, end: str) -> list[Incident]:
    return run_correlate(store, clock(start), clock(end))


def test_a_look_into_an_outage_changes_nothing_that_is_known(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Seen: it made closed incidents open again, and another range deleted a proven one."""
    client = store.client()
    put_snapshot(store)
    put_changes(store, [*FAULTS, *FIXES])
    put_flows(store, story("answers", flagged=True, last="16:10"))
    closed = correlate(store, "14:00", "16:10")
    assert [i.state for i in closed] == [State.CLOSED, State.CLOSED]
    known = incidents.current(client)
    sql = "SELECT count() AS n FROM incident_history"

    for start, end in (
        ("14:40", "15:30"),
        ("15:10", "15:40"),
        ("13:00", "14:50"),
        ("14:35", "15:04"),
        ("12:30", "13:30"),
    ):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "pipelines"):
            shown = correlate(store, start, end)
        assert incidents.current(client) == known, (start, end)
        assert set(shown) <= set(closed), (start, end)
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == len(shown)
        wider = "(closed at 2026-11-20T15:50:30Z) is known from a wider range, 2026-11-20T14:00:00Z to"
        assert all(wider in one for one in said), said
    assert query(client, sql)["n"][0].as_py() == 2
    assert {i.id for i in correlate(store, "15:10", "15:40")} == {i.id for i in closed}

    wide = correlate(store, "13:30", "16:10")
    assert [(i.id, i.state, i.closed_at) for i in wide] == [(i.id, i.state, i.closed_at) for i in closed]


def test_late_truth_corrects_in_place_and_what_was_said_is_kept(store: Store) -> None:
    client = store.client()
    put_snapshot(store)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    before = correlate(store, "14:00", "15:45")
    assert {i.certainty for i in before} == {Certainty.UNEXPLAINED}
    put_changes(store, FAULTS)
    after = correlate(store, "14:00", "15:45")
    assert {i.certainty for i in after} == {Certainty.PROVEN}
    assert incidents.load(client) == after
    for incident in after:
        said = incidents.history(client, incident.id)
        assert [(one.incident.certainty, one.withdrawn) for one in said] == [
            (Certainty.UNEXPLAINED, False),
            (Certainty.UNEXPLAINED, True),
            (Certainty.PROVEN, False),
        ]
        assert said[-1].incident == incident
        assert incident.id in said[1].replaced_by
        assert all(one.run and one.at and one.examined for one in said)
        assert [one.at for one in said] == sorted(one.at for one in said if one.at)

    later = [flow for flow in story("requests", flagged=True, last="16:10") if flow.at >= clock("15:45")]
    put_changes(store, FIXES)
    put_flows(store, later, name="1600")
    moved = correlate(store, "15:20", "16:10")
    assert [(i.id, i.state) for i in moved] == [(i.id, State.CLOSED) for i in after]
    assert [i.first_seen for i in moved] == [i.first_seen for i in after]
    assert incidents.load(client) == moved
    assert {one.examined.start for one in incidents.current(client) if one.examined} == {clock("14:00")}
    assert json.loads(json.dumps(moved[0].to_json()))["state"] == "closed"


def test_an_incident_tells_what_was_said_of_it_earlier(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put_snapshot(store)
    put_flows(store, story("requests", flagged=True, last="15:45"))
    (old, _) = correlate(store, "14:00", "15:45")
    put_changes(store, FAULTS)
    (new, _) = correlate(store, "14:00", "15:45")
    monkeypatch.setenv("FLOWTRAIL_DB", store.db)
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    told = json.loads(run("incident", new.id, "--output", "json"))
    assert {name: told[name] for name in new.to_json()} == new.to_json()
    assert (told["examined_from"], told["examined_to"]) == ("2026-11-20T14:00:00Z", "2026-11-20T15:45:00Z")
    assert [(one["incident"]["id"], one["withdrawn"]) for one in told["history"]] == [(old.id, False), (old.id, True)]
    assert told["history"][1]["replaced_by"] == [new.id]
    assert told["history"][0]["said_at"] < told["said_at"]
    text = run("incident", new.id)
    assert "Said earlier" in text
    assert f"incident {old.id} was no longer found; found instead: {new.id}" in text
    assert "known from the range 2026-11-20 14:00:00Z to 2026-11-20 15:45:00Z" in text
    gone = json.loads(run("incident", old.id, "--output", "json"))
    assert (gone["withdrawn"], gone["replaced_by"], gone["certainty"]) == (True, [new.id], "unexplained")
    assert run("incident", old.id).startswith(f"incident {old.id} was no longer found")
    assert {one["id"] for one in json.loads(run("incidents", "--output", "json"))} >= {new.id}
