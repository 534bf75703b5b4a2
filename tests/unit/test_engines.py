"""Proves: a runner that cannot run is refused before anything starts, with a remedy; Beam's options reach Beam, and no
secret travels with a pipeline."""

import json
import logging
import sys
import threading
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dask.dask_runner import DaskOptions
from apache_beam.runners.portability.prism_runner import PrismJobServer, PrismRunnerLogFilter
from apache_beam.utils.subprocess_server import SubprocessServer
from dask import bag
from dask.distributed import protocol
from typer.testing import CliRunner

from cli.app import app
from connectors.aws.access import Access
from connectors.store.clickhouse import PASSWORD, Store
from pipelines.engines import engine
from pipelines.ingest.load import Job
from pipelines.ingest.pipeline import Load, Parts
from pipelines.runner import check
from schemas.errors import FlowtrailError
from schemas.object_ref import ObjectKind
from schemas.runner import IN_PROCESS, Kind, Runner

SERVER = Store("http://writer@127.0.0.1:9/x")
TWO_PROCESSES = Runner(Kind.IN_PROCESS, ("--direct_running_mode=multi_processing", "--direct_num_workers=2"))


@pytest.mark.parametrize("runner", [Runner(Kind.DASK), Runner(Kind.PRISM), Runner(Kind.PORTABLE), TWO_PROCESSES])
def test_an_embedded_database_is_refused_where_other_processes_would_open_it(runner: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "db"
    with pytest.raises(FlowtrailError, match="one process only") as caught:
        check(runner, Store(str(folder)))
    assert caught.value.remedy == "Set FLOWTRAIL_DB to the URL of a ClickHouse server, or use --runner in-process."
    check(IN_PROCESS, Store(str(folder)))
    arguments = ["--db", str(folder), "ingest", "s3://x/", "--runner", runner.kind.value, "--", *runner.options]
    result = CliRunner().invoke(app, arguments, prog_name="flowtrail")
    assert result.exit_code == 1
    assert "one process only" in result.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    ("runner", "message", "remedy"),
    [
        (Runner(Kind.IN_PROCESS, ("--flink_mastre=x",)), "know the option --flink_mastre=x", "follow `--`"),
        (Runner(Kind.DASK, ("--dask_connection_limit=many",)), "--dask_connection_limit: invalid int", "follow `--`"),
        (Runner(Kind.DASK, ("--runner=DirectRunner",)), "Two runners are named: dask and DirectRunner", "portable"),
        (Runner(Kind.PORTABLE), "address of a job service", "--job_endpoint=HOST:PORT"),
        (Runner(Kind.PORTABLE, ("--runner=NoRunner",)), "Beam has no runner NoRunner", "docs/scaling.md"),
        (Runner(Kind.PRISM), "no `prism` on PATH", "go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2."),
        (Runner(Kind.PRISM, ("--prism_location=/no/prism",)), "no Prism at /no/prism", "go install"),
        (Runner(Kind.DASK, ("--no_wait_until_finish",)), "outcome of a run is checked", "Leave it out"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else " ".join((value.kind, *value.options)),
)
def test_what_cannot_run(monkeypatch: pytest.MonkeyPatch, runner: Runner, message: str, remedy: str) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FlowtrailError) as caught:
        check(runner, SERVER)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_dask_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(FlowtrailError, match="not installed") as caught:
        check(Runner(Kind.DASK), SERVER)
    assert "pip install 'flowtrail[dask]'" in caught.value.remedy


def test_an_unknown_runner_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["ingest", "s3://x/", "--runner", "spark"], prog_name="flowtrail")
    assert result.exit_code == 2
    assert "'in-process', 'dask', 'prism', 'portable'" in result.stderr


def test_an_element_is_a_partition_of_dask_unless_the_person_says_otherwise() -> None:
    def dask(*options: str) -> DaskOptions:
        return PipelineOptions(list(engine(Runner(Kind.DASK, options)).options)).view_as(DaskOptions)

    assert (dask("--dask_client_address=tcp://a:1").partition_size, dask().address) == (1, None)
    assert (dask("--dask_npartitions=3").partition_size, dask("--dask_npartitions=3").npartitions) == (None, 3)


def test_secrets_do_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {PASSWORD: "hidden-password", "AWS_SECRET_ACCESS_KEY": "hidden-key", "AWS_SESSION_TOKEN": "hidden-token"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    job = Job(SERVER, "run", Access(profile="p", endpoint_url="http://127.0.0.1:9"))
    pipeline = beam.Pipeline(runner=engine(IN_PROCESS).runner, options=PipelineOptions(["--job_name=x"]))
    _ = pipeline | beam.Create([(0,)]).with_output_types(Parts) | Load(ObjectKind.FLOW_LOG, job)
    graph = bag.from_sequence([job]).map(lambda it: it).dask
    travels = [pipeline.to_runner_api().SerializeToString(), repr(pipeline._options.get_all_options()).encode()]
    travels += [bytes(frame) for frame in protocol.serialize(dict(graph), serializers=["pickle"])[1]]
    assert b"writer@127.0.0.1" in b"".join(travels)
    assert b"hidden" not in b"".join(travels)


def test_what_prism_logs_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    """Its errors are raised by the run as well, and it goes on logging them meanwhile. Set up as Beam does it when it
    starts Prism (`SubprocessJobServer.start`), which here is a program that prints an error."""
    engine(Runner(Kind.PRISM, (f"--prism_location={sys.executable}",)))
    logger = logging.getLogger(PrismJobServer.__name__)
    logger.addFilter(PrismRunnerLogFilter())
    logger.setLevel(logging.INFO)
    entry = {"level": "ERROR", "msg": "Bundle Failed.", "time": "2026-11-20T12:00:00Z"}
    threads = set(threading.enumerate())
    process, _ = SubprocessServer._really_start_process(("echo", json.dumps(entry)), 9, logger)
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    assert process.wait() == 0
    assert not [record for record in caplog.records if record.name == "PrismRunner"]
