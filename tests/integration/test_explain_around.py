"""Proves: what is asked of some ends has the same answer from the part of the history that they depend on as from all
of it, with many VPCs in one store; and that this part is small."""

from datetime import timedelta
from itertools import islice, product

import pytest

from benchmarks.accuracy.batch import _together
from connectors.store import around, configuration
from connectors.store.clickhouse import Store
from console.answers import history
from console.answers.explain import explain
from network.aws.describe import resources_from_describe
from network.verdict.reach import Question, Reach, Where
from pipelines.ingest.pipeline import run_ingest
from schemas.configuration import NetworkInterface
from schemas.snapshot import Snapshot
from simulation.worlds.faults import FAULTS
from simulation.worlds.kinds import world
from simulation.worlds.objects import objects
from simulation.worlds.world import END, START, World
from tests.conftest import Bucket

OUTSIDE = "203.0.113.9"
HOUR = timedelta(hours=1)


@pytest.fixture
def worlds(store: Store, bucket: Bucket, request: pytest.FixtureRequest) -> list[World]:
    """One account with a VPC for each kind of fault, with the same addresses in all of them."""
    made = [world(kind, 1, number) for number, kind in enumerate(islice(FAULTS, 0, None, request.param), start=1)]
    for one in made:
        for stored in objects(one):
            if "CloudTrail" in stored.key:
                bucket.put(stored.key, stored.body)
    run_ingest(store, [bucket.url])
    for at in sorted({one.saved_at for one in made}):
        saved = _together([one for one in made if one.saved_at == at])
        configuration.save_snapshot(store.client(), Snapshot(at, "files", resources_from_describe(saved)))
    return made


@pytest.mark.parametrize("worlds", [12, pytest.param(1, marks=pytest.mark.long)], indirect=True)
def test_the_answer_is_the_same(store: Store, worlds: list[World], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for one in worlds:
        interfaces = [r for r in resources_from_describe(one.saved) if isinstance(r, NetworkInterface)]
        ids = [Where(id=each.id) for each in interfaces] + [Where(id=interfaces[0].instance_id)]
        pairs = [*product(ids, [Where(OUTSIDE)]), *product([Where(OUTSIDE)], ids), *product(ids[:2], ids[-2:])]
        for n, (src, dst) in enumerate(pairs):
            question = Question(src, dst, 6, (22, 443)[n % 2])
            answers = []
            for little in (1 << 60, -1):
                monkeypatch.setattr(history, "LITTLE", little)
                answers.append(explain(store, question, START + HOUR, END, HOUR))
            assert answers[1] == answers[0], question
            seen |= {answers[0].now.verdict, answers[0].then and answers[0].then.verdict}
    assert seen >= {Reach.REACHABLE, Reach.BLOCKED}


@pytest.mark.parametrize("worlds", [5], indirect=True)
def test_it_is_a_part(store: Store, worlds: list[World]) -> None:
    client = store.reader()
    first = next(r for r in resources_from_describe(worlds[0].saved) if isinstance(r, NetworkInterface))
    facts = around.facts_around(client, [first.id])
    whole = configuration.load_snapshots(client), configuration.load_changes(client)
    assert sum(len(s.resources) for s in facts.snapshots) < sum(len(s.resources) for s in whole[0]) / 3
    assert 0 < len(facts.changes) < len(whole[1]) / 3
    assert {s.as_of for s in facts.snapshots} == {s.as_of for s in whole[0]}


def test_of_an_empty_store_nothing_is_known(store: Store) -> None:
    facts = around.facts_around(store.reader(), ["10.0.0.1"])
    assert (facts.snapshots, facts.changes) == ([], [])
