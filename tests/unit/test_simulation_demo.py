"""Proves that the demo deletes only what it created, and that it fails if the story does not end as expected."""

import copy
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulation.aws import environment
from simulation.demo import MARKER, Failed, _check, _empty_folder, run
from simulation.story import Fault, clock

FAULTS = (
    Fault("lost-traffic", "e1", "DeleteRoute", "alice", "ip", clock("14:32"), "route", "rtb-1", "r1", (80,)),
    Fault("rejects", "e2", "CreateNetworkAclEntry", "bob", "ip", clock("15:05"), "network-acl", "acl-1", "r2", (22,)),
)


def incidents() -> list[dict[str, Any]]:
    return [
        {
            "kind": fault.kind,
            "certainty": "proven",
            "state": "open",
            "fix": "aws ec2 ...",
            "cause": {
                "event_ids": [fault.event_id],
                "actor": fault.actor,
                "layer": fault.layer,
                "resource": fault.resource,
                "rule": fault.rule,
            },
        }
        for fault in FAULTS
    ]


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    console = Console(file=io.StringIO(), width=200)
    with pytest.raises(SystemExit) as left:
        run(tmp_path, console)
    assert left.value.code == 1
    assert "flowtrail demo --folder" in console.file.getvalue()  # type: ignore[attr-defined]
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    with pytest.raises(Failed, match="not a folder"):
        _empty_folder(tmp_path / "thesis.txt")


def test_the_folder_of_an_earlier_demo_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    store = _empty_folder(folder)
    store.mkdir()
    (store / "data").write_text("old")
    assert _empty_folder(folder) == store
    assert [path.name for path in folder.iterdir()] == [MARKER]


def test_the_expected_story() -> None:
    _check(FAULTS, incidents(), "open")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found.pop(), "exactly 2 incidents, found 1"),
        (lambda found: found.append(found[0]), "exactly 2 incidents, found 3"),
        (lambda found: found[1].update(kind="lost-traffic"), "no incident of kind rejects"),
        (lambda found: found[0].update(certainty="suspected"), "certainty should be 'proven' but is 'suspected'"),
        (lambda found: found[0].update(state="closed"), "state"),
        (lambda found: found[0].update(cause=None), "event ids"),
        (lambda found: found[1]["cause"].update(event_ids=["e2", "decoy"]), "event ids"),
        (lambda found: found[1]["cause"].update(actor="dave"), "actor"),
        (lambda found: found[1].update(fix=None), "no command"),
    ],
)
def test_anything_else_fails(change: Any, says: str) -> None:
    found = copy.deepcopy(incidents())
    change(found)
    with pytest.raises(Failed, match=says):
        _check(FAULTS, found, "open")


def test_commands_cannot_reach_a_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    found = environment("http://127.0.0.1:1")
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & set(found)
    assert found["AWS_ACCESS_KEY_ID"] == "simulated"
