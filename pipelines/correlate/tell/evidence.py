"""Evidence: which records are shown for an incident, and their text. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from network.rules import protocol_text
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.detect.signals import Pointer, Run
from schemas.change import ChangeEvent
from schemas.incident import Evidence, Kind

MOST_AFFECTED = 5
"""Records of affected flows that are shown in addition to the first and the last."""


@dataclass(frozen=True)
class FlowRow:
    """A flow record, and the object and line it was read from. Addresses are text. `reject_reason`: why AWS says that
    it was rejected, such as BPA (Block Public Access); "" or "-" if it does not."""

    pointer: Pointer
    start: datetime
    end: datetime
    interface_id: str
    action: str
    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    packets: int
    bytes: int
    bucket: str
    key: str
    etag: str
    reject_reason: str = ""

    @property
    def text(self) -> str:
        """The record as text for people."""
        ends = f"{_end(self.source, self.source_port)} -> {_end(self.destination, self.destination_port)}"
        volume = f"{_many(self.packets, 'packet')}, {_many(self.bytes, 'byte')}"
        times = f"{self.start:%H:%M:%S} to {self.end:%H:%M:%S} UTC"
        action = f"{self.action} ({self.reject_reason})" if self.reject_reason not in ("", "-") else self.action
        return f"{action} {protocol_text(self.protocol)} {ends}, {volume}, {times}, at {self.interface_id}"


def chosen(findings: Sequence[Finding], closing: Pointer | None) -> list[tuple[str, Pointer]]:
    """Labels and pointers of the records to show, in time order, each record once. `closing`: the first good flow
    afterwards."""
    runs = sorted((run for finding in findings for run in finding.signal.runs), key=_in_time)
    rejects = any(finding.signal.kind is Kind.REJECTS for finding in findings)
    good, bad, again = ("accepted", "rejected", "accepted") if rejects else ("answered", "unanswered", "answered")
    goods = sorted(((r.last_good, r.good_row) for r in runs if r.good_row), reverse=True)
    last = max(((r.last_bad, r.last_row) for r in runs if r.last_bad and r.last_row), default=(None, None))[1]
    firsts = [run.first_row for run in runs if run.first_row][: 1 + MOST_AFFECTED]
    shown = 1 if firsts else 1 + MOST_AFFECTED  # where no failure is logged, show the last good flows
    picked: list[tuple[str, Pointer | None]] = [(f"{good} before", row) for _, row in reversed(goods[1:shown])]
    picked += [(f"last {good} before", row) for _, row in goods[:1]]
    picked += [(f"first {bad}" if i == 0 else bad, row) for i, row in enumerate(firsts)]
    picked += [(f"last {bad}", last), (f"first {again} after", closing)]
    once: dict[Pointer, str] = {}
    for what, row in picked:
        if row is not None:
            once.setdefault(row, what)
    return [(what, row) for row, what in once.items()]


def flow_evidence(picked: Iterable[tuple[str, Pointer]], rows: Mapping[Pointer, FlowRow]) -> Iterator[Evidence]:
    """Evidence for the records that were found. A record whose object has no receipt yet is left out."""
    for what, pointer in picked:
        row = rows.get(pointer)
        if row is not None:
            yield Evidence(what, row.start, row.bucket, row.key, row.etag, pointer.row_no, row.text)


def change_evidence(
    what: str, events: Iterable[ChangeEvent], objects: Mapping[int, tuple[str, str, str]]
) -> Iterator[Evidence]:
    """Evidence for changes: their CloudTrail records."""
    for event in events:
        if event.object_id in objects:
            yield Evidence(what, event.event_time, *objects[event.object_id], event.row_no, change_text(event))


def change_text(event: ChangeEvent) -> str:
    """A change as text for people."""
    resources = f" on {', '.join(event.resources)}" if event.resources else ""
    return f"{event.event_name}{resources} by {event.actor} from {event.source_ip}, event {event.event_id}"


def _in_time(run: Run) -> tuple[datetime, str, int]:
    return run.first_bad or run.last_good, run.conversation.peer, run.conversation.peer_port


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
