"""How a pipeline is run: in this process, on a Dask cluster, on Prism, or on any runner of Beam's portable API.

A runner hands nothing back that matters: results are in the store. When a step raises a FlowtrailError, it is noted in
the store under its run, so that it reaches the person with the same message whatever the runner makes of it.
"""

import json
import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from connectors.store import runs
from connectors.store.clickhouse import Store
from schemas.errors import FlowtrailError

_LOGGERS = ("apache_beam.runners.common", "apache_beam.runners.worker.sdk_worker")


class Kind(StrEnum):
    """Runners by the name that the command line uses."""

    IN_PROCESS = "in-process"
    DASK = "dask"
    PRISM = "prism"
    PORTABLE = "portable"


@dataclass(frozen=True)
class Runner:
    """A runner and Beam's own options for it, as on a command line."""

    kind: Kind = Kind.IN_PROCESS
    options: tuple[str, ...] = ()

    def share(self, parts: int) -> int:
        """How many parts of a plan go into one element. In one process all of them, so that reading ahead never pauses;
        elsewhere few, so that the work spreads."""
        return max(parts, 1) if self.in_this_process else 4

    @property
    def in_this_process(self) -> bool:
        """Whether every step runs in this process."""
        return self.kind is Kind.IN_PROCESS and not any("direct_running_mode" in option for option in self.options)


IN_PROCESS = Runner()


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
    and remedy, also where another process ran the step; other errors as the runner does."""
    refuse_embedded(runner, store)
    try:
        with _our_tracebacks_hidden(), beam.Pipeline(runner=_runner(runner), options=_options(runner)) as pipeline:
            yield pipeline
    except Exception as error:
        raise _origin(error) or _noted(store, run) or error from None


def refuse_embedded(runner: Runner, store: Store) -> None:
    """Raise FlowtrailError for an embedded database with a runner whose workers are other processes: only one process
    can open the folder."""
    if store.embedded and not runner.in_this_process:
        raise FlowtrailError(
            f"The runner {runner.kind} has worker processes, and the embedded database {store.db} can be opened by one"
            " process only.",
            "Set FLOWTRAIL_DB to the URL of a ClickHouse server, or use --runner in-process.",
        )


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


def _runner(runner: Runner) -> Any:
    match runner.kind:
        case Kind.IN_PROCESS:
            return FnApiRunner()  # by name: `DirectRunner` would first try to download another runner
        case Kind.DASK:
            return _imported("apache_beam.runners.dask.dask_runner", "DaskRunner", "pip install 'apache-beam[dask]'")
        case Kind.PRISM:
            return _imported("apache_beam.runners.portability.prism_runner", "PrismRunner", "")
        case Kind.PORTABLE:
            return _imported("apache_beam.runners.portability.portable_runner", "PortableRunner", "")


def _imported(module: str, name: str, remedy: str) -> Any:
    try:
        return getattr(__import__(module, fromlist=[name]), name)()
    except ImportError as error:
        raise FlowtrailError(f"This runner needs what is not installed: {error}.", remedy) from error


def _options(runner: Runner) -> PipelineOptions:
    known = _Options(list(runner.options))
    unknown = _unknown(known)
    if unknown:
        raise FlowtrailError(
            f"Beam does not know the option {shlex.join(unknown)}.",
            "What follows `--` are Beam's own pipeline options, such as --environment_type=EXTERNAL.",
        )
    return known


def _unknown(options: PipelineOptions) -> Sequence[str]:
    given = {flag.split("=")[0].lstrip("-") for flag in options._flags or () if flag.startswith("--")}
    known = options.get_all_options(retain_unknown_options=False, display_warnings=False)
    return sorted(f"--{name}" for name in given if name.replace("-", "_") not in known)


@contextmanager
def _our_tracebacks_hidden() -> Iterator[None]:
    """The runner logs the traceback of every error. A FlowtrailError needs none: the caller shows its message."""
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
    return error is None or _origin(error) is None


def _origin(error: BaseException | None) -> FlowtrailError | None:
    """The FlowtrailError at the root of a chain of errors, if any: the runner raises another, which names the step."""
    found = None
    while error is not None:
        if isinstance(error, FlowtrailError):
            found = error
        error = error.__cause__ or error.__context__
    return found
