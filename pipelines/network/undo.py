"""What the configuration was just before a successful CloudTrail call, given how it was just after.

Calls that take away or replace do not say what was there; earlier calls on the same thing may. Where they do not, it
is put down as unknown, never guessed.
"""

from pipelines.network import undo_filters, undo_routing
from pipelines.network.call import Call, History
from pipelines.network.state import State

EFFECTS = undo_routing.EFFECTS | undo_filters.EFFECTS


def undo(call: Call, state: State, history: History) -> None:
    """Moves the state from just after the call to just before it."""
    effect = EFFECTS.get(call.name)
    if effect is not None:
        effect(call, state, history)
