"""The current VPC configuration from EC2, read through boto3.

Credentials, region and endpoint come from boto3's defaults unless `connectors/aws/access.py` overrides them.
"""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors.aws import clients
from connectors.aws.access import DEFAULT, Access
from connectors.aws.errors import BAD_KEYS, EXPIRED, LOG_IN, setup_error
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
"""One for each command in `schemas/describe.py`, except for prefix lists."""

PREFIX_LISTS = ("describe_managed_prefix_lists", "get_managed_prefix_list_entries")
"""Operations whose output becomes that of `describe-prefix-lists`, which lacks the customer's own lists. Without the
permission for them, what prefix lists decide is unknown."""

LOG = logging.getLogger(__name__)

_DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
_DRY_RUN = "DryRunOperation"


class Denied(FlowtrailError):
    """The credentials do not allow one call; they may allow others."""


def describe_all(ec2: "EC2Client | None" = None, access: Access = DEFAULT) -> dict[str, dict[str, Any]]:
    """The responses by command (`describe-route-tables`, ...), all pages, in the form that the AWS CLI prints.

    Raises FlowtrailError when a call is denied or the endpoint cannot be reached.
    """
    answers = {}
    for operation in OPERATIONS:
        try:
            ec2 = ec2 or _client(access)
            pages: Any = ec2.get_paginator(operation).paginate()  # type: ignore[call-overload]
            answer = pages.build_full_result()
        except ClientError as error:
            raise _explained(operation, error) from error
        except BotoCoreError as error:
            raise setup_error(error, "EC2") from error
        answers[operation.replace("_", "-")] = json.loads(json.dumps(answer, default=_plain))
    if ec2 is not None:
        answers["describe-prefix-lists"] = {"PrefixLists": _prefix_lists(ec2)}
    return answers


def _prefix_lists(ec2: "EC2Client") -> list[dict[str, Any]]:
    """Every managed prefix list with its entries, AWS's own too, in the form of `describe-prefix-lists`."""
    try:
        lists = ec2.get_paginator("describe_managed_prefix_lists").paginate().build_full_result()["PrefixLists"]
        entries = ec2.get_paginator("get_managed_prefix_list_entries")
        return [
            {
                "PrefixListId": each["PrefixListId"],
                "PrefixListName": each.get("PrefixListName", ""),
                "Cidrs": [e["Cidr"] for e in entries.paginate(PrefixListId=each["PrefixListId"]).search("Entries")],
            }
            for each in lists
        ]
    except ClientError as error:
        found = _explained(PREFIX_LISTS[0], error)
        if not isinstance(found, Denied):
            raise found from error
        needed = " and ".join(map(permission, PREFIX_LISTS))
        LOG.warning("warning: what prefix lists decide stays unknown: grant %s to the credentials in use.", needed)
        return []
    except BotoCoreError as error:
        raise setup_error(error, "EC2") from error


def probe(access: Access = DEFAULT) -> Iterator[tuple[str, Denied | None]]:
    """Check by dry run which calls of `describe_all` the credentials allow: yields the permission of each call, with
    None if it is allowed. Raises FlowtrailError for an error that would stop all of them."""
    ec2 = None
    for operation in OPERATIONS:
        try:
            ec2 = ec2 or _client(access)
            getattr(ec2, operation)(DryRun=True)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") != _DRY_RUN:
                found = _explained(operation, error)
                if not isinstance(found, Denied):
                    raise found from error
                yield permission(operation), found
                continue
        except BotoCoreError as error:
            raise setup_error(error, "EC2") from error
        yield permission(operation), None


def permission(operation: str) -> str:
    """The IAM action of a boto3 operation.

    >>> permission("describe_subnets")
    'ec2:DescribeSubnets'
    """
    return "ec2:" + "".join(word.capitalize() for word in operation.split("_"))


def _client(access: Access) -> "EC2Client":
    ec2: EC2Client = clients.client("ec2", access)
    return ec2


def region(access: Access = DEFAULT) -> str:
    """The region in use, '' if none is set. Raises FlowtrailError for a profile that does not exist."""
    try:
        return clients.session(access).region_name or ""
    except BotoCoreError as error:
        raise setup_error(error, "EC2") from error


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be written as JSON")


def _explained(operation: str, error: ClientError) -> FlowtrailError:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    needed = permission(operation)
    if code in _DENIED:
        return Denied(f"EC2 denies {needed}.", f"Grant {needed} to the credentials in use.")
    if code in EXPIRED:
        return FlowtrailError(f"The AWS credentials have expired ({code}).", LOG_IN)
    if code in BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", LOG_IN)
    return FlowtrailError(
        f"{needed} failed: {code}: {message}", "Fix what EC2 reports, then run the same command again."
    )
