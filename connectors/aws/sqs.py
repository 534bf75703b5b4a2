"""An SQS queue: receive, hold and delete messages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws import clients, errors
from connectors.aws.access import DEFAULT, Access
from schemas.errors import FlowtrailError

AT_ONCE = 10
"""Messages in one request: the most that SQS allows."""
HELD = 120
"""Seconds for which a message is not given to others; extended while it is worked on."""
EXTEND = 30


@dataclass(frozen=True)
class Received:
    """A message, and the handle by which it is deleted."""

    handle: str
    body: str


@dataclass(frozen=True)
class Queue:
    """A queue by its URL, `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`."""

    url: str
    access: Access = DEFAULT

    def receive(self, most: int, wait: int) -> list[Received]:
        """Up to `most` messages. Waits up to `wait` seconds for the first. Raises FlowtrailError when the queue cannot
        be read."""
        client = self._client()
        found: list[Received] = []
        while len(found) < most:
            with _explained(self.url):
                answer = client.receive_message(
                    QueueUrl=self.url,
                    MaxNumberOfMessages=min(AT_ONCE, most - len(found)),
                    WaitTimeSeconds=0 if found else wait,
                    VisibilityTimeout=HELD,
                )
            messages = answer.get("Messages", [])
            found += [Received(message["ReceiptHandle"], message["Body"]) for message in messages]
            if not messages:
                break
        return found

    def delete(self, handles: Sequence[str]) -> None:
        """Acknowledge messages. One that cannot be deleted comes again. Raises FlowtrailError."""
        client = self._client()
        for first in range(0, len(handles), AT_ONCE):
            entries = [{"Id": str(n), "ReceiptHandle": h} for n, h in enumerate(handles[first : first + AT_ONCE])]
            with _explained(self.url):
                client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    @contextmanager
    def holding(self, handles: Sequence[str]) -> Iterator[None]:
        """While this context is open, the messages are not given to others."""
        done = Event()
        thread = Thread(target=self._extend, args=(tuple(handles), done), name="visibility", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _extend(self, handles: Sequence[str], done: Event) -> None:
        client = self._client()
        while not done.wait(EXTEND):
            for first in range(0, len(handles), AT_ONCE):
                some = handles[first : first + AT_ONCE]
                entries = [{"Id": str(n), "ReceiptHandle": h, "VisibilityTimeout": HELD} for n, h in enumerate(some)]
                try:
                    client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
                except (BotoCoreError, ClientError):
                    continue  # a message that comes again is loaded once all the same

    def _client(self) -> Any:
        with _explained(self.url):
            return clients.client("sqs", self.access)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise FlowtrailError(
            f"The queue {url} cannot be used: {code or error}.",
            "Check its URL and region; sqs:ReceiveMessage, DeleteMessage and ChangeMessageVisibility are needed.",
        ) from None
    except BotoCoreError as error:
        raise errors.setup_error(error, f"The queue {url}") from None
