"""Proves: a process that has ended is gone, even while its parent has not noticed."""

import os
import subprocess
import sys
import time

from connectors.store import heartbeat


def test_a_process_that_has_ended() -> None:
    assert heartbeat._started(os.getpid()) > 0
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert heartbeat._started(process.pid) > 0
    process.kill()
    deadline = time.monotonic() + 30
    while heartbeat._started(process.pid) and time.monotonic() < deadline:  # not waited for: it stays as a zombie
        time.sleep(0.01)
    assert process.returncode is None
    assert heartbeat._started(process.pid) == 0
    process.communicate()
    assert heartbeat._started(process.pid) == 0
