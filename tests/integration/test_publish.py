"""Proves: what several processes publish at the same time on one server is what they would have published one after the
other; nothing that one of them found is lost."""

import json
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.store import incidents
from connectors.store.clickhouse import Store
from pipelines.correlate import publish as publishing
from pipelines.correlate.publish import publish
from schemas.errors import FlowtrailError
from schemas.incident import Certainty, Examined, Incident, Said, State
from tests import forked
from tests.properties.test_settle import LOOKBACK, Outage, after, at

PUBLISHER = """
import json, sys, time
from datetime import datetime
from connectors.store import incidents
from connectors.store.clickhouse import Store
from pipelines.correlate.publish import publish
from schemas.incident import Examined

client, write = Store(sys.argv[1]).client(), incidents.write

def slowly(*given):
    time.sleep(pause)
    return write(*given)

incidents.write = slowly
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    pause = order["pause"]
    now = Examined(*map(datetime.fromisoformat, order["range"]))
    print(len(publish(client, order["run"], now).incidents), flush=True)
"""
PROCESSES = 4
ROUNDS = 6


@contextmanager
def publishers(store: Store) -> Iterator[list[forked.Popen]]:
    pipe = subprocess.PIPE
    running = [
        forked.Popen([sys.executable, "-c", PUBLISHER, store.db], stdin=pipe, stdout=pipe) for _ in range(PROCESSES)
    ]
    try:
        assert [said(each) for each in running] == ["ready"] * PROCESSES
        yield running
    finally:
        for each in running:
            each.kill()
            each.communicate()


def said(process: forked.Popen) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def drafted(store: Store, true: list[Outage], now: Examined) -> str:
    """A run over the range that has found what there is, and not published it yet."""
    run = f"run-{uuid.uuid4().hex}"
    for outage in true:
        if seen := outage.seen(now):
            incidents.save_draft(store.client(), run, seen)
    return run


def told(known: list[Said]) -> list[tuple[object, ...]]:
    found = sorted((one.incident for one in known), key=lambda incident: incident.id)
    return [(i.id, i.state, i.first_seen, i.last_seen, i.closed_at, i.enis) for i in found]


def outages(chance: random.Random, name: str) -> list[Outage]:
    """Two, each at several interfaces, so that no range has seen all."""
    made = []
    for part, first in (("one", 10), ("two", 80)):
        bad = sorted((first + chance.randrange(40), f"eni-{name}-{part}-{n}") for n in range(4))
        made.append(Outage(f"{name}-{part}", tuple((eni, minute) for minute, eni in bad), bad[-1][0] + 5))
    return made


def test_several_processes_publish_at_once(remote: Store) -> None:
    chance = random.Random(5)
    with publishers(remote) as running:
        for n in range(ROUNDS):
            true = outages(chance, f"r{n}")
            starts = [chance.randrange(100) for _ in running]
            looks = [
                Examined(at(start) - LOOKBACK, at(start), at(start + 30 + chance.randrange(60))) for start in starts
            ]
            for process, now in zip(running, looks, strict=True):
                order = {
                    "run": drafted(remote, true, now),
                    "range": [time.isoformat() for time in (now.since, now.start, now.end)],
                    "pause": chance.choice([0, 0.1, 0.3]),
                }
                assert process.stdin is not None
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
            assert all(said(process).isdigit() for process in running)
            alone: list[Said] = []
            for now in looks:
                alone = after(alone, [seen for outage in true if (seen := outage.seen(now))], now)
            mine = [one for one in incidents.current(remote.client()) if one.incident.id.startswith(f"r{n}-")]
            assert told(mine) == told(alone)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> "Meanwhile":
    return Meanwhile(monkeypatch)


class Meanwhile:
    """Something that happens after a run has read what is known, and before it writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def once(self, store: Store, run: str, now: Examined) -> None:
        """Another run publishes."""
        write = incidents.write

        def later(*given: object) -> bool:
            self._patch.setattr(incidents, "write", write)
            publish(store.client(), run, now)
            return write(*given)  # type: ignore[arg-type]

        self._patch.setattr(incidents, "write", later)

    def always(self, store: Store) -> None:
        """One run after another says something else."""
        write = incidents.write

        def later(*given: object) -> bool:
            others = Outage(f"other-{uuid.uuid4().hex}", (("eni-9", 10),), None).seen(WHOLE)
            assert others is not None
            write(store.client(), uuid.uuid4().hex, [Said(others, WHOLE)], incidents.latest(store.client()) + 1)
            return write(*given)  # type: ignore[arg-type]

        self._patch.setattr(incidents, "write", later)


WHOLE = Examined(at(0) - LOOKBACK, at(0), at(160))
OUTAGE = Outage("one", (("eni-1", 20), ("eni-2", 60)), 100)


def known(store: Store) -> list[Incident]:
    return [one.incident for one in incidents.current(store.client())]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WHOLE, Examined(at(10) - LOOKBACK, at(10), at(50))),
        (Examined(at(10) - LOOKBACK, at(10), at(50)), WHOLE),
        (Examined(at(10) - LOOKBACK, at(10), at(50)), Examined(at(50) - LOOKBACK, at(50), at(120))),
    ],
    ids=["wide-within-narrow", "narrow-within-wide", "side-by-side"],
)
def test_the_run_that_writes_last_has_seen_what_the_other_wrote(
    store: Store, meanwhile: Meanwhile, first: Examined, second: Examined
) -> None:
    one, two = drafted(store, [OUTAGE], first), drafted(store, [OUTAGE], second)
    meanwhile.once(store, two, second)
    publish(store.client(), one, first)
    (left,) = known(store)
    assert (left.state, left.enis) == (State.CLOSED, ("eni-1", "eni-2"))
    assert (left.first_seen, left.last_seen, left.closed_at) == (at(20), at(60), at(100))


def test_what_a_run_said_too_early_is_taken_back(store: Store, meanwhile: Meanwhile) -> None:
    """It continues an incident without a cause that another run has found meanwhile, under the id of its beginning."""
    whole, late = WHOLE, Examined(at(50) - timedelta(), at(50), at(120))
    begun, goes_on = drafted(store, [], whole), drafted(store, [], late)
    for run, name, now in ((begun, "begun", whole), (goes_on, "later", late)):
        bad = (("eni-1", 20), ("eni-1", 60)) if name == "begun" else (("eni-1", 60),)
        seen = Outage(name, bad, None).seen(now)
        assert seen is not None
        incidents.save_draft(store.client(), run, without_cause(seen))
    meanwhile.once(store, begun, whole)
    publish(store.client(), goes_on, late)
    assert [incident.id for incident in known(store)] == ["begun"]
    taken_back = incidents.history(store.client(), "later")[-1]
    assert (taken_back.withdrawn, taken_back.replaced_by) == (True, ("begun",))


def without_cause(incident: Incident) -> Incident:
    return replace(incident, cause=None, certainty=Certainty.UNEXPLAINED, closed_by=())


def test_others_that_never_stop_are_told(store: Store, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "PAUSE", 0.0)
    monkeypatch.setattr(publishing, "ATTEMPTS", 3)
    run = drafted(store, [OUTAGE], WHOLE)
    meanwhile.always(store)
    with pytest.raises(FlowtrailError, match="Other runs of `correlate`"):
        publish(store.client(), run, WHOLE)
