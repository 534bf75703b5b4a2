"""The VPC configuration as EC2 describes it now, through boto3 against the endpoint.

Credentials, region and endpoint come from boto3's own chain, unless `connectors/access.py` says otherwise.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors import aws
from connectors.aws_errors import BAD_KEYS, EXPIRED, LOG_IN, of_the_setting
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client

OPERATIONS = (
    "describe_subnets",
    "describe_route_tables",
    "describe_network_acls",
    "describe_security_groups",
    "describe_network_interfaces",
    "describe_vpcs",
    "describe_instances",
    "describe_internet_gateways",
    "describe_nat_gateways",
    "describe_security_group_rules",
)
"""One for each answer in `schemas/describe.py`."""

_DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
_DRY_RUN = "DryRunOperation"


class Denied(FlowtrailError):
    """The credentials may not make one call; another they may."""


def describe_all(ec2: "EC2Client | None" = None) -> dict[str, dict[str, Any]]:
    """The answers by command (`describe-route-tables`, ...), all pages, as the `aws` command line prints them.

    Raises FlowtrailError when a call is denied or the endpoint cannot be reached.
    """
    answers = {}
    for operation in OPERATIONS:
        try:
            ec2 = ec2 or _client()
            pages: Any = ec2.get_paginator(operation).paginate()  # type: ignore[call-overload]
            answer = pages.build_full_result()
        except ClientError as error:
            raise _for_people(operation, error) from error
        except BotoCoreError as error:
            raise of_the_setting(error, "EC2") from error
        answers[operation.replace("_", "-")] = json.loads(json.dumps(answer, default=_plain))
    return answers


def probe() -> Iterator[tuple[str, Denied | None]]:
    """Ask EC2 of each call that `describe_all` makes whether the credentials may make it, without its answer: its
    permission, and None where it is allowed. Raises FlowtrailError for what stops all of them."""
    ec2 = None
    for operation in OPERATIONS:
        try:
            ec2 = ec2 or _client()
            getattr(ec2, operation)(DryRun=True)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") != _DRY_RUN:
                found = _for_people(operation, error)
                if not isinstance(found, Denied):
                    raise found from error
                yield permission(operation), found
                continue
        except BotoCoreError as error:
            raise of_the_setting(error, "EC2") from error
        yield permission(operation), None


def permission(operation: str) -> str:
    """`ec2:DescribeSubnets` of `describe_subnets`."""
    return "ec2:" + "".join(word.capitalize() for word in operation.split("_"))


def _client() -> "EC2Client":
    ec2: EC2Client = aws.client("ec2")
    return ec2


def region() -> str:
    """The region that is asked, '' where nothing names one. Raises FlowtrailError for a profile that is not there."""
    try:
        return aws.session().region_name or ""
    except BotoCoreError as error:
        raise of_the_setting(error, "EC2") from error


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {value!r}")


def _for_people(operation: str, error: ClientError) -> FlowtrailError:
    answer = error.response.get("Error", {})
    code, said = answer.get("Code", ""), answer.get("Message", "")
    needed = permission(operation)
    if code in _DENIED:
        return Denied(f"EC2 denies {needed}.", f"Allow {needed} to the credentials in use.")
    if code in EXPIRED:
        return FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN)
    if code in BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN)
    return FlowtrailError(f"{needed} failed: {code}: {said}", "See what EC2 says, then run the same command again.")
