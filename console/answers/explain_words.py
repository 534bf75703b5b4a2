"""What an explanation says, in sentences, in the vocabulary of AWS."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from console.answers.history import Call
from console.answers.text import few, utc
from network.cidr import contains
from network.verdict import acl, security_group
from network.verdict.packet import Step
from network.verdict.reach import End, Question, Reach, Reached, Walk, Where
from schemas.configuration import UNKNOWN, Configuration
from schemas.protocols import PORTED, protocol_name

NO_TRAIL = "No CloudTrail objects have been loaded: of changes only what the snapshots show is known."
LEFT_OPEN = "A security group leaves the connections open that it tracks: these may be from before the change."

LAYERS = {
    "security-group": "security group",
    "network-acl": "network ACL",
    "route": "route table",
    "internet-gateway": "internet gateway",
    "nat-gateway": "NAT gateway",
    "network-interface": "network interface",
}

IDS = re.compile(r"\b(?:from|to) ((?:pl|sg)-[0-9a-zA-Z-]+)|^(pl-[0-9a-zA-Z-]+) ->")


def asked(question: Question) -> str:
    """`203.0.113.5 to 10.0.1.10, tcp 443`."""
    port = f" {question.port}" if question.protocol in PORTED else ""
    client = f" from port {question.src_port}" if question.src_port is not None else ""
    return f"{question.src} to {question.dst}, {protocol_name(question.protocol)}{port}{client}"


def sentence(
    question: Question,
    found: Reached,
    verdict: Reach,
    doubts: tuple[Sequence[str], Sequence[Call]],
    configuration: Configuration,
) -> str:
    """The verdict and its reason; the disagreements between model and log and the calls that are not examined come with
    it, whatever it is."""
    disagreements, calls = doubts
    text = f"{found.reach}: {_reason(question, found, configuration)}"
    remarks = []
    if disagreements:
        remarks.append(f"THE FLOW LOG DISAGREES: {' '.join(disagreements)}")
    if calls:
        named = few([f"{call.event_name} of {utc(call.time)} (event {call.event_id})" for call in calls])
        remarks.append(f"NOT EXAMINED, as its effect is not in the model: {named}.")
    if not remarks:
        return text
    start = "" if verdict is found.reach else f"{verdict}: by the configuration it is "
    return f"{start}{text} BUT {' '.join(remarks)}"


def _reason(question: Question, found: Reached, configuration: Configuration) -> str:
    walk = found.decisive
    if walk is None:
        return " ".join(_nobody(where, configuration) for where in (question.src, question.dst))
    if found.reach is Reach.REACHABLE:
        ways = _ways(found)
        assumed = f"; what is behind {few(ways)} is not in the model, and assumed to deliver" if ways else ""
        return f"every layer{' that is known' if ways else ''} lets the request and its reply through{assumed}."
    if found.reach is Reach.AMBIGUOUS or len(_pairs(found)) > 1:
        kind = "which is meant is not known" if found.reach is Reach.AMBIGUOUS else "all of these are meant"
        return f"{kind}: {'; '.join(f'{between(w)}: {w.reach}' for w in found.walks)}."
    if len(found.walks) > 1:
        parts = [f"from client ports {port_ranges(w.ports)} {_of_walk(w)}" for w in found.walks]
        return f"{'; '.join(parts)}."
    return f"{_of_walk(walk)}."


def _pairs(found: Reached) -> set[tuple[str, str]]:
    return {(walk.src.interface_id, walk.dst.interface_id) for walk in found.walks}


def _of_walk(walk: Walk) -> str:
    if walk.decides is None:
        return "it gets through, there and back"
    if walk.reach is Reach.UNKNOWN:
        return f"the {walk.decides.of} may be stopped or not: {why(walk.decides)}"
    arrives = "the request gets there, but " if walk.reach is Reach.PARTLY else ""
    return f"{arrives}{stopped_by(walk.decides)}"


def stopped_by(step: Step) -> str:
    """`network ACL acl-1 stops the request: ingress 90 deny tcp 22 from 0.0.0.0/0 [SUBNET_ACL_RESTRICTION]`; for a step
    that is not known, why it is not."""
    if step.result == UNKNOWN:
        return why(step)
    code = f" [{step.code}]" if step.code else ""
    blackhole = " (blackhole)" if step.result == "blackhole" else ""
    return f"{component(step)} stops the {step.of}: {step.rule}{blackhole}{code}"


def component(step: Step) -> str:
    """`security groups sg-1, sg-2`."""
    name = LAYERS.get(step.layer, step.layer)
    several = "," in step.resource
    return f"{name}{'s' if several else ''} {step.resource.replace(',', ', ')}".strip()


def why(step: Step) -> str:
    """Why the result of the step is not known."""
    named = IDS.search(step.rule)
    name = next((part for part in named.groups() if part), "") if named else ""
    if name.startswith("pl-"):
        reason = f"the entries of prefix list {name} are not known"
    elif name.startswith("sg-"):
        reason = f"it is not known whether the other end is a member of {name}"
    elif " icmp" in step.rule and " type " in step.rule:
        reason = "it is for one ICMP type, and the question is not"
    elif step.layer == security_group.LAYER and UNKNOWN in step.resource.split(","):
        return "which security groups an end has is not known"
    elif step.layer == security_group.LAYER and "no rule for" in step.rule:
        return (
            f"not all rules of {step.resource.replace(',', ', ')} are known, and none that is known lets it in or out"
        )
    elif step.layer == acl.LAYER and step.rule.endswith(f" {UNKNOWN}"):
        reason = "its content is not known, as it was deleted before the first snapshot"
    elif step.rule.endswith(f"-> {UNKNOWN}"):
        reason = "its target is not known, as it was deleted before the first snapshot"
    else:
        return step.rule
    return f"{component(step)}: {step.rule}: {reason}"


def _nobody(where: Where, configuration: Configuration) -> str:
    if where.id:
        return f"{where.id} is not in the configuration that is known."
    subnets = [s for s in configuration.subnets.values() if any(contains(cidr, where.address) for cidr in s.cidrs)]
    places = " or ".join(sorted(f"{subnet.id} of {subnet.vpc_id}" for subnet in subnets))
    return f"No interface that is known has {where.address}{f', in {places}' if places else ''}."


def _ways(found: Reached) -> list[str]:
    return sorted({way for walk in found.walks for way in walk.ways})


def between(walk: Walk) -> str:
    """`198.51.100.7 (outside) to eni-1 (10.0.1.10)`."""
    return f"{end(walk.src)} to {end(walk.dst)}"


def end(one: End) -> str:
    if one.interface is None:
        return f"{one.address} ({'an interface that is not known' if one.subnet_ids else 'outside'})"
    name = f" {one.interface.name}" if one.interface.name else ""
    return f"{one.interface.id}{name} ({one.address}, {one.interface.vpc_id})"


def port_ranges(ports: Sequence[tuple[int, int]]) -> str:
    """`1024-32767, 61000`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def leaves_open(found: Reached) -> bool:
    """Whether a security group decides, which leaves connections open that it tracks."""
    return any(walk.decides is not None and walk.decides.layer == security_group.LAYER for walk in found.walks)


