"""What is to be told of incidents: what is new, what has changed, what is over, and what is no longer found. Each is
told at least once on every channel, and noted once it is sent; the same is not told again."""

import json
import logging
from collections.abc import Callable, Sequence
from hashlib import blake2b

from clickhouse_connect.driver.client import Client

from connectors.notify.channel import Channel, NotSent
from connectors.store import incidents, watching
from schemas.incident import Said
from schemas.watching import Message

LOG = logging.getLogger(__name__)

ATTEMPTS = 20
"""Turns in which a channel fails before a message is given up: a day of a broken webhook must not pile up."""

Render = Callable[[Said, str], Message]
"""What is said of an incident, and the digest of it, as a message."""


def digest(said: Said) -> str:
    """Identifies what is worth telling of an incident: whether it is still found, its state, certainty and cause."""
    incident, cause = said.incident, said.incident.cause
    what = [said.withdrawn, incident.state, incident.certainty, sorted(cause.event_ids) if cause else None]
    return blake2b(json.dumps(what).encode(), digest_size=8).hexdigest()


def keep_quiet(client: Client) -> None:
    """Note that what is said of incidents now is known: it was found before watching began."""
    watching.note(client, [_bare(said) for said in incidents.current(client)], watching.ALL, "known")


def tell(client: Client, channels: Sequence[Channel], render: Render) -> list[Message]:
    """Send what was not told yet, to every channel. Returns what was sent to one of them at least. A channel that fails
    is tried again in the next turns, and delays nothing else."""
    done, failed = watching.told(client), watching.failures(client)
    sent: dict[str, Message] = {}
    for said in _said(client, done):
        message = render(said, digest(said))
        for channel in channels:
            keys = [(message.incident, message.digest, name) for name in (channel.name, watching.ALL)]
            if done.intersection(keys) or failed.get(keys[0], 0) >= ATTEMPTS:
                continue
            try:
                channel.send(message)
            except NotSent as error:
                watching.note(client, [message], channel.name, "failed", str(error))
                LOG.warning("warning: %s could not be told of incident %s: %s", channel.name, message.incident, error)
            else:
                watching.note(client, [message], channel.name, "sent")
                sent[message.incident] = message
    return list(sent.values())


def _said(client: Client, done: set[tuple[str, str, str]]) -> list[Said]:
    """What is said now; and of incidents that were told and are no longer found, that."""
    found = incidents.current(client)
    known = {said.incident.id for said in found}
    gone = []
    for name in sorted({incident for incident, _, _ in done} - known):
        own = [said for said in incidents.history(client, name) if said.incident.id == name]
        gone += own[-1:]
    return [*found, *(said for said in gone if said.withdrawn)]


def _bare(said: Said) -> Message:
    return Message(said.incident.id, digest(said), "", "", {})
