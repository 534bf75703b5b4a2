"""S3: list objects, and read exactly the version that was listed.

Credentials, region and endpoint come from boto3's own chain (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, roles).
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import stamina
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from schemas.errors import BadObject, FlowtrailError
from schemas.object_ref import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

READERS = 16
"""Objects that are read at the same time: what the client's connection pool is sized for."""

MAX_STORED_BYTES = 1 << 30
PIECE = 1 << 20
TRIES = 4
_TORN = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}
_DENIED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"}
_BAD_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_ENVIRONMENT = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
)

_lock = threading.Lock()
_clients: dict[tuple[str | None, ...], "S3Client"] = {}


def client() -> "S3Client":
    """The process's client for the environment as it is now; boto3's clients may be shared by threads."""
    key = (str(os.getpid()), *(os.environ.get(name) for name in _ENVIRONMENT))
    with _lock:
        if key not in _clients:
            region = os.environ.get("AWS_REGION") or None
            config = Config(max_pool_connections=READERS, retries={"mode": "standard"}, connect_timeout=10)
            _clients[key] = boto3.session.Session(region_name=region).client("s3", config=config)
        return _clients[key]


def split_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`. Raises FlowtrailError for anything else."""
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket or "@" in bucket or ":" in bucket:
        raise FlowtrailError(f"{url!r} is not an S3 location.", "Write it as s3://bucket or s3://bucket/prefix.")
    return bucket, prefix


def list_objects(bucket: str, prefix: str) -> Iterator[ObjectRef]:
    """Every object under `prefix`, in key order. Raises FlowtrailError when there is no such bucket, when listing is
    denied, or when the endpoint cannot be reached."""
    with explained(f"s3://{bucket}/{prefix}"):
        for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield ObjectRef(bucket, item["Key"], item["ETag"].strip('"'), item["Size"])


def read_object(ref: ObjectRef, max_bytes: int = MAX_STORED_BYTES) -> bytes:
    """The object's bytes as stored, of the version in `ref` and no other.

    Raises BadObject `too-large`, `gone` (deleted since), `changed` (overwritten since) or `archived`, and
    FlowtrailError for a failure of the world.
    """
    if ref.size > max_bytes:
        raise BadObject(ref, "too-large", f"{ref.size} bytes as stored, {max_bytes} are the most that is read")
    return _read(ref)


def read_head(ref: ObjectRef, n: int) -> bytes:
    """The first `n` bytes as stored, fewer when the object has fewer. Raises as `read_object`."""
    return _read(ref, f"bytes=0-{n - 1}") if ref.size else b""


def stream_object(ref: ObjectRef, piece: int = PIECE) -> Iterator[bytes]:
    """The object's bytes as stored, `piece` at a time, never all at once; a body that tears off is taken up where it
    tore. Raises as `read_object`, also after some pieces."""
    at = torn = 0
    while at < ref.size:
        try:
            with _of(ref):
                body = client().get_object(**_request(ref, f"bytes={at}-" if at else ""))["Body"]
            for data in iter(lambda body=body: body.read(piece), b""):  # type: ignore[misc]
                yield data
                at += len(data)
                torn = 0
        except _TORN as error:
            torn += 1
            if torn == TRIES:
                with explained(ref.url):
                    raise
            logging.getLogger(__name__).info("%s: %s; going on at byte %d", ref.url, error, at)
            time.sleep(torn)


def _read(ref: ObjectRef, part: str = "") -> bytes:
    with _of(ref):
        return _body(**_request(ref, part))


def _request(ref: ObjectRef, part: str = "") -> dict[str, Any]:
    """For the version in `ref` and no other; all of it, or a range."""
    pin = {"VersionId": ref.version_id} if ref.version_id else {"IfMatch": f'"{ref.etag}"'}
    return {"Bucket": ref.bucket, "Key": ref.key, **pin, **({"Range": part} if part else {})}


@contextmanager
def _of(ref: ObjectRef) -> Iterator[None]:
    """Raise what S3 says of an object as BadObject where it is the object's own fault."""
    try:
        with explained(ref.url):
            yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _GONE:
            raise BadObject(ref, "gone", "deleted since it was listed") from error
        if code in ("PreconditionFailed", "412"):
            raise BadObject(
                ref, "changed", "overwritten since it was listed; the new version is another object"
            ) from error
        if code == "InvalidObjectState":
            raise BadObject(ref, "archived", "in an archive storage class: restore it first") from error
        raise


@stamina.retry(on=_TORN, attempts=TRIES, timeout=120)
def _body(**request: Any) -> bytes:
    """botocore retries requests, but not a body that tears off half-way."""
    return client().get_object(**request)["Body"].read()


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise what S3 answers as a FlowtrailError with a remedy. What is the object's own fault stays a ClientError."""
    try:
        yield
    except ClientError as error:
        raise _for_people(where, error) from error
    except NoCredentialsError:
        raise FlowtrailError(
            "There are no AWS credentials.", "Set AWS_PROFILE, or log in with `aws sso login` or `aws configure`."
        ) from None
    except (ConnectionError, HTTPClientError) as error:
        raise FlowtrailError(
            f"{where} cannot be read: {error}", "Check the network, AWS_REGION and AWS_ENDPOINT_URL, then run again."
        ) from error
    except BotoCoreError as error:
        raise FlowtrailError(f"{where} cannot be read: {error}", "Check the AWS settings.") from error


def _for_people(where: str, error: ClientError) -> Exception:
    answer = error.response.get("Error", {})
    code, said = answer.get("Code", ""), answer.get("Message", "")
    if code in _GONE or code in ("PreconditionFailed", "412", "InvalidObjectState"):
        return error
    if code == "NoSuchBucket":
        return FlowtrailError(
            f"There is no bucket for {where}.", "Check the name, and that AWS_PROFILE and AWS_REGION are the owner's."
        )
    if code in _DENIED:
        return FlowtrailError(
            f"Access to {where} is denied.",
            "The credentials need s3:ListBucket on the bucket and s3:GetObject on its objects"
            " (and kms:Decrypt when they are encrypted with KMS).",
        )
    if code in _BAD_KEYS:
        return FlowtrailError(f"AWS does not accept the credentials: {code}.", "Log in again or set AWS_PROFILE.")
    return FlowtrailError(
        f"{where} cannot be read: {code}: {said}", "See what S3 says, then run the same command again."
    )
