"""Imports follow the contracts, breaking a contract is detected, and reading commands never import Beam."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages import PACKAGES, ROOT

LINTER = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [str(LINTER), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the packages and the contracts, to break."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"[1-9] kept, 0 broken", result.stdout)
    assert "ignore_imports" not in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("schemas/flow.py", "import connectors.store.clickhouse", "cli -> pipelines | console -> network | connectors"),
        ("network/rules.py", "import connectors.aws.access", "cli -> pipelines | console -> network | connectors"),
        ("connectors/aws/s3.py", "import network.aws.describe", "cli -> pipelines | console -> network | connectors"),
        ("console/answers/status.py", "import pipelines.runner", "cli -> pipelines | console -> network | connectors"),
        ("pipelines/runner.py", "import cli.base", "cli -> pipelines | console -> network | connectors"),
        ("pipelines/ingest/load_objects.py", "import pipelines.correlate.facts", "meet only in the store"),
        ("pipelines/ingest/parse/kernel.py", "import pipelines.ingest.find.kinds", "ingest goes one way"),
        ("pipelines/ingest/read/fetch.py", "import pipelines.ingest.write.load", "ingest goes one way"),
        ("pipelines/correlate/blame/edits.py", "import pipelines.correlate.tell.evidence", "correlate goes one way"),
        ("network/verdict/acl.py", "import network.history.state", "network goes one way"),
        ("console/answers/sql.py", "import console.terminal.screen", "answers never import the faces"),
        ("network/verdict/explain.py", "import clickhouse_connect", "pure logic imports neither"),
        ("pipelines/ingest/enrich/flows.py", "import boto3", "pure logic imports neither"),
        ("pipelines/correlate/detect/interface.py", "import apache_beam", "pure logic imports neither"),
        ("connectors/dead_letter_files.py", "import apache_beam", "never import Beam"),
        ("simulation/walk.py", "import network.verdict.explain", "never imports the product"),
    ],
)
def test_a_broken_contract_is_detected(copy: Path, module: str, statement: str, broken: str) -> None:
    path = copy / module
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n{statement}\n", "utf-8")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"{re.escape(broken)}.*BROKEN", result.stdout), result.stdout
    assert module.removesuffix(".py").replace("/", ".") in result.stdout


def test_inits_import_nothing() -> None:
    for package in PACKAGES:
        for init in (ROOT / package).rglob("__init__.py"):
            assert not re.search(r"^(import|from) ", init.read_text("utf-8"), re.MULTILINE), init


LOADED = """
import os, sys
from cli import main
os._exit = sys.exit
try:
    main()
except SystemExit as end:
    code = end.code
heavy = [name for name in ("apache_beam", "numba", "moto", "boto3") if name in sys.modules]
sys.stderr.write(f"code={code} heavy={heavy}")
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["ingest", "--help"],
        ["correlate", "--help"],
        ["--db", "DB", "migrate"],
        ["--db", "DB", "search", "--action", "reject"],
        ["--db", "DB", "incidents"],
        ["--db", "DB", "changes"],
        ["--db", "DB", "sql", "SELECT 1"],
    ],
)
def test_help_and_reading_never_import_beam(arguments: list[str], db: Path) -> None:
    given = [str(db) if argument == "DB" else argument for argument in arguments]
    result = subprocess.run(
        [sys.executable, "-c", LOADED, *given], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stderr.endswith("code=0 heavy=[]"), result.stderr


def test_status_reads_without_beam(db: Path) -> None:
    """It reads dead letters too, and so imports S3."""
    result = subprocess.run(
        [sys.executable, "-c", LOADED, "--db", str(db), "status"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "code=0" in result.stderr, result.stderr
    assert "apache_beam" not in result.stderr
