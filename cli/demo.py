"""The demo: a whole investigation on this machine, with the real commands."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import FlowtrailError


def demo(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Keep the demo's store in this folder; recreated on each run.")
    ] = Path("demo-out"),
) -> None:
    """Run a whole investigation on this machine.

    Causes two faults, finds them in the logs, names the changes and who made them, and undoes them.

    A local endpoint stands in for AWS; nothing leaves the machine and no account is needed. Requires the demo extra:
    run `pip install '.[demo]'` in the source tree, or `make demo`. The store is kept for further queries.

    \b
    Example:
      flowtrail demo
    """
    _require_parts()
    from rich.console import Console

    from simulation.demo import run

    run(folder, Console(markup=False, highlight=False, emoji=False))


def _require_parts() -> None:
    """Raise FlowtrailError unless moto and the real `aws` command are installed."""
    import importlib.util
    import shutil
    import sys

    missing = [name for name in ("moto", "flask") if importlib.util.find_spec(name) is None]
    aws = Path(sys.executable).parent / "aws"
    if shutil.which("aws") is None and not aws.exists():
        missing.append("the aws command")
    if missing:
        raise FlowtrailError(
            f"The demo needs components that are not installed: {', '.join(missing)}.",
            "Run `pip install '.[demo]'` in the source tree, or `make demo`.",
        )
