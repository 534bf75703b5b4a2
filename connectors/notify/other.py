"""Slack, Microsoft Teams, PagerDuty, e-mail and many others, by the library Apprise, whose URLs name them:
`slack://...`, `workflow://...` (Teams), `pagerduty://...`, `mailto://...`. It is an extra: `pip install '.[notify]'`.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from connectors.notify.channel import NotSent
from schemas.errors import FlowtrailError
from schemas.watching import Message

EXTRA = "Run `pip install '.[notify]'` in the source tree."


@dataclass(frozen=True)
class Service:
    """What an Apprise URL names. The URL has a token, so only its scheme is shown."""

    url: str

    def __repr__(self) -> str:
        return f"Service({self.name!r})"

    @property
    def name(self) -> str:
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return f"{self.url.partition('://')[0]} {digest}"

    def check(self) -> None:
        """Raise FlowtrailError if Apprise is missing or does not know the URL."""
        self._service()

    def send(self, message: Message) -> None:
        try:
            sent = self._service().notify(title=message.title, body=message.text, body_format="text")
        except (OSError, TypeError, ValueError) as error:
            raise NotSent(f"{type(error).__name__}") from None
        if not sent:
            raise NotSent("the service did not take it")

    def _service(self) -> Any:
        if find_spec("apprise") is None:
            raise FlowtrailError(f"The channel {self.name} needs a component that is not installed: apprise.", EXTRA)
        apprise = import_module("apprise")
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log the URL, with its token
        plain = apprise.AppriseAsset(image_url_mask="", image_url_logo="", async_mode=False)
        service = apprise.Apprise(asset=plain)
        if not service.add(self.url):
            raise FlowtrailError(
                f"Apprise does not know the channel {self.name}.",
                "Its URLs are described at https://appriseit.com/services/; the documentation of each service has one.",
            )
        return service


def is_url(text: str) -> bool:
    """Whether the text has the form of such a URL."""
    return re.match(r"[a-z][a-z0-9]*://\S", text) is not None
