"""The gateway of `tests.gateway` in a process of its own."""

import http.client
import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests import forked
from tests.gateway import Fault

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Gateway:
    port: int
    process: forked.Popen

    def url(self, database: str, user: str = "default") -> str:
        return f"http://{user}@127.0.0.1:{self.port}/{database}"

    def _ask(self, method: str, body: str = "") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, "/faults", body)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def order(self, *ordered: Fault) -> None:
        self._ask("POST", json.dumps([asdict(fault) for fault in ordered]))

    def outstanding(self) -> int:
        """How many injected faults have not occurred yet."""
        return sum(fault["times"] for fault in json.loads(self._ask("GET")))


def started(folder: Path) -> Gateway:
    process = forked.Popen([sys.executable, "-m", "tests.gateway", str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return Gateway(int(process.stdout.readline()), process)


def stopped(gateway: Gateway) -> None:
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.communicate()
