"""Proves how findings become incidents: stable ids, first and last signs, closing, evidence, and the sentences."""

from dataclasses import replace
from datetime import timedelta

from network.history.timeline import Timeline
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.blame.judge import blame
from pipelines.correlate.blame.trial import Fidelity, SampledFlow, fidelity
from pipelines.correlate.detect.interface import detect
from pipelines.correlate.detect.signals import Conversation, Pointer
from pipelines.correlate.tell.completeness import Coverage, sentence
from pipelines.correlate.tell.evidence import FlowRow
from pipelines.correlate.tell.incident import changes_of, parts, tell, wanted, with_keys
from pipelines.correlate.tell.proof_query import proof_query
from schemas.incident import Certainty, Incident, Kind, State
from tests.correlate_lab import (
    ADMINS,
    ENI,
    OUTSIDE,
    PEOPLE,
    WEB,
    Flow,
    clock,
    covered,
    create_route,
    delete_route,
    deny,
    minutes_table,
    noise,
    outage,
    refused,
    service,
    timeline,
    undeny,
    usual,
)


def findings(flows: list[Flow], known: Timeline, last: str) -> list[Finding]:
    signals = detect(ENI, minutes_table(flows), covered("12:00", last), clock("12:00"), timedelta(hours=24))
    return blame(signals, known, clock(last))


def incidents(flows: list[Flow], known: Timeline, last: str) -> list[Incident]:
    groups: dict[str, list[Finding]] = {}
    for key, finding in with_keys(findings(flows, known, last)):
        groups.setdefault(key, []).append(finding)
    found = [part for group in groups.values() for part in parts(group)]
    told = [tell(part, rows(flows, wanted(part)), {1: ("b", "trail", "e")}, "all there") for part in found]
    return sorted(told, key=lambda incident: incident.first_seen)


def rows(flows: list[Flow], pointers: list[Pointer]) -> dict[Pointer, FlowRow]:
    found = {}
    for pointer in pointers:
        f = flows[pointer.row_no - 2]
        where = ("bucket", "key", "etag")
        times = (f.at, f.at)
        ends = (f.src, f.src_port, f.dst, f.dst_port)
        found[pointer] = FlowRow(pointer, *times, ENI, f.action, f.protocol, *ends, f.packets, f.bytes, *where)
    return found


def before(reading: str = "requests") -> list[Flow]:
    flows = usual("12:00", "14:32") + noise("12:00", "15:50") + outage("14:32", "15:05", reading)
    return flows + outage("15:05", "15:50", reading, ports=(80, 443)) + refused("15:05", "15:50")


def whole(reading: str = "requests") -> list[Flow]:
    return before(reading) + usual("15:50:30", "16:10")


FAULTS = (delete_route("14:32", object_id=1, row_no=3), deny("15:05", object_id=1, row_no=4, actor="arn:bob"))
FIXES = (create_route("15:50"), undeny("15:50:20"))


def test_the_story_open_then_closed_keeps_its_ids() -> None:
    open_ = incidents(before(), timeline(*FAULTS), "15:45")
    closed = incidents(whole(), timeline(*FAULTS, *FIXES), "16:10")
    assert [i.id for i in open_] == [i.id for i in closed]
    assert all(len(i.id) == 12 and int(i.id, 16) >= 0 for i in open_)
    assert [(i.kind, i.state) for i in open_] == [(Kind.LOST_TRAFFIC, State.OPEN), (Kind.REJECTS, State.OPEN)]
    assert [i.state for i in closed] == [State.CLOSED, State.CLOSED]
    assert [i.closed_by for i in closed] == [(FIXES[0].event_id,), (FIXES[1].event_id,)]
    assert [i.closed_at for i in open_] == [None, None]
    assert {i.closed_at for i in closed} == {clock("15:50:30")}
    assert [i.fix for i in open_] == [i.fix for i in closed]


def test_one_cause_is_one_incident_with_all_its_ports_and_peers() -> None:
    lost, rejects = incidents(before(), timeline(*FAULTS), "15:45")
    assert (lost.ports, lost.protocols, lost.enis) == ((22, 80, 443), (6,), (ENI,))
    assert set(PEOPLE) | set(ADMINS) <= set(lost.peers)
    assert (rejects.ports, rejects.peers) == ((22,), ADMINS)
    assert lost.first_seen == clock("14:32:02")
    assert rejects.first_seen == clock("15:05:03")
    assert rejects.last_seen == clock("15:49:21") or rejects.last_seen < clock("15:50")


