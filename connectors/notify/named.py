"""The channel that a setting or an option names."""

import re
from urllib.parse import urlsplit

from connectors.aws.access import DEFAULT, Access
from connectors.notify.channel import Channel
from connectors.notify.console import Console
from connectors.notify.other import Service, is_url
from connectors.notify.sns import Topic
from connectors.notify.webhook import Webhook
from schemas.errors import FlowtrailError

KINDS = (
    "stdout, https://... (a webhook), arn:aws:sns:REGION:ACCOUNT:TOPIC, or a URL of Apprise (slack://..., mailto://...)"
)


def channel(text: str, access: Access = DEFAULT, *, as_json: bool = False) -> Channel:
    """The channel. Raises FlowtrailError, without what may be a secret, if there is no such channel.

    >>> channel("arn:aws:sns:eu-central-1:123456789012:oncall").name
    'arn:aws:sns:eu-central-1:123456789012:oncall'
    """
    if text == "stdout":
        return Console(as_json)
    if re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", text):
        return Topic(text, access)
    url = urlsplit(text)
    if url.scheme in ("http", "https") and url.hostname:
        return Webhook(text)
    if is_url(text) and url.scheme not in ("http", "https"):
        service = Service(text)
        service.check()
        return service
    shown = text if "://" not in text else f"{url.scheme}://..."
    raise FlowtrailError(f"{shown!r} is not a notification channel.", f"Use {KINDS}.")
