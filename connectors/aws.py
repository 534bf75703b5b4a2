"""Clients of AWS services, the way `connectors/access.py` says, else as boto3's own chain finds it."""

import os
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from connectors.access import current
from schemas.errors import FlowtrailError

ATTEMPTS = 6
CONNECT_SECONDS = 10


def session() -> boto3.session.Session:
    """A session of the profile and region in use. Raises botocore's ProfileNotFound."""
    access = current()
    return boto3.session.Session(
        profile_name=access.profile or None, region_name=access.region or os.environ.get("AWS_REGION") or None
    )


def client(service: str, **config: Any) -> Any:
    """A client that waits ten seconds for a connection, and repeats what was throttled, longer and longer apart.
    Raises FlowtrailError for an endpoint that is no URL, and botocore's errors for a bad profile or region."""
    access = current()
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    given = Config(
        retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=CONNECT_SECONDS, **config
    )
    if access.unsigned and service == "s3":
        given = given.merge(Config(signature_version=UNSIGNED))
    try:
        return session().client(service, config=given, endpoint_url=access.endpoint_url or None)  # type: ignore[call-overload]
    except ValueError as error:
        if "ndpoint" not in str(error):
            raise
        raise FlowtrailError(
            f"The AWS endpoint is no URL: {error}",
            "Give --endpoint-url (FLOWTRAIL_ENDPOINT_URL, AWS_ENDPOINT_URL) as https://host[:port], or leave it out.",
        ) from None
