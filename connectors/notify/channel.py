"""What a channel is."""

from typing import Protocol

from schemas.watching import Message


class NotSent(Exception):
    """The message was not sent; what is said of it tells why, without secrets."""


class Channel(Protocol):
    """Somewhere to send messages to. It can be pickled, and holds no secret."""

    @property
    def name(self) -> str:
        """Identifies the channel in the store; it shows no secret."""

    def send(self, message: Message) -> None:
        """Send the message; returns when it is delivered. Raises NotSent, within seconds."""
