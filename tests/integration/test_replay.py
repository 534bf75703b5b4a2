"""Proves that a replay gives the same incidents whatever the order of arrival and the number of workers, changes
nothing that is known, differs from itself in nothing, and tells what would have happened without a change."""

import json
import random
from datetime import UTC, datetime
from functools import partial

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, command, query
from pipelines.correlate.pipeline import run_correlate, run_replay
from schemas.runner import IN_PROCESS, Kind, Runner
from tests.conftest import copy
from tests.correlate_lab import clock
from tests.integration.test_correlate import DECOYS, FAULTS, FIXES, put_changes, put_flows, put_snapshot, story

RANGE = ("--from", "2026-11-20T14:00:00Z", "--to", "2026-11-20T16:10:00Z")
THREADS = Runner(Kind.IN_PROCESS, ("--direct_running_mode=multi_threading", "--direct_num_workers=2"))


def ask(store: Store, *arguments: str) -> Result:
    runner = CliRunner(env={"FLOWTRAIL_DATABASE": store.database})
    return runner.invoke(app, ["--db", store.db, *arguments], prog_name="flowtrail")


def answer(store: Store, *arguments: str) -> object:
    result = ask(store, *arguments, "--output", "json")
    assert result.exit_code == 0, (result.output, result.stderr)
    return json.loads(result.stdout)


def said(store: Store) -> list[object]:
    return [
        query(store.client(), "SELECT * FROM incidents ORDER BY id, generation").to_pylist(),
        query(store.client(), "SELECT * FROM incident_history ORDER BY id, generation").to_pylist(),
    ]


def filled(store: Store, seed: int = 0) -> None:
    """The story, as objects that arrive in an order of the seed's choice."""
    chance = random.Random(seed)
    flows = story("answers", flagged=True, last="16:10")
    parts = [flows[n::3] for n in range(3)]
    arrivals = [partial(put_flows, store, part, name=f"15{n}0") for n, part in enumerate(parts)]
    arrivals += [partial(put_changes, store, [*FAULTS, *FIXES, *DECOYS]), partial(put_snapshot, store)]
    for arrive in chance.sample(arrivals, len(arrivals)):
        arrive()


def test_the_order_of_arrival_does_not_matter(store: Store, template: Store) -> None:
    other = Store(store.db, f"{store.database}_other")
    copy(template, other.database)
    try:
        for each, seed in ((store, 1), (other, 2)):
            filled(each, seed)
        one, two = (run_replay(each, clock("14:00"), clock("16:10"))[1] for each in (store, other))
        assert [i.to_json() for i in one] == [i.to_json() for i in two]
        assert len(one) == 2
    finally:
        command(store.server(), f"DROP DATABASE {other.database} SYNC")


@pytest.mark.parametrize("runner", [IN_PROCESS, THREADS])
def test_workers_do_not_matter_and_nothing_that_is_known_changes(store: Store, runner: Runner) -> None:
    filled(store)
    known = run_correlate(store, clock("14:00"), clock("16:10"))
    before = said(store)
    run, incidents = run_replay(store, clock("14:00"), clock("16:10"), runner=runner)
    assert [i.to_json() for i in incidents] == [i.to_json() for i in known]
    assert len(incidents) == 2
    assert said(store) == before
    for against in ((), ("--against", run), ("--reported", datetime.now(UTC).isoformat())):
        found = answer(store, "replay-diff", run, *against)
        assert isinstance(found, dict)
        assert (found["gone"], found["new"], found["changed"], found["same"]) == ([], [], [], 2)
    assert "No differences." in ask(store, "replay-diff", run).stdout


def test_what_a_replay_finds_is_compared_with_what_was_said_then(store: Store) -> None:
    put_snapshot(store)
    put_flows(store, story("requests", flagged=True, last="16:10"))
    run_correlate(store, clock("14:00"), clock("16:10"))
    then = datetime.now(UTC).isoformat()
    put_changes(store, [*FAULTS, *FIXES])
    replayed = answer(store, "replay", *RANGE)
    assert isinstance(replayed, dict)
    assert [i["certainty"] for i in replayed["incidents"]] == ["proven", "proven"]
    run_correlate(store, clock("14:00"), clock("16:10"))
    found = answer(store, "replay-diff", replayed["run"], "--reported", then)
    assert isinstance(found, dict)
    assert {i["certainty"] for i in found["gone"]} == {"unexplained"}
    assert [i["cause"]["event_ids"] for i in found["new"]] == [["route-gone"], ["rule-90"]]
    table = ask(store, "replay-diff", replayed["run"], "--reported", then).stdout
    assert "unexplained: no known cause" in table
    assert "proven: DeleteRoute by arn:alice" in table
    lines = ask(store, "replay-diff", replayed["run"], "--reported", then, "--output", "csv").stdout.splitlines()
    assert lines[0] == "id,difference,field,before,after"
    assert len(lines) == 1 + len(found["gone"]) + len(found["new"])
    shorter = answer(store, "replay", "--from", "2026-11-20T14:00:00Z", "--to", "2026-11-20T15:40:00Z")
    assert isinstance(shorter, dict)
    changed = answer(store, "replay-diff", shorter["run"], "--against", replayed["run"])
    assert isinstance(changed, dict)
    assert [one["fields"]["state"] for one in changed["changed"]] == [{"before": "closed", "after": "open"}] * 2


@pytest.mark.parametrize(
    ("without", "left"),
    [
        (["route-gone"], ["rule-90"]),
        (["rule-90"], ["route-gone"]),
        (["route-gone", "rule-90"], []),
        (["decoy-other-port"], ["route-gone", "rule-90"]),
    ],
)
def test_without_its_cause_an_incident_would_not_have_happened(
    store: Store, without: list[str], left: list[str]
) -> None:
    filled(store)
    before = said(store)
    options = [word for event in without for word in ("--without", event)]
    found = answer(store, "replay", *RANGE, *options)
    assert isinstance(found, dict)
    assert [i["cause"]["event_ids"] for i in found["incidents"]] == [[event] for event in left]
    assert {i["certainty"] for i in found["incidents"]} <= {"proven"}
    assert found["without"] == without
    assert "It is not what happened." in ask(store, "replay", *RANGE, *options).stdout
    assert said(store) == before


def test_what_cannot_be_replayed(store: Store) -> None:
    filled(store)
    unknown = ask(store, "replay", *RANGE, "--without", "never-made")
    assert (unknown.exit_code, "No change has the eventID never-made." in unknown.stderr) == (1, True)
    assert "flowtrail changes" in unknown.stderr
    none = ask(store, "replay-diff", "20261120T000000-00000000")
    assert (none.exit_code, "There is no replay '20261120T000000-00000000'." in none.stderr) == (1, True)
    assert ask(store, "replay").exit_code == 2
    assert ask(store, "replay-diff", "x", "--against", "y", "--reported", "1h").exit_code == 2
