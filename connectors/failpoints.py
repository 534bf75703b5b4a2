"""Places where a test may end the process, to prove that nothing is lost or doubled.

`FLOWTRAIL_FAILPOINT=after-chunk:1` ends the process there as SIGKILL would; `after-chunk:1=hang` says so on standard
error and waits there for a signal from outside. Unset, they do nothing.
"""

import os
import sys
import threading

VARIABLE = "FLOWTRAIL_FAILPOINT"
KILLED = 137


def failpoint(name: str) -> None:
    """End or stop the process if the environment arms the failpoint `name`."""
    armed, _, how = os.environ.get(VARIABLE, "").partition("=")
    if armed != name:
        return
    if how == "hang":
        sys.stderr.write(f"failpoint {name}\n")
        sys.stderr.flush()
        threading.Event().wait()
    os._exit(KILLED)
