"""The real `aws` command line, and a moto server on loopback for it to call."""

import contextlib
import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
CALL_SECONDS = 60
START_SECONDS = 60


class AwsError(Exception):
    """The `aws` command failed or is not installed, or the server could not be reached."""


def environment(endpoint: str) -> dict[str, str]:
    """This process's environment with all of the user's AWS settings replaced: nothing can reach a real account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def program(name: str) -> str:
    """Path of an installed command: next to this Python first, then on PATH. Raises AwsError if it is not installed."""
    sibling = Path(sys.executable).parent / name
    found = str(sibling) if sibling.exists() else shutil.which(name)
    if found is None:
        raise AwsError(f"the command `{name}` is not installed. Run pip install '.[demo]' in the source tree.")
    return found


def run(command: Sequence[str], variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command with this environment. Raises subprocess.TimeoutExpired."""
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=CALL_SECONDS, check=False)


class AwsCli:
    """`aws ec2 ...` against one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._program = program("aws")
        self._environment = environment(endpoint)

    def ec2(self, command: str | Sequence[str]) -> dict[str, Any]:
        """Run `aws ec2 <command>` and return its JSON answer, {} if it prints nothing. Raises AwsError."""
        words = shlex.split(command) if isinstance(command, str) else list(command)
        arguments = [self._program, "ec2", *words, "--output", "json"]
        try:
            done = run(arguments, self._environment)
        except subprocess.TimeoutExpired as error:
            raise AwsError(f"`aws ec2 {shlex.join(words)}` did not answer within {CALL_SECONDS} s.") from error
        if done.returncode != 0:
            raise AwsError(f"`aws ec2 {shlex.join(words)}` failed: {done.stderr.strip()}")
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        return answer


@contextlib.contextmanager
def moto_server(seed: int) -> Iterator[str]:
    """A separate moto server on a free loopback port: yields its URL and always stops it. Raises AwsError.

    With the same seed, the same calls in the same order get the same ids.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(server, port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)
        connection.request("POST", f"/moto-api/seed?a={seed}")
        connection.getresponse().read()
        connection.close()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_open(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise AwsError(f"moto_server exited immediately with exit code {server.returncode}.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AwsError(f"moto_server did not open port {port} within {START_SECONDS} s.")
