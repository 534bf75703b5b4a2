"""S3 on loopback, in a separate process so that it does not compete for its clients' interpreter lock."""

import importlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import boto3

REGION = "eu-central-1"
KEY = "testing"
BUCKET = "logs"


@contextmanager
def s3() -> Iterator[str]:
    """Yields the URL of the endpoint; the environment of this process and its children points to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        os.environ["AWS_ENDPOINT_URL"] = url = here.recv()
        yield url
    finally:
        here.send(None)
        process.join(10)
        process.kill()


def _serve(pipe: Connection) -> None:
    importlib.import_module("benchmarks.s3_server").serve(pipe)  # imported only in the child process


def fill(objects: Iterable[tuple[str, bytes]], bucket: str = BUCKET) -> int:
    """Puts objects into a new bucket; returns the number of bytes stored."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    size = 0
    for key, body in objects:
        client.put_object(Bucket=bucket, Key=key, Body=body)
        size += len(body)
    return size


def empty(bucket: str = BUCKET) -> None:
    """Deletes a bucket and everything in it."""
    found = boto3.resource("s3").Bucket(bucket)
    found.objects.all().delete()
    found.delete()
