"""Proves: what arrives in turns is judged and told as it would be all at once; each incident is told once in each
state, also when a turn dies anywhere or a channel fails; late truth corrects what was said."""

import contextlib
import hashlib
import hmac
import json
import pickle
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pyarrow as pa
import pytest

from connectors.notify import other
from connectors.notify.channel import NotSent
from connectors.notify.named import channel
from connectors.notify.webhook import SECRET
from connectors.store import incidents, watching
from connectors.store.clickhouse import Store, insert
from connectors.store.figures import figures
from connectors.store.receipts import rows as receipt_rows
from console.answers.message import message, trial
from console.answers.status import status
from pipelines.correlate.pipeline import run_correlate
from pipelines.watch import news, turn
from pipelines.watch.turn import Turn, run_turn
from schemas.change import CHANGE_EVENTS, ChangeEvent
from schemas.errors import FlowtrailError
from schemas.flow import FLOWS
from schemas.incident import Kind, State
from schemas.ledger import RECEIPTS, Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.summary import IngestSummary
from schemas.watching import Message
from tests.conftest import REGION
from tests.correlate_lab import Flow, clock, flows_table
from tests.integration.test_correlate import FAULTS, FIXES, change_row, put_snapshot, story

ALL = story("requests", flagged=True, last="16:10")
STEPS = ("14:00", "14:40", "15:00", "15:20", "15:45", "16:10")
"""Until when the records of each turn go."""


@dataclass
class Delivery:
    """Delivers to a store, each time as a load of its own."""

    store: Store
    loads: int = 0

    def flows(self, flows: Sequence[Flow]) -> None:
        ref = self._ref("vpcflowlogs", ".log.gz")
        rows = flows_table(flows, ref.object_id, directions=True)
        insert(self.store.client(), FLOWS, rows)
        times = [flow.at for flow in flows]
        self._receipt(ref, ObjectKind.FLOW_LOG, len(flows), times)

    def changes(self, changes: Sequence[ChangeEvent]) -> None:
        ref = self._ref("CloudTrail", ".json.gz")
        rows = [change_row(replace(c, object_id=ref.object_id, row_no=n)) for n, c in enumerate(changes, start=1)]
        insert(self.store.client(), CHANGE_EVENTS, pa.Table.from_pylist(rows, CHANGE_EVENTS.schema))
        self._receipt(ref, ObjectKind.CLOUDTRAIL, len(changes), [change.event_time for change in changes])

    def _ref(self, service: str, ending: str) -> ObjectRef:
        self.loads += 1
        log = "fl-0a1_" if service == "vpcflowlogs" else ""
        name = f"1_{service}_eu-central-1_{log}20261120T1200Z_{self.loads}{ending}"
        key = f"AWSLogs/1/{service}/eu-central-1/2026/11/20/{name}"
        return ObjectRef("logs", key, "etag", 10)

    def _receipt(self, ref: ObjectRef, kind: ObjectKind, count: int, times: Sequence[Any]) -> None:
        receipt = Receipt(ref, kind, self.loads, count, count, 0, first_time=min(times), last_time=max(times))
        insert(self.store.client(), RECEIPTS, receipt_rows([receipt], 1))


@dataclass
class Heard:
    """A channel that remembers, and fails as often as it is told to."""

    name: str = "heard"
    messages: list[Message] = field(default_factory=list)
    failing: int = 0

    def send(self, message: Message) -> None:
        if self.failing:
            self.failing -= 1
            raise NotSent("it fails")
        self.messages.append(message)

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.messages]


@pytest.fixture
def delivery(store: Store) -> Delivery:
    put_snapshot(store)
    return Delivery(store)


def between(start: str, end: str) -> list[Flow]:
    return [flow for flow in ALL if clock(start) <= flow.at < clock(end)]


def take(store: Store, *channels: Heard) -> Turn:
    return run_turn(store, IngestSummary, channels, message)


def arrive(delivery: Delivery, number: int) -> None:
    """What is delivered before turn `number`."""
    start, end = (("11:00", *STEPS)[number], STEPS[number])
    delivery.flows(between(start, end))
    changes = [change for change in (*FAULTS, *FIXES) if clock(start) <= change.event_time < clock(end)]
    if changes:
        delivery.changes(changes)


