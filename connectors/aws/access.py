"""How to access AWS, where that differs from boto3's defaults. Does not import boto3, which is slow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """Unset values are left to boto3's defaults (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, roles, ...) of the
    process that makes the request. Part of a job, so never holds a secret. `unsigned`: S3 requests are sent without
    credentials (public buckets). `requester_pays`: accept the charges of Requester Pays buckets."""

    profile: str = ""
    region: str = ""
    endpoint_url: str = ""
    unsigned: bool = False
    requester_pays: bool = False


DEFAULT = Access()
