"""Clients of AWS services, configured by `connectors/aws/access.py` and otherwise by boto3's defaults."""

import os
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from connectors.aws.access import DEFAULT, Access
from schemas.errors import FlowtrailError

ATTEMPTS = 6
CONNECT_SECONDS = 10


def session(access: Access = DEFAULT) -> boto3.session.Session:
    """A session with the profile and region of `access`. Raises botocore's ProfileNotFound."""
    return boto3.session.Session(
        profile_name=access.profile or None, region_name=access.region or os.environ.get("AWS_REGION") or None
    )


def client(service: str, access: Access = DEFAULT, **config: Any) -> Any:
    """A client that waits ten seconds for a connection and retries throttled requests with exponential back-off.
    Raises FlowtrailError for an endpoint that is not a URL, and botocore's errors for a bad profile or region."""
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    given = Config(
        retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=CONNECT_SECONDS, **config
    )
    if access.unsigned and service == "s3":
        given = given.merge(Config(signature_version=UNSIGNED))
    try:
        return session(access).client(service, config=given, endpoint_url=access.endpoint_url or None)  # type: ignore[call-overload]
    except ValueError as error:
        if "ndpoint" not in str(error):
            raise
        raise FlowtrailError(
            f"The AWS endpoint is not a URL: {error}",
            "Set --endpoint-url (FLOWTRAIL_ENDPOINT_URL, AWS_ENDPOINT_URL) to https://host[:port], or leave it out.",
        ) from None
