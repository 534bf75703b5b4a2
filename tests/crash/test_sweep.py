"""Proves: whichever system call inside the database folder fails or is the process's last one, the next run leaves each
row once and every record accounted for; and that the sweep would detect a violation."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bucket
from tests.crash.conftest import Sweep
from tests.crash.process import WITHOUT
from tests.crash.sweep import CALLS, Outcome, Point, Scenario, sample
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key

SEED = 20261123


@pytest.fixture(scope="module")
def clean(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The rows after one undisturbed run of `ledger`."""
    scenario = Scenario(migrated)
    return undisturbed(scenario, tmp_path_factory.mktemp("clean"))


def undisturbed(scenario: Scenario, folder: Path) -> Mapping[str, Any]:
    outcome = scenario.run(scenario.copy(folder / "undisturbed"))
    assert outcome.answer is not None, outcome.stderr
    assert outcome.answer["faults"] == {}
    contents: Mapping[str, Any] = outcome.answer["contents"]
    assert contents["flows"]
    return contents


def wrong(outcomes: tuple[Outcome, Outcome], clean: Mapping[str, Any]) -> str:
    """How the result of the second run differs from a clean run; '' if it does not."""
    disturbed, after = outcomes
    if not disturbed.hit:
        return "was not reached"
    for name, outcome in (("disturbed", disturbed), ("next", after)):
        if outcome.answer is None:
            if outcome is after:
                return f"the next run failed: {outcome.stderr[-500:]}"
            continue
        if outcome.answer["faults"]:
            return f"the {name} run left {outcome.answer['faults']}"
        for table, rows in clean.items():
            if outcome.answer["contents"][table] != rows:
                return f"the {name} run left {len(outcome.answer['contents'][table])} of {len(rows)} {table}, or others"
    return ""


def check(outcomes: Mapping[Point, tuple[Outcome, Outcome]], clean: Mapping[str, Any]) -> None:
    bad = [f"{point}: {why}" for point, pair in outcomes.items() if (why := wrong(pair, clean))]
    assert not bad, "\n".join([f"{len(bad)} of {len(outcomes)} points:", *bad])
    assert any(disturbed.returncode for disturbed, _ in outcomes.values())


def test_a_few_points(
    migrated: Path, half_written: Path, clean: Mapping[str, Any], sweep: Sweep, tmp_path: Path
) -> None:
    for template, many in ((migrated, 5), (half_written, 2)):
        scenario = Scenario(template)
        points = sample(scenario.calls(tmp_path / "calls"), many, SEED)
        check(sweep(scenario, points), clean)


def renames_of_flows(calls: list[tuple[str, str]]) -> list[str]:
    """Where a part of flows is renamed into place: before the last of them, other chunks of the load are there."""
    return [path for call, path in calls if call == "rename" and "/tmp_insert_202611" in path]


def test_without_the_removals_the_sweep_fails(
    migrated: Path, clean: Mapping[str, Any], sweep: Sweep, tmp_path: Path
) -> None:
    scenario = Scenario(migrated, environment={WITHOUT: "removal"})
    assert undisturbed(scenario, tmp_path) == clean
    path = renames_of_flows(Scenario(migrated).calls(tmp_path / "calls"))[-1]
    points = [Point("rename", path, what) for what in ("EIO", "SIGKILL")]
    found = {point: wrong(pair, clean) for point, pair in sweep(scenario, points).items()}
    assert any(why.startswith("the next run left") for why in found.values()), found


@pytest.mark.crash
@pytest.mark.parametrize(("start", "many"), [("migrated", 40), ("half_written", 20)])
def test_many_points_of_the_protocol(  # noqa: PLR0917 - fixtures, then what varies
    request: pytest.FixtureRequest, clean: Mapping[str, Any], sweep: Sweep, tmp_path: Path, start: str, many: int
) -> None:
    scenario = Scenario(request.getfixturevalue(start))
    points = sample(scenario.calls(tmp_path / "calls"), many, SEED)
    assert len(points) >= many
    assert set(Counter(point.call for point in points)) == set(CALLS)
    check(sweep(scenario, points), clean)


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for n in range(4):
        bucket.put(flow_key(n), flow_log(n))
    bucket.put(trail_key(1), trail(1))
    return bucket


@pytest.mark.crash
def test_points_of_a_whole_ingest(migrated: Path, filled: Bucket, sweep: Sweep, tmp_path: Path) -> None:
    scenario = Scenario(migrated, "ingest", (filled.url,))
    clean = undisturbed(scenario, tmp_path)
    points = sample(scenario.calls(tmp_path / "calls"), 12, SEED)
    assert len(points) >= 12
    check(sweep(scenario, points), clean)
