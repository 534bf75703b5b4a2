"""What an ingest run did, in numbers."""

from dataclasses import dataclass, field

from schemas.ledger import DeadLetter

COUNTED = ("flows", "coverage", "tgw_flows", "tgw_coverage", "change_events")
"""Tables whose rows the summary counts."""


@dataclass(frozen=True)
class IngestSummary:
    """The result of a run, as the store holds it. Each listed object is done, known, other (not a log), busy (being
    loaded by another process) or a dead letter; objects that an earlier run left unfinished may be done in addition.
    `unenriched` counts flow records whose interface is in no snapshot."""

    run: str = ""
    objects_listed: int = 0
    objects_done: int = 0
    objects_known: int = 0
    objects_other: int = 0
    objects_busy: int = 0
    rows_read: int = 0
    rows_written: int = 0
    rows_rejected: int = 0
    rows_skipped: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    change_events: int = 0
    flows: int = 0
    coverage: int = 0
    tgw_flows: int = 0
    tgw_coverage: int = 0
    unenriched: int = 0
