"""What is to be told of incidents: what is new, what has changed, what is over, and what is no longer found. Each is
told on every channel, by whichever process claims it first, and noted once it is sent. A process that dies between the
two leaves it to be told again."""

import json
import logging
import secrets
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


def introduce(client: Client, channels: Sequence[Channel]) -> None:
    """Note what is said of incidents now as known to channels that were never used: it is no news."""
    used = watching.channels(client)
    for channel in channels:
        if channel.name not in used:
            known = [Message(said.incident.id, digest(said), "", "", {}) for said in incidents.current(client)]
            watching.note(client, [*known, Message("", "", "", "", {})], channel.name, "known")


def tell(client: Client, channels: Sequence[Channel], render: Render) -> list[Message]:
    """Send what was not told yet, to every channel. Returns what was sent to one of them at least. A channel that fails
    is tried again in the next turns; the other channels are told all the same."""
    owner = secrets.token_hex(8)
    done, failed = watching.told(client), watching.failures(client)
    sent: dict[str, Message] = {}
    for said in [*incidents.current(client), *incidents.gone(client)]:
        message = render(said, digest(said))
        for channel in channels:
            last = done.get((message.incident, channel.name))
            if last == message.digest or (said.withdrawn and last is None):
                continue
            if failed.get((message.incident, message.digest, channel.name), 0) >= ATTEMPTS:
                continue
            if not watching.claim(client, message, channel.name, owner):
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
