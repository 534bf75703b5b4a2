"""Proves what is a signal and what is noise: rejects after accepts among scans, late packets, lost traffic in each
reading, silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pipelines.correlate.detect.interface import detect
from pipelines.correlate.detect.signals import Signal
from schemas.incident import Kind
from tests.correlate_lab import (
    ADMINS,
    ENI,
    OUTSIDE,
    PEOPLE,
    SCANNERS,
    WEB,
    Flow,
    attempt,
    clock,
    covered,
    every,
    minutes_table,
    noise,
    outage,
    refused,
    reject,
    seconds,
    service,
    talk,
    usual,
)

READINGS = ("answers", "requests", "nothing")


def signals(
    flows: Sequence[Flow], first: str = "12:00", last: str = "16:00", start: str = "", gaps: Sequence[int] = ()
) -> list[Signal]:
    minutes = [minute for minute in covered(first, last) if minute not in gaps]
    return detect(ENI, minutes_table(flows), minutes, clock(start or first), timedelta(hours=24))


def strong(found: Sequence[Signal]) -> list[tuple[Kind, int]]:
    return sorted((s.kind, s.port) for s in found if s.strong)


def peers(signal: Signal) -> set[str]:
    return {run.conversation.peer for run in signal.runs}


@pytest.mark.parametrize("flagged", [False, True])
def test_a_quiet_day_has_no_signal_however_loud_the_scanners(flagged: bool) -> None:
    flows = usual("12:00", "16:00", flagged=flagged) + noise("12:00", "16:00", flagged=flagged)
    assert strong(signals(flows)) == []


def test_scanners_are_never_a_signal_even_when_their_open_port_is_closed() -> None:
    flows = usual("12:00", "16:00") + noise("12:00", "16:00")
    flows += [flow for at in every(300, "12:00", "14:00") for flow in attempt(at, SCANNERS[0], 80, answered=True)]
    flows += [reject(at, SCANNERS[0], 80) for at in every(60, "14:00", "16:00")]
    assert strong(signals(flows)) == []


@pytest.mark.parametrize("flagged", [False, True])
def test_known_peers_that_are_rejected_are_one_signal_with_exact_times(flagged: bool) -> None:
    flags = 2 if flagged else None
    flows = usual("12:00", "15:05", flagged=flagged) + noise("12:00", "16:00", flagged=flagged)
    flows += service(80, PEOPLE, 45, "15:05", "16:00", flagged=flagged)
    flows += service(443, OUTSIDE, 60, "15:05", "16:00", flagged=flagged, server=False)
    flows += refused("15:05", "15:50", flags=flags) + service(22, ADMINS, 60, "15:50:20", "16:00", flagged=flagged)
    (signal,) = [s for s in signals(flows) if s.strong]
    assert (signal.kind, signal.port, signal.reply) == (Kind.REJECTS, 22, False)
    assert peers(signal) == set(ADMINS)
    assert min(run.first_bad for run in signal.runs if run.first_bad) == clock("15:05:03")
    assert signal.until == clock("15:49:21")
    assert signal.recovered == clock("15:50:20")


def test_one_peer_that_is_rejected_for_long_is_enough() -> None:
    flows = usual("12:00", "16:00") + service(22, ["192.0.2.99"], 60, "12:00", "15:00")
    flows += [reject(at, "192.0.2.99", 22, 5000 + n) for n, at in enumerate(every(60, "15:00", "15:10"))]
    (signal,) = [s for s in signals(flows) if s.strong]
    assert peers(signal) == {"192.0.2.99"}


def test_several_peers_rejected_once_each_are_enough_when_none_is_accepted() -> None:
    flows = service(22, ADMINS, 300, "12:00", "15:00")
    flows += [reject(at, peer, 22, 5000) for peer, at in zip(ADMINS, every(90, "15:05", "15:10"), strict=False)]
    assert strong(signals(flows)) == [(Kind.REJECTS, 22)]


@pytest.mark.parametrize("flags", [None, 0, 1, 4])
def test_late_packets_of_closed_connections_are_not_a_signal(flags: int | None) -> None:
    flagged = flags is not None
    flows = usual("12:00", "16:00", flagged=flagged)
    flows += [reject(at, PEOPLE[n % 4], 80, n, flags=flags) for n, at in enumerate(every(70, "12:10", "16:00"))]
    assert strong(signals(flows)) == []


def test_late_packets_in_a_row_after_the_last_conversation_are_not_a_signal_with_flags() -> None:
    flows = usual("12:00", "16:00", flagged=True) + service(22, ["192.0.2.99"], 60, "12:00", "15:00", flagged=True)
    late = [reject(at, "192.0.2.99", 22, flags=1) for at in every(30, "15:00", "15:04")]
    assert strong(signals(flows + late)) == []
    retries = [reject(at, "192.0.2.99", 22, flags=2) for at in every(30, "15:00", "15:04")]
    assert strong(signals(flows + retries)) == [(Kind.REJECTS, 22)]


def test_a_rejected_syn_among_old_connections_that_continue_is_a_signal() -> None:
    """As after a security group rule is revoked: tracked connections are kept."""
    flows = usual("12:00", "15:00", flagged=True) + service(80, PEOPLE, 45, "15:00", "16:00", flagged=True)
    old = [Flow(at, ADMINS[0], 50000, "10.0.1.10", 22, 20, 2000, flags=0) for at in every(60, "14:00", "16:00")]
    flows += old + [reject(at, ADMINS[0], 22, n, flags=2) for n, at in enumerate(every(60, "15:00", "15:30"))]
    assert (Kind.REJECTS, 22) in strong(signals(flows))


def test_rejected_answers_are_a_signal_of_the_reply() -> None:
    flows = usual("12:00", "15:00") + service(443, OUTSIDE, 60, "15:00", "16:00", server=False)
    flows += service(22, ADMINS, 90, "15:00", "16:00") + service(80, PEOPLE, 45, "15:40", "16:00")
    for n, at in enumerate(every(20, "15:00", "15:40")):
        flows += [attempt(at, PEOPLE[n % 4], 80, n, answered=False)[0], reject(at, PEOPLE[n % 4], 80, n, answer=True)]
    found = [s for s in signals(flows) if s.strong]
    assert [(s.kind, s.port, s.reply) for s in found] == [(Kind.REJECTS, 80, True)]


def answered(first: str, last: str, refused: int, *, flagged: bool, start: int = 0) -> list[Flow]:
    """A client that connects every 10 seconds to port 80; of ten answers, `refused` are rejected."""
    flows = []
    for n, at in enumerate(every(10, first, last), start=start):
        if n * 7 % 10 < refused:
            syn, syn_ack = (2, 18) if flagged else (None, None)
            flows += attempt(at, PEOPLE[0], 80, n, answered=False, flagged=flagged)
            flows.append(reject(at, PEOPLE[0], 80, n, flags=syn_ack if syn else None, answer=True))
        else:
            flows += talk(at, PEOPLE[0], 80, n, flagged=flagged)
    return flows


@pytest.mark.parametrize("flagged", [False, True])
def test_some_rejects_among_accepts_are_a_signal_until_all_are_accepted_again(flagged: bool) -> None:
    flows = answered("12:00", "14:00", 0, flagged=flagged) + answered("14:00", "14:30", 6, flagged=flagged, start=2000)
    (still,) = [s for s in signals(flows, last="14:30") if s.strong]
    assert (still.kind, still.port, still.reply, still.recovered) == (Kind.REJECTS, 80, True, None)
    flows += answered("14:30", "14:40", 0, flagged=flagged, start=4000)
    (over,) = [s for s in signals(flows, last="14:40") if s.strong]
    (run,) = over.runs
    assert (run.first_bad, run.last_bad, run.recovered) == (clock("14:00:00"), clock("14:29:50"), clock("14:30:00"))
    assert run.last_good == clock("13:59:50")
    assert (run.conversation.peer_port - 40000) * 7 % 10 < 6


def test_where_no_connection_was_opened_in_the_first_minute_the_last_one_before_it_counts() -> None:
    """A connection that goes on is accepted in the minute in which the first one that opens is rejected."""
    flows = answered("12:00", "14:00", 0, flagged=True) + answered("14:01", "14:30", 6, flagged=True, start=2000)
    flows += [replace(f, at=clock("14:00:05"), flags=0) for f in talk(clock("14:00"), PEOPLE[0], 80, 1, flagged=True)]
    flows += [reject(clock("14:00:20"), PEOPLE[0], 80, 9000, flags=18, answer=True)]
    (run,) = [run for s in signals(flows, last="14:30") if s.reply for run in s.runs]
    assert (run.last_good, run.first_bad) == (clock("14:00:05"), clock("14:00:20"))
    assert run.opened == clock("13:59:50")


def test_rejects_that_were_always_among_the_accepts_are_not_a_signal() -> None:
    assert strong(signals(answered("12:00", "16:00", 6, flagged=True))) == []


def test_a_fault_that_is_repaired_and_made_again_is_not_a_partial_one() -> None:
    flows = service(22, ADMINS[:1], 20, "12:00", "15:00", flagged=True)
    for first, last in (("15:00", "15:05"), ("15:08", "15:13")):
        flows += [reject(at, ADMINS[0], 22, 9000 + n, flags=2) for n, at in enumerate(every(20, first, last))]
    flows += service(22, ADMINS[:1], 20, "15:05", "15:08", flagged=True)
    flows += service(22, ADMINS[:1], 20, "15:13", "16:00", flagged=True)
    runs = [run for s in signals(flows) for run in s.runs]
    assert [(run.first_bad, run.recovered) for run in runs] == [
        (clock("15:00"), clock("15:05")),
        (clock("15:08"), clock("15:13")),
    ]


@pytest.mark.parametrize("flagged", [False, True])
def test_packets_of_connections_that_are_no_longer_tracked_are_not_a_signal(flagged: bool) -> None:
    """Pools of two clients rest for longer than connections are tracked; their next packets are rejected."""
    flows = []
    for n, at in enumerate(every(1200, "12:00", "16:00")):
        for peer in ADMINS[:2]:
            flows += talk(at, peer, 22, n, flagged=flagged)
            late = (at + timedelta(seconds=540 + after) for after in (0, 30, 75, 140))
            flows += [reject(moment, peer, 22, n, flags=0 if flagged else None) for moment in late]
    assert strong(signals(flows)) == []


def test_the_last_connection_that_was_opened_is_known_however_long_it_lived() -> None:
    flows = [flow for at in every(600, "12:00", "12:30") for flow in talk(at, ADMINS[0], 22, 1, flagged=True)]
    living = [replace(f, flags=0) for f in service(22, ADMINS[:1], 60, "12:30", "15:00", flagged=True)]
    flows += living + [reject(at, ADMINS[0], 22, n, flags=2) for n, at in enumerate(every(60, "15:00", "15:30"))]
    (run,) = [run for s in signals(flows) if s.kind is Kind.REJECTS for run in s.runs]
    assert (run.opened, run.last_good) == (clock("12:20"), clock("14:59"))


def test_a_service_above_its_clients_ports_is_one() -> None:
    """As containers behind a load balancer, whose nodes connect from any port."""

    def connection(at: datetime, n: int, action: str = "ACCEPT") -> list[Flow]:
        port = 1024 + n * 997 % 60000
        asked = Flow(at, PEOPLE[0], port, WEB, 60999, 8, 900 if action == "ACCEPT" else 480, action, flags=2)
        return [asked, Flow(at, WEB, 60999, PEOPLE[0], port, 8, 6000, flags=18)][: 1 + (action == "ACCEPT")]

    flows = [flow for n, at in enumerate(every(30, "12:00", "14:00")) for flow in connection(at, n)]
    flows += [flow for n, at in enumerate(every(30, "14:00", "14:30"), 500) for flow in connection(at, n, "REJECT")]
    (signal,) = [s for s in signals(flows, last="14:30") if s.strong]
    assert (signal.port, signal.server, signal.reply) == (60999, True, False)
    assert signal.runs[0].first_bad == clock("14:00")


def test_the_two_address_families_are_apart() -> None:
    """Clients with IPv6 addresses are lost; those with IPv4 addresses of the same port are served."""
    v6 = ("2001:db8::1", "2001:db8::2")
    flows = service(80, PEOPLE, 45, "12:00", "16:00") + service(80, v6, 45, "12:00", "15:00")
    flows += [
        flow
        for n, at in enumerate(every(60, "15:00", "15:30"))
        for flow in attempt(at, v6[n % 2], 80, n, answered=False)
    ]
    (signal,) = [s for s in signals(flows, last="15:30") if s.strong]
    assert peers(signal) == set(v6)
    assert (signal.kind, signal.recovered) == (Kind.LOST_TRAFFIC, None)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("flagged", [False, True])
def test_a_lost_route_is_lost_traffic_in_every_reading(reading: str, flagged: bool) -> None:
    flows = usual("12:00", "14:32", flagged=flagged) + noise("12:00", "16:00", flagged=flagged)
    flows += outage("14:32", "15:50", reading, flagged=flagged) + usual("15:50:20", "16:00", flagged=flagged)
    found = {s.port: s for s in signals(flows)}
    assert set(found) == {22, 80, 443}
    assert {s.kind for s in found.values()} == {Kind.LOST_TRAFFIC}
    assert found[80].strong is (reading == "requests" or (reading == "answers" and flagged))
    assert peers(found[80]) == set(PEOPLE)
    assert found[80].silent is (reading == "nothing")
    assert clock("14:30") <= found[80].last_good < clock("14:32")
    assert found[80].recovered == clock("15:50:20")
    if reading != "nothing":
        assert min(run.first_bad for run in found[80].runs if run.first_bad) == clock("14:32:02")


@pytest.mark.parametrize("reading", READINGS)
def test_rejects_explain_what_is_lost_while_they_last(reading: str) -> None:
    """The route is deleted at 14:32, port 22 denied at 15:05: the loss of port 22 ends where its rejects begin."""
    flows = usual("12:00", "14:32") + noise("12:00", "15:45") + outage("14:32", "15:05", reading)
    flows += outage("15:05", "15:45", reading, ports=(80, 443)) + refused("15:05", "15:45")
    found = signals(flows, last="15:45")
    lost = {s.port: s for s in found if s.kind is Kind.LOST_TRAFFIC}
    (rejects,) = [s for s in found if s.kind is Kind.REJECTS]
    assert set(lost) == {22, 80, 443}
    assert lost[22].until < clock("15:06")
    assert lost[80].until > clock("15:40")
    assert peers(rejects) == set(ADMINS)


def test_rejects_alone_are_not_called_lost() -> None:
    flows = (
        service(22, ADMINS, 60, "12:00", "15:00")
        + refused("15:00", "16:00")
        + service(80, PEOPLE, 45, "12:00", "16:00")
    )
    assert strong(signals(flows)) == [(Kind.REJECTS, 22)]


def test_a_missing_delivery_is_not_an_incident() -> None:
    flows = usual("12:00", "14:30") + usual("15:00", "16:00")
    missing = covered("14:30", "15:00")
    assert signals(flows, gaps=missing) == []
    assert {s.port for s in signals(flows)} == {22, 80, 443}


def test_what_is_not_yet_delivered_is_not_an_incident() -> None:
    assert signals(usual("12:00", "14:00"), last="14:01") == []


def test_a_service_that_is_sometimes_quiet_may_be_quiet_again() -> None:
    """Without a day of history, an idle period cannot be distinguished from a loss."""
    flows = noise("12:00", "19:00")
    for hour in ("12", "14", "16"):
        flows += service(80, PEOPLE, 45, f"{hour}:00", f"{hour}:59")
    assert strong(signals(flows, last="18:30")) == []


def test_silence_alone_is_strong_when_the_day_has_no_similar_pause() -> None:
    day = [Flow(**{**vars(f), "at": f.at - timedelta(days=1)}) for f in usual("12:00", "23:59")]
    day += [Flow(**{**vars(f), "at": f.at - timedelta(days=1)}) for f in usual("00:00", "12:00")]
    flows = day + usual("00:00", "12:00") + [f for f in usual("12:00", "13:00") if 80 not in (f.src_port, f.dst_port)]
    minutes = [m - 86400 * n for n in (0, 1) for m in covered("00:00", "23:59")]
    minutes = [m for m in minutes if m < seconds(clock("13:00"))]
    (found,) = [s for s in detect(ENI, minutes_table(flows), minutes, clock("12:00"), timedelta(hours=24)) if s.strong]
    assert (found.kind, found.port, found.silent) == (Kind.LOST_TRAFFIC, 80, True)


def test_peers_that_are_lost_while_others_are_served_are_a_weak_signal() -> None:
    flows = usual("12:00", "16:00") + service(80, ["192.0.2.99"], 45, "12:00", "15:00")
    flows += [
        f for n, at in enumerate(every(60, "15:00", "15:30")) for f in attempt(at, "192.0.2.99", 80, n, answered=False)
    ]
    (signal,) = signals(flows)
    assert (signal.strong, peers(signal)) == (False, {"192.0.2.99"})


def test_udp_that_is_no_longer_answered_is_lost() -> None:
    def ask(n: int, at: object, answered: bool) -> list[Flow]:
        pair = talk(at, PEOPLE[n % 4], 53, n)  # type: ignore[arg-type]
        return [Flow(**{**vars(flow), "protocol": 17, "bytes": 60, "packets": 1}) for flow in pair[: 1 + answered]]

    flows = [f for n, at in enumerate(every(20, "12:00", "14:00")) for f in ask(n, at, True)]
    flows += [f for n, at in enumerate(every(20, "14:00", "14:30")) for f in ask(n, at, False)]
    (signal,) = [s for s in signals(flows, last="14:30") if s.strong]
    assert (signal.kind, signal.protocol, signal.port) == (Kind.LOST_TRAFFIC, 17, 53)


def test_what_was_over_before_the_range_is_left_out_and_what_reaches_into_it_is_found() -> None:
    flows = usual("12:00", "13:00") + outage("13:00", "13:40", "requests") + usual("13:40", "16:00")
    flows += noise("12:00", "16:00")
    assert strong(signals(flows, start="14:00")) == []
    assert {port for _, port in strong(signals(flows, start="13:20"))} == {22, 80, 443}


def test_no_flows_no_signals() -> None:
    assert signals([]) == []
