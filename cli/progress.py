"""Progress bars on a terminal, and nothing elsewhere: standard output is reserved for the answer."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A callback (done, total) that draws a bar on standard error; None when standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what libraries print to standard error and log only their errors; our own warnings remain."""
    logging.getLogger().setLevel(logging.ERROR)
    for ours in ("network", "connectors", "pipelines", "console", "cli"):
        logging.getLogger(ours).setLevel(logging.WARNING)
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield
