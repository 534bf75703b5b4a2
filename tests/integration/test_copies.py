"""Proves: objects that were loaded from a bucket and its replica are told by `status`; others are not."""

import json

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store
from pipelines.ingest.pipeline import run_ingest
from tests.conftest import REGION, Bucket, s3_client
from tests.integration.test_record_times import AT, KEY, log


def test_a_replica_is_told(store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)
    s3_client(bucket.endpoint).create_bucket(Bucket="replica", CreateBucketConfiguration={"LocationConstraint": REGION})
    replica = Bucket("replica", bucket.endpoint)
    bucket.put(KEY, log([AT, AT + 60]))
    bucket.put(KEY.replace("_0a.", "_0b."), log([AT, AT + 60]))
    bucket.put("copies/flow.log.gz", log([AT]))
    replica.put("flow.log.gz", log([AT]))

    def status(*words: str) -> str:
        result = CliRunner().invoke(app, ["--db", store.db, "status", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    run_ingest(store, [bucket.url, replica.url])
    assert json.loads(status("-o", "json"))["copies"] == []
    assert "copies" not in status()
    replica.put(KEY, log([AT, AT + 60]))
    run_ingest(store, [replica.url])
    [found] = json.loads(status("-o", "json"))["copies"]
    assert (found["buckets"], found["objects"], found["records"]) == (["logs", "replica"], 1, 2)
    assert (found["start"], found["end"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:01:59Z")
    assert "1 objects in logs, replica" in status()
