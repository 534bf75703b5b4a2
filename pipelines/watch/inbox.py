"""Load the objects that a queue tells of. A message is acknowledged once the store accounts for all its objects."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from connectors.aws import s3
from connectors.aws.access import DEFAULT, Access
from connectors.aws.sqs import Queue
from connectors.store import receipts
from connectors.store.clickhouse import Store
from pipelines.watch.notices import NotUnderstood, Place, places
from schemas.object_ref import ObjectRef
from schemas.summary import IngestSummary

LOG = logging.getLogger(__name__)

MOST = 2_000
"""Messages of a turn."""


@dataclass(frozen=True)
class Inbox:
    """A queue, and the prefixes (`s3://bucket/prefix`) of which it may tell: a body is untrusted."""

    queue: Queue
    allowed: tuple[str, ...]
    access: Access = DEFAULT
    wait: int = 20

    def load(self, store: Store, ingest: Callable[[Sequence[ObjectRef]], IngestSummary]) -> IngestSummary:
        """Wait up to `wait` seconds for messages, `ingest` their objects, and acknowledge them. The store is not used
        before there are any. What cannot be understood, or tells of other places, is left to the queue's redrive
        policy. Raises FlowtrailError when the queue, S3 or the store fails: then the messages come again."""
        received = _Received()
        messages = self.queue.receive(MOST, self.wait)
        for message in messages:
            received.add(message.handle, message.body, self.allowed)
        with self.queue.holding([message.handle for message in messages]):
            refs = _found(sorted({place for each in received.places.values() for place in each}), self.access)
            summary = ingest(list(refs.values())) if refs else IngestSummary()
            done = receipts.kinds(store.client(), (r.object_id for r in refs.values())) if summary.objects_busy else {}
            self.queue.delete(
                [
                    handle
                    for handle, named in received.places.items()
                    # Another process may die while it loads an object: then the message must come again.
                    if not summary.objects_busy or all(p not in refs or refs[p].object_id in done for p in named)
                ]
            )
        return summary


@dataclass
class _Received:
    places: dict[str, list[Place]] = field(default_factory=dict)
    """By handle."""

    def add(self, handle: str, body: str, allowed: Sequence[str]) -> None:
        try:
            named = places(body)
        except NotUnderstood as error:
            LOG.warning("warning: a message of the queue was left there: %s: %.80s", error, _escaped(body))
            return
        foreign = [place for place in named if not _is_allowed(place, allowed)]
        if foreign:
            place = _escaped("s3://{}/{}".format(*foreign[0]))
            LOG.warning("warning: a message of the queue was left there: %.250s is not watched", place)
        else:
            self.places[handle] = named


def _escaped(text: str) -> str:
    """Text from a queue is hostile: none of it reaches a terminal raw."""
    return repr(text)[1:-1]


def _is_allowed(place: Place, allowed: Sequence[str]) -> bool:
    return any(place[0] == bucket and place[1].startswith(prefix) for bucket, prefix in map(s3.split_url, allowed))


def _found(wanted: Sequence[Place], access: Access) -> dict[Place, ObjectRef]:
    """The latest versions of the objects; those that are gone are left out, as a listing leaves them out."""
    with ThreadPoolExecutor(s3.READERS) as pool:
        found = pool.map(lambda place: s3.find(place[0], place[1], access), wanted)
        return {place: ref for place, ref in zip(wanted, found, strict=True) if ref}
