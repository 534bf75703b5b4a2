"""Proves: every metric moves with what it says; `/healthz` and `/readyz` say how it is; the alert rules ask for metrics
that exist."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from console.web import metrics
from console.web.metrics import Metrics, metrics_app
from schemas.figures import Figures
from schemas.summary import IngestSummary
from tests.prometheus import values

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"


@pytest.fixture
def figures() -> Figures:
    now = datetime.now(UTC)
    return Figures(
        newest={("1", "eu-central-1"): now - timedelta(minutes=5), ("2", "us-east-1"): now - timedelta(hours=1)},
        incidents={("open", "proven"): 2},
        snapshot=now - timedelta(days=1),
        dead_letters=3,
        rejected_lines=4,
        skipped_intervals=5,
        objects=6,
        loads=7,
        failed={"https://example.com": 8},
    )


@pytest.fixture
def counted() -> Metrics:
    return Metrics(60)


@pytest.fixture
def client(counted: Metrics) -> TestClient:
    return TestClient(metrics_app(counted))


def read(client: TestClient) -> dict[str, float]:
    return {name: value for name, value in values(client.get("/metrics").text).items() if name.startswith("flowtrail_")}


def test_every_metric_moves(counted: Metrics, client: TestClient, figures: Figures) -> None:
    before = read(client)
    loaded = IngestSummary(
        objects_done=10, flows=11, coverage=12, change_events=13, tgw_flows=14, tgw_coverage=15, rows_rejected=16
    )
    counted.turn(loaded, 17, 18, figures, 2.5)
    counted.no_turn()
    after = read(client)
    assert {name for name, value in after.items() if value == before.get(name, 0.0)} <= {
        *(name for name in after if name.startswith("flowtrail_turn_seconds_bucket")),
        "flowtrail_ready",  # the last turn failed
    }
    rows = {"flows": 11, "coverage": 12, "change_events": 13, "tgw_flows": 14, "tgw_coverage": 15}
    assert after.items() >= {f"flowtrail_rows_written_total{{{table}}}": count for table, count in rows.items()}.items()
    assert (
        after.items()
        >= {
            "flowtrail_turns_total{done}": 1,
            "flowtrail_turns_total{failed}": 1,
            "flowtrail_turn_seconds_sum": 2.5,
            "flowtrail_objects_loaded_total": 10,
            "flowtrail_lines_rejected_total": 16,
            "flowtrail_ranges_judged_total": 17,
            "flowtrail_messages_sent_total": 18,
            "flowtrail_incidents{proven,open}": 2,
            "flowtrail_dead_letters": 3,
            "flowtrail_rejected_lines": 4,
            "flowtrail_skipped_intervals": 5,
            "flowtrail_objects": 6,
            "flowtrail_loads": 7,
            "flowtrail_messages_failed{https://example.com}": 8,
        }.items()
    )
    assert 300 <= after["flowtrail_lag_seconds{1,eu-central-1}"] < 360
    assert 86_400 <= after["flowtrail_snapshot_age_seconds"] < 86_460


def test_alive_and_ready(
    counted: Metrics, client: TestClient, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").json() == {"alive": True, "ready": False, "lag_seconds": None}
    assert client.get("/readyz").status_code == 503
    counted.turn(IngestSummary(), 0, 0, figures, 1)
    assert client.get("/readyz").status_code == 200
    assert 3600 <= client.get("/healthz").json()["lag_seconds"] < 3660
    counted.no_turn()
    assert client.get("/readyz").status_code == 503
    counted.turn(IngestSummary(), 0, 0, figures, 1)
    late = time.monotonic() + metrics.AT_LEAST + 1
    monkeypatch.setattr(metrics.time, "monotonic", lambda: late)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_alert_rules_ask_for_metrics_that_exist(counted: Metrics, client: TestClient, figures: Figures) -> None:
    counted.turn(IngestSummary(), 0, 0, figures, 1)
    known = {re.sub(r"\{.*", "", name) for name in read(client)}
    rules: list[dict[str, Any]] = [
        rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]
    ]
    assert len(rules) > 5
    for rule in rules:
        asked = set(re.findall(r"flowtrail_\w+", rule["expr"]))
        assert asked
        assert asked <= known, rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
