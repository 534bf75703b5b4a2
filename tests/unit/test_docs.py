"""Generated references are up to date, links lead to files, and what the prose mentions exists."""

import importlib.util
import json
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from cli.base import ExitCode
from console.answers.explanation import Observed, Turned, View
from network.verdict.packet import Step
from schemas.incident import Cause, Evidence, Incident, TimelineEntry
from tests.packages import PACKAGES, ROOT


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_references_are_up_to_date(generate: ModuleType) -> None:
    assert generate.stale() == [], "run `make docs`"


def test_a_stale_reference_is_detected(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in generate.REFERENCES:
        (tmp_path / name).write_text((ROOT / "docs" / name).read_text("utf-8"), "utf-8")
    (tmp_path / "cli.md").write_text("old", "utf-8")
    (tmp_path / "schema.md").unlink()
    monkeypatch.setattr(generate, "HERE", tmp_path)
    assert generate.stale() == ["cli.md", "schema.md"]


PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_modules_that_are_named_exist(page: Path) -> None:
    for name in re.findall(
        r"`((?:schemas|network|connectors|pipelines|console|cli|simulation|deploy|docs)/[\w/.]+)`",
        page.read_text("utf-8"),
    ):
        assert (ROOT / name).exists(), f"{page.name}: {name}"


def test_maps_of_packages_name_modules_that_exist() -> None:
    for init in (init for package in PACKAGES for init in (ROOT / package).rglob("__init__.py")):
        for name in re.findall(r"`([\w/]+\.py)`", init.read_text("utf-8")):
            assert any((folder / name).exists() for folder in (init.parent, ROOT / "pipelines", ROOT)), (
                f"{init}: {name}"
            )


def test_the_incident_in_the_docs_has_the_shape_of_one() -> None:
    text = (ROOT / "docs" / "scripting.md").read_text("utf-8")
    match = re.search(r"<!-- incident: .*?```json\n(.*?)```", text, re.DOTALL)
    assert match is not None
    shown = json.loads(match[1])
    shapes = {"": Incident, "cause": Cause, "evidence": Evidence, "timeline": TimelineEntry}
    for name, shape in shapes.items():
        part = shown[name] if name else shown
        one = part[0] if isinstance(part, list) else part
        assert list(one) == [field.name for field in fields(shape)], name
    for field in fields(Incident):
        assert f"`{field.name}`" in text, field.name
    for field in fields(Cause):
        assert f"`cause.{field.name}`" in text, field.name


def test_the_fields_of_an_explanation_are_in_the_docs() -> None:
    text = (ROOT / "docs" / "scripting.md").read_text("utf-8").partition("### Explain")[2]
    for field in (*fields(View), *fields(Observed), *fields(Turned), *fields(Step)):
        assert f"`{field.name}`" in text, field.name


def test_exit_codes_in_the_docs_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "scripting.md").read_text("utf-8")
    codes = [int(code) for code in re.findall(r"^\| (\d) \| ", text, re.MULTILINE)]
    assert codes == [code.value for code in ExitCode]


def test_the_layout_in_the_readme_has_every_folder() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for folder in (*PACKAGES, "deploy", "benchmarks", "docs", "tests"):
        assert f"{folder}/" in text, folder
