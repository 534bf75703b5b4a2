"""Proves that generated buckets arrive over the S3 API exactly as in a folder, and that failures are not hidden."""

from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from simulation.bulk.bucket import assortment, large, tiny
from simulation.bulk.delivery import to_folder, to_s3
from tests.conftest import Bucket


def stored(bucket: Bucket) -> dict[str, bytes]:
    client = boto3.client("s3", endpoint_url=bucket.endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return {key: client.get_object(Bucket=bucket.name, Key=key)["Body"].read() for key in keys}


def test_s3_holds_what_a_folder_holds(bucket: Bucket, tmp_path: Path) -> None:
    plan = assortment(60) + tiny(80, (1, 9)) + large(2, 3000, begin=1_793_600_000 // 300 * 300)
    there = to_s3(plan, bucket.name, endpoint_url=bucket.endpoint)
    here = to_folder(plan, tmp_path)
    assert there == here
    found = stored(bucket)
    assert found == {each.key: (tmp_path / each.key).read_bytes() for each in here.objects}
    assert sum(map(len, found.values())) == there.stored


def test_a_bucket_that_does_not_exist_is_an_error(bucket: Bucket) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        to_s3(tiny(3), "nowhere", endpoint_url=bucket.endpoint)
