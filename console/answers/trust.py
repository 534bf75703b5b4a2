"""Whether the data can be trusted, at a glance: from the ledger, and from the last 24 hours of records. Unlike `status`
it never reads all records."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.store.clickhouse import Store
from connectors.store.figures import figures
from connectors.store.migrate import pending
from console.answers.ask import ask
from console.answers.gaps import AT_ONCE, Gap, gaps
from schemas.figures import Figures

LAST_DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Trust:
    """`newest`: the newest flow record, None without any. Of the 24 hours before it: `records`, rows of flow log
    objects, `skipped`, intervals of which AWS dropped records, and `gaps`, periods without a delivery (None: too many
    records to search). `changes`: how many CloudTrail calls are stored, the last at `changes_last`. Everything is empty
    while migrations are `pending`."""

    pending: tuple[str, ...]
    figures: Figures
    newest: datetime | None
    records: int
    skipped: int
    gaps: tuple[Gap, ...] | None
    changes: int
    changes_last: datetime | None

    def to_json(self) -> dict[str, Any]:
        found = None if self.gaps is None else [gap.to_json() for gap in self.gaps]
        return {**vars(self), "figures": vars(self.figures), "gaps": found}


def trust(store: Store) -> Trust:
    """What is known of the data now. Raises FlowtrailError when there is no database."""
    client = store.reader()
    if waiting := tuple(migration.file for migration in pending(client)):
        return Trust(waiting, Figures(), None, 0, 0, (), 0, None)
    facts = ask(store, "trust")[0]
    newest = facts["newest"]
    searched = newest is not None and facts["records"] <= AT_ONCE
    found = tuple(gaps(store, newest - LAST_DAY, newest + SECOND)) if searched else None
    return Trust((), figures(client), gaps=found, **facts)
