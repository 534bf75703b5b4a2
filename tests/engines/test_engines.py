"""Proves: on every kind of runner the rows, receipts, dead letters, summary and incidents are those of the in-process
runner, also when a worker is killed half-way; and an error reaches the person as the same message."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.failpoints import VARIABLE
from connectors.store.clickhouse import query
from tests.engines.conftest import Flowtrail, Told
from tests.engines.processes import Dask, Machine, Prism, WorkerPool, until

pytestmark = pytest.mark.engines

TWO_PROCESSES = ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2")


def assert_equal(told: Told, expected: Told) -> None:
    """Part by part, so that a difference can be read."""
    assert told.summary == expected.summary
    assert {name: len(rows) for name, rows in told.rows.items()} == {n: len(rows) for n, rows in expected.rows.items()}
    assert told.rows == expected.rows
    assert told.letters == expected.letters
    assert told.incidents == expected.incidents
    assert told.refused == expected.refused


def test_what_is_expected(expected: Told) -> None:
    """Every kind of object is in it, and both faults are found."""
    assert {name for name, rows in expected.rows.items() if not rows} == set()
    assert [letter.reason for letter in expected.letters] == ["truncated-gzip"]
    assert [incident["certainty"] for incident in expected.incidents] == ["proven", "proven"]
    assert expected.summary["objects_other"] == 1
    assert "error: A table or database for the insert into rejected_lines does not exist" in expected.refused
    assert "Traceback" not in expected.refused


def test_two_worker_processes(flowtrail: Flowtrail, expected: Told) -> None:
    flowtrail.snapshot()
    assert_equal(flowtrail.told(flowtrail.ingest(*TWO_PROCESSES), *TWO_PROCESSES), expected)


def test_dask_with_a_worker_that_is_killed(flowtrail: Flowtrail, expected: Told, machine: Machine) -> None:
    """The first worker stops between the rows of a load and its receipts, and is killed there; the other goes on."""
    dask = Dask(machine, **{VARIABLE: "after-chunk:1=hang"})
    engine = ("--runner", "dask", "--", f"--dask_client_address={dask.address}")
    flowtrail.snapshot()
    ingest = flowtrail.ingest(*engine)
    until(lambda: "failpoint after-chunk:1" in machine.output("worker-0"))
    done = "SELECT count() AS n FROM receipts"
    until(lambda: query(flowtrail.store().reader(), done)["n"].to_pylist()[0])
    assert ingest.poll() is None
    dask.workers[0].kill()
    assert_equal(flowtrail.told(ingest, *engine), expected)


def test_prism_with_external_workers(flowtrail: Flowtrail, expected: Told, machine: Machine, prism: Path) -> None:
    engine = ("--runner", "prism", "--", f"--prism_location={prism}", *_external(WorkerPool(machine)))
    flowtrail.snapshot()
    assert_equal(flowtrail.told(flowtrail.ingest(*engine), *engine), expected)


@pytest.mark.long
def test_any_job_service_of_the_portable_api(
    flowtrail: Flowtrail, expected: Told, machine: Machine, prism: Path
) -> None:
    """Prism again, but all that is known of it is the address of its job service."""
    service = Prism(machine, prism)
    engine = ("--runner", "portable", "--", f"--job_endpoint={service.endpoint}", *_external(WorkerPool(machine)))
    flowtrail.snapshot()
    assert_equal(flowtrail.told(flowtrail.ingest(*engine), *engine), expected)


def _external(pool: WorkerPool) -> Sequence[Any]:
    return ("--environment_type=EXTERNAL", f"--environment_config={pool.address}")
