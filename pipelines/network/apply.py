"""What a successful CloudTrail call does to the configuration, forward in time.

Source of the calls' members: the EC2 service model and recorded CloudTrail events. Calls on resources that the state
does not have change nothing, and so do calls whose effect is outside the model (VGW propagation, transit gateway
routes, endpoints, prefix lists, Block Public Access, subnet attributes): they stay in the list of changes.
Content of a call that cannot be read is put down as unknown.
"""

from pipelines.network import apply_filters, apply_routing
from pipelines.network.call import Call
from pipelines.network.state import State

EFFECTS = apply_routing.EFFECTS | apply_filters.EFFECTS


def apply(call: Call, state: State) -> None:
    """Moves the state from just before the call to just after it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state)
