"""What the store holds, how complete and how old it is, what was set aside, and what is yet to be done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.clickhouse import Store
from connectors.migrate import pending
from connectors.retention import Kept, kept, words
from console.ask import ask
from console.coverage import SEE_REJECTED
from console.gaps import MOST, Gap, gaps, span
from console.overlaps import MOST as OVERLAPS
from console.overlaps import Overlap, overlaps
from console.render import both, clean, utc
from console.screen import Screen
from schemas.ledger import DeadLetter

SHOWN = 10
LAST_DAY = timedelta(hours=24)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
ONE_OF_THEM = (
    "Load one of them: `flowtrail ingest --flow-log ID`. Of what is loaded nothing is taken out again: load it into a"
    " new database (FLOWTRAIL_DB, FLOWTRAIL_DATABASE)."
)
LOST = {
    "packets_lost_no_route": "without a route",
    "packets_lost_blackhole": "by a blackhole route",
    "packets_lost_mtu_exceeded": "larger than the MTU",
    "packets_lost_ttl_expired": "with their TTL used up",
}
FOR_EVER = Kept(None, None)


@dataclass(frozen=True)
class Status:
    """`facts` are the rows of `queries/status.sql` and `transit.sql`, None while migrations are pending; `gaps` and
    `overlaps` are those of the range `[gaps_from, gaps_to)`."""

    store: Store
    pending: list[str]
    facts: dict[str, Any] | None
    dead_letters: Sequence[DeadLetter]
    now: datetime
    gaps: Sequence[Gap] = ()
    gaps_from: datetime | None = None
    gaps_to: datetime | None = None
    overlaps: Sequence[Overlap] = ()
    kept: Kept = FOR_EVER

    @property
    def lag_seconds(self) -> int | None:
        """How old the newest record is."""
        last = (self.facts or {}).get("records_last")
        return None if last is None else int((self.now - last).total_seconds())

    def to_json(self) -> dict[str, Any]:
        return {
            "db": self.store.db,
            "database": self.store.database,
            "pending_migrations": self.pending,
            "dead_letters": len({letter.ref for letter in self.dead_letters}),
            **(self.facts or {}),
            "lag_seconds": self.lag_seconds,
            "retention_seconds": None if (length := self.kept.retention) is None else int(length.total_seconds()),
            "kept_from": self.kept.since,
            "gaps_from": self.gaps_from,
            "gaps_to": self.gaps_to,
            "gaps": [gap.to_json() for gap in self.gaps],
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
        }


def status(
    store: Store,
    dead_letters: Sequence[DeadLetter],
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Status:
    """Delivery gaps and overlaps are those of `[start, end)`, by default of the last day that the store holds. Raises
    FlowtrailError when there is no database yet, or its migrations do not fit this release."""
    todo = [migration.file for migration in pending(store.reader())]
    if todo:
        return Status(store, todo, None, dead_letters, now)
    facts = {**ask(store, "status")[0], **ask(store, "transit")[0]}
    known = Status(store, todo, facts, dead_letters, now, kept=kept(store.reader()))
    last = facts["flows_last"]
    if last is None:
        return known
    finish = end or max(last, start or last) + timedelta(seconds=1)
    begin = max(start or finish - LAST_DAY, known.kept.since or NEVER)  # what has expired is no gap
    if begin >= finish:
        return known
    found, twice = gaps(store, begin, finish), overlaps(store, begin, finish)
    return replace(known, gaps=found, gaps_from=begin, gaps_to=finish, overlaps=twice)


def show(found: Status, screen: Screen) -> None:
    rows: list[tuple[str, str]] = [("database", f"{found.store.database} at {found.store.db}")]
    if found.pending:
        rows.append(("pending", f"{', '.join(found.pending)}: run `flowtrail migrate`"))
    if found.facts is not None:
        rows += _facts(found.facts)
        rows += _lag(found, found.facts)
        rows += _transit(found.facts)
        rows.append(("retention", _kept(found.kept)))
    rows += _gaps(found)
    rows += _overlaps(found.overlaps)
    bad = {letter.ref: letter for letter in found.dead_letters}
    rows.append(("set aside", f"{len(bad)} objects that could not be read"))
    rows += [
        ("", f"{clean(letter.ref.url)}: {letter.reason}: {letter.detail}") for letter in list(bad.values())[:SHOWN]
    ]
    for name, value in rows:
        screen.line(f"{name:<12}{value}")


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rejected = f" ({SEE_REJECTED})" if facts["rows_rejected"] else ""
    bare = facts["flows_unenriched"]
    flows = f"{facts['flows']}, {_span(facts['flows_first'], facts['flows_last'])}"
    gateways = f", {facts['tgw_objects']} of transit gateways" if facts["tgw_objects"] else ""
    return [
        ("objects", f"{facts['flow_log_objects']} of flow logs{gateways}, {facts['cloudtrail_objects']} of CloudTrail"),
        (
            "records",
            f"{facts['rows_read']} read = {facts['rows_written']} written + {facts['rows_rejected']} rejected"
            f" + {facts['rows_skipped']} skipped{rejected}",
        ),
        ("flows", f"{flows}; {bare} without VPC metadata, as no snapshot knew their interface" if bare else flows),
        ("coverage", f"{facts['nodata']} intervals without traffic, {facts['skipdata']} with records AWS dropped"),
        ("changes", f"{facts['changes']}, {_span(facts['changes_first'], facts['changes_last'])}"),
        (
            "snapshots",
            f"{facts['snapshots']}, the latest of {both(last)}" if (last := facts["snapshot_last"]) else "none",
        ),
        ("incidents", f"{facts['incidents_open']} open, {facts['incidents_closed']} closed"),
    ]


def _lag(found: Status, facts: dict[str, Any]) -> list[tuple[str, str]]:
    if facts["records_last"] is None:
        return []
    age = found.now - facts["records_last"]
    return [("lag", f"{span(age)}: the newest record is of {both(facts['records_last'])}, loaded last {_at(facts)}")]


def _at(facts: dict[str, Any]) -> str:
    return both(facts["loaded_last"].replace(microsecond=0))


def _gaps(found: Status) -> list[tuple[str, str]]:
    if found.gaps_from is None or found.gaps_to is None:
        return []
    where = f"from {utc(found.gaps_from)} to {utc(found.gaps_to)}"
    if not found.gaps:
        return [("gaps", f"none {where}: no interface's flow log falls silent between two records")]
    count = f"{len(found.gaps)}{' or more' if len(found.gaps) == MOST else ''}"
    rows = [("gaps", f"{count} {where}, in which an interface's flow log delivered nothing; the longest:")]
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
    rows = [("overlaps", f"{count} whose records came by more than one flow log, and count as often; the longest:")]
    for one in found[:SHOWN]:
        logs = ", ".join(map(clean, one.flow_logs))
        rows.append(("", f"{clean(one.interface_id)}  {utc(one.start)} to {utc(one.end)}  {logs}"))
    return [*rows, ("", ONE_OF_THEM)]


def _kept(known: Kept) -> str:
    text = words(known.retention)
    return text if known.since is None else f"{text}: those from before {utc(known.since)} are gone, or will be soon"


def _span(first: datetime | None, last: datetime | None) -> str:
    return "none" if first is None or last is None else f"{both(first)} to {both(last)}"
