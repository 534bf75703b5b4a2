"""What the store contains, how complete and how old it is, what was set aside, and which migrations are pending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.store.clickhouse import Store
from connectors.store.dead_letters import set_aside
from connectors.store.figures import failed, newest
from connectors.store.migrate import pending
from connectors.store.retention import Kept, kept
from connectors.store.trail import Trail, trails
from console.answers.ask import ask
from console.answers.copies import Copies, copies
from console.answers.gaps import Gap, gaps
from console.answers.overlaps import Overlap, overlaps
from console.answers.unlogged import Unlogged, unlogged
from schemas.ledger import DeadLetter

LAST_DAY = timedelta(hours=24)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
FOR_EVER = Kept(None, None)


@dataclass(frozen=True)
class Status:
    """`facts` are the columns of `queries/status.sql` and `transit.sql`, None while migrations are pending; `gaps`,
    `overlaps`, `copies`, `trails` and `unlogged` are those of `[gaps_from, gaps_to)`. `newest` and `failed`
    are those of `schemas.figures`, which metrics show too."""

    store: Store
    pending: list[str]
    facts: dict[str, Any] | None
    dead_letters: Sequence[DeadLetter]
    now: datetime
    gaps: Sequence[Gap] = ()
    gaps_from: datetime | None = None
    gaps_to: datetime | None = None
    overlaps: Sequence[Overlap] = ()
    copies: Sequence[Copies] = ()
    trails: Sequence[Trail] = ()
    unlogged: Sequence[Unlogged] = ()
    kept: Kept = FOR_EVER
    newest: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)

    @property
    def lag_seconds(self) -> int | None:
        """The age of the newest record; None without records."""
        last = (self.facts or {}).get("records_last")
        return None if last is None else int((self.now - last).total_seconds())

    @property
    def lags(self) -> list[tuple[str, str, datetime, int]]:
        """Account, region, time and age in seconds of the newest flow record of each, the oldest first. Objects whose
        names say neither are left out."""
        oldest_first = sorted(self.newest.items(), key=lambda each: (each[1], each[0]))
        return [(*where, at, int((self.now - at).total_seconds())) for where, at in oldest_first if any(where)]

    def to_json(self) -> dict[str, Any]:
        return {
            "db": self.store.db,
            "database": self.store.database,
            "pending_migrations": self.pending,
            "dead_letters": len({letter.ref for letter in self.dead_letters}),
            **(self.facts or {}),
            "lag_seconds": self.lag_seconds,
            "lags": [
                {"account": account, "region": region, "newest": newest, "lag_seconds": seconds}
                for account, region, newest, seconds in self.lags
            ],
            "messages_failed": dict(self.failed),
            "retention_seconds": None if (length := self.kept.retention) is None else int(length.total_seconds()),
            "kept_from": self.kept.since,
            "gaps_from": self.gaps_from,
            "gaps_to": self.gaps_to,
            "gaps": [gap.to_json() for gap in self.gaps],
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
            "copies": [each.to_json() for each in self.copies],
            "cloudtrail": [each.to_json() for each in self.trails],
            "unlogged": [each.to_json() for each in self.unlogged],
        }


def status(
    store: Store,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Status:
    """The state of the store at `now`. Gaps and what else may be missing are those of `[start, end)`, by default of the
    last 24 hours of flow records. Raises FlowtrailError when there is no database, or when its migrations do not match
    this release."""
    todo = [migration.file for migration in pending(store.reader())]
    if todo:
        return Status(store, todo, None, (), now)
    facts = {**ask(store, "status")[0], **ask(store, "transit")[0]}
    client = store.reader()
    known = Status(
        store, todo, facts, set_aside(client), now, kept=kept(client), newest=newest(client), failed=failed(client)
    )
    last = facts["flows_last"]
    if last is None:
        return known
    finish = end or max(last, start or last) + timedelta(seconds=1)
    begin = max(start or finish - LAST_DAY, known.kept.since or NEVER)  # expired records are not a gap
    if begin >= finish:
        return known
    return replace(
        known,
        gaps=gaps(store, begin, finish),
        gaps_from=begin,
        gaps_to=finish,
        overlaps=overlaps(store, begin, finish),
        copies=copies(store, begin, finish),
        trails=trails(store.reader(), begin, finish),
        unlogged=unlogged(store, begin, finish),
    )
