"""The store that the cookbook's commands are run on, and the page itself: `python -m tests.cookbook` writes the answers
of its commands anew."""

import contextlib
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, insert
from network.aws.call import ids_in
from pipelines.configuration import save_versions
from schemas.flow import COVERAGE
from tests.correlate_lab import (
    DB,
    ENI,
    SCANNERS,
    Flow,
    call,
    clock,
    create_route,
    delete_route,
    deny,
    every,
    permission,
    reject,
    service,
    undeny,
)
from tests.integration.test_correlate import log_object, put_changes, put_flows, put_snapshot, story

PAGE = Path(__file__).parents[1] / "docs" / "cookbook.md"
SHOWN = 14
"""Lines of an answer that the page shows; `...` stands for the others."""
RUN, A_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}"), "20261127T181500-0a1b2c3d"
"""A run's name is the time when it began, and chance: the page has one that never changes."""
BLOCK = re.compile(r"```console\n\$ (?P<command>.*?(?:\\\n.*?)*)\n(?P<answer>.*?)```\n", re.DOTALL)

ALICE, BOB = (f"arn:aws:iam::123456789012:user/{name}" for name in ("alice", "bob"))
CLI, CONSOLE = "aws-cli/2.31.18", "console.amazonaws.com"
OPENED = {"groupId": "sg-db", "ipPermissions": permission(5432, "0.0.0.0/0")}
NARROW = {"groupId": "sg-web", "ipPermissions": permission(8443, "10.9.0.0/16")}
"""A harmless rule of a group that has been open to the world for other ports all the time."""


def fill(store: Store) -> None:
    """A day on which a web server stops answering: a route was deleted, then port 22 was denied; both were repaired."""
    put_snapshot(store)
    by_alice, by_bob = {"actor": ALICE, "user_agent": CLI}, {"actor": BOB, "user_agent": CONSOLE}
    changes = [
        delete_route("14:32", event_id="5f1c0e9a-route-gone", **by_alice),
        deny("15:05", event_id="9b27d4c1-rule-90", **by_bob),
        create_route("15:50", event_id="c03a7712-route-back", **by_alice),
        undeny("15:50:20", event_id="e8840bb5-rule-gone", **by_bob),
        call("15:55", "AuthorizeSecurityGroupIngress", OPENED, event_id="71aa0f3e-opened", **by_bob),
        call("16:00", "AuthorizeSecurityGroupIngress", NARROW, event_id="2d9b6c10-narrow", **by_alice),
    ]
    put_changes(store, [replace(change, resources=ids_in(change.request, change.response)) for change in changes])
    put_flows(store, [*story("requests", flagged=True, last="16:10"), *_database(), *_scans()])
    gap = {"account_id": "123456789012", "interface_id": "eni-db", "time_source": "", "load": 1, "chunk": 0}
    rows = [
        {
            **gap,
            "start": clock(at),
            "end": clock(at),
            "log_status": status,
            "object_id": log_object().object_id,
            "row_no": n,
        }
        for n, (at, status) in enumerate([("13:05", "NODATA"), ("13:06", "NODATA"), ("14:20", "SKIPDATA")])
    ]
    insert(store.client(), COVERAGE, pa.Table.from_pylist(rows, COVERAGE.schema))
    save_versions(store)


def _database() -> list[Flow]:
    return service(5432, [DB], 30, "12:00", "16:10", server=False, flagged=True)


def _scans() -> list[Flow]:
    """One scanner tries many ports."""
    return [reject(at, SCANNERS[0], 1000 + 7 * n, n, flags=2) for n, at in enumerate(every(600, "12:00", "16:10"))]


def commands(page: str) -> list[tuple[str, str]]:
    """The commands of the page and their answers as shown, in order."""
    return [(found["command"], found["answer"]) for found in BLOCK.finditer(page)]


def answer(store: Store, command: str) -> str:
    """What the page shows of a command's answer. Raises AssertionError if the command fails."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "flowtrail", command
    variables = {"FLOWTRAIL_DATABASE": store.database, "TZ": "UTC", "COLUMNS": "110"}
    result = CliRunner(env=variables).invoke(app, ["--db", store.db, *words[1:]], prog_name="flowtrail")
    assert result.exit_code == 0, (command, result.output, result.exception)
    lines = [line.rstrip() for line in RUN.sub(A_RUN, result.stdout).strip("\n").splitlines()]
    return "\n".join([*lines[:SHOWN], *(["..."] if len(lines) > SHOWN else [])]) + "\n"


def written(store: Store, page: str) -> str:
    """The page with the answers that its commands give."""
    return BLOCK.sub(lambda m: f"```console\n$ {m['command']}\n{answer(store, m['command'])}```\n", page)


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        yield Store(str(Path(folder) / "db"))


if __name__ == "__main__":
    from connectors.store.migrate import ensure_migrated

    os.environ["TZ"] = "UTC"
    with _store() as made:
        ensure_migrated(made)
        fill(made)
        PAGE.write_text(written(made, PAGE.read_text("utf-8")), "utf-8")
        sys.stdout.write(f"{PAGE}: {ENI}\n")
