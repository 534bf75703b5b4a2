"""A preview: which observed conversations a change would cut off or open, before anybody makes it. Nothing is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.aws.typed import request_of
from connectors.store import configuration as stored
from connectors.store.clickhouse import Store
from console.answers.ask import ask
from console.answers.changes import in_words
from console.answers.text import address
from network.aws.call import call_of, ids_in
from network.history.order import is_refused
from network.history.timeline import Timeline
from network.verdict.foresee import Fate, foresee
from network.verdict.packet import Packet, Step
from schemas.change import ChangeEvent
from schemas.configuration import Configuration
from schemas.errors import FlowtrailError

MOST = 100_000
"""At most this many conversations are judged, those with the most bytes."""
NAMED = 5_000
"""Up to so many interfaces are named in the query: a server takes only so many in a request."""
NAME = "the command"
"""The eventID of the change that is not made."""

COLUMNS = (
    "fate", "interface_id", "local", "peer", "protocol", "port", "server", "bytes", "records", "last", "step",
)  # fmt: skip
"""The fields of a conversation in JSON and CSV."""


@dataclass(frozen=True)
class Touched:
    """A conversation that the change concerns. `records` were logged of it since the lookback began, `size` bytes in
    all, the latest at `last`. `server`: the interface is the end that is reached. `step` is what decides."""

    fate: Fate
    interface_id: str
    local: str
    peer: str
    protocol: int
    port: int
    server: bool
    size: int
    records: int
    last: datetime
    step: str

    def to_json(self) -> dict[str, Any]:
        values = {**vars(self), "fate": self.fate.value, "bytes": self.size}
        return {name: values[name] for name in COLUMNS}


@dataclass(frozen=True)
class Preview:
    """`changes`: what the command changes, in words. `same` counts the other conversations; `disagree` those of which
    the log shows something else than the model before the change, and of which nothing is said. `more`: there are
    conversations that were not judged."""

    call: str
    changes: tuple[str, ...]
    at: datetime
    since: datetime
    touched: Sequence[Touched]
    same: int
    disagree: int
    more: bool
    notes: tuple[str, ...] = ()

    def of(self, fate: Fate) -> list[Touched]:
        return [one for one in self.touched if one.fate is fate]

    def to_json(self) -> dict[str, Any]:
        return {
            "call": self.call,
            "changes": list(self.changes),
            "at": self.at,
            "since": self.since,
            "conversations": [one.to_json() for one in self.touched],
            "same": self.same,
            "disagree": self.disagree,
            "more": self.more,
            "notes": list(self.notes),
        }


def preview(store: Store, words: Sequence[str], lookback: timedelta, at: datetime) -> Preview:
    """What the command would do at a time to the conversations of the `lookback` before it, by the configuration of
    then as far as it is known. Raises FlowtrailError for a command that cannot be previewed, changes nothing or would
    be refused, at a time before a snapshot, without any, and when the store cannot be read."""
    name, request = request_of(words)
    client = store.reader()
    snapshots, changes = stored.load_snapshots(client), stored.load_changes(client)
    if snapshots and at <= max(snapshot.as_of for snapshot in snapshots):
        raise FlowtrailError(
            "A change at this time cannot be previewed: a snapshot of the configuration is later, and already has it.",
            "Give an --at that is later than the latest snapshot, or leave it out.",
        )
    event = ChangeEvent(at, NAME, name, "", "", "", "", "", "", ids_in(request), request, {"_return": True})
    timeline = Timeline(snapshots, [*changes, event])
    before, after = timeline.around([NAME])
    edited = [text for effect in timeline.effects().get(NAME, ()) for text in in_words(effect) if text]
    if not edited or is_refused(call_of(event), before):
        raise FlowtrailError(
            f"As far as the configuration is known, this {name} changes nothing, or AWS refuses it.",
            "It can only add what is not there, and remove what is: see `flowtrail config show RESOURCE`.",
        )
    since = (at - lookback).astimezone(UTC).replace(microsecond=0)
    known = sorted(before.interfaces) if len(before.interfaces) <= NAMED else []
    parameters = {"interfaces": known, "since": since, "until": at, "limit": MOST + 1}
    rows = ask(store, "conversations", parameters)
    judged = [_judged(row, before, after) for row in rows[:MOST] if row["interface"] in before.interfaces]
    touched = [one for one in judged if isinstance(one, Touched)]
    return Preview(
        name,
        tuple(edited),
        at,
        since,
        sorted(touched, key=lambda one: (list(Fate).index(one.fate), -one.size, one.interface_id, one.peer, one.port)),
        sum(one is True for one in judged),
        sum(one is False for one in judged),
        len(rows) > MOST,
        _notes(name),
    )


def _judged(row: Mapping[str, Any], before: Configuration, after: Configuration) -> Touched | bool:
    """The conversation if the change concerns it; True if it stays the same, False if log and model disagree."""
    near, far = address(row["near"]) or "", address(row["far"]) or ""
    src, dst = (far, near) if row["server"] else (near, far)
    packet = Packet(src, dst, row["protocol"], row["client_port"], row["port"])
    fate, was, will = foresee(packet, row["interface"], before, after)
    if fate is Fate.SAME:
        return True
    passed, stopped = row["accepted"] > 0, row["rejected"] > 0
    if (was.outcome == "completes" and stopped and not passed) or (was.action == "REJECT" and passed):
        return False
    decides = will.blocker if fate is not Fate.OPENED else was.blocker
    return Touched(
        fate,
        row["interface"],
        near,
        far,
        row["protocol"],
        row["port"],
        bool(row["server"]),
        row["total"],
        row["accepted"] + row["rejected"],
        row["last"].astimezone(UTC),
        _step(decides),
    )


def _step(step: Step | None) -> str:
    return f"{step.layer} {step.resource}: {step.rule}" if step else "the way beyond the model"


def _notes(name: str) -> tuple[str, ...]:
    by_port = (
        "Each conversation is judged by the client port that it used last, and by the lower port as the service's."
    )
    if "SecurityGroup" in name or name.endswith("Attribute"):
        lives = (
            "A security group lets the connections live that it tracks: what is cut off fails when it connects again."
        )
        return lives, by_port
    if name == "DeleteNatGateway":
        return "Conversations of the gateway's own interface end too, and are not listed.", by_port
    return (by_port,)