LOST, REJECTED = "tcp 22, 80, 443 lost at eni-web", "tcp 22 rejected at eni-web"
TOLD = [f"Open: {LOST}", f"Open: {REJECTED}", f"Over: {LOST}", f"Over: {REJECTED}"]


def known(store: Store) -> dict[str, tuple[object, ...]]:
    found = (said.incident for said in incidents.current(store.client()))
    return {i.id: (i.state, i.certainty, i.cause, i.first_seen, i.last_seen, i.closed_at, i.enis) for i in found}


def test_the_story_is_told_as_it_happens(store: Store, delivery: Delivery) -> None:
    heard = Heard()
    for number in range(len(STEPS)):
        arrive(delivery, number)
        (judged,) = take(store, heard).judged
        assert judged[1] == clock(STEPS[number])
        assert take(store, heard) == Turn(IngestSummary()), "nothing has come, so nothing is judged or told"
    assert heard.titles == TOLD
    assert {m.body["incident"]["certainty"] for m in heard.messages} == {"proven"}
    in_turns = known(store)
    run_correlate(store, clock("12:00"), clock("16:11"))
    assert known(store) == in_turns


def test_a_message_says_who_did_what_and_how_to_undo_it(store: Store, delivery: Delivery) -> None:
    heard = Heard()
    for number in range(4):
        arrive(delivery, number)
        take(store, heard)
    text = heard.messages[-1].text.splitlines()
    assert text[0] == f"Open: {REJECTED}"
    cause = "Cause (proven): CreateNetworkAclEntry by arn:bob at 2026-11-20 15:05:00Z: ingress 90 deny"
    assert text[1].startswith(cause)
    assert text[2].startswith("Since: 2026-11-20 15:05:")
    assert text[3].startswith("To undo it: aws ec2 delete-network-acl-entry")
    assert text[4].startswith("Known from: ")
    assert text[5] == f"Details and evidence: flowtrail incident {heard.messages[-1].incident}"


class Died(Exception):
    """The process ends here."""


