"""How complete an answer is: "no rejects" means little where records are missing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.store.clickhouse import Store
from connectors.store.retention import kept
from console.answers.ask import ask
from console.answers.gaps import AT_ONCE, Gap, gaps
from console.answers.gaps import sentence as gap_sentence
from console.answers.text import INGEST, few, utc

SEE_REJECTED = 'flowtrail sql "SELECT reason, raw FROM rejected_lines LIMIT 20"'

FAR = datetime(2100, 1, 1, tzinfo=UTC)
"""A later end than this is the default, not one that a user gave."""


@dataclass(frozen=True)
class Coverage:
    """How complete the records of `[start, end)` are.

    `flows`: flow records. `nodata`: intervals without traffic. `skipdata`: intervals with records that AWS dropped, and
    `skipdata_enis` their interfaces. `rejected_lines`: lines that could not be read. `store_first` and `store_last`:
    the times that all flow records in the store span (None: it has none). `gaps`: periods for which nothing was
    delivered (None: too many records to search). `kept_from`: records from before it are not kept (None: all are).
    """

    start: datetime
    end: datetime
    flows: int
    nodata: int
    skipdata: int
    skipdata_enis: tuple[str, ...]
    rejected_lines: int
    store_first: datetime | None
    store_last: datetime | None
    gaps: tuple[Gap, ...] | None = None
    kept_from: datetime | None = None

    def sentences(self) -> list[str]:
        """Sentences for people; the first shows whether anything is known to be missing."""
        if self.store_first is None or self.store_last is None:
            return [f"The store has no flow records. Load some: `{INGEST}`."]
        missing = []
        if self.skipdata:
            missing.append(f"AWS dropped records (SKIPDATA) in {self.skipdata} intervals of {few(self.skipdata_enis)}.")
        if self.rejected_lines:
            missing.append(f"{self.rejected_lines} lines of objects in the range could not be read: {SEE_REJECTED}")
        if self.gaps:
            missing.append(gap_sentence(self.gaps))
        if self.kept_from is not None and self.start < self.kept_from:
            missing.append(f"Records from before {utc(self.kept_from)} are not kept: see `flowtrail status`.")
        if self.end <= self.store_first or self.start > self.store_last:
            missing.append("The store has no flow records in the range.")
        elif self.end > self.store_last and self.end < FAR:
            missing.append(f"Nothing has been loaded yet for the time after {utc(self.store_last)}.")
        span = f"The flow records in the store span {utc(self.store_first)} to {utc(self.store_last)}."
        not_searched = (
            [f"The range has more than {AT_ONCE} records and was not searched for delivery gaps: `flowtrail status`."]
            if self.gaps is None
            else []
        )
        return [*(missing or ["No records are known to be missing from the range."]), *not_searched, span]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "gaps": None if self.gaps is None else [gap.to_json() for gap in self.gaps]}


def coverage(store: Store, start: datetime, end: datetime, eni: str = "") -> Coverage:
    """The coverage of `[start, end)` for one network interface, or for all of them (""). Raises FlowtrailError as `ask`
    does."""
    row = ask(store, "coverage", {"from": start, "to": end, "eni": eni})[0]
    since = kept(store.reader()).since
    found = Coverage(start, end, **{**row, "skipdata_enis": tuple(row["skipdata_enis"])}, kept_from=since)
    begin = max(start, since or start)  # expired records are not a gap
    return found if found.flows > AT_ONCE else replace(found, gaps=tuple(gaps(store, begin, end, eni)))
