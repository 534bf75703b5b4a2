"""The VPC configuration as EC2 describes it now, through boto3 against the endpoint.

Credentials, region and endpoint come from boto3's own chain (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, roles).
"""

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)

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
_BAD_KEYS = ("AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "RequestExpired")


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
        except NoCredentialsError:
            raise FlowtrailError(
                "There are no AWS credentials.", "Set AWS_PROFILE, or log in with `aws sso login` or `aws configure`."
            ) from None
        except NoRegionError:
            raise FlowtrailError("No AWS region is set.", "Set AWS_REGION to the region of the VPC.") from None
        except (ConnectionError, HTTPClientError) as error:
            raise FlowtrailError(
                f"EC2 cannot be reached: {error}", "Check the network, AWS_REGION and AWS_ENDPOINT_URL, then run again."
            ) from error
        except BotoCoreError as error:
            raise FlowtrailError(f"EC2 cannot be asked: {error}", "Check the AWS settings.") from error
        answers[operation.replace("_", "-")] = json.loads(json.dumps(answer, default=_plain))
    return answers


def _client() -> "EC2Client":
    config = Config(retries={"mode": "standard"}, connect_timeout=10)
    return _session().client("ec2", config=config)


def region() -> str:
    """The region that `describe_all` asks by itself, '' where nothing names one."""
    return _session().region_name or ""


def _session() -> boto3.session.Session:
    """boto3 alone would not read AWS_REGION, which the `aws` command line and the other SDKs do."""
    return boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {value!r}")


def _for_people(operation: str, error: ClientError) -> FlowtrailError:
    answer = error.response.get("Error", {})
    code, said = answer.get("Code", ""), answer.get("Message", "")
    permission = "ec2:" + "".join(word.capitalize() for word in operation.split("_"))
    if code in _DENIED:
        return FlowtrailError(f"EC2 denies {permission}.", f"Allow {permission} to the credentials in use.")
    if code in _BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", "Log in again or set AWS_PROFILE.")
    return FlowtrailError(f"{permission} failed: {code}: {said}", "See what EC2 says, then run the same command again.")
