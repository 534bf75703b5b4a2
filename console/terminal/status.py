"""What the store contains, in a terminal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.store.migrate import released
from connectors.store.retention import Kept, words
from connectors.store.trail import sentence
from console.answers.copies import Copies
from console.answers.coverage import SEE_REJECTED
from console.answers.gaps import MOST
from console.answers.overlaps import MOST as OVERLAPS
from console.answers.overlaps import Overlap
from console.answers.status import Status
from console.answers.text import INGEST, both, clean, few, span, utc
from console.answers.unlogged import MOST as UNLOGGED
from console.answers.unlogged import Unlogged
from console.terminal.screen import Screen

SHOWN = 10


ONE_OF_THEM = (
    "Load only one of them with `flowtrail ingest --flow-log ID`, into a new database (FLOWTRAIL_DB,"
    " FLOWTRAIL_DATABASE): records that are already loaded are not removed."
)


ONE_BUCKET = "Load only one of the buckets, into a new database: records that are already loaded are not removed."


LOST = {
    "packets_lost_no_route": "without a route",
    "packets_lost_blackhole": "by a blackhole route",
    "packets_lost_mtu_exceeded": "larger than the MTU",
    "packets_lost_ttl_expired": "with an expired TTL",
}


def show(found: Status, screen: Screen) -> None:
    rows: list[tuple[str, str]] = [("database", f"{found.store.database} at {found.store.db}")]
    if found.pending:
        rows.append(("pending", _pending(found.pending)))
    if found.facts is not None:
        rows += _facts(found.facts)
        rows += _lag(found, found.facts)
        rows += _messages(found)
        rows += _transit(found.facts)
        rows.append(("retention", _kept(found.kept)))
    rows += _gaps(found)
    rows += _overlaps(found.overlaps)
    rows += _copies(found.copies)
    rows += _trail(found)
    rows += _unlogged(found.unlogged)
    bad = {letter.ref: letter for letter in found.dead_letters}
    rows.append(("set aside", f"{len(bad)} objects that could not be read"))
    rows += [
        ("", f"{clean(letter.ref.url)}: {letter.reason}: {letter.detail}") for letter in list(bad.values())[:SHOWN]
    ]
    for name, value in rows:
        screen.line(f"{name:<12}{value}")


def _pending(files: Sequence[str]) -> str:
    if len(files) == len(released()):
        return f"every migration, as the database is empty: run `{INGEST}`"
    return f"{', '.join(files)}: run `flowtrail migrate`"


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rejected = f" ({SEE_REJECTED})" if facts["rows_rejected"] else ""
    bare = facts["flows_unenriched"]
    times = _span(facts["flows_first"], facts["flows_last"])
    flows = f"{facts['flows']}, {times}" if facts["flows"] else f"none: load some with `{INGEST}`"
    gateways = f", {facts['tgw_objects']} of transit gateways" if facts["tgw_objects"] else ""
    return [
        ("objects", f"{facts['flow_log_objects']} of flow logs{gateways}, {facts['cloudtrail_objects']} of CloudTrail"),
        (
            "records",
            f"{facts['rows_read']} read = {facts['rows_written']} written + {facts['rows_rejected']} rejected"
            f" + {facts['rows_skipped']} skipped{rejected}",
        ),
        ("flows", f"{flows}; {bare} without VPC metadata: no snapshot contained their interface" if bare else flows),
        ("coverage", f"{facts['nodata']} intervals without traffic, {facts['skipdata']} with records AWS dropped"),
        ("changes", f"{facts['changes']}, {_span(facts['changes_first'], facts['changes_last'])}"),
        (
            "snapshots",
            f"{facts['snapshots']}, the latest from {both(last)}" if (last := facts["snapshot_last"]) else "none",
        ),
        ("incidents", f"{facts['incidents_open']} open, {facts['incidents_closed']} closed"),
    ]


def _lag(found: Status, facts: dict[str, Any]) -> list[tuple[str, str]]:
    if facts["records_last"] is None:
        return []
    age = found.now - facts["records_last"]
    rows = [("lag", f"{span(age)}: the newest record is from {both(facts['records_last'])}, last load {_at(facts)}")]
    if len(found.lags) > 1:
        rows += [
            ("", f"{clean(account)} {clean(region)}  {span(timedelta(seconds=seconds))}, {utc(newest)}")
            for account, region, newest, seconds in found.lags[:SHOWN]
        ]
    return rows


def _messages(found: Status) -> list[tuple[str, str]]:
    """Only channels that failed."""
    return [("messages", f"{clean(channel)} did not take {number}") for channel, number in sorted(found.failed.items())]


def _at(facts: dict[str, Any]) -> str:
    return both(facts["loaded_last"].replace(microsecond=0))


def _gaps(found: Status) -> list[tuple[str, str]]:
    if found.gaps_from is None or found.gaps_to is None:
        return []
    where = f"from {utc(found.gaps_from)} to {utc(found.gaps_to)}"
    if not found.gaps:
        return [("gaps", f"none {where}: no interface has a period without records between two records")]
    count = f"{len(found.gaps)}{' or more' if len(found.gaps) == MOST else ''}"
    rows = [("gaps", f"{count} {where}: an interface's flow log delivered nothing; the longest:")]
    for gap in found.gaps[:SHOWN]:
        rows.append(("", f"{clean(gap.interface_id)}  {utc(gap.start)} to {utc(gap.end)}  {span(gap.end - gap.start)}"))
    return rows


def _transit(facts: dict[str, Any]) -> list[tuple[str, str]]:
    if not (facts["tgw_flows"] or facts["tgw_nodata"] or facts["tgw_skipdata"]):
        return []
    rows = [
        (
            "transit",
            f"{facts['tgw_flows']} flows of {facts['tgw_gateways']} transit gateways,"
            f" {_span(facts['tgw_first'], facts['tgw_last'])}; {facts['tgw_nodata']} intervals without traffic,"
            f" {facts['tgw_skipdata']} with records AWS dropped",
        )
    ]
    lost = [f"{facts[name]} {why}" for name, why in LOST.items() if facts[name]]
    return [*rows, ("", f"packets lost there: {', '.join(lost)}")] if lost else rows


def _overlaps(found: Sequence[Overlap]) -> list[tuple[str, str]]:
    if not found:
        return []
    count = f"{len(found)}{' or more' if len(found) == OVERLAPS else ''} interfaces"
    rows = [("overlaps", f"{count} with records from several flow logs, each counted more than once; the longest:")]
    for one in found[:SHOWN]:
        logs = ", ".join(map(clean, one.flow_logs))
        rows.append(("", f"{clean(one.interface_id)}  {utc(one.start)} to {utc(one.end)}  {logs}"))
    return [*rows, ("", ONE_OF_THEM)]


def _copies(found: Sequence[Copies]) -> list[tuple[str, str]]:
    if not found:
        return []
    rows = [("copies", "the same objects were loaded from several places, so their records count more than once:")]
    for one in found[:SHOWN]:
        where = ", ".join(map(clean, one.buckets))
        rows.append(
            ("", f"{one.objects} objects in {where}  {utc(one.start)} to {utc(one.end)}  {one.records} records")
        )
    return [*rows, ("", ONE_BUCKET)]


def _trail(found: Status) -> list[tuple[str, str]]:
    if found.gaps_from is None or found.gaps_to is None:
        return []
    return [("CloudTrail", clean(sentence(found.trails, found.gaps_from, found.gaps_to)))]


def _unlogged(found: Sequence[Unlogged]) -> list[tuple[str, str]]:
    if not found:
        return []
    count = f"{len(found)}{' or more' if len(found) == UNLOGGED else ''}"
    names = clean(few([each.interface_id for each in found]))
    rows = [("not logged", f"of {count} interface{'s' * (len(found) != 1)} there is no record at all: {names}")]
    if (deleted := found[0].deleted_at) is not None:
        rows.append(("", f"a flow log was deleted at {both(deleted)}"))
    return rows


def _kept(known: Kept) -> str:
    text = words(known.retention)
    return text if known.since is None else f"{text}: those from before {utc(known.since)} are deleted, or soon will be"


def _span(first: datetime | None, last: datetime | None) -> str:
    return "none" if first is None or last is None else f"{both(first)} to {both(last)}"
