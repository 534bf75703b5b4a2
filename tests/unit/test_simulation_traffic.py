"""Proves that the simulated logs are what AWS would write: shapes, fates from the walk, readings of a lost route."""

import gzip
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from simulation.fates import ACTIONS, OUTCOMES, REPLIES, Fates
from simulation.flow_log_objects import HEADERS, Stored
from simulation.network import Phase
from simulation.rows import Reading
from simulation.story import BEGIN, END, FIXED, NOW, Fault, Story, Telling, clock, healed_at, logs, population
from simulation.traffic import SETTLES
from simulation.walk import walk
from tests.unit.handmade import DB, NETWORK, WEB, answers, entries, entry, ports, story, with_deny, without_route

KEY = re.compile(
    r"AWSLogs/(?P<account>\d+)/vpcflowlogs/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/"
    r"(?P=account)_vpcflowlogs_(?P=region)_(?P<fl>fl-[0-9a-f]{17})_(?P<ts>\d{8}T\d{4}Z)_(?P<hash>[0-9a-f]{8})\.log\.gz$"
)
Row = dict[str, str]
LOST = (clock("14:32").timestamp() + SETTLES, FIXED.timestamp())


def lines(stored: Stored) -> list[str]:
    text = gzip.decompress(stored.body).decode("ascii")
    assert text.endswith("\n")
    return text.splitlines()


def rows(objects: list[Stored]) -> list[Row]:
    found = []
    for stored in objects:
        if "/vpcflowlogs/" in stored.key:
            header, *records = (line.split(" ") for line in lines(stored))
            assert all(len(record) == len(header) for record in records)
            found += [dict(zip(header, record, strict=True)) for record in records]
    return found


def told(tale: Story, reading: Reading = Reading.ANSWERS_LOGGED, end: datetime = END) -> list[Row]:
    return [row for row in rows(logs(tale, Telling(7, 5, reading), BEGIN, end)) if row["log-status"] == "OK"]


def during(found: list[Row], begin: float, end: float) -> list[Row]:
    return [row for row in found if begin <= int(row["start"]) < end]


def five(row: Row) -> tuple[str, str, str, str]:
    return row["srcaddr"], row["srcport"], row["dstaddr"], row["dstport"]


def mirrored(row: Row) -> tuple[str, str, str, str]:
    return row["dstaddr"], row["dstport"], row["srcaddr"], row["srcport"]