@pytest.mark.parametrize("point", ["run_correlate", "note_judged", "after judged", "after sent"])
def test_a_turn_that_dies_is_made_good_by_the_next(
    store: Store, delivery: Delivery, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    heard = Heard()
    monkeypatch.setattr(watching, "CLAIMED", 0)  # the next turn is more than a minute later
    for numbers in ((0, 1, 2, 3), (4, 5)):
        for number in numbers:
            arrive(delivery, number)
        with monkeypatch.context() as patched:
            _die(patched, point)
            with contextlib.suppress(Died):
                take(store, heard)
        take(store, heard)
    if point == "after sent":  # at least once: what was sent and not noted is sent again
        assert list(dict.fromkeys(heard.titles)) == TOLD
    else:
        assert heard.titles == TOLD


def _die(patched: pytest.MonkeyPatch, point: str) -> None:
    def die(*_: object, **__: object) -> None:
        raise Died

    if point == "run_correlate":
        patched.setattr(turn, "run_correlate", die)
    elif point == "after judged":
        patched.setattr(news, "tell", die)
    elif point == "note_judged":
        correlate, note = turn.run_correlate, watching.note_judged
        after: list[object] = []
        patched.setattr(turn, "run_correlate", lambda *a, **k: after.append(correlate(*a, **k)))
        patched.setattr(watching, "note_judged", lambda *a: die() if after else note(*a))
    else:
        note = watching.note
        patched.setattr(watching, "note", lambda *a: die() if a[3] == "sent" else note(*a))


def test_late_truth_corrects_what_was_said(store: Store, delivery: Delivery) -> None:
    """CloudTrail comes an hour late, and a file of the outage after that."""
    heard = Heard()
    delivery.flows(between("11:00", "15:20"))
    take(store, heard)
    assert {m.body["incident"]["certainty"] for m in heard.messages} == {"unexplained"}
    delivery.flows(between("15:30", "15:45"))
    take(store, heard)
    told = len(heard.messages)
    delivery.changes(FAULTS)
    assert [start for start, _ in take(store, heard).judged] == [clock("14:32")]
    later = heard.messages[told:]
    assert {m.body["incident"]["certainty"] for m in later if not m.body["withdrawn"]} == {"proven"}
    assert sorted(m.title for m in later) == sorted(
        [f"Open: {LOST}", f"Open: {REJECTED}", f"No longer found: {LOST}", f"No longer found: {REJECTED}"]
    )
    told = len(heard.messages)
    delivery.flows(between("15:20", "15:30"))
    assert take(store, heard).judged == ((clock("15:20"), clock("15:30")),)
    assert heard.messages[told:] == [], "it only completes what is known"


def test_what_was_known_before_is_not_told_until_it_changes(store: Store, delivery: Delivery) -> None:
    heard = Heard()
    for number in range(5):
        arrive(delivery, number)
    run_correlate(store, clock("14:00"), clock("15:45"))
    take(store, heard)
    assert heard.titles == []
    arrive(delivery, 5)
    take(store, heard)
    assert heard.titles == TOLD[2:]


def test_a_channel_that_fails_is_tried_again_and_delays_no_other(
    store: Store, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, broken = Heard(), Heard("broken", failing=3)
    for number in range(3):
        arrive(delivery, number)
        take(store, broken, heard)
    assert (heard.titles, broken.titles) == (TOLD[:1], [])
    take(store, broken, heard)
    take(store, broken, heard)
    assert (heard.titles, broken.titles) == (TOLD[:1], TOLD[:1])
    monkeypatch.setattr(news, "ATTEMPTS", 2)
    arrive(delivery, 3)
    broken.failing = 100
    for _ in range(4):
        take(store, broken, heard)
    assert broken.failing == 98, "it is given up"
    assert heard.titles == TOLD[:2]


def test_without_a_snapshot_nothing_is_lost(store: Store) -> None:
    delivery, heard = Delivery(store), Heard()
    arrive(delivery, 0)
    with pytest.raises(FlowtrailError, match="snapshot"):
        take(store, heard)
    put_snapshot(store)
    assert take(store, heard).judged == ((clock("12:00"), clock("14:00")),)


@dataclass
class Receiver:
    """A server for webhooks. It answers with each of `answers`, and then with 204."""

    url: str
    requests: list[tuple[dict[str, str], bytes]]
    answers: list[int]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    requests: list[tuple[dict[str, str], bytes]] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Receiver(f"http://127.0.0.1:{server.server_port}/hook?token=secret", requests, answers)
    server.shutdown()


def test_a_webhook_is_signed_and_sent_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "key")
    receiver.answers[:] = [503, 429]
    channel(receiver.url).send(trial())
    assert len(receiver.requests) == 3
    headers, body = receiver.requests[-1]
    signed = headers["x-flowtrail-timestamp"].encode() + b"." + body
    assert headers["x-flowtrail-signature"] == f"sha256={hmac.new(b'key', signed, hashlib.sha256).hexdigest()}"
    assert json.loads(body)["test"] is True
    monkeypatch.delenv(SECRET)
    channel(receiver.url).send(trial())
    assert "x-flowtrail-signature" not in receiver.requests[-1][0]


@pytest.mark.parametrize(("answers", "count"), [([404], 1), ([302], 1), ([500] * 9, 3)])
def test_a_webhook_that_refuses_is_told_without_its_token(receiver: Receiver, answers: list[int], count: int) -> None:
    receiver.answers[:] = answers
    hook = channel(receiver.url)
    with pytest.raises(NotSent, match=f"HTTP status {answers[0]}"):
        hook.send(trial())
    assert len(receiver.requests) == count
    assert "secret" not in f"{hook!r} {hook.name}"


def test_nobody_answers() -> None:
    with pytest.raises(NotSent, match="no answer"):
        channel("http://127.0.0.1:9/").send(trial())


def test_a_topic_gets_subject_and_text(s3_endpoint: str) -> None:
    sns, sqs = (boto3.client(service, endpoint_url=s3_endpoint, region_name=REGION) for service in ("sns", "sqs"))
    arn = sns.create_topic(Name="oncall")["TopicArn"]
    queue = sqs.create_queue(QueueName="oncall")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    channel(arn).send(replace(trial(), title="Open:\n" + "x" * 200))
    (received,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    body = json.loads(received["Body"])
    assert body["Subject"] == "Open: " + "x" * 93
    assert body["Message"] == trial().text
    with pytest.raises(NotSent, match="NotFound"):
        channel(arn + "x").send(trial())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:apprise")
def test_what_is_no_channel_is_refused_without_what_may_be_secret() -> None:
    for text in ("nowhere", "http:///", "slack:", "arn:aws:sns:x"):
        with pytest.raises(FlowtrailError, match="is not a notification channel"):
            channel(text)
    with pytest.raises(FlowtrailError, match=r"does not know the channel ftp [0-9a-f]{8}\.") as refused:
        channel("ftp://user:secret@example.com/")
    assert "secret" not in str(refused.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:apprise")
def test_services_that_apprise_knows(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own JSON service stands for all of them: the others speak to addresses that are not here."""
    url = receiver.url.replace("http://", "json://")
    service = channel(url)
    assert pickle.loads(pickle.dumps(service)) == service  # noqa: S301 - our own
    service.send(trial())
    body = json.loads(receiver.requests[-1][1])
    assert (body["title"], body["message"]) == (trial().title, trial().text)
    receiver.answers[:] = [500]
    with pytest.raises(NotSent, match="did not take it"):
        service.send(trial())
    assert "secret" not in f"{service!r} {service.name}"
    for known in ("slack://T1/B2/xxx/#oncall", "pagerduty://key@secret", "mailto://user:pass@example.com"):
        assert channel(known).name.startswith(known.partition(":")[0])
    monkeypatch.setattr(other, "find_spec", lambda _: None)
    with pytest.raises(FlowtrailError, match=r"pip install '\.\[notify\]'"):
        channel("slack://T1/B2/xxx/#oncall")


def test_several_that_tell_at_once_send_each_message_once(remote: Store) -> None:
    """On a server; those who are late, and those who come later, find that it was sent."""
    put_snapshot(remote)
    heard = Heard()
    news.introduce(remote.client(), [heard])
    delivery = Delivery(remote)
    delivery.flows(between("11:00", "16:10"))
    delivery.changes([*FAULTS, *FIXES])
    run_correlate(remote, clock("12:00"), clock("16:11"))
    for _ in range(3):
        with ThreadPoolExecutor(6) as pool:
            assert [each.result() for each in [pool.submit(_tell, remote, heard) for _ in range(6)]]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watching, "CLAIMED", 0)
        _tell(remote, heard)
    assert sorted(heard.titles) == sorted(TOLD[2:])


def _tell(store: Store, heard: Heard) -> int:
    return len(news.tell(store.client(), [heard], message))


def test_what_opens_again_is_told_again(store: Store, delivery: Delivery) -> None:
    heard = Heard()
    for number in range(4):
        arrive(delivery, number)
        take(store, heard)
    (lost,) = [said for said in incidents.current(store.client()) if said.incident.kind is Kind.LOST_TRAFFIC]
    over = replace(lost.incident, state=State.CLOSED, closed_at=clock("15:30"), closed_by=("fix",))
    told = len(heard.titles)
    for generation, incident in ((10, over), (11, lost.incident), (12, over)):
        incidents.write(store.client(), f"run-{generation}", [replace(lost, incident=incident)], generation)
        for _ in range(2):
            news.tell(store.client(), [heard], message)
    assert heard.titles[told:] == [f"Over: {LOST}", f"Open: {LOST}", f"Over: {LOST}"]


def test_status_reads_the_figures_of_metrics(store: Store, delivery: Delivery) -> None:
    for number in range(3):
        arrive(delivery, number)
        take(store, Heard("broken", failing=1))
    for minutes, region in ((0, "eu-west-1"), (90, "us-east-1")):
        key = f"AWSLogs/123456789012/vpcflowlogs/{region}/2026/11/20/123456789012_vpcflowlogs_{region}_fl-1_x.log.gz"
        at = clock("15:00") + timedelta(minutes=minutes)
        receipt = Receipt(
            ObjectRef("logs", key, "etag", 10), ObjectKind.FLOW_LOG, 99, 1, 1, 0, first_time=at, last_time=at
        )
        insert(store.client(), RECEIPTS, receipt_rows([receipt], 1))
    found = status(store, clock("17:00"))
    shown = figures(store.client())
    assert (found.newest, found.failed) == (shown.newest, shown.failed)
    told = found.to_json()
    assert told["messages_failed"] == {"broken": 2}
    assert [(each["region"], each["lag_seconds"]) for each in told["lags"] if each["account"]] == [
        ("eu-west-1", 7200),
        ("us-east-1", 1800),
    ]
