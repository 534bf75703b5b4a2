"""Database folders to start from, created once."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.failpoints import KILLED, VARIABLE
from tests.crash.sweep import Outcome, Point, Scenario, strace

Sweep = Callable[[Scenario, Sequence[Point]], dict[Point, tuple[Outcome, Outcome]]]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables and no rows."""
    strace()
    db = tmp_path_factory.mktemp("migrated") / "db"
    made = Scenario(db, "nothing").run(db)
    assert made.returncode == 0, made.stderr
    return db


@pytest.fixture(scope="session")
def half_written(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a process left in the middle of a load, with one chunk incomplete."""
    db = Scenario(migrated).copy(tmp_path_factory.mktemp("half") / "db")
    assert Scenario(migrated, environment={VARIABLE: "after-chunk:3"}).run(db).returncode == KILLED
    torn = Scenario(migrated, "tear").run(db)
    assert torn.returncode == 0, torn.stderr
    return db


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Sweep]:
    """Runs a scenario once for each point, two at a time."""

    def run(scenario: Scenario, points: Sequence[Point]) -> dict[Point, tuple[Outcome, Outcome]]:
        with ThreadPoolExecutor(2) as pool:
            outcomes = pool.map(lambda numbered: one(scenario, *numbered), enumerate(points))
            return dict(zip(points, outcomes, strict=True))

    def one(scenario: Scenario, number: int, point: Point) -> tuple[Outcome, Outcome]:
        scratch = tmp_path / f"{scenario.how}-{number}"
        scratch.mkdir()
        return scenario.disturbed(scratch, point)

    yield run
    shutil.rmtree(tmp_path)
