"""Proves: a first migration that is killed goes on with the next command; the folder is for its user only."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors import dead_letter_files, settings
from connectors.failpoints import KILLED, VARIABLE
from tests import forked

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
os.umask(0)
from connectors.store.clickhouse import Store, query
from connectors.store.migrate import ensure_migrated, pending
store = Store(sys.argv[1])
print("ready", flush=True)
ensure_migrated(store)
assert pending(store.client()) == []
sql = "SELECT create_table_query AS made FROM system.tables WHERE database = currentDatabase() ORDER BY name"
print(query(store.client(), sql)["made"].to_pylist())
"""
COMMAND = [sys.executable, "-c", PROGRAM]
STATEMENTS = 107
"""That a first migration sends; the test below fails when there are more."""


def run(db: Path, failpoint: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, VARIABLE: failpoint}
    return forked.run([*COMMAND, str(db)], env=environment)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> str:
    done = run(tmp_path_factory.mktemp("clean") / "db")
    assert done.returncode == 0, done.stderr
    return done.stdout


EVERY = [f"{when}-ddl:{number}" for number in range(1, STATEMENTS + 1) for when in ("before", "after")]
FEW = ["after-ddl:2", "after-ddl:21"]


@pytest.mark.parametrize(
    "point", [*FEW, *(pytest.param(point, marks=pytest.mark.crash) for point in EVERY if point not in FEW)]
)
def test_killed_at_a_statement(clean: str, tmp_path: Path, point: str) -> None:
    assert run(tmp_path / "db", point).returncode == KILLED
    again = run(tmp_path / "db")
    assert again.stdout == clean, again.stderr


def test_no_statement_is_left_out(tmp_path: Path) -> None:
    assert run(tmp_path / "db", f"before-ddl:{STATEMENTS + 1}").returncode == 0
    assert run(tmp_path / "other", f"after-ddl:{STATEMENTS}").returncode == KILLED


@pytest.mark.parametrize("seconds", [0.6, *(pytest.param(n / 20, marks=pytest.mark.crash) for n in range(40))])
def test_killed_at_a_moment(clean: str, tmp_path: Path, seconds: float) -> None:
    """In the middle of a statement, whichever it is."""
    with forked.Popen([*COMMAND, str(tmp_path / "db")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    again = run(tmp_path / "db")
    assert again.stdout == clean, again.stderr


def test_the_folder_and_those_above_it_are_private(tmp_path: Path) -> None:
    assert run(tmp_path / "a" / "b" / "db", "before-ddl:1").returncode == KILLED
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "db"]
    assert [oct(folder.stat().st_mode & 0o777) for folder in made] == ["0o700"] * 3


def test_a_file_of_dead_letters_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        dead_letter_files.write(tmp_path / "letters.avro", [])
    finally:
        os.umask(before)
    assert (tmp_path / "letters.avro").stat().st_mode & 0o777 == 0o600


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.load(db="~/x").db == str(tmp_path / "x")
    monkeypatch.setenv("FLOWTRAIL_DB", "~/x")
    assert settings.load().db == str(tmp_path / "x")
    assert settings.load(db="http://user@host/~x").db == "http://user@host/~x"
