"""How complete an answer is: "no rejects" means little where records are missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.clickhouse import Store
from console.ask import ask
from console.render import utc
from schemas.errors import FlowtrailError

SEE_REJECTED = 'flowtrail sql "SELECT reason, raw FROM rejected_lines LIMIT 20"'


@dataclass(frozen=True)
class Coverage:
    """Of a range: records in it, intervals without traffic (NODATA) and with records that AWS dropped (SKIPDATA), lines
    that could not be read; and the times that the store's flow records span at all (None: it has none)."""

    start: datetime
    end: datetime
    flows: int
    nodata: int
    skipdata: int
    skipdata_enis: tuple[str, ...]
    rejected_lines: int
    store_first: datetime | None
    store_last: datetime | None

    def sentences(self) -> list[str]:
        """For people; the first says whether anything is known to be missing."""
        if self.store_first is None or self.store_last is None:
            return ["The store holds no flow records."]
        gaps = []
        if self.skipdata:
            gaps.append(f"AWS dropped records (SKIPDATA) in {self.skipdata} intervals of {_few(self.skipdata_enis)}.")
        if self.rejected_lines:
            gaps.append(f"{self.rejected_lines} lines of objects in the range could not be read: {SEE_REJECTED}")
        if self.end <= self.store_first or self.start > self.store_last:
            gaps.append("The store holds nothing of the range.")
        span = f"Flow records in the store begin at {utc(self.store_first)} and go on to {utc(self.store_last)}."
        return [*(gaps or ["Nothing is known to be missing from the range."]), span]

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def coverage(store: Store, start: datetime, end: datetime, eni: str = "") -> Coverage:
    """Of `[start, end)` and one network interface, or all of them. Raises FlowtrailError as `ask` does."""
    row = ask(store, "coverage", {"from": start, "to": end, "eni": eni})[0]
    return Coverage(start, end, **{**row, "skipdata_enis": tuple(row["skipdata_enis"])})


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


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
