"""Resources that are gone, as the calls on them made them."""

from pipelines.network.apply import apply
from pipelines.network.call import Call, History
from pipelines.network.state import R, State


def rebuilt(kind: type[R], resource_id: str, call: Call, history: History) -> R | None:
    """A deleted resource as the calls since its creation made it. Without its creation there is none: what depends on
    it is then not known."""
    alone = State(vpcs_known=False)
    for earlier in reversed(list(history.before(call, resource_id))):
        apply(earlier, alone)
    return alone.get(kind, resource_id)
