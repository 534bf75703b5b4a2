"""Proves that generated records follow the AWS reference: fields, null rules, flags, paths, times; and that they are
reproducible."""

import re
from ipaddress import ip_address

import numpy as np
import pytest

from simulation.bulk.batch import batch, batches
from simulation.bulk.fields import TRANSIT_FIELDS, VERSIONS, VPC_FIELDS, Field, fields_up_to, log_format
from simulation.bulk.flows import NEEDLE, SLOT, Traffic
from simulation.bulk.text import header, lines
from tests.unit.bulk_forms import FORMS, NOT_MEASURED, SOMETIMES_ABSENT, TRANSIT_FORMS, TRANSIT_KNOWN

AT = 1_793_491_200
ROWS = 20_000
USUAL = Traffic(seed=3, nodata_share=0.02, skipdata_share=0.01)
V2_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
TRANSIT_HEADER = (
    "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id "
    "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id "
    "tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status "
    "type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags "
    "region flow-direction pkt-src-aws-service pkt-dst-aws-service"
)
Record = dict[str, str]


def records(log_fields: tuple[Field, ...], traffic: Traffic = USUAL, rows: int = ROWS, stream: int = 0) -> list[Record]:
    """Records parsed from the text in the slowest and simplest way."""
    text = bytes(lines(batch(log_fields, traffic, rows, slot=AT, stream=stream).table)).decode("ascii")
    assert text.endswith("\n")
    names = [field.name for field in log_fields]
    return [dict(zip(names, line.split(" "), strict=True)) for line in text.splitlines()]


@pytest.fixture(scope="module")
def all_fields() -> list[Record]:
    return records(VPC_FIELDS)


def ok(found: list[Record]) -> list[Record]:
    return [record for record in found if record["log-status"] == "OK"]


def test_fields_are_those_that_aws_documents() -> None:
    assert [len(fields_up_to(version)) for version in VERSIONS] == [14, 21, 25, 29, 39, 40, 41, 42, 54]
    assert header(fields_up_to(2)).decode() == V2_HEADER + "\n"
    assert [field.name for field in VPC_FIELDS] == list(FORMS)
    assert header(TRANSIT_FIELDS).decode() == TRANSIT_HEADER + "\n"


def test_a_log_format_is_read_in_its_order_and_rejected_when_aws_would() -> None:
    assert [field.name for field in log_format("${end} ${start} srcaddr")] == ["end", "start", "srcaddr"]
    for wrong in ("start start", "start colour"):
        with pytest.raises(ValueError, match="not a VPC flow log format"):
            log_format(wrong)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_the_form_of_every_field(version: int) -> None:
    log_fields = fields_up_to(version)
    for record in records(log_fields, rows=4000):
        measured = record["log-status"] == "OK"
        for name, value in record.items():
            if not measured and name in NOT_MEASURED:
                assert value == "-", (name, record)
            elif name in SOMETIMES_ABSENT and value == "-":
                continue
            else:
                assert re.fullmatch(FORMS[name], value), (name, record)
        assert record["version"] == str(version)


def test_every_field_that_may_be_absent_occurs_both_ways(all_fields: list[Record]) -> None:
    for name in FORMS:
        absent = {record[name] == "-" for record in ok(all_fields)}
        assert absent == ({True, False} if name in SOMETIMES_ABSENT else {False}), name


def test_records_without_data_still_name_their_interface_and_window(all_fields: list[Record]) -> None:
    idle = [record for record in all_fields if record["log-status"] != "OK"]
    assert {record["log-status"] for record in idle} == {"NODATA", "SKIPDATA"}
    for record in idle:
        assert record["vpc-id"] != "-"
        assert 55 <= int(record["end"]) - int(record["start"]) < 60
    busy = {record["interface-id"] for record in ok(all_fields)}
    assert busy.isdisjoint({r["interface-id"] for r in idle if r["log-status"] == "NODATA"})


def test_addresses_are_canonical_match_the_type_and_one_is_the_interface(all_fields: list[Record]) -> None:
    own: dict[tuple[str, str], set[str]] = {}
    for record in ok(all_fields):
        for name in ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"):
            address = ip_address(record[name])
            assert str(address) == record[name]
            assert record["type"] == f"IPv{address.version}"
        near = record["srcaddr" if record["flow-direction"] == "egress" else "dstaddr"]
        own.setdefault((record["interface-id"], record["type"]), set()).add(near)
    assert len(own) > 60
    assert all(len(addresses) == 1 for addresses in own.values())


