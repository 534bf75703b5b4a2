"""Proves: records far from the time in their object's name cost no partitions and move no check; they are kept, listed,
and taken in later, each exactly once."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, query
from connectors.store.doctor import examine
from console.answers.gaps import gaps
from pipelines.ingest.pipeline import run_ingest
from pipelines.ingest.read import fetch, load
from tests.conftest import Bucket

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOON.timestamp())
DAY = 86_400
NAME = "1_vpcflowlogs_eu-central-1_fl-1_20261120T1200Z_0a.log.gz"
KEY = f"AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/{NAME}"
REASON = "time-out-of-range"


def log(times: list[int]) -> bytes:
    fields = "interface-id srcaddr dstaddr start end action log-status"
    lines = [f"eni-1 10.0.0.1 10.0.0.2 {at} {at + 59} ACCEPT OK" for at in times]
    return gzip.compress("\n".join([fields, *lines, ""]).encode())


def days(store: Store) -> int:
    sql = (
        "SELECT uniqExact(partition) AS n FROM system.parts WHERE active AND database = {db:String} AND table = 'flows'"
    )
    return int(query(store.client(), sql, {"db": store.database})["n"][0].as_py())


def counts(store: Store) -> tuple[int, int]:
    sql = "SELECT (SELECT count() FROM flows) AS flows, (SELECT count() FROM rejected_lines) AS lines"
    row = query(store.client(), sql).to_pylist()[0]
    return row["flows"], row["lines"]


@pytest.fixture
def ask(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def run(*words: str) -> tuple[int, Any]:
        result = CliRunner().invoke(app, ["--db", store.db, "rejected", *words, "--output", "json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.stdout)

    return run


@pytest.mark.parametrize("large", [False, True])
def test_lines_over_many_days_cost_few_partitions_and_are_taken_in_later(
    store: Store, bucket: Bucket, ask: Any, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(fetch, "LARGE_STORED", 100)
        monkeypatch.setattr(load, "PIECE_ROWS", 100)
    bucket.put(KEY, log([AT - n // 2 * DAY for n in range(600)]))  # 300 days, so that it does not take minutes
    summary = run_ingest(store, [bucket.url])
    assert (summary.rows_read, summary.rows_written, summary.rows_rejected) == (600, 16, 584)
    assert days(store) == 8
    assert ask("list", "--reason", "no-such-reason") == (0, [])
    code, listed = ask("list", "--reason", REASON)
    assert (code, [(one["key"], one["lines"], one["first_line"]) for one in listed]) == (0, [(KEY, 584, 18)])

    code, answer = ask("reread", "--reason", REASON, "--time-bound", "30d")
    assert (code, answer["done"], answer["lines_before"], answer["lines_left"]) == (0, 1, 584, 538)
    assert (counts(store), days(store)) == ((62, 538), 31)
    code, answer = ask("reread", "--reason", REASON, "--time-bound", "30d")
    assert (code, counts(store)) == (0, (62, 538))
    assert examine(store) == []
    assert run_ingest(store, [bucket.url]).objects_known == 1

    bucket.delete(KEY)
    code, answer = ask("reread", "--reason", REASON, "--time-bound", "4000d")
    assert (code, answer["done"], counts(store)) == (3, 0, (62, 538))


def test_a_line_of_the_year_2106_does_not_move_the_check_for_gaps(store: Store, bucket: Bucket) -> None:
    bucket.put(KEY, log([AT, AT + 60, 2**32 - 100]))
    bucket.put("copies/flow.log.gz", log([AT, AT + 60, 2**32 - 100]))
    run_ingest(store, [bucket.url])
    assert gaps(store, NOON - timedelta(days=1), datetime(2106, 1, 1, tzinfo=UTC)) == []
    newest = query(store.client(), "SELECT max(end) AS newest FROM flows")["newest"][0].as_py()
    assert newest == AT + 119
    assert query(store.client(), "SELECT max(last_time) AS last FROM receipts")["last"][0].as_py() == newest
    assert counts(store) == (4, 2)


def test_what_aws_delivers_days_late_is_accepted(store: Store, bucket: Bucket) -> None:
    bucket.put(KEY, log([AT - 3 * DAY, AT]))
    assert run_ingest(store, [bucket.url]).rows_rejected == 0


def test_the_bound_is_a_setting(store: Store, bucket: Bucket) -> None:
    bucket.put(KEY, log([AT - 3 * DAY, AT]))
    assert run_ingest(store, [bucket.url], time_bound=timedelta(days=1)).rows_rejected == 1
