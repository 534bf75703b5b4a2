"""What the store holds, how complete it is, and what is yet to be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.clickhouse import Store
from connectors.migrate import pending
from console.ask import ask
from console.coverage import SEE_REJECTED
from console.render import both, clean
from console.screen import Screen
from schemas.ledger import DeadLetter


@dataclass(frozen=True)
class Status:
    """`facts` is the row of `queries/status.sql`, None while migrations are pending."""

    store: Store
    pending: list[str]
    facts: dict[str, Any] | None
    dead_letters: Sequence[DeadLetter]

    def to_json(self) -> dict[str, Any]:
        return {
            "db": self.store.db,
            "database": self.store.database,
            "pending_migrations": self.pending,
            "dead_letters": len({letter.ref for letter in self.dead_letters}),
            **(self.facts or {}),
        }


def status(store: Store, dead_letters: Sequence[DeadLetter]) -> Status:
    """Raises FlowtrailError when there is no database yet, or its migrations do not fit this release."""
    todo = [migration.file for migration in pending(store.reader())]
    return Status(store, todo, None if todo else ask(store, "status")[0], dead_letters)


def show(found: Status, screen: Screen) -> None:
    rows: list[tuple[str, str]] = [("database", f"{found.store.database} at {found.store.db}")]
    if found.pending:
        rows.append(("pending", f"{', '.join(found.pending)}: run `flowtrail migrate`"))
    if found.facts is not None:
        rows += _facts(found.facts)
    bad = {letter.ref: letter for letter in found.dead_letters}
    rows.append(("set aside", f"{len(bad)} objects that could not be read"))
    for name, value in rows:
        screen.line(f"{name:<12}{value}")
    for letter in list(bad.values())[:10]:
        screen.line(f"{'':<12}{clean(letter.ref.url)}: {letter.reason}: {letter.detail}")


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rejected = f" ({SEE_REJECTED})" if facts["rows_rejected"] else ""
    bare = facts["flows_unenriched"]
    flows = f"{facts['flows']}, {_span(facts['flows_first'], facts['flows_last'])}"
    return [
        ("objects", f"{facts['flow_log_objects']} of flow logs, {facts['cloudtrail_objects']} of CloudTrail"),
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


def _span(first: datetime | None, last: datetime | None) -> str:
    return "none" if first is None or last is None else f"{both(first)} to {both(last)}"
