"""Proves: objects are read in the version that was listed; errors from S3 become a message with a remedy."""

import http.server
import threading
from collections.abc import Iterator

import pytest
import stamina

from connectors.aws import s3
from schemas.errors import BadObject, FlowtrailError
from schemas.object_ref import ObjectRef
from tests.conftest import Bucket


def only(bucket: Bucket, prefix: str = "") -> ObjectRef:
    [ref] = s3.list_objects(bucket.name, prefix)
    return ref


def test_list_and_read(bucket: Bucket) -> None:
    keys = ["p/b?versionId=1", "p/a b+ü@%2F", "q/c"]
    for key in keys:
        bucket.put(key, key.encode())
    refs = list(s3.list_objects(bucket.name, "p/"))
    assert {ref.key for ref in refs} == set(keys[:2])
    assert [s3.read_object(ref) for ref in refs] == [ref.key.encode() for ref in refs]
    assert all('"' not in ref.etag and ref.size == len(ref.key.encode()) for ref in refs)


def test_many_pages(bucket: Bucket) -> None:
    client = s3.client()
    for n in range(1005):
        client.put_object(Bucket=bucket.name, Key=f"{n:05d}", Body=b"")
    assert [ref.key for ref in s3.list_objects(bucket.name, "")] == [f"{n:05d}" for n in range(1005)]


def test_head(bucket: Bucket) -> None:
    bucket.put("long", b"abcdef")
    assert s3.read_head(only(bucket), 4) == b"abcd"
    assert s3.read_head(only(bucket), 400) == b"abcdef"
    bucket.put("long", b"")
    assert s3.read_head(only(bucket), 4) == b""


def test_overwritten_since(bucket: Bucket) -> None:
    bucket.put("k", b"one")
    ref = only(bucket)
    bucket.put("k", b"two")
    with pytest.raises(BadObject, match="overwritten") as caught:
        s3.read_object(ref)
    assert caught.value.reason == "changed"
    assert s3.read_object(only(bucket)) == b"two"


def test_deleted_since(bucket: Bucket) -> None:
    bucket.put("k", b"one")
    ref = only(bucket)
    bucket.delete("k")
    with pytest.raises(BadObject) as caught:
        s3.read_object(ref)
    assert caught.value.reason == "gone"


def test_too_large(bucket: Bucket) -> None:
    bucket.put("k", b"12345")
    with pytest.raises(BadObject) as caught:
        s3.read_object(only(bucket), 4)
    assert caught.value.reason == "too-large"


def test_no_such_bucket(s3_endpoint: str) -> None:
    with pytest.raises(FlowtrailError, match=r"bucket of s3://nowhere/x does not exist.*\n.*AWS_PROFILE"):
        list(s3.list_objects("nowhere", "x"))


@pytest.mark.parametrize("url", ["logs", "s3://", "s3:///x", "http://h/b", "s3://key:secret@bucket/x", ""])
def test_no_location(url: str) -> None:
    with pytest.raises(FlowtrailError, match="s3://bucket"):
        s3.split_url(url)


def test_split() -> None:
    assert s3.split_url("s3://b") == ("b", "")
    assert s3.split_url("s3://b/") == ("b", "")
    assert s3.split_url("s3://b/a//b?c#d") == ("b", "a//b?c#d")


class Refuses(http.server.BaseHTTPRequestHandler):
    """Answers every request as S3 does when a policy denies it."""

    def do_GET(self) -> None:
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Tears(http.server.BaseHTTPRequestHandler):
    """Announces more bytes than it sends, the first time; then sends them all."""

    asked = 0

    def do_GET(self) -> None:
        Tears.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"abc" if Tears.asked == 1 else b"abcdef")
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Breaks(http.server.BaseHTTPRequestHandler):
    """Announces bytes and sends none."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, aws_env: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An HTTP server with the test's own handler, in place of S3."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    yield url
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("endpoint", [Refuses], indirect=True)
def test_access_denied(endpoint: str) -> None:
    with pytest.raises(FlowtrailError, match=r"Access to s3://logs/p is denied.*\n.*s3:GetObject"):
        list(s3.list_objects("logs", "p"))
    with pytest.raises(FlowtrailError, match="denied"):
        s3.read_object(ObjectRef("logs", "k", "e", 1))


@pytest.mark.parametrize("endpoint", [Tears], indirect=True)
def test_a_body_that_breaks_off_is_read_again(endpoint: str) -> None:
    assert s3.read_object(ObjectRef("logs", "k", "e", 6)) == b"abcdef"
    assert Tears.asked == 2


@pytest.mark.parametrize("endpoint", [Breaks], indirect=True)
def test_a_body_that_always_breaks_off_is_a_bad_object(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set aside; the other objects are loaded."""
    ref = ObjectRef("logs", "k", "e", 6)
    with stamina.set_testing(True, attempts=3):
        for read in (lambda: s3.read_object(ref), lambda: list(s3.stream_object(ref)), lambda: s3.read_head(ref, 6)):
            with pytest.raises(BadObject) as caught:
                read()
            assert caught.value.reason == "body-ends-early"


def test_endpoint_that_does_not_exist(aws_env: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(FlowtrailError, match=r"127\.0\.0\.1:9.*\n.*AWS_ENDPOINT_URL"):
        list(s3.list_objects("logs", ""))


def test_no_credentials(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(FlowtrailError, match=r"No AWS credentials were found.*\n.*AWS_PROFILE"):
        list(s3.list_objects("logs", ""))
