"""A webhook: the message as JSON, in a POST request that is signed if a secret is set.

The header `X-Flowtrail-Signature` is `sha256=` and the HMAC-SHA256, in hexadecimal, of the timestamp in
`X-Flowtrail-Timestamp`, a full stop and the body. A receiver that checks it also refuses old timestamps.
"""

import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import stamina
import urllib3

from connectors.notify.channel import NotSent
from schemas.watching import Message

SECRET = "FLOWTRAIL_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
SECONDS = 5.0
ATTEMPTS = 3


class _Unavailable(Exception):
    """The request may succeed when it is sent again."""


@dataclass(frozen=True)
class Webhook:
    """A URL that accepts POST requests. It may contain a token, so it is only shown as its host."""

    url: str

    def __repr__(self) -> str:
        return f"Webhook({self.name!r})"

    @property
    def name(self) -> str:
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return f"webhook {urlsplit(self.url).hostname} {digest}"

    def send(self, message: Message) -> None:
        body = json.dumps(message.body, sort_keys=True).encode()
        try:
            self._post(body)
        except _Unavailable as error:
            raise NotSent(str(error)) from None

    @stamina.retry(on=_Unavailable, attempts=ATTEMPTS, timeout=4 * SECONDS, wait_initial=0.2, wait_max=2)
    def _post(self, body: bytes) -> None:
        at = str(int(time.time()))
        headers = {"Content-Type": "application/json", "X-Flowtrail-Timestamp": at}
        if secret := os.environ.get(SECRET):
            signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers["X-Flowtrail-Signature"] = f"sha256={signature}"
        try:
            answer = urllib3.request(
                "POST", self.url, body=body, headers=headers, timeout=SECONDS, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise _Unavailable(f"no answer: {type(error).__name__}") from None
        if answer.status >= 500 or answer.status == 429:
            raise _Unavailable(f"HTTP status {answer.status}")
        if not 200 <= answer.status < 300:
            raise NotSent(f"HTTP status {answer.status}")
