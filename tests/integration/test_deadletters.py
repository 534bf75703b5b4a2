"""Proves: objects that were set aside can be listed and retried; once loaded, they leave the list."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors import dead_letters
from connectors.aws import s3
from connectors.store.clickhouse import Store
from pipelines.ingest.pipeline import run_ingest
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectRef
from tests.conftest import Bucket
from tests.contents import contents
from tests.integration.test_ingest import flow_key, flow_log

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)
    monkeypatch.setenv("FLOWTRAIL_DEAD_LETTERS", str(tmp_path))

    def run(*words: str) -> tuple[int, Any]:
        result = CliRunner().invoke(app, ["--db", store.db, "deadletters", *words, "--output", "json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.stdout)

    return run


def listed(bucket: Bucket) -> dict[str, ObjectRef]:
    return {ref.key: ref for ref in s3.list_objects(bucket.name, "")}


def test_damaged_objects_are_listed_and_stay(store: Store, bucket: Bucket, tmp_path: Path, ask: Ask) -> None:
    bucket.put(flow_key(1), flow_log(1))
    bucket.put(flow_key(2), flow_log(2, 2000)[:-300])
    run_ingest(store, [bucket.url], dead_letter_folder=str(tmp_path))
    code, letters = ask("list")
    assert (code, [(one["key"], one["reason"]) for one in letters]) == (0, [(flow_key(2), "truncated-gzip")])
    assert ask("list", "--reason", "not-json") == (0, [])
    before = contents(store)
    code, answer = ask("replay")
    assert (code, answer["replayed"], answer["done"]) == (3, 1, 0)
    assert [one["reason"] for one in answer["dead_letters"]] == ["truncated-gzip"]
    assert ask("list") == (0, letters)
    assert contents(store) == before


def test_what_can_be_read_now_is_loaded_and_leaves_the_list(
    store: Store, bucket: Bucket, tmp_path: Path, ask: Ask
) -> None:
    for n in range(3):
        bucket.put(flow_key(n), flow_log(n))
    bucket.put("notes.txt", b"nothing to see here\n")
    refs = listed(bucket)
    letters = [DeadLetter(refs[flow_key(n)], "archived", "restore it first") for n in range(3)]
    dead_letters.write(str(tmp_path), letters)
    dead_letters.write(str(tmp_path), [DeadLetter(refs["notes.txt"], "denied", "for a while")])
    code, answer = ask("replay", "--max", "1", "--reason", "archived")
    assert (code, answer["replayed"], answer["done"]) == (0, 1, 1)
    assert len(ask("list")[1]) == 3
    run_ingest(store, [f"{bucket.url}/{flow_key(1)}"], dead_letter_folder=str(tmp_path))
    code, answer = ask("replay")
    assert (code, answer["done"], answer["known"], answer["other"]) == (0, 1, 1, 1)
    assert ask("list") == (0, [])
    assert len(contents(store)["flows"]) == 15
    assert list(tmp_path.glob("*.avro")) == []


def test_an_object_that_is_gone(store: Store, bucket: Bucket, tmp_path: Path, ask: Ask) -> None:
    bucket.put("no-name", flow_log(1))
    bucket.put(flow_key(2), flow_log(2))
    letters = [DeadLetter(ref, "archived", "") for ref in listed(bucket).values()]
    dead_letters.write(str(tmp_path), letters)
    bucket.delete("no-name")
    bucket.delete(flow_key(2))
    code, answer = ask("replay")
    assert (code, [one["reason"] for one in answer["dead_letters"]]) == (3, ["gone", "gone"])
    assert len(ask("list")[1]) == 2


def test_letters_in_a_bucket(bucket: Bucket) -> None:
    letters = [DeadLetter(ObjectRef("logs", name, "e", 1), "gone", "") for name in ("a", "b")]
    folder = f"{bucket.url}/letters"
    dead_letters.write(folder, letters)
    assert dead_letters.done(folder, {letters[0].ref}) == 1
    assert dead_letters.read(folder) == letters[1:]
    assert dead_letters.done(folder, {letters[1].ref}) == 1
    assert dead_letters.read(folder) == []
