"""Ctrl-C ends every command within two seconds, whatever it is waiting for, and without a traceback.

The main thread may be inside the engine or a library, where Python does not see the signal. So a thread is told of it
by the operating system's own handler, and ends the process if it has not ended by itself. That loses nothing: loading
is safe against a process that is killed at any point.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a command that was interrupted, as in a shell."""

PATIENCE = 1.5
"""Seconds that a command has for ending by itself."""


_seen = threading.Event()


def watch() -> None:
    """From now on Ctrl-C ends this process within `PATIENCE` seconds. Call it once, in the main thread."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_wait, args=(reading,), name="interrupt", daemon=True).start()


def noted() -> None:
    """For a command that handles SIGINT itself: whatever it does then, it ends with `INTERRUPTED`."""
    _seen.set()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _seen.set()
    _silence()
    raise KeyboardInterrupt


def _wait(pipe: int) -> None:
    while signal.SIGINT not in os.read(pipe, 64):
        pass
    _seen.set()
    time.sleep(PATIENCE)
    end()


def _silence() -> None:
    """What breaks off from now on is no error."""
    logging.disable()
    threading.excepthook = lambda _: None


def end() -> None:
    """End the process at once: what libraries do at exit may wait for work that nobody needs any more."""
    _silence()
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write("\x1b[?25h")  # a progress bar hides the cursor
        sys.stderr.write("Interrupted. It is safe to run the same command again.\n")
        sys.stderr.flush()
    os._exit(INTERRUPTED)


def end_if_asked() -> None:
    """After an error: end if it comes from Ctrl-C, which libraries raise again as errors of their own."""
    if _seen.is_set():
        end()


@contextlib.contextmanager
def exit_code() -> Iterator[None]:
    """Around the program: whatever a command made of Ctrl-C, the process ends with `INTERRUPTED`."""
    try:
        yield
    except SystemExit as leaving:
        if _seen.is_set():
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(INTERRUPTED)
        if leaving.code in (0, None) and "apache_beam" not in sys.modules:
            _leave()
        raise


def _leave() -> None:
    """End a command that succeeded. What is stored is stored, so the engine need not be stopped, which takes 0.1 s. A
    pipeline ends by itself: a runner may have processes of its own to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
