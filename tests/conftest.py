"""Shared parts, all real: the embedded engine in a folder, and S3 spoken over a socket (moto's server)."""

import http.client
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from clickhouse_connect.driver.binding import quote_identifier

from connectors.clickhouse import Store
from connectors.migrate import ensure_migrated

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder that this process's engine has: chDB opens one path per process."""
    return tmp_path_factory.mktemp("engine") / "db"


@pytest.fixture
def empty_store(engine_folder: Path) -> Iterator[Store]:
    """A store whose database does not exist yet."""
    store = Store(str(engine_folder), f"t_{uuid.uuid4().hex}")
    yield store
    store.server().command(f"DROP DATABASE IF EXISTS {quote_identifier(store.database)} SYNC")


@pytest.fixture
def store(empty_store: Store) -> Store:
    """A migrated, empty store of its own."""
    ensure_migrated(empty_store)
    return empty_store


@pytest.fixture(scope="session")
def _moto_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS variables that lead nowhere real: dummy keys, a region, no profile, no configuration files."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def s3_endpoint(_moto_server: str, aws_env: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an AWS endpoint on loopback, empty at the start of each test, and the environment that leads to it."""
    connection = http.client.HTTPConnection(_moto_server.removeprefix("http://"))
    connection.request("POST", "/moto-api/reset")
    assert connection.getresponse().status == 200
    connection.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", _moto_server)
    return _moto_server


@dataclass(frozen=True)
class Bucket:
    """A bucket of the test's endpoint."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, body: bytes) -> None:
        boto3.client("s3", endpoint_url=self.endpoint).put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        boto3.client("s3", endpoint_url=self.endpoint).delete_object(Bucket=self.name, Key=key)


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """A fresh bucket `logs`; a test may make more with `Bucket`."""
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(
        Bucket="logs", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return Bucket("logs", s3_endpoint)