def disagreement(  # noqa: PLR0917 - what the sentence contains, in this order
    interface_id: str, packet: str, action: str, counts: tuple[int, int], since: datetime, reasons: Sequence[str]
) -> str:
    """`counts`: records that disagree, and all that can be compared. `reasons`: AWS's own for rejecting them."""
    contrary, total = counts
    packets = {"request": "requests", "reply": "replies"}[packet]
    other = {"ACCEPT": "REJECT", "REJECT": "ACCEPT", "NONE": "ACCEPT"}[action]
    should = {"ACCEPT": "all should be ACCEPT", "REJECT": "all should be REJECT", "NONE": "there should be none"}[
        action
    ]
    given = f" The log gives as reason: {', '.join(reasons)}." if reasons and other == "REJECT" else ""
    return (
        f"{interface_id} recorded {contrary} of {total} {packets} since {utc(since)} as {other}, where {should}.{given}"
    )


def seen(accepted: int, rejected: int, since: datetime) -> str:
    return f" The flow log has {accepted} accepted and {rejected} rejected requests since {utc(since)}."


def before_snapshots(moment: datetime, first: datetime) -> str:
    return (
        f"{utc(moment)} is before the first snapshot ({utc(first)}): the configuration is derived from it and from the"
        " calls in between."
    )


def after_facts(moment: datetime, latest: datetime) -> str:
    return f"Nothing is known of the configuration after {utc(latest)}; it is taken to be the same at {utc(moment)}."


def silent(walk: Walk, requests: int) -> str:
    return (
        f"{walk.dst.interface_id} recorded {requests} accepted requests and no reply: the network lets them in, but"
        f" nothing seems to answer at {walk.dst.address}."
    )


def assumptions(found: Reached) -> Iterator[str]:
    """What the walks take for granted."""
    strangers = {e.address: e for walk in found.walks for e in (walk.src, walk.dst) if e.interface is None}
    for address, stranger in sorted(strangers.items()):
        taken = f"one in {' or '.join(stranger.subnet_ids)}" if stranger.subnet_ids else "outside"
        yield f"No interface that is known has {address}: it is taken to be {taken}, to send and to answer."
    ways = _ways(found)
    if ways and found.reach is not Reach.REACHABLE:
        yield f"What is behind {few(ways)} is not in the model, and assumed to deliver."
