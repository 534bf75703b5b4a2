"""The command `watch` as a process, on the story: it tells of both faults when their logs arrive, and that they are
over when those of the repair do, by listing or by a queue; others can read meanwhile, and a signal ends it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import boto3
import pytest

from simulation.aws import environment
from simulation.network import save
from simulation.story import BEGIN, END, FIXED, NOW, Telling, logs, put
from tests.prometheus import values
from tests.stories import Stories

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("by", ["listing", "queue"])
def test_it_tells_of_what_happens(stories: Stories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    with stories.told() as (stage, story):
        for name, value in (environment(stage.endpoint) | {"FLOWTRAIL_DB": str(tmp_path / "db")}).items():
            monkeypatch.setenv(name, value)
        save(story.phases[0].answers, tmp_path / "saved")
        flowtrail("snapshot", "--from-files", str(tmp_path / "saved"), "--as-of", f"{BEGIN:%Y-%m-%dT%H:%M:%SZ}")
        put(logs(story, Telling(), BEGIN, NOW), stage.endpoint, "story")
        command = [sys.executable, "-m", "cli", "watch", "s3://story/", "-o", "json"]
        command += ["--metrics", "127.0.0.1:0"]
        command += ["--every", "1s"] if by == "listing" else ["--queue", notified(stage.endpoint, "story")]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=pipe, stderr=pipe, text=True) as watch:
            assert watch.stdout is not None
            assert watch.stderr is not None
            metrics = watch.stderr.readline().removeprefix("Metrics: ").strip()
            told = [json.loads(watch.stdout.readline()) for _ in range(2)]
            assert {message["incident"]["certainty"] for message in told} == {"proven"}
            assert {message["title"].split(":")[0] for message in told} == {"Open"}
            fixes = [message["incident"]["fix"] for message in told]
            assert sorted(fixes) == sorted(i["fix"] for i in json.loads(flowtrail("incidents", "-o", "json")))
            beside = looking() if by == "listing" else None
            assert beside is None or states(beside, 2) == ["open", "open"]

            fixed = stage.fix(story, tuple(sorted(fixes)), FIXED)
            put(logs(fixed, Telling(), NOW, END), stage.endpoint, "story")
            over = [json.loads(watch.stdout.readline()) for _ in range(2)]
            assert {message["title"].split(":")[0] for message in over} == {"Over"}
            assert {m["incident"]["id"] for m in over} == {m["incident"]["id"] for m in told}
            if beside is not None:
                assert states(beside, 2) == ["closed", "closed"]
                beside.send_signal(signal.SIGINT)
                assert beside.wait(30) == 130
            counted = until(metrics, lambda found: found["flowtrail_messages_sent_total"] == 4)
            assert counted["flowtrail_incidents{proven,closed}"] == 2
            assert counted["flowtrail_objects_loaded_total"] == counted["flowtrail_objects"] > 0
            assert counted["flowtrail_rows_written_total{flows}"] > 10_000
            assert counted["flowtrail_lag_seconds{123456789012,us-east-1}"] > 0
            assert counted["flowtrail_ready"] == 1
            watch.send_signal(signal.SIGTERM)
            rest, error = watch.communicate(timeout=60)
        assert (watch.returncode, rest) == (0, ""), error
        assert "Traceback" not in error
        assert error.count("2 told") == 2, error


def looking() -> "subprocess.Popen[str]":
    """A person who looks at what is new."""
    command = [sys.executable, "-m", "cli", "incidents", "--watch", "-o", "csv"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=pipe, stderr=pipe, text=True)


def states(listing: "subprocess.Popen[str]", number: int) -> list[str]:
    """Of the incidents that it shows next, in one list or several."""
    assert listing.stdout is not None
    found: list[str] = []
    while len(found) < number:
        row = next(csv.reader([listing.stdout.readline()]))
        if row[0] != "id":
            found.append(row[2])
    return found


def until(url: str, reached: Callable[[Mapping[str, float]], bool]) -> Mapping[str, float]:
    """What Prometheus reads there, once it has reached that."""
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
            found = values(answer.read().decode())
        if reached(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def notified(endpoint: str, bucket: str) -> str:
    """The URL of a new queue that S3 notifies of what is put into the bucket from now on."""
    sqs, s3 = (boto3.client(service, endpoint_url=endpoint) for service in ("sqs", "s3"))
    url = str(sqs.create_queue(QueueName="flow-logs")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    to = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=to)
    return url


def flowtrail(*arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
