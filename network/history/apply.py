"""What a successful CloudTrail call does to the configuration, forward in time.

Source of the calls' members: the EC2 service model and recorded CloudTrail events. Calls on resources that the state
does not have change nothing, nor do calls whose effect is outside the model (VGW propagation, transit gateway routes,
endpoints, prefix lists, Block Public Access, subnet attributes): they stay in the list of changes. Call content that
cannot be read is recorded as unknown.
"""

from network.aws.call import Call
from network.history import apply_filters, apply_routing
from network.history.state import State

EFFECTS = apply_routing.EFFECTS | apply_filters.EFFECTS


def apply(call: Call, state: State) -> None:
    """Move the state from just before the call to just after it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state)
