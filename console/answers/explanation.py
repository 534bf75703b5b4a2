"""The answer of `explain.py`, with its JSON and CSV forms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.answers import explain_words as words
from console.answers.history import Call
from network.verdict.explain import Step
from network.verdict.reach import Question, Reach, Walk

STEP_COLUMNS = (
    "configuration",
    "verdict",
    "disagreement",
    "from_interface",
    "to_interface",
    "client_ports",
    "step",
    "packet",
    "layer",
    "direction",
    "resource",
    "result",
    "rule",
    "code",
)
"""The columns of the CSV form: one line for each step."""


@dataclass(frozen=True)
class Observed:
    """Flow records of one interface: requests or replies (`packet`), accepted or rejected. `flows` are all of the time
    looked at, `since` those that can be compared with the verdict. `last` is the newest, at `line` of an object.
    `reasons` are AWS's own for rejecting them, where the log has that field."""

    interface_id: str
    packet: str
    action: str
    flows: int
    since: int
    last: datetime
    reasons: tuple[str, ...]
    bucket: str
    key: str
    line: int


@dataclass(frozen=True)
class Turned:
    """The verdict, or what decides it, became another one: by the call, or by one that is not in the store (None)."""

    time: datetime
    call: Call | None
    what: tuple[str, ...]
    before: str
    after: str
    decides: str

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "call": self.call and self.call.to_json()}


@dataclass(frozen=True)
class View:
    """The answer by one configuration.

    `moment`: the time of the configuration. `by_configuration` is the model's verdict; `verdict` is the same unless all
    of the records that can be compared contradict it, or it is reachable, no record confirms it, and there are calls in
    `not_examined`: those that may concern it and whose effect is not in the model. Then it is unknown. `sentence` says
    it in words, with every disagreement and doubt. Records from `looked_from` to `looked_to` were looked at, and those
    from `compared_from` on compared. `since`: what made it so, None if it is so in all that is known.
    """

    moment: datetime
    verdict: Reach
    by_configuration: Reach
    sentence: str
    walks: tuple[Walk, ...]
    unknown: tuple[str, ...]
    looked_from: datetime
    looked_to: datetime
    compared_from: datetime
    observed: tuple[Observed, ...]
    disagreements: tuple[str, ...]
    not_examined: tuple[Call, ...]
    since: Turned | None
    notes: tuple[str, ...]

    @property
    def never_worked(self) -> bool:
        """Whether it is blocked in all of the history that is known, and the log has no accepted request either."""
        accepted = any(each.packet == "request" and each.action == "ACCEPT" for each in self.observed)
        return self.verdict is Reach.BLOCKED and self.since is None and not accepted

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "never_worked": self.never_worked,
            "walks": [_walk_json(walk) for walk in self.walks],
            "observed": [vars(each) for each in self.observed],
            "not_examined": [call.to_json() for call in self.not_examined],
            "since": self.since and self.since.to_json(),
        }


@dataclass(frozen=True)
class Explanation:
    """`then`: the answer at the time that was asked about, if one was. `now`: by the latest configuration that is
    known. `turned`: what happened between them. `not_examined`: calls between them that may concern the ends and whose
    effect the model does not contain."""

    question: Question
    then: View | None
    now: View
    turned: tuple[Turned, ...]
    not_examined: tuple[Call, ...]

    def to_json(self) -> dict[str, Any]:
        asked = self.question
        return {
            "from": str(asked.src),
            "to": str(asked.dst),
            "protocol": asked.protocol,
            "port": asked.port,
            "client_port": asked.src_port,
            "then": self.then and self.then.to_json(),
            "now": self.now.to_json(),
            "turned": [turn.to_json() for turn in self.turned],
            "not_examined": [call.to_json() for call in self.not_examined],
        }

    def records(self) -> list[dict[str, Any]]:
        """One for each step, or one for a verdict without any."""
        views = [("then", self.then), ("now", self.now)]
        return [record for name, view in views if view is not None for record in _records(name, view)]


def _walk_json(walk: Walk) -> dict[str, Any]:
    return {
        "from_interface": walk.src.interface_id,
        "from_address": walk.src.address,
        "to_interface": walk.dst.interface_id,
        "to_address": walk.dst.address,
        "client_ports": [list(ports) for ports in walk.ports],
        "verdict": walk.reach,
        "steps": [vars(step) for step in walk.steps],
        "decides": walk.decides and vars(walk.decides),
        "unknown": [{**vars(step), "why": words.why(step)} for step in walk.unknown],
        "expected": [vars(each) for each in walk.expected],
        "assumed_to_deliver": sorted(walk.ways),
    }


def _records(name: str, view: View) -> list[dict[str, Any]]:
    common = {
        "configuration": name,
        "verdict": view.verdict,
        "disagreement": " ".join(view.disagreements),
    }
    return [_record(common, walk, n, step) for walk in view.walks for n, step in enumerate(walk.steps, 1)] or [common]


def _record(common: dict[str, Any], walk: Walk, number: int, step: Step) -> dict[str, Any]:
    return {
        **common,
        "from_interface": walk.src.interface_id,
        "to_interface": walk.dst.interface_id,
        "client_ports": words.port_ranges(walk.ports),
        "step": number,
        "packet": step.of,
        "layer": step.layer,
        "direction": step.direction,
        "resource": step.resource,
        "result": step.result,
        "rule": step.rule,
        "code": step.code,
    }
