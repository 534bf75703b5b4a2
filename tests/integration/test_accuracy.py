"""The short form of `make bench-accuracy`: faults and clean windows that must be judged right, and the judge itself."""

from dataclasses import replace

import pytest

from benchmarks.accuracy.batch import judged
from benchmarks.accuracy.judge import judge
from benchmarks.accuracy.plan import Done
from benchmarks.accuracy.results import results, wilson
from connectors.store import incidents
from connectors.store.clickhouse import Store
from simulation.worlds.kinds import world
from simulation.worlds.world import World
from tests.conftest import Bucket


def test_faults(store: Store, bucket: Bucket) -> None:
    cases = [("acl_deny", 1), ("group_revoke", 2), ("quiet", 1)]
    found = judged(store, cases, bucket.put, bucket.url)
    assert [(j.right, j.false_proofs, j.problem) for j in found] == [(True, 0, "")] * 3
    assert [j.restored for j in found] == [True, True, None]
    said = incidents.load(store.client())
    truth = world("acl_deny", 1, 1)
    mine = [i for i in said if truth.interfaces & set(i.enis)]
    blamed: World = replace(truth, guilty=frozenset({truth.records[0]["eventID"]}))
    wrong = judge(blamed, mine)
    assert (wrong.right, wrong.false_proofs) == (False, 1)
    unhelpful = replace(mine[0], fix="aws ec2 create-tags --resources x --tags Key=a,Value=b")
    assert judge(truth, [unhelpful]).restored is False


def test_clean_windows(store: Store, bucket: Bucket) -> None:
    cases = [("harmless_changes", 1), ("crash", 1), ("idle_timeouts", 1)]
    found = judged(store, cases, bucket.put, bucket.url)
    assert [(j.right, j.named, j.said if j.named else ()) for j in found] == [(True, 0, ())] * 3
    assert results(found)[2].value == 0


def test_a_world_is_the_same_again() -> None:
    assert world("route_default", 3, 7) == world("route_default", 3, 7)
    assert world("route_default", 3, 7).rows != world("route_default", 4, 7).rows


def test_the_interval() -> None:
    assert wilson(99, 100) == pytest.approx((94.55, 99.82), abs=0.01)


def test_what_was_judged_is_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = Done(tmp_path_factory.mktemp("accuracy"))
    one = judge(world("quiet", 1, 1), [])
    done.add([one])
    with done.path.open("a") as file:
        file.write('{"kind": "cut off')
    assert done.read() == {("quiet", 1): one}
    done.add([replace(one, seed=2)])
    assert list(done.read()) == [("quiet", 1), ("quiet", 2)]
