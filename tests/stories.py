"""Stories that are told once, with the real `aws` command line, for every test that begins with one.

What the endpoint was asked meanwhile is recorded; another endpoint that is asked the same, in the same order and from
the same seed, is in the same state. That takes a second where the command line takes twenty.
"""

import base64
import copy
import fcntl
import http.client
import json
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from network.aws.describe import resources_from_describe
from schemas.configuration import configuration
from simulation.aws import AwsCli, moto_server
from simulation.network import describe
from simulation.recorder import Actor
from simulation.story import Stage, Story

SEED = 1
Asked = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Kept:
    """A stage, the story that was told on it if one was, and what its endpoint was asked."""

    stage: Stage
    story: Story | None
    asked: Asked


class Stories:
    """Keeps what was told in `folder`, which every worker of the session has in common."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def built(self) -> Iterator[Stage]:
        """The network on an endpoint of its own, before anything happens."""
        kept = self._built()
        with moto_server(SEED) as endpoint:
            yield restored(kept, endpoint)

    @contextmanager
    def told(self) -> Iterator[tuple[Stage, Story]]:
        """The same after two faults."""
        kept = self._once("told", self._tell)
        assert kept.story is not None
        with moto_server(SEED) as endpoint:
            yield restored(kept, endpoint), kept.story

    def built_on(self, endpoint: str) -> Stage:
        """The network on an endpoint that has nothing yet."""
        _ask(endpoint, "POST", f"/moto-api/seed?a={SEED}")
        return restored(self._built(), endpoint)

    def _built(self) -> Kept:
        return self._once("built", self._build)

    def _build(self) -> Kept:
        with self._recording() as (endpoint, asked):
            return Kept(Stage(endpoint, SEED, _unannounced), None, asked())

    def _tell(self) -> Kept:
        built = self._built()
        with self._recording() as (endpoint, asked):
            stage = restored(built, endpoint)
            return Kept(stage, stage.tell(), asked())

    def _once(self, name: str, make: Callable[[], Kept]) -> Kept:
        file = self._folder / f"{name}.pickle"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_bytes(pickle.dumps(make()))
        kept: Kept = pickle.loads(file.read_bytes())  # noqa: S301 - our own
        return kept

    @contextmanager
    def _recording(self) -> Iterator[tuple[str, Callable[[], Asked]]]:
        """An endpoint, and what it was asked so far."""
        with tempfile.NamedTemporaryFile("r", dir=self._folder) as log, pytest.MonkeyPatch.context() as patched:
            patched.setenv("MOTO_RECORDER_FILEPATH", log.name)
            with moto_server(SEED) as endpoint:
                _ask(endpoint, "POST", "/moto-api/recorder/start-recording")
                yield endpoint, lambda: tuple(map(json.loads, Path(log.name).read_text("utf-8").splitlines()))


def restored(kept: Kept, endpoint: str) -> Stage:
    """The stage on an endpoint that is in its first state, once that was asked the same."""
    for asked in kept.asked:
        url = urlsplit(asked["url"])
        body = base64.b64decode(asked["body"]) if asked["body_encoded"] else asked["body"].encode()
        _ask(endpoint, asked["method"], f"{url.path}?{url.query}", body, asked["headers"])
    stage = copy.deepcopy(kept.stage)
    stage.endpoint = endpoint
    stage.recorder._aws = AwsCli(endpoint)
    now = configuration(resources_from_describe(describe(endpoint)))
    assert now == configuration(resources_from_describe(stage.phases[-1].answers)), "it is not what was recorded"
    return stage


def _ask(endpoint: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()


def _unannounced(at: datetime, actor: Actor, command: str) -> None:
    """The stage's default, which cannot be pickled."""
