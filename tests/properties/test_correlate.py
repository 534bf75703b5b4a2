"""Proves, on random traffic, that the order of records and repeated changes do not matter, and that random noise alone
is never a signal."""

import random
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from network.history.timeline import Timeline
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.blame.judge import blame
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.detect.minutes import minutes
from pipelines.correlate.detect.stretches import stretches, together
from schemas.change import ChangeEvent
from schemas.snapshot import Snapshot
from tests.correlate_lab import (
    ADMINS,
    ENI,
    PEOPLE,
    SCANNERS,
    WEB,
    Flow,
    clock,
    covered,
    create_route,
    delete_route,
    deny,
    minutes_table,
    outage,
    refused,
    resources,
    undeny,
    usual,
)

STORY = [
    *usual("13:00", "14:32", flagged=True),
    *outage("14:32", "15:05", "requests", flagged=True),
    *outage("15:05", "15:30", "requests", ports=(80, 443), flagged=True),
    *refused("15:05", "15:30", flags=2),
    *usual("15:31", "15:40", flagged=True),
]
CHANGES = [
    delete_route("14:32"),
    deny("15:05"),
    deny("15:04", acl="acl-prv"),
    create_route("15:30"),
    undeny("15:30:30"),
]
ROWS = minutes_table(STORY)
MINUTES = covered("13:00", "15:40")


def found(rows: pa.Table, changes: list[ChangeEvent]) -> list[Finding]:
    known = Timeline([Snapshot(clock("08:00"), "files", resources())], changes)
    signals = detect(ENI, rows, MINUTES, clock("13:00"), timedelta(hours=24))
    return blame(signals, known, clock("15:40"))


EXPECTED = found(ROWS, CHANGES)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_neither_the_order_of_records_nor_repeated_changes_matter(seed: int) -> None:
    chance = random.Random(seed)
    order = chance.sample(range(ROWS.num_rows), ROWS.num_rows)
    changes = [*CHANGES, *chance.choices(CHANGES, k=4)]
    chance.shuffle(changes)
    assert found(ROWS.take(order), changes) == EXPECTED
    assert len({finding.cause for finding in EXPECTED}) == 2


noise = st.lists(
    st.builds(
        lambda minute, second, who, port, source, size: Flow(
            clock("12:00") + timedelta(minutes=minute, seconds=second), who, source, WEB, port, 2, size, "REJECT"
        ),
        st.integers(0, 239),
        st.integers(0, 59),
        st.sampled_from(SCANNERS + PEOPLE + ADMINS),
        st.integers(1, 65535),
        st.integers(1024, 65535),
        st.integers(80, 3000),
    ),
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(noise)
def test_rejects_of_peers_that_were_never_served_are_not_a_signal(flows: list[Flow]) -> None:
    assert detect(ENI, minutes_table(flows), covered("12:00", "16:00"), clock("12:00"), timedelta(hours=24)) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_stretches_are_what_a_plain_loop_finds(rows: list[tuple[int, bool]]) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    s = stretches(np.array([k for k, _ in rows], dtype=np.int64), np.array([b for _, b in rows], dtype=np.bool_))
    expected = []
    i = 0
    while i < len(rows):
        j = i
        while j < len(rows) and rows[j] == rows[i]:
            j += 1
        if rows[i][1]:
            before = i - 1 if i and rows[i - 1][0] == rows[i][0] else -1
            after = j if j < len(rows) and rows[j][0] == rows[i][0] else -1
            expected.append((i, j, before, after))
        i = j
    assert list(zip(s.begin, s.end, s.before, s.after, strict=True)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)).map(lambda p: (p[0], p[0] + p[1]))), st.integers(0, 20)
)
def test_groups_in_time_are_separate_and_complete(spans: list[tuple[int, int]], apart: int) -> None:
    groups = together(spans, apart)
    assert sorted(i for group in groups for i in group) == list(range(len(spans)))
    for one, other in pairwise(groups):
        assert min(spans[i][0] for i in other) - max(spans[i][1] for i in one) > apart


def test_addresses_that_end_in_zero_bytes_stay_distinct() -> None:
    flows = [
        Flow(clock("12:00"), peer, 40000, WEB, 80) for peer in ("2001:db8::", "2001:db8::1", "2001:db8:1::", "10.0.0.0")
    ]
    c = minutes(ENI, minutes_table(flows))
    assert len(set(c.pair.tolist())) == 4
    assert sorted(peer.tobytes() for peer in c.peer) == sorted({peer.tobytes() for peer in c.peer})