def test_pods_and_nat_gateways_carry_other_addresses_in_the_packet(all_fields: list[Record]) -> None:
    differ = [r for r in ok(all_fields) if (r["srcaddr"], r["dstaddr"]) != (r["pkt-srcaddr"], r["pkt-dstaddr"])]
    nat = [r for r in differ if r["interface-type"] == "nat_gateway"]
    assert len(nat) > 50
    for record in nat:  # on the inner side of the gateway the packet has the outside host's address
        inward = record["flow-direction"] == "egress"
        seen, carried = ("srcaddr", "pkt-srcaddr") if inward else ("dstaddr", "pkt-dstaddr")
        other, same = ("dstaddr", "pkt-dstaddr") if inward else ("srcaddr", "pkt-srcaddr")
        assert ip_address(record[seen]).is_private
        assert not ip_address(record[carried]).is_private
        assert record[other] == record[same]
        service = record["pkt-src-aws-service" if not inward else "pkt-dst-aws-service"]
        assert service == "-"
    assert any(r["pkt-src-aws-service"] != "-" for r in nat)
    pods = [r for r in differ if r["interface-type"] != "nat_gateway"]
    assert len(pods) > 50
    assert all(r["pkt-srcaddr"].startswith("100.") or r["pkt-dstaddr"].startswith("100.") for r in pods)


def test_flags_are_ored_bits_that_aws_records(all_fields: list[Record]) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for record in ok(all_fields):
        kind = "tcp" if record["protocol"] == "6" else record["protocol"]
        seen.setdefault((kind, record["action"]), set()).add(record["tcp-flags"])
        if record["protocol"] in ("1", "58"):
            assert (record["srcport"], record["dstport"]) == ("0", "0")
    assert seen["tcp", "ACCEPT"] == {"0", "1", "2", "3", "4", "6", "7", "18", "19", "22", "23"}
    assert seen["tcp", "REJECT"] == {"0", "1", "2", "4", "18"}
    assert seen["17", "ACCEPT"] == {"0"}
    assert seen["1", "ACCEPT"] == {"-"}


def test_an_acl_that_stops_the_answer_shows_as_a_mirrored_pair() -> None:
    found = ok(records(fields_up_to(5), Traffic(seed=3, nodata_share=0, skipdata_share=0, twice_share=0)))
    refused = [i for i, r in enumerate(found) if r["action"] == "REJECT" and r["tcp-flags"] == "18"]
    assert len(refused) > 50
    for i in refused:
        asked, answer = found[i - 1], found[i]
        assert (asked["action"], asked["flow-direction"], answer["flow-direction"]) == ("ACCEPT", "ingress", "egress")
        mirrored = (answer["dstaddr"], answer["srcaddr"], answer["dstport"], answer["srcport"])
        assert (asked["srcaddr"], asked["dstaddr"], asked["srcport"], asked["dstport"]) == mirrored


def test_traffic_path_and_next_hop_show_where_egress_goes(all_fields: list[Record]) -> None:
    paths = {r["traffic-path"] for r in ok(all_fields) if r["flow-direction"] == "egress" and r["action"] == "ACCEPT"}
    assert paths == {"1", "2", "3", "4", "5", "6", "7", "8", "-"}
    assert {r["traffic-path"] for r in ok(all_fields) if r["flow-direction"] == "ingress"} == {"-"}
    for record in ok(all_fields):
        if record["next-hop-vpc-id"] != "-" and record["traffic-path"] != "-":
            assert record["traffic-path"] == ("1" if record["next-hop-vpc-id"] == record["vpc-id"] else "4")


@pytest.mark.parametrize("window", [60, 600])
def test_records_end_in_their_five_minutes_and_are_no_longer_than_a_window(window: int) -> None:
    traffic = Traffic(seed=5, window=600) if window == 600 else Traffic(seed=5)
    table = batch(fields_up_to(2), traffic, ROWS, slot=AT).table
    start, end = (table[name].to_numpy() for name in ("start", "end"))
    assert ((end >= AT) & (end < AT + SLOT)).all()
    assert (start <= end).all()
    assert (end - start).max() in range(window - 5, window)
    assert len(np.unique(start % 60)) == 60, "windows are not aligned"
    if window == 600:
        assert ((end - start) < 60).mean() > 0.5, "interfaces of Nitro instances stay with 60 s"


