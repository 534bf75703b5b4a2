"""A bucket is listed once in a run, though it is gone through twice: for CloudTrail, and then for flow logs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from schemas.object_ref import ObjectRef

MOST = 200_000
"""Objects of a place that are remembered; of more, the second time lists them again."""

_seen: dict[str, dict[str, list[ObjectRef]]] = {}


@contextmanager
def remembering(run: str) -> Iterator[None]:
    """While the block lasts, what this process lists for the run is remembered."""
    _seen[run] = {}
    try:
        yield
    finally:
        del _seen[run]


def listed(run: str, url: str, objects: Callable[[], Iterable[ObjectRef]]) -> Iterator[ObjectRef]:
    """The objects at `url`, from memory when they were gone through to the end before."""
    places = _seen.get(run)
    if places is None:
        yield from objects()
    elif url in places:
        yield from places.pop(url)
    else:
        refs: list[ObjectRef] = []
        for ref in objects():
            if len(refs) <= MOST:
                refs.append(ref)
            yield ref
        if len(refs) <= MOST:
            places[url] = refs
