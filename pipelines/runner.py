"""Run a bounded pipeline in this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from schemas.errors import FlowtrailError

_LOGGERS = ("apache_beam.runners.common", "apache_beam.runners.worker.sdk_worker")


@contextmanager
def in_process() -> Iterator[beam.Pipeline]:
    """A pipeline that runs when the block ends, on the FnApiRunner by name: `DirectRunner` would first try to download
    another runner. A FlowtrailError that a step raises is raised as it was."""
    try:
        with _told_once(), beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
            yield pipeline
    except Exception as error:
        raise _origin(error) or error from None


@contextmanager
def _told_once() -> Iterator[None]:
    """The runner logs the traceback of each error that it raises; ours are for people and are told by the caller."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(_not_ours)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_not_ours)


def _not_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return error is None or _origin(error) is None


def _origin(error: BaseException | None) -> FlowtrailError | None:
    """The FlowtrailError that began a chain of errors: the runner raises another, with the step's name in its text."""
    found = None
    while error is not None:
        if isinstance(error, FlowtrailError):
            found = error
        error = error.__cause__ or error.__context__
    return found
