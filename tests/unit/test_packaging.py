"""The built packages contain everything that runs: every module, every .sql file, the command; and no tests."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packages import PACKAGES, ROOT

BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # setuptools writes its own output there
build_meta.build_sdist(folder)
build_meta.build_wheel(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """sdist and wheel, built offline from a copy of the tree."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-c", BUILD, str(dist)], cwd=source, check=True, capture_output=True, text=True)
    return next(dist.glob("*.tar.gz")), next(dist.glob("*.whl"))


SHIPPED = (".py", ".sql", ".typed", ".html", ".css", ".js", ".svg")


def shipped() -> set[str]:
    """Every module, query, template, script and style of the packages."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in SHIPPED)
    return {str(path.relative_to(ROOT)) for path in found}


def test_the_wheel_contains_every_module_and_sql_file_and_no_more(built: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(built[1]).namelist())
    assert {name for name in names if ".dist-info/" not in name} == shipped()
    assert any(name.endswith(".sql") for name in shipped())


def test_the_sdist_contains_them_too(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert shipped() <= names
    assert not any(name.startswith("tests/") for name in names)


def test_the_command_and_what_it_needs_are_named(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        text = {name.rsplit("/", 1)[1]: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name}
    assert "flowtrail = cli:main" in text["entry_points.txt"]
    assert "Requires-Python: >=3.11" in text["METADATA"]
    assert "Provides-Extra: demo" in text["METADATA"]


def test_constraints_have_versions_and_nothing_specific_to_a_machine() -> None:
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        name, equals, version = line.partition("==")
        assert name
        assert equals
        assert version, line
        assert not set(line) & set("/@: ;"), line
