"""Rebuilds deleted resources from the calls on them."""

from network.aws.call import Call, History
from network.history.apply import apply
from network.history.state import R, State


def rebuilt(kind: type[R], resource_id: str, call: Call, history: History) -> R | None:
    """A deleted resource, rebuilt from the calls since its creation. None if its creation is not known: what depends on
    it is then unknown."""
    alone = State(vpcs_known=False)
    for earlier in reversed(list(history.before(call, resource_id))):
        apply(earlier, alone)
    return alone.get(kind, resource_id)
