"""Proves that the screen leaves out no interface that a close look finds a signal at, on random traffic, and that it
does leave out quiet ones."""

import random
from datetime import datetime, timedelta

import pytest

from connectors.store.clickhouse import Store
from pipelines.correlate import facts
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.facts import InterfaceFacts
from schemas.incident import Examined
from tests.correlate_lab import (
    ADMINS,
    OUTSIDE,
    PEOPLE,
    Flow,
    attempt,
    clock,
    every,
    noise,
    outage,
    refused,
    reject,
    service,
    talk,
    timeline,
    usual,
)
from tests.integration.test_correlate import put_flows

BEGIN, END = "10:00", "16:00"


def quiet(chance: random.Random) -> list[Flow]:
    return [*usual(BEGIN, END, flagged=chance.random() < 0.5), *noise(BEGIN, END)]


def fault(chance: random.Random) -> list[Flow]:
    """An outage or rejects of any length, which may begin and end anywhere."""
    first = chance.randrange(60, 330)
    last = min(359, first + chance.choice([1, 3, 6, 20, 90, 300]))
    since, until = (f"{10 + minute // 60}:{minute % 60:02d}" for minute in (first, last))
    flagged = chance.random() < 0.5
    flows = [*usual(BEGIN, since, flagged=flagged), *usual(until, END, flagged=flagged), *noise(BEGIN, END)]
    how = chance.choice(["answers", "requests", "nothing", "rejects", "one peer", "some rejects"])
    if how == "rejects":
        return [*flows, *refused(since, until), *service(80, PEOPLE, 45, since, until)]
    if how == "one peer":
        tries = enumerate(every(chance.choice([40, 200]), since, until))
        lost = [f for n, at in tries for f in attempt(at, PEOPLE[0], 80, n, answered=False, flagged=flagged)]
        return [*flows, *service(80, PEOPLE[1:], 45, since, until, flagged=flagged), *lost]
    if how == "some rejects":
        late = [
            reject(clock(since) + timedelta(seconds=9 * n), ADMINS[0], 22, n) for n in range(chance.randrange(1, 5))
        ]
        return [*usual(BEGIN, END, flagged=flagged), *late]
    return [*flows, *outage(since, until, how, flagged=flagged)]


def sparse(chance: random.Random) -> list[Flow]:
    """Services that are used now and then; one is on a port above those of its clients."""
    flows = []
    for peers, port in ((PEOPLE, 80), (OUTSIDE, 9000), (ADMINS, 61000)):
        at, until = clock(BEGIN), clock(chance.choice(["13:00", "14:40", END]))
        while at < until:
            flows += talk(at, chance.choice(peers), port, chance.randrange(20_000))
            at += timedelta(seconds=chance.choice([5, 60, 300, 1500]))
    return flows


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 9))])
def test_no_signal_is_left_out(store: Store, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(facts, "SCREENED", 11)  # three groups
    chance = random.Random(seed)
    names = []
    for n in range(30):
        kind = chance.choice([quiet, fault, fault, sparse])
        names.append(f"eni-{kind.__name__}-{n}")
        put_flows(store, kind(chance), interface=names[-1], directions=n % 15 > 0)
    client = store.client()
    left_out = 0
    for first, last in (("14:00", END), ("15:00", END), ("15:00", "15:20"), ("13:30:30", "14:10")):
        since, start, end = clock(BEGIN), clock(first), clock(last)
        interfaces = facts.interfaces(client, start, end, timeline())
        delivered = facts.deliveries(client, since, end)
        close = facts.worth_a_look(client, interfaces, delivered, Examined(since, start, end))
        left_out += len(interfaces) - len(close)
        assert signals(store, interfaces, since, start, end) <= {each.interface_id for each in close}
    assert left_out > 15


def signals(
    store: Store, interfaces: list[InterfaceFacts], since: datetime, start: datetime, end: datetime
) -> set[str]:
    """The interfaces at which a close look finds something."""
    client, names = store.client(), [each.interface_id for each in interfaces]
    high = facts.high_ports(client, names, since, end)
    cells = facts.minutes_of(client, interfaces, high, since, end)
    delivered, gone = facts.deliveries(client, since, end), facts.dropped(client, names, since, end)
    return {
        each.interface_id
        for each in interfaces
        if each.interface_id in cells
        and detect(
            each.interface_id, cells[each.interface_id], facts.covered(each, delivered, gone), start, start - since
        )
    }
