"""S3: list objects, and read exactly the version that was listed.

Credentials, region and endpoint come from boto3's own chain, unless `connectors/access.py` says otherwise.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import stamina
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from connectors import aws, aws_errors
from connectors.access import Access, current
from connectors.quick_get import QuickGet
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
_ENVIRONMENT = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
)

explained = aws_errors.explained

_lock = threading.Lock()
_clients: dict[tuple[Access | str | None, ...], tuple["S3Client", QuickGet]] = {}


@dataclass(frozen=True)
class Page:
    """A page of a listing: its objects in key order, the folders beneath (whole prefixes, when there was a delimiter),
    and what to ask for the next one with, '' at the end."""

    refs: tuple[ObjectRef, ...]
    folders: tuple[str, ...] = ()
    more: str = ""


def client() -> "S3Client":
    """The process's client for the environment as it is now; boto3's clients may be shared by threads."""
    return _both()[0]


def _both() -> tuple["S3Client", QuickGet]:
    key = (current(), str(os.getpid()), *(os.environ.get(name) for name in _ENVIRONMENT))
    with _lock:
        if key not in _clients:
            made = aws.client("s3", max_pool_connections=READERS)
            _clients[key] = made, QuickGet(made)
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
    for page in list_pages(bucket, prefix):
        yield from page.refs


def list_pages(bucket: str, prefix: str, *, folders: bool = False, after: str = "") -> Iterator[Page]:
    """The listing page by page: of one level with its `folders`, else of all levels; only keys behind `after`.
    Raises as `list_objects`."""
    page = list_page(bucket, prefix, folders=folders, after=after)
    yield page
    while page.more:
        page = list_page(bucket, prefix, folders=folders, more=page.more)
        yield page


def list_page(bucket: str, prefix: str, *, folders: bool = False, after: str = "", more: str = "") -> Page:
    """One page, at most 1,000 objects and folders: the first, or with `more` the one that follows. Raises as
    `list_objects`."""
    wanted: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, **_payer()}
    wanted |= {"Delimiter": "/"} if folders else {}
    wanted |= {"ContinuationToken": more} if more else {"StartAfter": after} if after else {}
    with explained(f"s3://{bucket}/{prefix}"):
        answer = client().list_objects_v2(**wanted)
    return Page(
        tuple(
            ObjectRef(bucket, item["Key"], item["ETag"].strip('"'), item["Size"]) for item in answer.get("Contents", ())
        ),
        tuple(item["Prefix"] for item in answer.get("CommonPrefixes", ())),
        answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else "",
    )


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
        body = _both()[1].get(ref) if not part else None
        return _body(**_request(ref, part)) if body is None else body


def _request(ref: ObjectRef, part: str = "") -> dict[str, Any]:
    """For the version in `ref` and no other; all of it, or a range."""
    pin = {"VersionId": ref.version_id} if ref.version_id else {"IfMatch": f'"{ref.etag}"'}
    return {"Bucket": ref.bucket, "Key": ref.key, **pin, **_payer(), **({"Range": part} if part else {})}


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
            raise BadObject(
                ref,
                "archived",
                "in an archive storage class; restore it (`aws s3api restore-object`), then run the same command again",
            ) from error
        raise


@stamina.retry(on=_TORN, attempts=TRIES, timeout=120)
def _body(**request: Any) -> bytes:
    """botocore retries requests, but not a body that tears off half-way."""
    return client().get_object(**request)["Body"].read()


def _payer() -> dict[str, str]:
    return {"RequestPayer": "requester"} if current().requester_pays else {}
