"""Points where a test can end the process, to prove that nothing is lost or duplicated.

`FLOWTRAIL_FAILPOINT=after-chunk:1` ends the process there as SIGKILL would; `after-chunk:1=hang` reports the failpoint
on standard error and waits there for an external signal. When the variable is not set, failpoints do nothing.
"""

import os
import sys
import threading

VARIABLE = "FLOWTRAIL_FAILPOINT"
KILLED = 137


def failpoint(name: str) -> None:
    """End the process, or make it wait, if the environment arms the failpoint `name`."""
    armed, _, how = os.environ.get(VARIABLE, "").partition("=")
    if armed != name:
        return
    if how == "hang":
        sys.stderr.write(f"failpoint {name}\n")
        sys.stderr.flush()
        threading.Event().wait()
    os._exit(KILLED)
