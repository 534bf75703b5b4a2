"""Proves: whatever a runner loses without an error is noticed: the command fails and says so, and nothing is counted
twice afterwards."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.aws import s3
from connectors.store import ledger
from connectors.store.clickhouse import Store, command
from pipelines.ingest import pipeline
from pipelines.ingest.load import Job, Outcome
from pipelines.ingest.pipeline import run_ingest
from schemas.columnar.batch import Batch
from schemas.errors import FlowtrailError
from schemas.object_ref import ObjectKind
from tests.conftest import Bucket
from tests.contents import faults
from tests.integration.test_ingest import flow_key, flow_log
from tests.integration.test_ledger import empty_object
from tests.shared_store import another_process, shared


def ingest(store: Store, bucket: Bucket) -> Result:
    variables = {"FLOWTRAIL_DB": store.db, "FLOWTRAIL_DATABASE": store.database, "FLOWTRAIL_LOAD_OBJECTS": "1"}
    arguments = ["ingest", bucket.url, "--output", "json"]
    return CliRunner().invoke(app, arguments, prog_name="flowtrail", env=variables)


@pytest.fixture
def forgetful() -> Iterator[pytest.MonkeyPatch]:
    """The runner loses the second part of each plan, until this is undone."""
    load = pipeline.load_parts

    def forget(numbers: Iterable[int], kind: ObjectKind, job: Job) -> Iterator[Outcome]:
        yield from load([number for number in numbers if number != 1], kind, job)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "load_parts", forget)
        yield patched


def test_an_object_that_the_runner_lost_is_an_error(
    store: Store, bucket: Bucket, forgetful: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        bucket.put(flow_key(n), flow_log(n))
    result = ingest(store, bucket)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "listed, 1 are neither loaded nor set aside." in result.stderr
    assert "Run the same command again" in result.stderr
    forgetful.undo()
    _assert_repaired(ingest(store, bucket), store, done=1, known=2)


def test_an_object_that_an_earlier_run_left_is_missed_too(
    store: Store, bucket: Bucket, forgetful: pytest.MonkeyPatch
) -> None:
    """It is not among those that are listed, since it is planned for itself."""
    bucket.put(flow_key(0), flow_log(0))
    with pytest.MonkeyPatch.context() as interrupted:
        interrupted.setattr(ledger, "failpoint", _stop)
        assert ingest(store, bucket).exit_code == 1
    bucket.put(flow_key(1), flow_log(1))
    result = ingest(store, bucket)  # part 0 is what is listed, part 1 what was left
    assert result.exit_code == 1
    assert "1 are neither loaded nor set aside." in result.stderr
    forgetful.undo()
    _assert_repaired(ingest(store, bucket), store, done=1, known=1)


def test_an_object_that_a_process_was_loading_is_busy_even_if_that_process_dies(store: Store, bucket: Bucket) -> None:
    """It began after this run was planned, and was given up before this run was summed up."""
    for n in range(2):
        bucket.put(flow_key(n), flow_log(n))
    server, load = shared(store), pipeline.load_parts
    [taken] = [ref for ref in s3.list_objects(bucket.name, "") if ref.key == flow_key(1)]

    def meanwhile(numbers: Iterable[int], kind: ObjectKind, job: Job) -> Iterator[Outcome]:
        with (
            another_process(server, 77),
            mock.patch.object(ledger, "failpoint", _stop_at_begin),
            pytest.raises(FlowtrailError),
        ):
            ledger.write(server, "theirs", Batch.of([replace(empty_object("x"), ref=taken)]), 1)
        yield from load(numbers, kind, job)
        command(server.client(), "ALTER TABLE heartbeats DELETE WHERE owner = 77 SETTINGS mutations_sync = 2")
        ledger.settle(server)

    with mock.patch.object(pipeline, "load_parts", meanwhile):
        summary = run_ingest(server, [bucket.url])
    assert (summary.objects_listed, summary.objects_done, summary.objects_busy) == (2, 1, 1)
    assert run_ingest(server, [bucket.url]).objects_done == 1
    assert faults(store) == {}


def _stop_at_begin(name: str) -> None:
    if name == "after-begin":
        raise FlowtrailError("Stopped.")


def _stop(name: str) -> None:
    if name == "before-receipts":
        raise FlowtrailError("Stopped.")


def _assert_repaired(result: Result, store: Store, **expected: int) -> None:
    assert result.exit_code == 0, result.stderr
    summary: dict[str, Any] = json.loads(result.stdout)
    assert {name: summary[f"objects_{name}"] for name in expected} == expected
    assert faults(store) == {}
