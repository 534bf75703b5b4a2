"""Naming: which layer, resource and rule a change is told by."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipelines.correlate.edits import Edit, Held, Part, Value
from pipelines.correlate.signals import Signal
from pipelines.network.packet import Step
from pipelines.network.rules import acl_entry_text, group_rule_text, route_text
from pipelines.network.verdict import Verdict
from schemas.incident import Kind
from schemas.network import UNKNOWN, AclEntry, Route, SecurityGroupRule

LAYERS = {
    Part.ROUTE: "route",
    Part.TABLE_ASSOCIATION: "route",
    Part.ACL_ENTRY: "network-acl",
    Part.ACL_ASSOCIATION: "network-acl",
    Part.GROUP_RULE: "security-group",
    Part.INTERFACE_GROUPS: "security-group",
    Part.ATTACHMENT: "internet-gateway",
    Part.RESOURCE: "route",
}
"""The layer that an edit of a part acts at."""


def turned_step(before: Verdict, after: Verdict, found: Sequence[Edit]) -> Step:
    """The step that turned. Its rule is what tells the change: the new one that stops the packets, or the one that let
    them pass and is gone."""
    step = next((s for s in after.steps if s.result != "allow" and s not in before.steps), after.blocker)
    if step is None:
        raise ValueError("the verdict after the change has no step that stops the packet")
    detached = next((e for e in found if e.part is Part.ATTACHMENT and e.removes), None)
    if detached is not None and step.layer in ("route", "internet-gateway"):
        return replace(step, layer="internet-gateway", resource=detached.resource, rule=f"detached from {detached.key}")
    if names((replace(e, before=None) for e in found), step.rule):
        return step
    twins = (s for s in before.steps if (s.layer, s.direction, s.of) == (step.layer, step.direction, step.of))
    gone = next((s for s in twins if names((replace(e, after=None) for e in found), s.rule)), None)
    return replace(step, resource=gone.resource, rule=gone.rule) if gone else step


def doubtful_step(found: Sequence[Edit]) -> Step:
    """Stands for a change that could not be tested: the entry whose content is not known, else the first one."""
    edit = next((e for e in found if not e.exact or _unknown(e.before) or _unknown(e.after)), found[0])
    rule = text(edit.after) or text(edit.before) or edit.key
    return Step(LAYERS[edit.part], "", edit.resource, rule, "unknown")


def names(found: Iterable[Edit], rule: str) -> bool:
    """Whether one of the entries, before or after, has this text."""
    return any(rule in (text(edit.before), text(edit.after)) for edit in found if rule)


def text(value: Value) -> str:
    """The rule or route, as verdicts write it; "" for anything else."""
    if isinstance(value, AclEntry):
        return acl_entry_text(value)
    if isinstance(value, Route):
        return route_text(value)
    return group_rule_text(value) if isinstance(value, SecurityGroupRule) else ""


def proof(signal: Signal, step: Step) -> str:
    """What was tested, in a sentence."""
    n = len(signal.runs)
    whose = f"{n} affected conversations" if n > 1 else "1 affected conversation"
    if signal.kind is Kind.LOST_TRAFFIC:
        what, then = "complete", "are lost"
    else:
        what = f"get their {'answers' if signal.reply else 'requests'} through"
        then = "have them rejected"
    return (
        f"Tested on {whose}: with the configuration just before the change they {what}, just after it they {then}"
        f" ({step.layer} {step.resource})."
    )


def _unknown(value: Value) -> bool:
    if isinstance(value, Held):
        return False
    if isinstance(value, tuple):
        return UNKNOWN in value
    if isinstance(value, Route):
        return value.target == UNKNOWN
    return isinstance(value, AclEntry) and not value.known
