"""Proves that hourly summaries are what the records say, count only while they are, and disturb nobody."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import pytest

from connectors.store.clickhouse import Store, command, query
from connectors.store.migrate import ensure_migrated
from pipelines.correlate import facts, hourly
from pipelines.correlate.facts import InterfaceFacts
from pipelines.correlate.hourly import Summaries, complete, summarised, summarised_apart
from pipelines.correlate.sql import ask, run
from schemas.errors import FlowtrailError
from schemas.incident import Examined
from tests.correlate_lab import ENI, Flow, clock, high_ports, minutes_table, usual
from tests.gateway_process import Gateway
from tests.integration.test_correlate import put_flows
from tests.integration.test_screen import fault, quiet, sparse

DELETE, WAIT = "ALTER TABLE flows DELETE WHERE", "SETTINGS mutations_sync = 2"
SINCE, END = clock("10:00"), clock("16:00")


def test_they_are_what_the_records_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourly, "AT_ONCE", 1_000)  # in several pieces
    chance = random.Random(7)
    flows = {f"eni-{n}": make(chance) for n, make in enumerate((quiet, fault, fault, sparse, sparse))}
    for name, each in flows.items():
        put_flows(store, each, interface=name)
    client = store.client()
    found = summarised(client, ["eni-1", "eni-2", "eni-4"], SINCE, END)
    assert len(found.rows) == 6
    for name, each in flows.items():
        high = {name: tuple(protocol * 65536 + port for protocol, port in high_ports(each))}
        if not high[name]:
            assert masks(store, found, name) == expected(each)
            continue
        with summarised_apart(client, high, SINCE, END) as apart:
            assert masks(store, apart, name) == expected(each)
        assert not masks(store, apart, name)
    assert {name for name, each in flows.items() if high_ports(each)} <= {
        row["interface"] for row in ask(client, "many_ports", {**found.parameters, "many": 10}).to_pylist()
    }


def masks(store: Store, summaries: Summaries, interface: str) -> list[tuple[int, ...]]:
    """Service, hour, and the minutes with requests, answers and data."""
    table = ask(store.client(), "hours", {**summaries.parameters, "interfaces": [interface]})
    return sorted(
        (row["service"], row["hour"], row["requests"], row["answers"], row["data"]) for row in table.to_pylist()
    )


def expected(flows: list[Flow]) -> list[tuple[int, ...]]:
    """The same, counted by a loop."""
    cells = [cell for cell in minutes_table(flows).to_pylist() if cell["accept_flows"]]

    def key(cell: dict[str, int]) -> tuple[int, int]:
        return cell["protocol"] << 17 | cell["port"] << 1 | cell["server"], cell["minute"] // 3600

    found = []
    for (service, hour), some in groupby(sorted(cells, key=key), key):
        minutes = [0, 0, 0]
        for cell in some:
            bit = 1 << cell["minute"] // 60 % 60
            minutes[0] |= bit * (cell["ingress"] == cell["server"])
            minutes[1] |= bit * (cell["ingress"] != cell["server"])
            minutes[2] |= bit * (cell["data_flows"] > 0)
        found.append((service, hour, *minutes))
    return found


def test_an_hour_is_counted_again_only_when_its_records_change(store: Store) -> None:
    put_flows(store, usual("10:00", "13:00"))
    client = store.client()
    first = summarised(client, [ENI], SINCE, END)
    assert len(first.rows) == 3
    assert summarised(client, [ENI], SINCE, END) == first
    put_flows(store, usual("11:30", "11:40"), name="late")
    second = summarised(client, [ENI], SINCE, END)
    assert len(second.rows.keys() & first.rows.keys()) == 2
    command(client, f"{DELETE} start >= '2026-11-20 12:00:00' AND start < '2026-11-20 12:30:00' {WAIT}")
    third = summarised(client, [ENI], SINCE, END)
    assert len(third.rows.keys() & second.rows.keys()) == 2
    command(client, f"ALTER TABLE flows UPDATE load = 2 WHERE start < '2026-11-20 11:00:00' {WAIT}")
    fourth = summarised(client, [ENI], SINCE, END)
    assert len(fourth.rows.keys() & third.rows.keys()) == 2
    command(client, f"{DELETE} 1 {WAIT}")
    assert not summarised(client, [ENI], SINCE, END).rows


def test_more_hours_than_the_engine_takes_partitions_in_one_insert(store: Store) -> None:
    week = [replace(flow, at=flow.at - timedelta(hours=n)) for n in range(150) for flow in usual("10:00", "10:01")]
    put_flows(store, week, interface="eni-1")
    assert len(summarised(store.client(), ["eni-1"], SINCE - timedelta(days=7), END).rows) == 150


def test_one_that_was_interrupted_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourly, "AT_ONCE", 500)
    for n in range(4):
        put_flows(store, usual("10:00", "11:00"), interface=f"eni-{n}")
    client, names, written = store.client(), [f"eni-{n}" for n in range(4)], []

    def failing(*arguments: object) -> None:
        if len(written) == 2:
            raise FlowtrailError("The store has failed.")
        written.append(run(*arguments))  # type: ignore[arg-type, func-returns-value]

    with monkeypatch.context() as patched, pytest.raises(FlowtrailError, match="has failed"):
        patched.setattr(hourly, "run", failing)
        summarised(client, names, SINCE, END)
    rows = query(client, "SELECT count() AS n FROM hourly_peers")["n"][0].as_py()
    found = summarised(client, names, SINCE, END)
    assert rows > 0
    assert sum(found.rows.values()) > rows
    assert masks(store, found, "eni-3") == expected(usual("10:00", "11:00"))


def test_several_at_once_do_not_disturb_each_other(store: Store) -> None:
    put_flows(store, usual("10:00", "13:00"))
    store.client()

    def one(_: int) -> list[tuple[int, ...]]:
        return masks(store, summarised(store.client(), [ENI], SINCE, END), ENI)

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(one, range(12)))
    assert found == [expected(usual("10:00", "13:00"))] * 12


def test_outdated_ones_are_deleted_and_whoever_reads_them_notices(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_flows(store, usual("10:00", "11:00"))
    client = store.client()
    old = summarised(client, [ENI], SINCE, END)
    put_flows(store, usual("10:10", "10:20"), name="late")
    summarised(client, [ENI], SINCE, END)
    assert complete(client, old)
    monkeypatch.setattr(hourly, "OUTDATED", -1)
    new = summarised(client, [ENI], SINCE, END)
    assert complete(client, new)
    assert not complete(client, old)


def test_what_is_deleted_while_it_is_read_hides_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(facts.FEWEST):
        put_flows(store, usual("13:00", "16:00"), interface=f"eni-{n:02d}")
    client = store.client()
    interfaces = [InterfaceFacts(f"eni-{n:02d}", ("",), (), 1, 0, 0, 1) for n in range(facts.FEWEST)]
    examined = Examined(END - timedelta(hours=3), END - timedelta(hours=1), END)
    delivered = facts.deliveries(client, examined.since, END)
    assert not facts.worth_a_look(client, interfaces, delivered, examined)
    monkeypatch.setattr(facts, "complete", lambda *_: False)
    assert facts.worth_a_look(client, interfaces, delivered, examined) == interfaces


def test_over_http(gateway: Gateway) -> None:
    """Parameters, statements that return nothing, and deleting."""
    store = Store(gateway.url("t_hourly"))
    ensure_migrated(store)
    flows = {"eni-quiet": usual("10:00", "11:00"), "eni-sparse": sparse(random.Random(3))}
    for name, each in flows.items():
        put_flows(store, each, interface=name)
    client = store.client()
    found = summarised(client, list(flows), SINCE, END)
    assert masks(store, found, "eni-quiet") == expected(flows["eni-quiet"])
    high = facts.high_ports(client, list(flows), SINCE, END)
    assert high.keys() == {"eni-sparse"}
    with summarised_apart(client, high, SINCE, END) as apart:
        assert masks(store, apart, "eni-sparse") == expected(flows["eni-sparse"])
    assert complete(client, found)
    assert not complete(client, apart)
