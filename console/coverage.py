"""How complete an answer is: "no rejects" means little where records are missing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connectors.clickhouse import Store
from connectors.retention import kept
from console.ask import ask
from console.gaps import AT_ONCE, Gap, few, gaps
from console.gaps import sentence as gap_sentence
from console.render import utc
from schemas.errors import FlowtrailError

SEE_REJECTED = 'flowtrail sql "SELECT reason, raw FROM rejected_lines LIMIT 20"'

FAR = datetime(2100, 1, 1, tzinfo=UTC)
"""An end beyond it was not given by anybody."""


@dataclass(frozen=True)
class Coverage:
    """Of a range: records in it, intervals without traffic (NODATA) and with records that AWS dropped (SKIPDATA), lines
    that could not be read; stretches of which nothing was delivered (None: too many records to look through); the times
    that the store's flow records span at all (None: it has none); and that before which they are not kept."""

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
        """For people; the first says whether anything is known to be missing."""
        if self.store_first is None or self.store_last is None:
            return ["The store holds no flow records."]
        lacks = []
        if self.skipdata:
            lacks.append(f"AWS dropped records (SKIPDATA) in {self.skipdata} intervals of {few(self.skipdata_enis)}.")
        if self.rejected_lines:
            lacks.append(f"{self.rejected_lines} lines of objects in the range could not be read: {SEE_REJECTED}")
        if self.gaps:
            lacks.append(gap_sentence(self.gaps))
        if self.kept_from is not None and self.start < self.kept_from:
            lacks.append(f"Records from before {utc(self.kept_from)} are not kept: see `flowtrail status`.")
        if self.end <= self.store_first or self.start > self.store_last:
            lacks.append("The store holds nothing of the range.")
        elif self.end > self.store_last and self.end < FAR:
            lacks.append(f"Of the time after {utc(self.store_last)} nothing has been loaded yet.")
        span = f"Flow records in the store begin at {utc(self.store_first)} and go on to {utc(self.store_last)}."
        unlooked = (
            [f"Delivery gaps were not looked for, as the range holds more than {AT_ONCE} records: `flowtrail status`."]
            if self.gaps is None
            else []
        )
        return [*(lacks or ["Nothing is known to be missing from the range."]), *unlooked, span]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "gaps": None if self.gaps is None else [gap.to_json() for gap in self.gaps]}


def coverage(store: Store, start: datetime, end: datetime, eni: str = "") -> Coverage:
    """Of `[start, end)` and one network interface, or all of them. Raises FlowtrailError as `ask` does."""
    row = ask(store, "coverage", {"from": start, "to": end, "eni": eni})[0]
    since = kept(store.reader()).since
    found = Coverage(start, end, **{**row, "skipdata_enis": tuple(row["skipdata_enis"])}, kept_from=since)
    begin = max(start, since or start)  # what has expired is no gap
    return found if found.flows > AT_ONCE else replace(found, gaps=tuple(gaps(store, begin, end, eni)))


def require_flows(store: Store, start: datetime, end: datetime) -> None:
    """Raise FlowtrailError, saying what the store does hold, when it has no flow record in the range."""
    known = coverage(store, start, end)
    if known.flows:
        return
    if known.store_first is None or known.store_last is None:
        raise FlowtrailError(
            "The store holds no flow records yet.", "Load some: `flowtrail ingest s3://bucket/AWSLogs/`."
        )
    raise FlowtrailError(
        f"The store holds no flow records between {utc(start)} and {utc(end)}.",
        f"It has them from {utc(known.store_first)} to {utc(known.store_last)}: choose a range in there, or ingest"
        " the objects of yours.",
    )
