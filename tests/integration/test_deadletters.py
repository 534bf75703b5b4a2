"""Proves: objects that were set aside can be listed, retried, forgotten, and carried from one store to another as a
file; once loaded, they leave the list."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors import dead_letter_files
from connectors.aws import s3
from connectors.store import dead_letters
from connectors.store.clickhouse import Store
from pipelines.ingest.again import replay
from pipelines.ingest.load import Job, Outcome
from pipelines.ingest.pipeline import run_ingest
from schemas.errors import FlowtrailError
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectRef
from tests.conftest import Bucket
from tests.contents import contents
from tests.integration.test_ingest import flow_key, flow_log

Ask = Callable[..., tuple[int, Any]]

LETTERS = [
    DeadLetter(ObjectRef("b", "k2\n<é>", "e", 5), "truncated-gzip", "ends early"),
    DeadLetter(ObjectRef("b", "k1", "e", 5, "v"), "not-json", "line 1"),
]


@pytest.fixture
def ask(store: Store, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def run(*words: str) -> tuple[int, Any]:
        result = CliRunner().invoke(app, ["--db", store.db, "deadletters", *words, "--output", "json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr

    return run


def listed(bucket: Bucket) -> dict[str, ObjectRef]:
    return {ref.key: ref for ref in s3.list_objects(bucket.name, "")}


def test_damaged_objects_are_listed_and_stay(store: Store, bucket: Bucket, ask: Ask) -> None:
    bucket.put(flow_key(1), flow_log(1))
    bucket.put(flow_key(2), flow_log(2, 2000)[:-300])
    run_ingest(store, [bucket.url])
    code, letters = ask("list")
    assert (code, [(one["key"], one["reason"]) for one in letters]) == (0, [(flow_key(2), "truncated-gzip")])
    assert ask("list", "--reason", "not-json") == (0, [])
    before = contents(store)
    code, answer = ask("replay")
    assert (code, answer["replayed"], answer["done"]) == (3, 1, 0)
    assert [one["reason"] for one in answer["dead_letters"]] == ["truncated-gzip"]
    assert ask("list") == (0, letters)
    assert contents(store) == before


def test_what_can_be_read_now_is_loaded_and_leaves_the_list(store: Store, bucket: Bucket, ask: Ask) -> None:
    for n in range(3):
        bucket.put(flow_key(n), flow_log(n))
    bucket.put("notes.txt", b"nothing to see here\n")
    refs = listed(bucket)
    letters = [DeadLetter(refs[flow_key(n)], "archived", "restore it first") for n in range(3)]
    dead_letters.put(store.client(), "a run", letters)
    dead_letters.put(store.client(), "another", [DeadLetter(refs["notes.txt"], "denied", "for a while")])
    code, answer = ask("replay", "--max", "1", "--reason", "archived")
    assert (code, answer["replayed"], answer["done"]) == (0, 1, 1)
    assert len(ask("list")[1]) == 3
    run_ingest(store, [f"{bucket.url}/{flow_key(1)}"])
    assert len(ask("list")[1]) == 2
    code, answer = ask("replay")
    assert (code, answer["replayed"], answer["done"], answer["other"]) == (0, 2, 1, 1)
    assert ask("list") == (0, [])
    assert len(contents(store)["flows"]) == 15
    loaded = [refs[flow_key(n)] for n in range(3)]
    assert replay(Job(store, "again"), loaded) == Outcome(known=tuple(loaded))


def test_an_object_that_is_gone(store: Store, bucket: Bucket, ask: Ask) -> None:
    bucket.put("no-name", flow_log(1))
    bucket.put(flow_key(2), flow_log(2))
    letters = [DeadLetter(ref, "archived", "") for ref in listed(bucket).values()]
    dead_letters.put(store.client(), "a run", letters)
    bucket.delete("no-name")
    bucket.delete(flow_key(2))
    code, answer = ask("replay")
    assert (code, [one["reason"] for one in answer["dead_letters"]]) == (3, ["gone", "gone"])
    assert [one["reason"] for one in ask("list")[1]] == ["gone", "gone"]
    bucket.put(flow_key(2), flow_log(3))  # delivered again: another version, which settles the letter
    run_ingest(store, [bucket.url])
    assert [one["key"] for one in ask("list")[1]] == ["no-name"]


def test_forgotten_objects_come_back_when_they_still_cannot_be_read(store: Store, bucket: Bucket, ask: Ask) -> None:
    for n in (1, 2):
        bucket.put(flow_key(n), flow_log(n, 2000)[:-300])
    run_ingest(store, [bucket.url])
    first, second = (f"{bucket.url}/{flow_key(n)}" for n in (1, 2))
    assert ask("forget")[0] == 2
    code, said = ask("forget", "s3://logs/unheard-of")
    assert (code, "is not among the dead letters" in said) == (1, True)
    assert ask("forget", first) == (0, {"forgotten": 1})
    assert [one["key"] for one in ask("list")[1]] == [flow_key(2)]
    assert ask("forget", first)[0] == 1
    assert ask("forget", second, "--reason", "not-json")[0] == 1
    assert ask("forget", "--reason", "truncated-gzip") == (0, {"forgotten": 1})
    assert ask("list") == (0, [])
    assert ask("replay")[1]["replayed"] == 0
    assert len(run_ingest(store, [bucket.url]).dead_letters) == 2
    assert len(ask("list")[1]) == 2
    assert ask("forget", "--all") == (0, {"forgotten": 2})


def test_exported_letters_can_be_imported(store: Store, bucket: Bucket, ask: Ask, tmp_path: Path) -> None:
    for n in range(3):
        bucket.put(flow_key(n), flow_log(n))
    refs = listed(bucket)
    letters = [DeadLetter(refs[flow_key(n)], "archived" if n else "denied", f"letter {n}") for n in range(3)]
    dead_letters.put(store.client(), "a run", letters)
    file, some = tmp_path / "all.avro", tmp_path / "some.avro"
    before = ask("list")
    assert ask("export", str(file)) == (0, {"exported": 3})
    assert ask("export", str(some), "--reason", "archived") == (0, {"exported": 2})
    assert dead_letter_files.read(file) == letters
    assert dead_letter_files.read(some) == letters[1:]
    ask("forget", "--all")
    run_ingest(store, [f"{bucket.url}/{flow_key(0)}"])
    assert ask("import", str(file), str(some)) == (0, {"imported": 5})
    assert ask("list") == (0, before[1][1:])
    code, answer = ask("replay")
    assert (code, answer["done"]) == (0, 2)
    assert ask("list") == (0, [])


def test_letters_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "letters.avro"
    dead_letter_files.write(path, [])
    assert dead_letter_files.read(path) == []
    dead_letter_files.write(path, LETTERS)
    assert dead_letter_files.read(path) == LETTERS
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"Obj\x01\x00"])
def test_a_file_that_holds_no_letters(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letters.avro"
    path.write_bytes(content)
    with pytest.raises(FlowtrailError, match=r"is not an Avro file of dead letters.*\n.*deadletters export"):
        dead_letter_files.read(path)


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "letters.avro"
    dead_letter_files.write(path, LETTERS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            found = dead_letter_files.read(path)
        except FlowtrailError:
            continue
        assert found == []  # a file that ends after its header, before any letter


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(FlowtrailError, match=r"cannot be written.*\n"):
        dead_letter_files.write(tmp_path / "nowhere" / "letters.avro", LETTERS)
    with pytest.raises(FlowtrailError, match=r"cannot be read.*\n"):
        dead_letter_files.read(tmp_path / "nowhere" / "letters.avro")
