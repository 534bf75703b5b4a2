"""Proves: small objects are fetched the quick way, with the version pinned; boto3 handles whatever goes wrong there."""

import http.server
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.aws import quick_get, s3
from connectors.aws.access import Access
from connectors.aws.quick_get import QuickGet
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef
from tests.conftest import Bucket

KEYS = ["plain", "AWSLogs/year=2026/a b+ü@%2F.gz", "p//q", "p/../q", "p/./q", "x?versionId=1#y"]


def only(bucket: Bucket) -> ObjectRef:
    [ref] = s3.list_objects(bucket.name, "")
    return ref


def test_the_quick_way_or_boto3_reads_every_key(bucket: Bucket) -> None:
    for key in KEYS:
        bucket.put(key, key.encode())
    quick = QuickGet(s3.client())
    refs = {ref.key: ref for ref in s3.list_objects(bucket.name, "")}
    assert quick.get(refs["plain"]) == b"plain"
    assert quick.get(refs[KEYS[1]]) == KEYS[1].encode()
    for key, ref in refs.items():
        assert quick.get(ref) in (key.encode(), None)
        assert s3.read_object(ref) == key.encode()


def test_only_the_version_that_was_listed(bucket: Bucket) -> None:
    quick = QuickGet(s3.client())
    bucket.put("k", b"one")
    ref = only(bucket)
    bucket.put("k", b"two")
    assert quick.get(ref) is None
    with pytest.raises(BadObject, match="overwritten"):
        s3.read_object(ref)
    bucket.delete("k")
    assert quick.get(ref) is None
    assert quick.get(ObjectRef("no-such-bucket", "k", "e", 1)) is None


def test_large_objects_are_left_to_boto3(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("k", b"one")
    monkeypatch.setattr(quick_get, "SMALL", 2)
    assert QuickGet(s3.client()).get(only(bucket)) is None


class Recording(http.server.BaseHTTPRequestHandler):
    """Answers every GET with `status` and records its headers."""

    protocol_version = "HTTP/1.1"
    status = 200
    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(self.status)
        self.send_header("Content-Length", "3")
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Wed, 25 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"abc")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def recording(aws_env: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[Recording], Any]]:
    handler = type("Handler", (Recording,), {"seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    url = f"http://127.0.0.1:{server.server_address[1]}"
    yield handler, SimpleNamespace(meta=SimpleNamespace(endpoint_url=url, region_name="eu-central-1"))
    server.shutdown()
    server.server_close()


REF = ObjectRef("logs", "k", "e", 3)


def test_what_is_requested(recording: tuple[type[Recording], Any]) -> None:
    handler, client = recording
    assert QuickGet(client).get(REF) == b"abc"
    assert QuickGet(client, Access(requester_pays=True)).get(REF) == b"abc"
    assert QuickGet(client, Access(unsigned=True)).get(REF) == b"abc"
    usual, payer, unsigned = handler.seen
    assert usual["if-match"] == '"e"'
    assert "authorization" in usual
    assert "x-amz-request-payer" not in usual
    assert payer["x-amz-request-payer"] == "requester"
    assert "authorization" not in unsigned


def test_a_body_with_a_wrong_size_is_not_accepted(recording: tuple[type[Recording], Any]) -> None:
    assert QuickGet(recording[1]).get(ObjectRef("logs", "k", "e", 4)) is None


@pytest.mark.parametrize("status", [301, 403, 500, 503])
def test_after_a_few_failures_it_is_no_longer_used(recording: tuple[type[Recording], Any], status: int) -> None:
    handler, client = recording
    handler.status = status
    quick = QuickGet(client)
    assert [quick.get(REF) for _ in range(10)] == [None] * 10
    assert len(handler.seen) == quick_get.STRIKES
