"""How a pipeline is run: in this process, on a Dask cluster, on Prism, or on any runner of Beam's portable API.

A runner hands nothing back that matters: results are in the store. When a step raises a FlowtrailError, it is noted in
the store under its run, so that it reaches the person with the same message whatever the runner makes of it.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from connectors.store import runs
from connectors.store.clickhouse import Store
from pipelines.engines import engine
from schemas.errors import FlowtrailError
from schemas.runner import Kind, Runner

_LOGGERS = (
    "",  # what a job service says
    "apache_beam.runners.common",
    "apache_beam.runners.portability.fn_api_runner.worker_handlers",
    "apache_beam.runners.worker.data_plane",
    "apache_beam.runners.worker.sdk_worker",
)


class _Options(PipelineOptions):
    """Beam asks for the same views of a pipeline's options a hundred times, and parses the options anew each time."""

    def view_as(self, cls: type[Any]) -> Any:
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]


@contextmanager
def running(runner: Runner, store: Store, run: str) -> Iterator[beam.Pipeline]:
    """Yields a pipeline that runs when the block ends. Raises the FlowtrailError that a step raised, with its message
    and remedy, also where another process ran the step; for a runner that fails by itself, one that says so; other
    errors as they are."""
    chosen = engine(runner)
    pipeline = beam.Pipeline(runner=chosen.runner, options=_Options(list(chosen.options)))
    try:
        with _our_tracebacks_hidden(), pipeline:
            yield pipeline
    except Exception as error:
        raise _origin(error) or _noted(store, run) or _unexplained(runner, error) from error
    finally:
        _disconnect(pipeline)


def check(runner: Runner, store: Store) -> None:
    """Raise FlowtrailError for a runner that cannot run: it is not installed or lacks an option, or its workers are
    other processes and the database is embedded, whose folder only one process can open."""
    if store.embedded and not runner.in_this_process:
        raise FlowtrailError(
            f"The runner {runner.kind} has worker processes, and the embedded database {store.db} can be opened by one"
            " process only.",
            "Set FLOWTRAIL_DB to the URL of a ClickHouse server, or use --runner in-process.",
        )
    engine(runner)


def note_failure(store: Store, run: str, error: FlowtrailError) -> None:
    """Leave the error where the process that began the run finds it. What the store does not take is only logged."""
    try:
        detail = json.dumps({"message": error.message, "remedy": error.remedy})
        runs.note(store.client(), run, "", "failed", detail=detail)
    except FlowtrailError as second:
        logging.getLogger(__name__).info("The error of run %s could not be noted: %s", run, second.message)


@contextmanager
def noting_failures(store: Store, run: str) -> Iterator[None]:
    """Around the work of a step: a FlowtrailError is noted in the store before it is raised."""
    try:
        yield
    except FlowtrailError as error:
        note_failure(store, run, error)
        raise


def _noted(store: Store, run: str) -> FlowtrailError | None:
    found = runs.failure(store.client(), run)
    if not found:
        return None
    said: dict[str, Any] = json.loads(found)
    return FlowtrailError(said["message"], said["remedy"])


def _unexplained(runner: Runner, error: Exception) -> Exception:
    """In this process an error is a bug, and is raised as it is. Elsewhere it may be the cluster's: no worker, no
    connection, a worker that cannot import Flowtrail."""
    if runner.kind is Kind.IN_PROCESS:
        return error
    lines = [line for line in str(error).splitlines() if line.strip()]
    why = lines[-1].strip() if lines else type(error).__name__
    return FlowtrailError(
        f"The runner {runner.kind} failed: {why}",
        "See the logs of its workers. What is loaded stays loaded: run the same command again.",
    )


def _disconnect(pipeline: beam.Pipeline) -> None:
    """Beam leaves the connection to a Dask cluster open; a command that follows a prefix would collect them."""
    client = getattr(getattr(pipeline, "result", None), "client", None)
    if client is not None:
        client.close()


@contextmanager
def _our_tracebacks_hidden() -> Iterator[None]:
    """The runner logs the traceback of every error, or its text if the step ran elsewhere. A FlowtrailError needs none:
    the caller shows its message."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(_is_logged)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_is_logged)


def _is_logged(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        return _origin(error) is None
    return f"{FlowtrailError.__module__}.{FlowtrailError.__name__}" not in record.getMessage()


def _origin(error: BaseException | None) -> FlowtrailError | None:
    """The FlowtrailError at the root of a chain of errors, if any: the runner raises another, which names the step."""
    found = None
    while error is not None:
        if isinstance(error, FlowtrailError):
            found = error
        error = error.__cause__ or error.__context__
    return found
