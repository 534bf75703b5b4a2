"""Whether the data can be trusted, at a glance: from the ledger, and from the last 24 hours of records. Unlike `status`
it never reads all records."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.store.clickhouse import Store
from connectors.store.figures import figures
from connectors.store.migrate import pending
from console.answers.ask import ask
from console.answers.coverage import Coverage, coverage
from schemas.figures import Figures

LAST_DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Trust:
    """`newest`: the newest flow record, None without any. `coverage` is that of the 24 hours before it. `changes`: how
    many CloudTrail calls are stored, the last at `changes_last`. Everything is empty while migrations are `pending`."""

    pending: tuple[str, ...]
    figures: Figures
    newest: datetime | None
    coverage: Coverage | None
    changes: int
    changes_last: datetime | None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "figures": vars(self.figures), "coverage": self.coverage and self.coverage.to_json()}


def trust(store: Store) -> Trust:
    """What is known of the data now. Raises FlowtrailError when there is no database."""
    client = store.reader()
    if waiting := tuple(migration.file for migration in pending(client)):
        return Trust(waiting, Figures(), None, None, 0, None)
    facts = ask(store, "trust")[0]
    newest = facts["newest"]
    known = coverage(store, newest - LAST_DAY, newest + SECOND) if newest else None
    return Trust((), figures(client), newest, known, facts["changes"], facts["changes_last"])
