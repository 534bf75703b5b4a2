"""Beam's own runners and their options: which class runs a pipeline, and whether Beam knows what it is told."""

import argparse
import logging
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import create_runner
from apache_beam.version import __version__ as version

from schemas.errors import FlowtrailError
from schemas.runner import Kind, Runner

PRISM = "github.com/apache/beam/sdks/v2/go/cmd/prism"
_BEHIND = "Beam's own options follow `--`, such as `-- --environment_type=EXTERNAL`."


@dataclass(frozen=True)
class Engine:
    """A runner of Beam, and the options of a pipeline that it runs."""

    runner: Any
    options: tuple[str, ...]


def engine(runner: Runner) -> Engine:
    """What runs a pipeline. Raises FlowtrailError for options that Beam does not know, and for a runner that is not
    installed or lacks what it needs."""
    made = _made(runner)  # first: a runner's module declares its options
    given = checked(runner.options)
    _refuse(runner, given)
    return Engine(made, (*runner.options, *_defaults(runner.kind, given)))


def checked(options: Sequence[str]) -> argparse.Namespace:
    """The values of Beam's options. Raises FlowtrailError for an unknown option or a wrong value."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    for declared in {str(cls): cls for cls in PipelineOptions.__subclasses__()}.values():
        declared._add_argparse_args(parser)
    known, unknown = parser.parse_known_args(list(options))
    if unknown:
        raise FlowtrailError(f"Beam does not know the option {shlex.join(unknown)}.", _BEHIND)
    return known


class _Parser(_BeamArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FlowtrailError(f"Beam does not accept its options: {message}.", _BEHIND)


def _made(runner: Runner) -> Any:
    match runner.kind:
        case Kind.IN_PROCESS:
            return FnApiRunner()  # by name: `DirectRunner` would first try to download another runner
        case Kind.DASK:
            _import("dask.distributed", "pip install 'flowtrail[dask]', here and on the workers.")
            return _import("apache_beam.runners.dask.dask_runner").DaskRunner()
        case Kind.PRISM:
            # It repeats what Prism logs, even after the run: the tracebacks of errors that are raised here anyway.
            # A level would not do: Beam sets its own when it starts Prism.
            logging.getLogger("PrismJobServer").disabled = True
            return _import("apache_beam.runners.portability.prism_runner").PrismRunner()
        case Kind.PORTABLE:
            return _named(checked(runner.options).runner or "PortableRunner")


def _named(name: str) -> Any:
    try:
        return create_runner(name)
    except (AttributeError, ImportError, ValueError) as error:
        raise FlowtrailError(f"Beam has no runner {name} here: {error}", "See docs/scaling.md.") from error


def _import(module: str, remedy: str = "") -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise FlowtrailError(f"This runner needs a package that is not installed: {error}.", remedy) from error


def _refuse(runner: Runner, given: argparse.Namespace) -> None:
    """Raise FlowtrailError for options that would make a run end without its result."""
    if given.runner and runner.kind is not Kind.PORTABLE:
        raise FlowtrailError(
            f"Two runners are named: {runner.kind} and {given.runner}.",
            "Behind `--` Beam's --runner is for `--runner portable` only.",
        )
    if given.no_wait_until_finish:
        raise FlowtrailError(
            "--no_wait_until_finish cannot be used: the outcome of a run is checked when it ends.",
            "Leave it out.",
        )
    if runner.kind is Kind.PORTABLE and not given.runner and not given.job_endpoint:
        raise FlowtrailError(
            "The runner portable needs the address of a job service, or the name of one of Beam's runners.",
            "Give `-- --job_endpoint=HOST:PORT`, or `-- --runner=FlinkRunner --flink_master=HOST:PORT`.",
        )


def _defaults(kind: Kind, given: argparse.Namespace) -> Sequence[str]:
    match kind:
        case Kind.DASK if given.npartitions is None and given.partition_size is None:
            return ("--dask_partition_size=1",)  # Beam puts 128 elements together: all the work would go to one worker
        case Kind.PRISM if not given.job_endpoint:
            return () if _is_there(given.prism_location) else (f"--prism_location={_prism()}",)
    return ()


def _is_there(location: str | None) -> bool:
    """Whether a binary is named. Raises FlowtrailError for a file that is not there."""
    if location and "://" not in location and not Path(location).is_file():
        raise FlowtrailError(f"There is no Prism at {location}.", _INSTALL)
    return bool(location)


def _prism() -> str:
    """The binary on PATH. Beam would download one, unchecked; that is for the person to decide."""
    found = shutil.which("prism")
    if found is None:
        raise FlowtrailError("Prism is not installed: there is no `prism` on PATH.", _INSTALL)
    return found


_INSTALL = f"`go install {PRISM}@v{version}` builds it: put it on PATH, or give it by `-- --prism_location=FILE`."
