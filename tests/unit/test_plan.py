"""Proves: grouping keeps every object once, in order, within its limits; overlapping prefixes are listed once; a plan
has every object that is not done, once, and what earlier runs left unfinished."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.aws import s3
from connectors.store import attempts, receipts, runs
from connectors.store.attempts import Owed
from connectors.store.clickhouse import Store, insert, query
from pipelines.ingest.find.plan import Wanted, distinct, plan
from pipelines.ingest.load import Job, Limits, group
from schemas.columnar.batch import Batch, Source
from schemas.errors import FlowtrailError
from schemas.ledger import LEDGER, RECEIPTS
from schemas.object_ref import ObjectKind, ObjectRef
from tests.conftest import Bucket

REF = ObjectRef("b", "k", "e", 1)


@given(st.lists(st.integers(0, 50)), st.integers(1, 5), st.integers(1, 60))
def test_groups(sizes: list[int], objects: int, stored: int) -> None:
    refs = [ObjectRef("b", str(n), "e", size) for n, size in enumerate(sizes)]
    groups = list(group(refs, Limits(objects, stored)))
    assert [ref for each in groups for ref in each] == refs
    for each in groups:
        assert 1 <= len(each) <= objects
        assert len(each) == 1 or sum(ref.size for ref in each) <= stored
    for one, following in pairwise(groups):
        assert len(one) == objects or sum(ref.size for ref in one) + following[0].size > stored


def test_distinct_prefixes() -> None:
    assert distinct(["s3://b/x/y", "s3://b/x", "s3://c", "s3://b/x/", "s3://c/", "s3://d/x", "s3://d/y"]) == [
        "s3://b/x",
        "s3://c/",
        "s3://d/x",
        "s3://d/y",
    ]
    with pytest.raises(FlowtrailError, match="not an S3"):
        distinct(["s3://b", "b/x"])


@pytest.mark.parametrize(
    ("tables", "kind"),
    [
        (["change_events"], ObjectKind.CLOUDTRAIL),
        (["change_events", "rejected_lines"], ObjectKind.CLOUDTRAIL),
        (["flows", "rejected_lines"], ObjectKind.FLOW_LOG),
        (["coverage"], ObjectKind.FLOW_LOG),
        (["rejected_lines"], None),
        ([], None),
    ],
)
def test_the_kind_of_an_object_that_an_older_release_left_unfinished(
    store: Store, tables: list[str], kind: ObjectKind | None
) -> None:
    """Where its rows do not tell, the next listing does."""
    client, batch = store.client(), Batch((Source(REF, ObjectKind.OTHER, 0),), {})
    [entry] = attempts.begin_entries(batch, [])
    entries = [{**entry, "kind": "", "table_name": name} for name in tables or [""]]
    attempts.put(client, LEDGER, attempts.rows(7, "begin", entries), 7, "1")
    assert attempts.owed(client) == []
    attempts.put_state(client, 7, "given-up")
    assert attempts.owed(client) == ([Owed(REF, kind)] if kind else [])


def noted(job: Job, kind: ObjectKind, count: int) -> list[list[str]]:
    """The keys of each part of the plan, as the steps of the run read them."""
    return [[ref.key for ref in part] for part in runs.parts(job.store.client(), job.run, kind, range(count))]


def test_a_plan_has_every_new_object_once(store: Store, bucket: Bucket) -> None:
    where, account = "eu-central-1/2026/11/20", "123456789012"
    logs = f"AWSLogs/{account}/vpcflowlogs/{where}/{account}_vpcflowlogs_eu-central-1_fl-1_20261120T1000Z_"
    keys = [f"{logs}{n:08x}.log.gz" for n in range(5)]
    trail = f"AWSLogs/{account}/CloudTrail/{where}/{account}_CloudTrail_eu-central-1_20261120T1000Z_abc.json.gz"
    for key in (*keys, trail, "notes.txt"):
        bucket.put(key, b"some bytes")
    refs = {ref.key: ref for ref in s3.list_objects(bucket.name, "")}
    client = store.client()
    done = receipts.of(Batch((Source(refs[keys[0]], ObjectKind.FLOW_LOG, 0),), {}), 1, "earlier", {})
    insert(client, RECEIPTS, receipts.rows(done, 1))
    owed = [Owed(refs[keys[4]], ObjectKind.FLOW_LOG), Owed(REF, ObjectKind.FLOW_LOG)]
    wanted = Wanted([bucket.url], {}, frozenset([refs[keys[1]].object_id]), owed)
    job = Job(store, runs.begin(client, "ingest"))
    counts = plan(wanted, Limits(objects=1), job)
    assert counts == {ObjectKind.CLOUDTRAIL: 1, ObjectKind.FLOW_LOG: 4}
    assert noted(job, ObjectKind.CLOUDTRAIL, 1) == [[trail]]
    assert noted(job, ObjectKind.FLOW_LOG, 4) == [[keys[2]], [keys[3]], [keys[4]], [REF.key]]
    assert runs.counts(client, job.run, "listed") == {"listed": 6, "known": 1, "busy": 1, "other": 1, "planned": 3}
    listed = query(client, "SELECT key FROM planned WHERE listed ORDER BY key")["key"].to_pylist()
    assert listed == sorted([trail, keys[2], keys[3]])
    with pytest.raises(FlowtrailError, match="has no part 4"):
        noted(job, ObjectKind.FLOW_LOG, 5)
