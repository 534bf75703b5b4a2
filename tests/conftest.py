"""Shared fixtures, all real: the embedded engine in a folder, and S3 over a socket (moto's server)."""

import gc
import http.client
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from clickhouse_connect.driver.binding import quote_identifier

import simulation.aws
from connectors.store.clickhouse import Store, command, query
from connectors.store.migrate import MIGRATIONS, ensure_migrated
from tests import forked
from tests.stories import Stories

ROOT = Path(__file__).parents[1]
REGION = "eu-central-1"
MEMORY = Path("/dev/shm")
ROOM = 2 << 30
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure(config: pytest.Config) -> None:
    """Tests' folders are in memory, where there is room: thousands of small inserts wait for a disk otherwise. What
    botocore knows of a service is read once: every command creates its own clients, one of EC2 in a tenth of a second.
    """
    read = cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda _, path: read(path)
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault(TEMPORARY, str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("engines") is None)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the garbage collector need not look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only database folder of this process: chDB opens one path per process."""
    return tmp_path_factory.mktemp("engine") / "db"


@pytest.fixture
def empty_store(engine_folder: Path) -> Iterator[Store]:
    """A store whose database does not exist yet."""
    store = Store(str(engine_folder), f"t_{uuid.uuid4().hex}")
    yield store
    store.server().command(f"DROP DATABASE IF EXISTS {quote_identifier(store.database)} SYNC")


@pytest.fixture(scope="session")
def template(engine_folder: Path) -> Store:
    """A migrated, empty store that nobody writes to."""
    made = Store(str(engine_folder), "t_template")
    ensure_migrated(made)
    return made


@pytest.fixture
def store(empty_store: Store, template: Store) -> Store:
    """A migrated, empty store for one test."""
    copy(template, empty_store.database)
    return empty_store


def copy(template: Store, database: str) -> None:
    """Make a database like `template`, which must be empty but for its migrations: quicker than migrating anew, and the
    same (`test_migrate` compares them)."""
    server = template.server()
    old, new = quote_identifier(template.database), quote_identifier(database)
    command(server, f"CREATE DATABASE {new}")
    tables = (
        "SELECT name, engine, create_table_query AS sql FROM system.tables WHERE database = {db:String} ORDER BY engine"
    )
    for row in query(server, tables, {"db": template.database}).to_pylist():
        name = row["name"]
        if row["engine"] == "View":
            command(server, row["sql"].replace(f"{template.database}.", f"{database}."))
        else:
            command(server, f"CREATE TABLE {new}.{name} AS {old}.{name}")
    command(server, f"INSERT INTO {new}.{MIGRATIONS.name} SELECT * FROM {old}.{MIGRATIONS.name}")  # noqa: S608


@pytest.fixture(scope="session")
def _migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that nobody has open: this process cannot, as it has another one."""
    folder = tmp_path_factory.mktemp("migrated") / "db"
    subprocess.run([sys.executable, "-m", "cli", "--db", str(folder), "migrate"], cwd=ROOT, check=True)
    return folder


@pytest.fixture
def db(_migrated_folder: Path, tmp_path: Path) -> Path:
    """The folder of an empty, migrated database, for other processes."""
    shutil.copytree(_migrated_folder, tmp_path / "db", symlinks=True)
    return tmp_path / "db"


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
    """AWS variables that cannot reach a real account: dummy keys, a region, no profile, no configuration files."""
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
    """URL of an AWS endpoint on loopback, empty at the start of each test; the environment points to it."""
    connection = http.client.HTTPConnection(_moto_server.removeprefix("http://"))
    connection.request("POST", "/moto-api/reset")
    assert connection.getresponse().status == 200
    connection.close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", _moto_server)
    return _moto_server


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    """Stories that every worker has in common. What they run of `aws` is the installed one, in forked processes."""
    own = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(simulation.aws, "run", _forked_aws)
        yield Stories(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


def _forked_aws(command: Sequence[str], variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    code = (
        "import importlib, sys, awscli; importlib.reload(awscli);"  # it says in the environment where its data are
        " from awscli.clidriver import main; sys.exit(main())"
    )
    return forked.run([sys.executable, "-c", code, *command[1:]], env=variables, timeout=simulation.aws.CALL_SECONDS)


@dataclass(frozen=True)
class Bucket:
    """A bucket at the test's endpoint."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, body: bytes) -> None:
        s3_client(self.endpoint).put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        s3_client(self.endpoint).delete_object(Bucket=self.name, Key=key)


@cache
def s3_client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """A new bucket `logs`; a test can create more with `Bucket`."""
    s3_client(s3_endpoint).create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    return Bucket("logs", s3_endpoint)
