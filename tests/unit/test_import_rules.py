"""The direction of imports holds, each rule is seen to fail where it is broken, and reading never costs Beam."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "pipelines", "console", "simulation")
LINTER = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [str(LINTER), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, to break."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"[1-9] kept, 0 broken", result.stdout)


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("schemas/flow.py", "import connectors.clickhouse", "pipelines | console -> connectors -> schemas"),
        ("connectors/s3.py", "import pipelines.network.describe", "pipelines | console -> connectors -> schemas"),
        ("pipelines/ingest/parse.py", "import pipelines.correlate.detect", "meet only in the store"),
        ("pipelines/network/verdict.py", "import connectors.clickhouse", "pure logic imports neither"),
        ("pipelines/correlate/detect.py", "import apache_beam", "pure logic imports neither"),
        ("connectors/dead_letters.py", "import apache_beam", "never import Beam"),
        ("simulation/walk.py", "import pipelines.network.verdict", "knows nothing of the product"),
    ],
)
def test_a_planted_fault_is_found(copy: Path, module: str, statement: str, broken: str) -> None:
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
import sys
from pipelines.cli import main
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
        ["--db", "DB", "sql", "SELECT 1"],
    ],
)
def test_help_and_reading_never_import_beam(arguments: list[str], tmp_path: Path) -> None:
    db = str(tmp_path / "db")
    given = [db if argument == "DB" else argument for argument in arguments]
    if db in given and "migrate" not in given:
        subprocess.run([sys.executable, "-m", "pipelines.cli", "--db", db, "migrate"], cwd=ROOT, check=True)
    result = subprocess.run(
        [sys.executable, "-c", LOADED, *given], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stderr.endswith("code=0 heavy=[]"), result.stderr


def test_status_reads_without_beam(tmp_path: Path) -> None:
    """It reads dead letters too, and so knows S3."""
    db = str(tmp_path / "db")
    subprocess.run([sys.executable, "-m", "pipelines.cli", "--db", db, "migrate"], cwd=ROOT, check=True)
    result = subprocess.run(
        [sys.executable, "-c", LOADED, "--db", db, "status"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "code=0" in result.stderr, result.stderr
    assert "apache_beam" not in result.stderr