@pytest.mark.parametrize("log_fields", [fields_up_to(2), VPC_FIELDS, TRANSIT_FIELDS], ids=["v2", "v11", "transit"])
def test_the_truth_matches_the_lines(log_fields: tuple[Field, ...]) -> None:
    traffic = Traffic(seed=8, needle_share=0.001, nodata_share=0.03)
    whole = batch(log_fields, traffic, ROWS, slot=AT)
    found, truth = records(log_fields, traffic), whole.truth()
    statuses = [record["log-status"] for record in found]
    assert (truth.ok, truth.nodata) == (statuses.count("OK"), statuses.count("NODATA"))
    assert truth.skipdata == statuses.count("SKIPDATA")
    assert truth.records == ROWS
    assert truth.packets == sum(int(record["packets"]) for record in ok(found))
    assert truth.bytes == sum(int(record["bytes"]) for record in ok(found))
    assert truth.rejected == sum(record.get("action") == "REJECT" for record in found)
    needles = [record for record in found if NEEDLE in (record["srcaddr"], record["dstaddr"])]
    assert truth.needles == len(needles) > 5
    if "action" in found[0]:
        assert {(r["srcaddr"], r["dstport"], r["action"]) for r in needles} == {(NEEDLE, "22", "REJECT")}
    assert whole.truth(0, 777) + whole.truth(777) == truth


def test_counters_go_beyond_32_bits(all_fields: list[Record]) -> None:
    assert max(int(record["bytes"]) for record in ok(all_fields)) > 1 << 32


def test_some_records_come_twice_and_only_when_wanted() -> None:
    def twins(share: float) -> int:
        found = [tuple(r.values()) for r in records(VPC_FIELDS, Traffic(seed=2, twice_share=share))]
        return sum(found[i] == found[i - 1] for i in range(1, len(found)))

    by_chance = twins(0)
    assert by_chance < 50
    assert 150 < twins(0.01) - by_chance < 250


def test_the_same_seed_gives_the_same_bytes_and_another_seed_or_stream_different_ones() -> None:
    def text(traffic: Traffic, stream: int = 0) -> bytes:
        return bytes(lines(batch(VPC_FIELDS, traffic, 500, slot=AT, stream=stream).table))

    assert text(USUAL) == text(USUAL)
    assert len({text(USUAL), text(Traffic(seed=4)), text(USUAL, stream=1)}) == 3


def test_records_do_not_depend_on_how_they_are_batched_or_in_which_format() -> None:
    whole = batch(VPC_FIELDS, USUAL, 5000, slot=AT).table
    cut = [part.table for part in batches(VPC_FIELDS, USUAL, 5000, slot=AT, most=701)]
    assert len(cut) == 8
    assert b"".join(bytes(lines(part)) for part in cut) == bytes(lines(whole))
    order = log_format("bytes end start tcp-flags srcaddr next-hop-az-id")
    assert batch(order, USUAL, 5000, slot=AT).table.equals(whole.select([field.name for field in order]))


def test_a_field_that_aws_does_not_have_gets_arbitrary_words() -> None:
    found = records((*fields_up_to(2), Field("quantum-state", 12)), rows=500)
    assert len({record["quantum-state"] for record in found}) > 3
    assert {record["version"] for record in found} == {"12"}


def test_transit_gateway_records_follow_their_own_format() -> None:
    found = records(TRANSIT_FIELDS, Traffic(seed=3, window=600, nodata_share=0.02))
    for record in found:
        for name, value in record.items():
            if record["log-status"] != "OK" and name not in TRANSIT_KNOWN:
                assert value == "-", (name, record)
            else:
                assert re.fullmatch(TRANSIT_FORMS[name], value), (name, record)
        assert int(record["end"]) - int(record["start"]) < 60
    for reason in ("no-route", "blackhole", "mtu-exceeded", "ttl-expired"):
        lossy = [r for r in ok(found) if r[f"packets-lost-{reason}"] != "0"]
        assert lossy, reason
        assert all(int(r[f"packets-lost-{reason}"]) <= int(r["packets"]) for r in lossy)
    flags = {int(r["tcp-flags"]) for r in ok(found)}
    assert {8, 16, 32} <= {bit for bit in (1, 2, 4, 8, 16, 32) if any(flag & bit for flag in flags)}