@pytest.mark.parametrize(("version", "fields"), [(2, 14), (5, 29)])
def test_objects_are_named_and_cut_as_aws_does(version: int, fields: int) -> None:
    objects = [o for o in logs(story(), Telling(3, version)) if "/vpcflowlogs/" in o.key]  # type: ignore[arg-type]
    assert len(objects) == (NOW - BEGIN).total_seconds() / 300
    assert len({stored.key for stored in objects}) == len(objects)
    for stored in objects:
        name = KEY.match(stored.key)
        assert name is not None
        slot = datetime.strptime(name["ts"], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
        assert name["day"] == f"{slot:%Y/%m/%d}"
        header, *records = lines(stored)
        assert header == HEADERS[2 if version == 2 else 5]
        assert len(header.split(" ")) == fields
        assert records
        ends = [int(dict(zip(header.split(" "), record.split(" "), strict=True))["end"]) for record in records]
        assert all(0 <= end - slot.timestamp() < 300 for end in ends)


def test_every_record_is_well_formed() -> None:
    for row in rows(logs(story(fixed=True), Telling(7), BEGIN, END)):
        assert row["version"] == "5"
        assert (row["interface-id"], row["instance-id"]) in {("eni-web", "i-web"), ("eni-db", "i-db")}
        start, end = int(row["start"]), int(row["end"])
        assert 0 <= end - start < 60
        if row["log-status"] == "NODATA":
            nothing = "srcaddr dstaddr srcport dstport protocol packets bytes action tcp-flags flow-direction"
            assert {row[name] for name in nothing.split()} == {"-"}
            continue
        assert row["log-status"] == "OK"
        assert (row["srcaddr"], row["dstaddr"]) == (row["pkt-srcaddr"], row["pkt-dstaddr"])
        own = WEB if row["interface-id"] == "eni-web" else DB
        assert row["dstaddr" if row["flow-direction"] == "ingress" else "srcaddr"] == own
        assert int(row["tcp-flags"]) in (0, 1, 2, 3, 4, 6, 18, 19)
        assert int(row["packets"]) >= 1
        assert 28 <= int(row["bytes"]) / int(row["packets"]) <= 1500
        assert all(0 <= int(row[name]) <= 65535 for name in ("srcport", "dstport"))
        if row["protocol"] == "1":
            assert (row["srcport"], row["dstport"]) == ("0", "0")
        assert (row["traffic-path"] in {"1", "8"}) <= (row["flow-direction"] == "egress")


def test_windows_are_never_crossed_and_an_idle_one_is_recorded() -> None:
    found = rows(logs(story(), Telling(7)))
    for interface, offset in (("eni-web", 23), ("eni-db", 41)):
        mine = [row for row in found if row["interface-id"] == interface]
        assert all((int(r["start"]) - offset) // 60 == (int(r["end"]) - offset) // 60 for r in mine)
        busy = {(int(r["start"]) - offset) // 60 for r in mine if r["log-status"] == "OK"}
        idle = {(int(r["start"]) - offset) // 60 for r in mine if r["log-status"] == "NODATA"}
        assert not busy & idle
        complete = {w for w in busy | idle if BEGIN.timestamp() <= w * 60 + offset <= NOW.timestamp() - 120}
        assert all(after - before == 1 for before, after in pairwise(sorted(complete)))
    assert any(row["log-status"] == "NODATA" and row["interface-id"] == "eni-db" for row in found)


def test_the_same_seed_gives_the_same_bytes_and_another_one_different_ones() -> None:
    tale = story()
    assert logs(tale, Telling(5)) == logs(tale, Telling(5))
    assert {o.body for o in logs(tale, Telling(5))}.isdisjoint({o.body for o in logs(tale, Telling(6))})


def test_both_formats_contain_the_same_traffic() -> None:
    two, five_ = (rows(logs(story(), Telling(5, version))) for version in (2, 5))
    same = [name for name in HEADERS[2].split() if name != "version"]
    assert sorted([row[name] for name in same] for row in two) == sorted([row[name] for name in same] for row in five_)


def test_what_was_written_never_changes_with_what_comes_later() -> None:
    assert logs(story(), Telling(7)) == logs(story(fixed=True), Telling(7))
    whole = logs(story(fixed=True), Telling(7), BEGIN, END)
    parts = [
        *logs(story(fixed=True), Telling(7), BEGIN, NOW),
        *logs(story(fixed=True), Telling(7), NOW, END),
    ]
    assert sorted(o.key for o in whole if "vpcflow" in o.key) == sorted(o.key for o in parts if "vpcflow" in o.key)


@pytest.mark.parametrize("reading", Reading)
def test_the_walk_decides_every_opening_packet(reading: Reading) -> None:
    tale = story(fixed=True)
    opening = [row for row in told(tale, reading) if int(row["tcp-flags"]) & 18 == 2]
    assert len(opening) > 5000
    decided: dict[object, str] = {}
    for row in opening:
        phase = max(n for n, p in enumerate(tale.phases) if n == 0 or p.at.timestamp() + SETTLES <= int(row["start"]))
        packet = (row["srcaddr"], row["dstaddr"], 6, 40000, int(row["dstport"]))
        key = (phase, row["interface-id"], *packet)
        if key not in decided:
            decided[key] = walk(tale.phases[phase].answers, row["interface-id"], *packet).action
        assert row["action"] == decided[key], row
    assert Counter(decided.values())["REJECT"] > 100


def test_fates_of_many_packets_are_those_of_the_walk() -> None:
    net = with_deny(answers())
    entries(net).append(entry(80, True, "deny", "6", **ports("203.0.113.0/25", 40000, 45000)))
    addresses = [WEB, DB, "10.0.1.99", "203.0.113.7", "203.0.113.200", "198.18.0.1"]
    rng = np.random.default_rng(1)
    n = 400
    src, dst = rng.integers(0, len(addresses), n), rng.integers(0, len(addresses), n)
    protocol = rng.choice([1, 6, 17], n)
    sport, dport = rng.choice([39999, 40000, 45000, 45001], n), rng.choice([21, 22, 23, 80, 5432, 40000], n)
    fate = Fates(net, addresses).of("eni-web", src, dst, protocol, (sport, dport))
    for i in range(n):
        one = walk(net, "eni-web", addresses[src[i]], addresses[dst[i]], int(protocol[i]), int(sport[i]), int(dport[i]))
        assert (one.action, one.reply) == (ACTIONS[fate.action[i]], REPLIES[fate.reply[i]])
        assert one.outcome == OUTCOMES[fate.outcome[i]]


def test_a_conversation_that_completes_has_an_answer() -> None:
    found = [row for row in told(story(), end=clock("14:30")) if row["dstport"] == "80" and row["tcp-flags"] == "3"]
    answered = {mirrored(row) for row in told(story(), end=clock("14:35")) if row["tcp-flags"] == "19"}
    assert len(found) > 3000
    assert all(five(row) in answered for row in found)
    packets, size = (np.array([int(row[name]) for row in found]) for name in ("packets", "bytes"))
    assert 6 <= packets.min() <= packets.max() <= 12
    assert 600 <= size.min() <= size.max() <= 1500


@pytest.mark.parametrize(
    ("reading", "requests", "answered"),
    [
        (Reading.ANSWERS_LOGGED, True, True),
        (Reading.ANSWERS_NOT_LOGGED, True, False),
        (Reading.NOTHING_LOGGED, False, False),
    ],
)
def test_each_reading_of_a_lost_route(reading: Reading, requests: bool, answered: bool) -> None:
    tale = story()
    people = set(population(tale, Telling(7)).http_clients)
    lost = [row for row in during(told(tale, reading), *LOST) if row["action"] == "ACCEPT"]
    asked = [row for row in lost if row["dstport"] == "80" and row["srcaddr"] in people]
    replies = [row for row in lost if row["srcport"] == "80" and row["dstaddr"] in people]
    out = [row for row in lost if row["dstport"] == "443"]
    assert bool(asked) == bool(out) == requests
    assert bool(replies) == answered
    assert {row["tcp-flags"] for row in asked} <= {"0", "2"}
    assert {row["tcp-flags"] for row in replies} <= {"0", "18"}
    assert all(int(row["packets"]) <= 3 and int(row["bytes"]) <= 180 for row in asked if row["tcp-flags"] == "2")
    assert {row["traffic-path"] for row in [*replies, *out]} <= {"-"}
    assert not [row for row in lost if row["srcport"] == "443"], "nothing answers from outside"


@pytest.mark.parametrize("reading", Reading)
def test_rejects_are_logged_whatever_the_reading(reading: Reading) -> None:
    tale = story()
    admins = set(population(tale, Telling(7)).ssh_admins)
    denied = during(told(tale, reading), clock("15:05").timestamp() + SETTLES, NOW.timestamp())
    mine = [row for row in denied if row["dstport"] == "22" and row["srcaddr"] in admins]
    assert {row["srcaddr"] for row in mine} == admins
    assert {(row["action"], row["tcp-flags"]) for row in mine} == {("REJECT", "2")}
    assert not [row for row in denied if row["srcport"] == "22"]


def test_an_established_session_is_rejected_midway() -> None:
    good = answers()
    tale = Story(NETWORK, (Phase(BEGIN, good), Phase(clock("13:00"), with_deny(good))), (), (), frozenset())
    cut_off = during(told(tale), clock("13:00").timestamp() + SETTLES, clock("13:01").timestamp() + SETTLES)
    rejected = [row for row in cut_off if row["dstport"] == "22" and row["action"] == "REJECT"]
    assert "0" in {row["tcp-flags"] for row in rejected}


def test_noise_never_stops() -> None:
    found = told(story(fixed=True))
    scans = [row for row in found if row["srcaddr"].startswith("198.1") and row["action"] == "REJECT"]
    seen = {int(row["start"]) // 300 for row in scans}
    assert seen == set(range(int(BEGIN.timestamp()) // 300, int(END.timestamp()) // 300))
    assert any(row["dstport"] == "22" and row["srcaddr"].startswith("198.1") for row in found)


def test_a_few_packets_arrive_too_late() -> None:
    people = set(population(story(), Telling(7)).http_clients)
    calm = [row for row in told(story(), end=clock("14:30")) if row["srcaddr"] in people]
    late = [row for row in calm if row["action"] == "REJECT"]
    assert 5 <= len(late) <= 100
    assert {row["tcp-flags"] for row in late} == {"0", "1", "4"}


def test_internal_traffic_has_rows_on_both_ends() -> None:
    found = [row for row in told(story()) if "5432" in (row["srcport"], row["dstport"]) and DB in five(row)]
    asked = {(row["interface-id"], row["flow-direction"]): set() for row in found}  # type: ignore[var-annotated]
    for row in found:
        asked[row["interface-id"], row["flow-direction"]].add(five(row))
    assert asked["eni-web", "egress"] == asked["eni-db", "ingress"]
    assert asked["eni-web", "ingress"] == asked["eni-db", "egress"]


def test_a_request_that_is_rejected_at_the_sender_leaves_no_row_at_the_receiver() -> None:
    net = answers()
    entries(net).append(entry(80, True, "deny", "6", **ports("10.0.2.0/24", 5432, 5432)))
    tale = Story(NETWORK, (Phase(BEGIN, net),), (), (), frozenset())
    found = [row for row in told(tale) if row["dstport"] == "5432" and DB in five(row)]
    assert {(row["interface-id"], row["action"]) for row in found} == {("eni-web", "REJECT")}


def test_only_the_right_fix_restores_traffic() -> None:
    good = answers()
    broken = story()
    half = Story(NETWORK, (*broken.phases, Phase(FIXED, with_deny(good))), (), (), frozenset())
    after = (clock("15:51").timestamp(), END.timestamp())
    halfway = during(told(half), *after)
    healed = during(told(story(fixed=True)), *after)
    admins = set(population(broken, Telling(7)).ssh_admins)

    def ssh(found: list[Row]) -> set[str]:
        opened = [row for row in found if row["srcaddr"] in admins and row["tcp-flags"] in ("2", "3")]
        return {row["action"] for row in opened}

    assert any(row["tcp-flags"] == "19" and row["srcport"] == "80" for row in halfway)
    assert ssh(halfway) == {"REJECT"}
    assert ssh(healed) == {"ACCEPT"}
    wrong = Story(NETWORK, (*broken.phases, Phase(FIXED, without_route(good))), (), (), frozenset())
    assert not [row for row in during(told(wrong), *after) if row["tcp-flags"] == "19" and row["srcport"] == "80"]


@pytest.mark.parametrize("reading", Reading)
def test_traffic_is_restored_at_the_first_answer_after_the_fix(reading: Reading) -> None:
    ssh = Fault("rejects", "e", "CreateNetworkAclEntry", "bob", "ip", clock("15:05"), "network-acl", "acl", "r", (22,))
    http = Fault("lost-traffic", "e", "DeleteRoute", "alice", "ip", clock("14:32"), "route", "rtb", "r", (80,))
    telling = Telling(7, 5, reading)
    fixed = story(fixed=True)
    found = [row for row in told(fixed, reading) if row["tcp-flags"] in ("18", "19") and row["traffic-path"] == "8"]
    for fault in (ssh, http):
        assert healed_at(story(), telling, fault) is None
        healed = healed_at(fixed, telling, fault)
        assert healed is not None
        assert healed.timestamp() >= FIXED.timestamp() + SETTLES
        answers = [int(row["start"]) for row in found if int(row["srcport"]) in fault.ports]
        assert healed.timestamp() == min(at for at in answers if at > fault.time.timestamp() + SETTLES)
