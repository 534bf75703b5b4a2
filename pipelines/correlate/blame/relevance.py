"""Relevance: whether a change whose effect is not fully known may concern a conversation at all. Without a reason in
what it edited, a change is not suspected."""

from network.cidr import contains
from network.verdict import acl, security_group
from network.verdict.packet import Packet
from pipelines.correlate.blame.blast_radius import is_of_gateway
from pipelines.correlate.blame.candidates import Candidate
from pipelines.correlate.blame.edits import Edit, Part
from schemas.change import ChangeEvent
from schemas.configuration import UNKNOWN, AclEntry, Configuration, Route, SecurityGroupRule
from schemas.incident import Kind

WAYS = frozenset(
    {
        "CreateTransitGatewayRoute",
        "ReplaceTransitGatewayRoute",
        "DeleteTransitGatewayRoute",
        "DeleteTransitGatewayVpcAttachment",
        "EnableVgwRoutePropagation",
        "DisableVgwRoutePropagation",
        "DetachVpnGateway",
        "DeleteVpnGateway",
        "DeleteVpnConnection",
        "ModifyVpcEndpoint",
        "DeleteVpcEndpoints",
        "DeleteEgressOnlyInternetGateway",
        "AcceptVpcPeeringConnection",
        "AssociateAddress",
        "DisassociateAddress",
        "ReleaseAddress",
        "TerminateInstances",
        "StopInstances",
        "DeleteNetworkInterface",
        "DetachNetworkInterface",
    }
)
"""Calls that change where packets go, and never make a filter reject them."""


def may_show(event: ChangeEvent, kind: Kind) -> bool:
    """Whether a call outside the model may cause a signal of this kind."""
    return kind is Kind.LOST_TRAFFIC or event.event_name not in WAYS


def at_the_edge(candidate: Candidate) -> bool:
    """Whether it edits the route table of a gateway, which the verdict does not follow."""
    tables = candidate.before.route_tables, candidate.after.route_tables
    edited = [edit for edit in candidate.edits if edit.part is Part.ROUTE]
    return any(is_of_gateway(table) for edit in edited for by_id in tables if (table := by_id.get(edit.resource)))


def may_match(candidate: Candidate, packet: Packet) -> bool:
    """Whether one of the entries that the change edits matches the packet or its reply, or cannot be evaluated."""
    return any(_edit(edit, candidate.before, candidate.after, packet) for edit in candidate.edits)


def _edit(edit: Edit, before: Configuration, after: Configuration, packet: Packet) -> bool:
    if edit.part not in (Part.ACL_ENTRY, Part.GROUP_RULE, Part.ROUTE):
        return True
    values = [(value, where) for value, where in ((edit.before, before), (edit.after, after)) if value is not None]
    return not values or any(_value(value, where, packet) for value, where in values)


def _value(value: object, configuration: Configuration, packet: Packet) -> bool:
    both = (packet, packet.reply())
    if isinstance(value, AclEntry):
        return any(acl.matches(value, each) is not False for each in both)
    if isinstance(value, SecurityGroupRule):
        return security_group.matches(configuration, value, packet) is not False
    if isinstance(value, Route):
        listed = value.destination.startswith("pl-")
        return value.destination == UNKNOWN or listed or any(contains(value.destination, p.dst) for p in both)
    return True
