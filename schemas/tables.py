"""Every table in the store."""

from schemas.change import CHANGE_EVENTS
from schemas.flow import COVERAGE, FLOWS, REJECTED_LINES
from schemas.hourly import HOURLY_PEERS
from schemas.incident import INCIDENT_HISTORY, INCIDENTS
from schemas.ledger import LEDGER, RECEIPTS, RETENTION
from schemas.runs import DEAD_LETTERS, DERIVATIONS, HEARTBEATS, INCIDENT_DRAFTS, PLANNED, RUNS
from schemas.snapshot import CONFIG_SNAPSHOTS, CONFIG_VERSIONS
from schemas.table import Table
from schemas.tgw import TGW_COVERAGE, TGW_FLOWS
from schemas.watching import JUDGED, NOTIFICATIONS

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        FLOWS,
        COVERAGE,
        REJECTED_LINES,
        CHANGE_EVENTS,
        LEDGER,
        RECEIPTS,
        CONFIG_SNAPSHOTS,
        CONFIG_VERSIONS,
        INCIDENTS,
        INCIDENT_HISTORY,
        TGW_FLOWS,
        TGW_COVERAGE,
        RETENTION,
        RUNS,
        PLANNED,
        DEAD_LETTERS,
        HEARTBEATS,
        INCIDENT_DRAFTS,
        DERIVATIONS,
        JUDGED,
        NOTIFICATIONS,
        HOURLY_PEERS,
    )
}
