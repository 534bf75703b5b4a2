"""Wording: the layer, resource and rule that describe a change, and the sentence that proves it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from network.rules import acl_entry_text, group_rule_text, route_text
from network.verdict.explain import Verdict
from network.verdict.packet import Step
from pipelines.correlate.blame.candidates import Candidate
from pipelines.correlate.blame.edits import Edit, Held, Part, Value
from pipelines.correlate.detect.signals import Signal
from schemas.configuration import UNKNOWN, AclEntry, Route, SecurityGroupRule
from schemas.incident import Kind

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
"""The layer at which an edit of each part acts."""


def turned_step(before: Verdict, after: Verdict, found: Sequence[Edit]) -> Step:
    """The step whose result changed. Its rule describes the change: the new rule that stops the packets, or the deleted
    rule that let them pass. Raises ValueError when no step after the change stops the packet."""
    step = next((s for s in after.steps if s.result != "allow" and s not in before.steps), after.blocker)
    if step is None:
        raise ValueError("the verdict after the change has no step that stops the packet")
    detached = next((e for e in found if e.part is Part.ATTACHMENT and e.removes), None)
    if detached is not None and step.layer in ("route", "internet-gateway"):
        return replace(step, layer="internet-gateway", resource=detached.resource, rule=f"detached from {detached.key}")
    if names((replace(e, before=None) for e in found), step.rule):
        return step
    moved = next((e for e in found if e.part is Part.INTERFACE_GROUPS), None)
    if moved is not None and step.layer == "security-group":
        return replace(step, resource=moved.resource, rule=_groups_text(moved))
    twins = (s for s in before.steps if (s.layer, s.direction, s.of) == (step.layer, step.direction, step.of))
    gone = next((s for s in twins if names((replace(e, after=None) for e in found), s.rule)), None)
    return replace(step, resource=gone.resource, rule=gone.rule) if gone else step


def _groups_text(edit: Edit) -> str:
    before, after = (", ".join(value) if isinstance(value, tuple) else "" for value in (edit.before, edit.after))
    return f"groups {after or 'none'} instead of {before or 'none'}"


def doubtful_step(candidate: Candidate) -> Step:
    """Describes a change that could not be tested: by the entry whose content is unknown, otherwise by the first
    one; a call that the model does not contain by the first resource that it names."""
    found = candidate.edits
    if not found:
        event = candidate.events[0]
        return Step("", "", next(iter(event.resources), ""), event.event_name, "unknown")
    edit = next((e for e in found if not e.exact or _unknown(e.before) or _unknown(e.after)), found[0])
    rule = text(edit.after) or text(edit.before) or edit.key
    return Step(LAYERS[edit.part], "", edit.resource, rule, "unknown")


def names(found: Iterable[Edit], rule: str) -> bool:
    """Whether one of the entries has this text, before or after its edit."""
    return any(rule in (text(edit.before), text(edit.after)) for edit in found if rule)


def text(value: Value) -> str:
    """The text of a rule or route, in the form used in verdicts; "" for anything else."""
    if isinstance(value, AclEntry):
        return acl_entry_text(value)
    if isinstance(value, Route):
        return route_text(value)
    return group_rule_text(value) if isinstance(value, SecurityGroupRule) else ""


def proof(signal: Signal, step: Step) -> str:
    """The sentence that states what was tested."""
    n = len(signal.runs)
    tested = f"{n} affected conversations" if n > 1 else "1 affected conversation"
    if signal.kind is Kind.LOST_TRAFFIC:
        before, after = "conversations complete", "they are lost"
    else:
        before, after = f"{'answers' if signal.reply else 'requests'} get through", "they are rejected"
    return (
        f"Tested on {tested}: with the configuration just before the change, {before}; just after it, {after}"
        f" ({step.layer} {step.resource})."
    )


def looks_like(signal: Signal) -> str:
    """What lost traffic looks like at the interface, without a guess at the reason; "" for rejects, which say it
    themselves."""
    if signal.kind is not Kind.LOST_TRAFFIC:
        return ""
    if signal.silent:
        return "No conversation is logged any more, and hardly a request. "
    if signal.server:
        return "Requests still reach this interface, and are not answered, or the answers do not arrive. "
    return "Requests still leave this interface, and nothing comes back. "


def _unknown(value: Value) -> bool:
    if isinstance(value, Held):
        return False
    if isinstance(value, tuple):
        return UNKNOWN in value
    if isinstance(value, Route):
        return value.target == UNKNOWN
    return isinstance(value, AclEntry) and not value.known
