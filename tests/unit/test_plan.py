"""Proves: grouping keeps every object once, in order, within its limits; overlapping prefixes are listed once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.store.ledger import Unfinished
from pipelines.ingest.find.plan import distinct, resumed
from pipelines.ingest.load import Limits, Load, group
from schemas.errors import FlowtrailError
from schemas.object_ref import ObjectKind, ObjectRef


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
        ({"change_events"}, ObjectKind.CLOUDTRAIL),
        ({"change_events", "rejected_lines"}, ObjectKind.CLOUDTRAIL),
        ({"flows", "rejected_lines"}, ObjectKind.FLOW_LOG),
        ({"coverage"}, ObjectKind.FLOW_LOG),
        ({"rejected_lines"}, None),
        (set(), None),
    ],
)
def test_the_contents_of_an_unfinished_load(tables: set[str], kind: ObjectKind | None) -> None:
    refs = (ObjectRef("b", "k", "e", 1),)
    assert resumed(Unfinished(7, refs, frozenset(tables))) == (None if kind is None else Load(7, kind, refs))
