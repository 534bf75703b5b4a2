"""How this process goes to AWS, where that differs from boto3's own chain. Imports no boto3: it costs nothing."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """What is not set is left to boto3's chain (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, roles, ...). Never
    holds a secret. `unsigned`: requests to S3 carry no credentials (public buckets); `requester_pays`: we accept the
    cost of requests to buckets whose owner does not."""

    profile: str = ""
    region: str = ""
    endpoint_url: str = ""
    unsigned: bool = False
    requester_pays: bool = False


_lock = threading.Lock()
_current = Access()


def use(access: Access) -> None:
    """From now on the whole process goes to AWS like this: threads of a pipeline read side by side, one way for all."""
    global _current  # noqa: PLW0603 - process-wide on purpose
    with _lock:
        _current = access


def current() -> Access:
    return _current