def test_without_records_the_first_sign_is_when_traffic_stopped_but_not_before_the_cause() -> None:
    lost, _ = incidents(before("nothing"), timeline(*FAULTS), "15:45")
    assert lost.first_seen == clock("14:32")
    assert lost.last_seen >= clock("15:43")
    assert [e.what for e in lost.evidence].count("last answered before") == 1
    assert any("nothing more is logged" in entry.what for entry in lost.timeline)


def test_evidence_is_in_order_once_each_and_capped() -> None:
    for incident in incidents(whole(), timeline(*FAULTS, *FIXES), "16:10"):
        places = [(piece.key, piece.line) for piece in incident.evidence]
        assert len(places) == len(set(places)) <= 12
        assert incident.evidence[0].what == "the change"
        assert (incident.evidence[0].key, incident.evidence[0].line) in (("trail", 3), ("trail", 4))
        flows = [piece for piece in incident.evidence if piece.key == "key"]
        assert [piece.time for piece in flows] == sorted(piece.time for piece in flows)
        words = [piece.what.split()[0] for piece in flows]
        assert (words[0], words[-1]) == ("last", "first")
    rejects = incidents(before(), timeline(*FAULTS), "15:45")[1]
    first = next(piece for piece in rejects.evidence if piece.what == "first rejected")
    text = f"REJECT tcp {ADMINS[0]}:40000 -> {WEB}:22, 2 packets, 120 bytes, 15:05:03 to 15:05:03 UTC, at {ENI}"
    assert first.text == text


def test_the_timeline_is_in_order_and_says_who() -> None:
    lost, rejects = incidents(whole(), timeline(*FAULTS, *FIXES), "16:10")
    for incident in (lost, rejects):
        times = [entry.time for entry in incident.timeline]
        assert times == sorted(times)
    told = [entry.what for entry in rejects.timeline]
    assert any("CreateNetworkAclEntry by arn:bob from 198.51.100.7" in what for what in told)
    assert any(what.startswith("ended by DeleteNetworkAclEntry") for what in told)


def test_traffic_that_is_back_without_a_known_change_closes_too() -> None:
    lost, rejects = incidents(whole(), timeline(*FAULTS), "16:10")
    assert {i.state for i in (lost, rejects)} == {State.CLOSED}
    assert {i.closed_by for i in (lost, rejects)} == {()}


def test_an_incident_is_open_while_one_of_its_ports_is_not_back() -> None:
    flows = usual("12:00", "14:32") + outage("14:32", "15:50", "requests")
    flows += [f for f in usual("15:50:30", "16:10") if 22 not in (f.src_port, f.dst_port)]
    flows += outage("15:50", "16:10", "requests", ports=(22,))
    (told,) = incidents(flows, timeline(*FAULTS[:1]), "16:10")
    assert (told.state, told.closed_at, told.closed_by) == (State.OPEN, None, ())
    assert 22 in told.ports


def test_unexplained_signals_of_one_time_are_one_incident_identified_by_place_and_time() -> None:
    """Without a cause, rejects and losses stay separate, and losses at the same time stay together."""
    found = incidents(before(), timeline(), "15:45")
    assert {(i.kind, i.certainty, i.cause) for i in found} == {
        (Kind.LOST_TRAFFIC, Certainty.UNEXPLAINED, None),
        (Kind.REJECTS, Certainty.UNEXPLAINED, None),
    }
    assert [i.ports for i in found] == [(22, 80, 443), (22,)]
    assert all(i.fix is None and i.reason for i in found)
    again = incidents(before(), timeline(), "15:40")
    assert [i.id for i in again] == [i.id for i in found]


def test_losses_by_the_cause_of_rejects_belong_to_the_rejects() -> None:
    base = findings(before(), timeline(*FAULTS), "15:45")
    lost = next(f for f in base if f.signal.kind is Kind.LOST_TRAFFIC)
    rejects = next(f for f in base if f.signal.kind is Kind.REJECTS)
    at_peer = replace(lost, cause=rejects.cause, cause_events=rejects.cause_events)
    both = tell([at_peer, rejects], {}, {}, "")
    assert both.kind is Kind.REJECTS
    assert both.id == tell([rejects], {}, {}, "").id
    assert set(both.ports) == {lost.signal.port, 22}


