"""The product's story, told on this machine with real parts."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import FlowtrailError


def demo(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the demo keeps its store; begun anew each time.")
    ] = Path("demo-out"),
) -> None:
    """Tell the whole story on this machine.

    Two faults, found in S3 objects, named, and undone.

    An AWS endpoint on loopback plays AWS; nothing leaves the machine and no account is needed. Needs the extra parts of
    `pip install "flowtrail[demo]"`. The store stays, to be asked further.

    \b
    Example:
      flowtrail demo
    """
    _require_parts()
    from rich.console import Console

    from simulation.demo import run

    run(folder, Console(markup=False, highlight=False, emoji=False))


def _require_parts() -> None:
    """Raise FlowtrailError unless the endpoint and the real `aws` command are there."""
    import importlib.util
    import shutil
    import sys

    lacking = [name for name in ("moto", "flask") if importlib.util.find_spec(name) is None]
    beside = Path(sys.executable).parent / "aws"
    if shutil.which("aws") is None and not beside.exists():
        lacking.append("the aws command")
    if lacking:
        raise FlowtrailError(
            f"The demo needs what is not installed: {', '.join(lacking)}.",
            'Install it: pip install "flowtrail[demo]", or run `make demo` in the source tree.',
        )
