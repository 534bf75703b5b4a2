"""One bucket and one server for all engines, a database for each of them, and what the in-process runner makes of
it."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apache_beam.version import __version__ as version

from connectors.store import dead_letters
from connectors.store.clickhouse import PASSWORD, Store, command, query
from connectors.store.configuration import save_snapshot
from connectors.store.migrate import ensure_migrated
from network.aws.describe import resources_from_describe
from pipelines.configuration import save_versions
from schemas.ledger import DeadLetter
from schemas.snapshot import Snapshot
from simulation.aws import environment
from simulation.bulk.bucket import Bucket, assortment
from simulation.bulk.delivery import to_s3
from simulation.bulk.fields import is_transit
from simulation.flow_log_objects import Stored
from simulation.story import BEGIN, NOW, Telling, logs, put
from tests.contents import contents, faults
from tests.engines.processes import ROOT, Machine, until
from tests.integration.test_ingest import flow_key, flow_log, trail, trail_key
from tests.stories import Stories

BUCKET = "story"
LOOKED_AT = "2026-11-20T14:00:00Z"
SECONDS = 240
DOUBTFUL = ("at", "load", "run", "snapshot_id")


@dataclass(frozen=True)
class World:
    """A bucket, a snapshot of its account, and a server."""

    endpoint: str
    snapshot: Snapshot
    server: str

    def database(self) -> str:
        """The URL of a database that does not exist yet, for a user with a password."""
        return f"http://writer@{self.server}/t_{uuid.uuid4().hex}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every process: the secrets are in it, and nowhere else."""
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "")
        return environment(self.endpoint) | proxies | {PASSWORD: "secret", "FLOWTRAIL_LOAD_OBJECTS": "5"}


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    output: str
    error: str

    def json(self) -> Any:
        return json.loads(self.output)


@dataclass(frozen=True)
class Told:
    """Everything that must be equal on all engines."""

    summary: dict[str, Any]
    rows: dict[str, list[list[str]]]
    letters: list[DeadLetter]
    incidents: list[dict[str, Any]]
    refused: str


class Flowtrail:
    """The command, as a process in a folder of its own, with a database of its own."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.db = world, world.database()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        variables = {**self.world.variables, "FLOWTRAIL_DB": self.db, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self._folder,
            env=variables,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def run(self, *arguments: str) -> Answer:
        return finished(self.start(*arguments))

    def snapshot(self) -> None:
        store = self.store()
        ensure_migrated(store)
        save_snapshot(store.client(), self.world.snapshot)
        save_versions(store)

    def ingest(self, *engine: str) -> "subprocess.Popen[str]":
        return self.start("ingest", f"s3://{BUCKET}/", "--output", "json", *engine)

    def told(self, ingested: "subprocess.Popen[str]", *engine: str) -> Told:
        """What the ingest made of the bucket, what is then found in it, and what is said of an error."""
        summary = finished(ingested)
        assert summary.code == 3, summary.error  # one object is bad
        found = self.run("correlate", "--from", LOOKED_AT, "--to", "2026-11-20T15:45:00Z", "-o", "json", *engine)
        assert found.code == 0, found.error
        store = self.store()
        assert faults(store) == {}
        rows = contents(store)
        receipts = "SELECT * EXCEPT (run, load, at) FROM receipts ORDER BY object_id"
        rows["receipts"] = [list(map(str, row.values())) for row in query(store.reader(), receipts).to_pylist()]
        told = {name: value for name, value in summary.json().items() if name not in DOUBTFUL}
        return Told(told, rows, dead_letters.set_aside(store.reader()), found.json(), self.refused(*engine))

    def refused(self, *engine: str) -> str:
        """What the command says where the store refuses what a step writes: its table is missing."""
        other = Flowtrail(self.world, self._folder)
        ensure_migrated(other.store())
        command(other.store().client(), "DROP TABLE rejected_lines")
        answer = finished(other.ingest(*engine))
        assert (answer.code, answer.output) == (1, ""), answer
        start = answer.error.index("error: ")  # before it is what workers write on the same terminal
        return re.sub(r"\bt_[0-9a-f]{32}", "DATABASE", answer.error[start:])

    def store(self) -> Store:
        return Store(self.db)


def finished(process: "subprocess.Popen[str]") -> Answer:
    """Raises TimeoutExpired rather than wait for a runner that hangs."""
    try:
        output, error = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return Answer(process.returncode, output, error)


@pytest.fixture(scope="session")
def world(stories: Stories, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    machine = Machine(folder, dict(os.environ))
    with stories.told() as (stage, story), pytest.MonkeyPatch.context() as patched:
        for name, value in environment(stage.endpoint).items():
            patched.setenv(name, value)
        snapshot = Snapshot(BEGIN, "files", resources_from_describe(story.phases[0].answers))
        put(logs(story, Telling(), BEGIN, NOW), stage.endpoint, BUCKET)
        more = [Stored(flow_key(n), flow_log(n)) for n in range(4)]
        more += [Stored(trail_key(n), trail(n)) for n in range(3)]
        more += [Stored(flow_key(9), flow_log(9)[:-20]), Stored("notes.txt", b"nothing to see here\n")]
        put(more, stage.endpoint, BUCKET)
        to_s3(
            Bucket(tuple(each for each in assortment(12).objects if not is_transit(each.log.fields))),
            BUCKET,
            endpoint_url=stage.endpoint,
        )
        machine.start("gateway", sys.executable, "-m", "tests.gateway", str(folder / "db"))
        until(lambda: machine.output("gateway").endswith("\n"))
        try:
            yield World(stage.endpoint, snapshot, f"127.0.0.1:{machine.output('gateway').split()[0]}")
        finally:
            machine.end()


@pytest.fixture
def machine(world: World, tmp_path: Path) -> Iterator[Machine]:
    """Where the cluster of a test runs."""
    made = Machine(tmp_path / "cluster", world.variables)
    yield made
    made.end()


@pytest.fixture
def flowtrail(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flowtrail:
    monkeypatch.setenv(PASSWORD, "secret")  # for a look into the store
    return Flowtrail(world, tmp_path / "command")


@pytest.fixture(scope="session")
def expected(world: World, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What the in-process runner makes of the bucket."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(PASSWORD, "secret")
        flowtrail = Flowtrail(world, tmp_path_factory.mktemp("expected"))
        flowtrail.snapshot()
        return flowtrail.told(flowtrail.ingest())


@pytest.fixture(scope="session")
def prism() -> Path:
    """The binary, built from source. Without Go it is skipped, but not in CI."""
    found = os.environ.get("FLOWTRAIL_PRISM") or shutil.which("prism")
    built = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowtrail" / f"prism-{version}" / "prism"
    )
    if found or built.exists():
        return Path(found or built)
    missing = f"Prism is not built: `make prism` builds it with Go, in {built.parent}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