def test_the_order_of_findings_does_not_matter() -> None:
    found = [f for f in findings(whole(), timeline(*FAULTS, *FIXES), "16:10") if f.signal.kind is Kind.LOST_TRAFFIC]
    assert len(found) == 3
    told = {str(tell(order, {}, {}, "").to_json()) for order in (found, found[::-1], [found[1], found[0], found[2]])}
    assert len(told) == 1
    assert changes_of(found) == [FAULTS[0], FIXES[0]]


def test_the_sentence_says_what_is_missing() -> None:
    part = Coverage("eni-1", 100, 60, 2, 0, 60, 60, Fidelity(10, 9))
    text = sentence([part], 0)
    assert "every minute was delivered" in text
    assert "agrees with the log on 9 of 10 sampled flows" in text
    worse = sentence([replace(part, minutes=50, skipdata=3, fidelity=Fidelity())], 7)
    assert "nothing was delivered for 10 of its 60 minutes" in worse
    assert "dropped records in 3 intervals" in worse
    assert "7 lines could not be read" in worse
    assert "could not be compared" in worse


def test_fidelity_compares_only_what_can_be_compared() -> None:
    known = timeline(deny("15:05"))
    ssh = Conversation(WEB, ADMINS[0], 6, 22, 40000, True)
    flows = [
        SampledFlow(clock("14:00"), ssh, True, "ACCEPT"),
        SampledFlow(clock("14:00"), ssh, False, "ACCEPT"),
        SampledFlow(clock("15:30"), ssh, True, "REJECT"),
        SampledFlow(clock("15:30"), ssh, True, "ACCEPT"),
        SampledFlow(clock("15:06"), ssh, True, "ACCEPT"),
    ]
    assert fidelity(flows, known, ENI) == Fidelity(compared=4, agreed=3)
    assert fidelity(flows, known, "eni-nobody-knows") == Fidelity()


def test_the_proof_query_quotes_its_values() -> None:
    hostile = "eni'; DROP TABLE flows; --\\"
    sql = proof_query([hostile], [6], [22], ["192.0.2.1"], first=clock("14:32"), last=clock("15:00"))
    assert "'eni\\'; DROP TABLE flows; --\\\\'" in sql
    assert "start >= '2026-11-20 14:27:00' AND start < '2026-11-20 15:05:00'" in sql


def test_a_change_of_several_calls_is_one_incident_with_all_that_did_something() -> None:
    flows = usual("12:00", "15:05") + refused("15:05", "15:40") + refused("15:05", "15:40", 80, PEOPLE)
    flows += service(443, OUTSIDE, 60, "15:05", "15:40", server=False)
    calls = [deny("15:04:40", 22), deny("15:04:50", 3389, number=91), deny("15:05:00", 80, number=92)]
    (incident,) = incidents(flows, timeline(*calls), "15:40")
    assert incident.cause
    assert incident.cause.event_ids == tuple(call.event_id for call in (calls[0], calls[2]))
    assert (incident.certainty, incident.ports) == (Certainty.PROVEN, (22, 80))
    assert incident.fix and incident.fix.count("delete-network-acl-entry") == 2
    assert incident.inverse and incident.inverse.count("create-network-acl-entry") == 2


def test_calls_that_are_only_suspected_are_not_told_among_the_proven_ones() -> None:
    flows = usual("12:00", "15:05") + service(443, OUTSIDE, 60, "15:05", "15:40", server=False)
    flows += service(80, PEOPLE, 45, "15:05", "15:40") + refused("15:05", "15:40")
    (proven,) = findings(flows, timeline(deny("15:05")), "15:40")
    assert proven.cause
    other = deny("15:05:30", 80, number=91)
    doubted = replace(proven, certainty=Certainty.SUSPECTED, cause_events=(other,))
    doubted = replace(doubted, cause=replace(proven.cause, event_ids=(other.event_id,)))
    same = replace(proven, certainty=Certainty.SUSPECTED)
    assert parts([doubted, proven, same]) == [[proven, same], [doubted]]
    elsewhere = replace(same, signal=replace(same.signal, interface_id="eni-x"))
    told = tell([elsewhere, proven], {}, {}, "all there")
    assert told.certainty is Certainty.PROVEN
    assert "At eni-x this cause is suspected, not proven." in told.reason
