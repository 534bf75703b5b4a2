"""Proves that the timeline matches the real VPC, using a model of a VPC that is changed call by call: forward from a
snapshot exactly; backward from one never wrong, and complete where the calls contain the information."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.aws.call import History, call_of
from network.aws.describe import resources_from_describe
from network.history.apply import apply
from network.history.rewind import undo
from network.history.state import State
from network.history.timeline import Timeline, is_exact
from network.verdict.acl import acl_of_subnet
from network.verdict.routing import table_of_subnet
from schemas.change import ChangeEvent
from schemas.configuration import UNKNOWN, Configuration, configuration
from schemas.snapshot import Snapshot
from tests.properties.network_model import SUBNETS, Network

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RUNS = settings(max_examples=200, deadline=None, derandomize=True)

Story = tuple[list[ChangeEvent], list[Configuration]]


def change(
    number: int, at: datetime, name: str, request: dict[str, object], response: dict[str, object]
) -> ChangeEvent:
    return ChangeEvent(at, f"e{number:04d}", name, "arn", "", "", "", "", "", (), request, response, number, number)


def told(seed: int, length: int) -> Story:
    """Changes, and the true configuration before the first and after each of them; some are in the same second."""
    rng = random.Random(seed)
    network = Network(rng.choice)
    truth = [configuration(resources_from_describe(network.describe()))]
    changes: list[ChangeEvent] = []
    at = BEGIN
    for number in range(length):
        at += timedelta(seconds=rng.choice((0, 1, 7, 600)) if changes else 60)
        changes.append(change(number, at, *rng.choice(network.calls())()))
        truth.append(configuration(resources_from_describe(network.describe())))
    return changes, truth


SEEDS = st.integers(0, 2**32)
LENGTHS = st.integers(1, 25)


def snapshot(moment: datetime, config: Configuration) -> Snapshot:
    return Snapshot(moment, "files", tuple(config.resources()))


def end_of(changes: list[ChangeEvent]) -> datetime:
    return changes[-1].event_time + timedelta(minutes=1)


def visible(changes: list[ChangeEvent]) -> list[int]:
    """Indexes of changes that are the last one in their second."""
    return [i for i, (a, b) in enumerate(pairwise([*changes, None])) if b is None or a.event_time != b.event_time]


@RUNS
@given(SEEDS, LENGTHS)
def test_forward_from_a_snapshot_is_the_truth(seed: int, length: int) -> None:
    changes, truth = told(seed, length)
    timeline = Timeline([snapshot(BEGIN, truth[0])], changes)
    assert timeline.at(BEGIN) == timeline.at(BEGIN - timedelta(days=9)) == truth[0]
    for index in visible(changes):
        assert timeline.at(changes[index].event_time) == truth[index + 1]
    for index, event in enumerate(changes):
        assert timeline.around([event.event_id]) == (truth[index], truth[index + 1])
    assert timeline.around([e.event_id for e in changes]) == (truth[0], truth[-1])
    assert all(version.exact for version in timeline.versions())


@RUNS
@given(SEEDS, LENGTHS)
def test_backward_from_a_snapshot_nothing_is_wrong(seed: int, length: int) -> None:
    changes, truth = told(seed, length)
    timeline = Timeline([snapshot(end_of(changes), truth[-1])], changes)
    assert timeline.at(end_of(changes)) == truth[-1]
    for index, event in enumerate(changes):
        before, after = timeline.around([event.event_id])
        assert_never_wrong(before, truth[index])
        assert_never_wrong(after, truth[index + 1])


def assert_never_wrong(found: Configuration, true: Configuration) -> None:
    """What is found is true; anything else is marked as unknown."""
    for table_id, table in found.route_tables.items():
        routes = {r.destination: r for r in true.route_tables[table_id].routes}
        assert {r.destination for r in table.routes} == set(routes)
        assert all(r == routes[r.destination] for r in table.routes if r.target != UNKNOWN)
    for acl_id, acl in found.network_acls.items():
        entries = {(e.egress, e.number): e for e in true.network_acls[acl_id].entries}
        assert {(e.egress, e.number) for e in acl.entries} == set(entries)
        assert all(e == entries[e.egress, e.number] for e in acl.entries if e.known)
    for group_id, group in found.security_groups.items():
        rules = {replace(r, id="") for r in group.rules}
        true_rules = {replace(r, id="") for r in true.security_groups[group_id].rules}
        assert rules <= true_rules if not group.known else rules == true_rules
        assert {r for r in group.rules if r.id} <= set(true.security_groups[group_id].rules)
    for eni, interface in found.interfaces.items():
        assert interface == true.interfaces[eni] or interface.group_ids == (UNKNOWN,)
    assert found.internet_gateways == true.internet_gateways
    for subnet in SUBNETS:
        acl, table = acl_of_subnet(found, subnet), table_of_subnet(found, subnet)
        assert acl is None or acl.id == acl_of_subnet(true, subnet).id
        assert table is None or table.id == table_of_subnet(true, subnet).id


@RUNS
@given(SEEDS, LENGTHS)
def test_backward_everything_that_calls_contain_is_known(seed: int, length: int) -> None:
    """If a resource is not deleted or replaced later, or if an earlier call created it, its state is known."""
    changes, truth = told(seed, length)
    timeline = Timeline([snapshot(end_of(changes), truth[-1])], changes)
    first, _ = timeline.around([changes[0].event_id])
    names = {event.event_name for event in changes}
    if not any(name.startswith(("Delete", "Disassociate", "Replace", "Revoke", "Modify")) for name in names):
        assert first == truth[0]
        assert all(version.exact for version in timeline.versions())
    made = {e.event_id: e.request for e in changes if e.event_name == "CreateRoute"}
    for event_id, request in made.items():
        _, after = timeline.around([event_id])
        table = after.route_tables.get(request["routeTableId"])
        assert table is None or all(
            r.target != UNKNOWN
            for r in table.routes
            if r.destination in (request.get("destinationCidrBlock"), request.get("destinationIpv6CidrBlock"))
        )


@RUNS
@given(SEEDS, LENGTHS, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(seed: int, length: int, rng: random.Random) -> None:
    changes, truth = told(seed, length)
    middle = len(changes) // 2
    shots = [snapshot(BEGIN, truth[0]), snapshot(end_of(changes), truth[-1])]
    if middle in visible(changes):
        shots.append(snapshot(changes[middle].event_time, truth[middle + 1]))
    tidy = Timeline(shots, changes)
    mixed = [*changes, *rng.choices(changes, k=5)]
    rng.shuffle(mixed)
    rng.shuffle(shots)
    untidy = Timeline(shots, mixed)
    assert untidy.changes == tidy.changes == tuple(changes)
    assert untidy.versions() == tidy.versions()
    for shot in shots:
        assert untidy.at(shot.as_of) == configuration(shot.resources)


@RUNS
@given(SEEDS, LENGTHS, st.data())
def test_snapshots_hold_though_changes_are_missing(seed: int, length: int, data: st.DataObject) -> None:
    changes, truth = told(seed, length)
    kept = [event for event in changes if data.draw(st.booleans())]
    shots = [snapshot(BEGIN, truth[0]), snapshot(end_of(changes), truth[-1])]
    timeline = Timeline(shots, kept)
    assert timeline.at(BEGIN) == truth[0]
    assert timeline.at(end_of(changes)) == truth[-1]
    by_resource: dict[tuple[str, str], list[tuple[datetime | None, datetime | None]]] = {}
    for version in timeline.versions():
        key = (version.resource_type, version.resource.id)
        by_resource.setdefault(key, []).append((version.valid_from, version.valid_to))
        known = {event.event_id: event.event_time for event in kept} | {"": None}
        assert known[version.begun_by] in (None, version.valid_from)
        assert known[version.ended_by] in (None, version.valid_to)
    for periods in by_resource.values():
        assert all(end is not None and end <= start for (_, end), (start, _) in pairwise(periods) if start)


INVERTIBLE = {
    "CreateRoute",
    "CreateRouteTable",
    "AssociateRouteTable",
    "AttachInternetGateway",
    "DetachInternetGateway",
    "CreateNatGateway",
    "CreateNetworkAcl",
    "CreateNetworkAclEntry",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
}


@RUNS
@given(SEEDS, LENGTHS)
def test_undo_reverses_apply(seed: int, length: int) -> None:
    changes, truth = told(seed, length)
    calls = [call_of(event) for event in changes]
    for index, call in enumerate(calls):
        if call.name in INVERTIBLE:
            state = State(truth[index].resources())
            apply(call, state)
            assert state.configuration() == truth[index + 1]
            undo(call, state, History(calls))
            assert state.configuration() == truth[index]


@RUNS
@given(SEEDS, LENGTHS)
def test_interface_periods_are_the_truth(seed: int, length: int) -> None:
    changes, truth = told(seed, length)
    timeline = Timeline([snapshot(BEGIN, truth[0])], changes)
    periods = timeline.interface_periods("eni-1")
    assert periods[0].valid_from is None
    assert periods[-1].valid_to is None
    assert all(a.valid_to == b.valid_from is not None for a, b in pairwise(periods))
    for index in visible(changes):
        at = changes[index].event_time
        period = next(p for p in reversed(periods) if p.valid_from is None or p.valid_from <= at)
        true = truth[index + 1]
        assert period.network_acl_id == acl_of_subnet(true, "subnet-1").id
        assert period.route_table_id == table_of_subnet(true, "subnet-1").id
        assert (period.subnet_id, period.addresses) == ("subnet-1", ("10.0.0.10",))
    assert timeline.interface_periods("eni-none") == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_long_history_makes_every_call(seed: int) -> None:
    """The model makes all of its calls, so none of the proofs above is vacuous."""
    rng = random.Random(seed)
    network = Network(rng.choice)
    names = {rng.choice(network.calls())()[0] for _ in range(1500)}
    assert len(names) == 24
    config = configuration(resources_from_describe(network.describe()))
    assert all(is_exact(resource) for resource in config.resources())
