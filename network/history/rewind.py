"""The configuration just before a successful CloudTrail call, given the one just after.

Calls that delete or replace do not contain what was there before; earlier calls on the same resource may. If they do
not, it is recorded as unknown, never guessed.
"""

from network.aws.call import Call, History
from network.history import rewind_filters, rewind_routing
from network.history.state import State

EFFECTS = rewind_routing.EFFECTS | rewind_filters.EFFECTS


def undo(call: Call, state: State, history: History) -> None:
    """Move the state from just after the call to just before it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state, history)
