"""Proves: what travels to workers is small and has no secret; an error meant for the user leaves the runner as it was
raised, whatever the runner makes of it; what a runner cannot do is refused; progress reaches its listener."""

import logging
import pickle
from collections.abc import Iterator

import apache_beam as beam
import pytest

from connectors.aws.access import Access
from connectors.store import dead_letters, runs
from connectors.store.clickhouse import Store
from pipelines.ingest.load import Job
from pipelines.ingest.pipeline import Parts
from pipelines.progress import told
from pipelines.runner import check, note_failure, noting_failures, running
from schemas.errors import FlowtrailError
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.runner import IN_PROCESS, Kind, Runner


def test_a_job_as_it_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_PASSWORD", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    job = Job(Store("http://loader@host:8123"), "run", Access("audit", unsigned=True), ("version", "srcaddr"))
    sent = pickle.dumps(job)
    assert pickle.loads(sent) == job  # noqa: S301
    assert b"s3cret" not in sent
    assert len(sent) < 1_000


def test_parts_of_a_plan_as_an_element() -> None:
    coder = beam.coders.registry.get_coder(Parts)
    assert coder.decode(coder.encode((3, 4, 5))) == (3, 4, 5)
    assert len(coder.encode(tuple(range(1_000)))) < 10_000


def fail(element: int) -> Iterator[int]:
    if element == 2:
        raise FlowtrailError("The thing is broken.", "Fix it.")
    yield element


def test_an_error_for_the_user_is_raised_unchanged(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FlowtrailError) as caught, running(IN_PROCESS, store, "run") as pipeline:
        _ = pipeline | beam.Create([1, 2, 3]) | beam.Reshuffle() | beam.FlatMap(fail)
    assert (caught.value.message, caught.value.remedy) == ("The thing is broken.", "Fix it.")
    assert "Traceback" not in capfd.readouterr().err
    assert not logging.getLogger("apache_beam.runners.common").filters


def divide(element: int) -> float:
    return 1 / element


def test_any_other_error_is_raised_too(store: Store) -> None:
    with pytest.raises(ZeroDivisionError, match="while running"), running(IN_PROCESS, store, "run") as pipeline:
        _ = pipeline | beam.Create([0]) | beam.Map(divide)


def test_an_error_that_a_runner_garbles_is_read_from_the_store(store: Store) -> None:
    with pytest.raises(FlowtrailError), noting_failures(store, "run"):
        raise FlowtrailError("The thing is broken.", "Fix it.")
    note_failure(store, "run", FlowtrailError("Later.", ""))
    note_failure(store, "another", FlowtrailError("Elsewhere.", ""))
    with pytest.raises(FlowtrailError) as caught, running(IN_PROCESS, store, "run"):
        raise RuntimeError("Pipeline failed in state FAILED")
    assert (caught.value.message, caught.value.remedy) == ("The thing is broken.", "Fix it.")
    with pytest.raises(RuntimeError, match="state FAILED"), running(IN_PROCESS, store, "a third"):
        raise RuntimeError("Pipeline failed in state FAILED")


@pytest.mark.parametrize(
    "runner", [Runner(Kind.DASK), Runner(Kind.PRISM), Runner(options=("--direct_running_mode=multi_processing",))]
)
def test_the_embedded_engine_has_one_process(store: Store, runner: Runner) -> None:
    with pytest.raises(FlowtrailError, match=r"one process only.*\n.*in-process"):
        check(runner, store)


def test_an_option_that_beam_does_not_know(store: Store) -> None:
    runner = Runner(options=("--no_such_option=1",))
    with pytest.raises(FlowtrailError, match="not know the option --no_such_option"), running(runner, store, "run"):
        pytest.fail("it ran")


def test_elements_of_a_plan_are_small_where_the_work_is_to_spread() -> None:
    assert IN_PROCESS.share(50) == 50
    assert IN_PROCESS.share(0) == 1
    assert Runner(Kind.DASK).share(50) < 10


def test_progress(store: Store) -> None:
    heard: list[tuple[int, int]] = []
    refs = [ObjectRef("b", str(n), "e", 1) for n in range(4)]
    client = store.client()
    run = runs.begin(client, "ingest")
    with told(store, run, lambda done, total: heard.append((done, total))):
        runs.plan(client, run, ObjectKind.FLOW_LOG, [refs], first=0, listed=True)
        dead_letters.put(client, run, [DeadLetter(ref, "gone", "") for ref in refs[:2]])
        dead_letters.put(client, "another", [DeadLetter(refs[2], "gone", "")])
        runs.note_busy(client, run, refs[3:])
    assert heard[-1] == (3, 4)
    assert heard == sorted(heard)
    before = len(heard)
    with told(store, run, None):
        pass
    assert len(heard) == before
