"""S3: list objects, and read exactly the version that was listed.

Credentials, region and endpoint come from boto3's defaults unless `connectors/aws/access.py` overrides them.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import stamina
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from connectors.aws import clients, errors
from connectors.aws.access import DEFAULT, Access
from connectors.aws.quick_get import QuickGet
from schemas.errors import BadObject, FlowtrailError
from schemas.object_ref import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

READERS = 16
"""Objects that are read concurrently: the size of the client's connection pool."""

MAX_STORED_BYTES = 1 << 30
PIECE = 1 << 20
TRIES = 4
_BROKEN_BODY = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_GONE = {"NoSuchKey", "NoSuchVersion", "404"}
_ENVIRONMENT = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
)

explained = errors.explained

_lock = threading.Lock()
_clients: dict[tuple[Access | str | None, ...], tuple["S3Client", QuickGet]] = {}


@dataclass(frozen=True)
class Page:
    """A page of a listing: its objects in key order, the folders below (full prefixes, if a delimiter was given), and
    the continuation token for the next page, '' at the end."""

    refs: tuple[ObjectRef, ...]
    folders: tuple[str, ...] = ()
    more: str = ""


def client(access: Access = DEFAULT) -> "S3Client":
    """The process's client for the current environment; boto3 clients can be shared by threads."""
    return _both(access)[0]


def _both(access: Access) -> tuple["S3Client", QuickGet]:
    key = (access, str(os.getpid()), *(os.environ.get(name) for name in _ENVIRONMENT))
    with _lock:
        if key not in _clients:
            made = clients.client("s3", access, max_pool_connections=READERS)
            _clients[key] = made, QuickGet(made, access)
        return _clients[key]


def split_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`. Raises FlowtrailError for anything else."""
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket or "@" in bucket or ":" in bucket:
        raise FlowtrailError(f"{url!r} is not an S3 location.", "Write it as s3://bucket or s3://bucket/prefix.")
    return bucket, prefix


def list_objects(bucket: str, prefix: str, access: Access = DEFAULT) -> Iterator[ObjectRef]:
    """Every object under `prefix`, in key order. Raises FlowtrailError when the bucket does not exist, when listing is
    denied, or when the endpoint cannot be reached."""
    for page in list_pages(bucket, prefix, access=access):
        yield from page.refs


def list_pages(
    bucket: str, prefix: str, *, folders: bool = False, after: str = "", access: Access = DEFAULT
) -> Iterator[Page]:
    """The listing, page by page: one level if `folders`, else all levels; only keys after `after`. Raises as
    `list_objects`."""
    page = list_page(bucket, prefix, folders=folders, after=after, access=access)
    yield page
    while page.more:
        page = list_page(bucket, prefix, folders=folders, more=page.more, access=access)
        yield page


def list_page(
    bucket: str, prefix: str, *, folders: bool = False, after: str = "", more: str = "", access: Access = DEFAULT
) -> Page:
    """One page of at most 1,000 objects and folders: the first, or the one with the continuation token `more`. Raises
    as `list_objects`."""
    wanted: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, **_payer(access)}
    wanted |= {"Delimiter": "/"} if folders else {}
    wanted |= {"ContinuationToken": more} if more else {"StartAfter": after} if after else {}
    with explained(f"s3://{bucket}/{prefix}"):
        answer = client(access).list_objects_v2(**wanted)
    if "Name" not in answer:  # every listing has the bucket's name
        raise FlowtrailError(
            f"What answers for s3://{bucket}/{prefix} is not S3: the listing does not name its bucket.",
            "Check AWS_ENDPOINT_URL (or --endpoint-url) and your proxy settings.",
        )
    return Page(
        tuple(
            ObjectRef(bucket, item["Key"], item["ETag"].strip('"'), item["Size"]) for item in answer.get("Contents", ())
        ),
        tuple(item["Prefix"] for item in answer.get("CommonPrefixes", ())),
        answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else "",
    )


def find(bucket: str, key: str, access: Access = DEFAULT) -> ObjectRef | None:
    """The latest version of the object, as a listing shows it; None if there is none. Raises FlowtrailError when S3
    cannot be asked."""
    try:
        with explained(f"s3://{bucket}/{key}"):
            wanted: dict[str, Any] = {"Bucket": bucket, "Key": key, **_payer(access)}
            answer = client(access).head_object(**wanted)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            return None
        raise
    return ObjectRef(bucket, key, answer["ETag"].strip('"'), answer["ContentLength"])


def read_object(ref: ObjectRef, max_bytes: int = MAX_STORED_BYTES, access: Access = DEFAULT) -> bytes:
    """The object's bytes as stored, of exactly the version in `ref`.

    Raises BadObject `too-large`, `gone` (deleted since), `changed` (overwritten since) or `archived`, and
    FlowtrailError when S3 cannot be read at all.
    """
    if ref.size > max_bytes:
        raise BadObject(ref, "too-large", f"{ref.size} bytes as stored, more than the limit of {max_bytes}")
    return _read(ref, access)


def read_head(ref: ObjectRef, n: int, access: Access = DEFAULT) -> bytes:
    """The first `n` bytes as stored, fewer if the object is smaller. Raises as `read_object`."""
    return _read(ref, access, f"bytes=0-{n - 1}") if ref.size else b""


def stream_object(ref: ObjectRef, piece: int = PIECE, access: Access = DEFAULT) -> Iterator[bytes]:
    """The object's bytes as stored, at most `piece` of them at a time; a body that breaks off is resumed where it broke
    off. Raises as `read_object`, possibly after some pieces."""
    at = 0
    body: Any = None
    while at < ref.size:
        with _of(ref):
            for attempt in stamina.retry_context(on=_BROKEN_BODY, attempts=TRIES, timeout=120):
                with attempt:
                    body = body or _from(ref, at, access)
                    try:
                        data = body.read(piece)
                        if not data:
                            raise IncompleteReadError(actual_bytes=at, expected_bytes=ref.size)
                    except _BROKEN_BODY:
                        body = None
                        raise
        at += len(data)
        yield data


def _from(ref: ObjectRef, at: int, access: Access) -> Any:
    """The object's body, starting at byte `at`."""
    with _of(ref):
        return client(access).get_object(**_request(ref, access, f"bytes={at}-" if at else ""))["Body"]


def _read(ref: ObjectRef, access: Access, part: str = "") -> bytes:
    with _of(ref):
        body = _both(access)[1].get(ref) if not part else None
        return _body(access, **_request(ref, access, part)) if body is None else body


def _request(ref: ObjectRef, access: Access, part: str = "") -> dict[str, Any]:
    """The request for exactly the version in `ref`: the whole object, or a byte range."""
    pin = {"VersionId": ref.version_id} if ref.version_id else {"IfMatch": f'"{ref.etag}"'}
    return {"Bucket": ref.bucket, "Key": ref.key, **pin, **_payer(access), **({"Range": part} if part else {})}


@contextmanager
def _of(ref: ObjectRef) -> Iterator[None]:
    """Raise S3 errors that concern only this object as BadObject."""
    try:
        with explained(ref.url), _whole(ref):
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


@contextmanager
def _whole(ref: ObjectRef) -> Iterator[None]:
    """A body that ends early at every attempt, while requests are answered, is a fault of this object."""
    try:
        yield
    except (IncompleteReadError, ResponseStreamingError) as error:
        raise BadObject(ref, "body-ends-early", f"its body ended early at every attempt: {error}") from error


@stamina.retry(on=_BROKEN_BODY, attempts=TRIES, timeout=120)
def _body(access: Access, **request: Any) -> bytes:
    """botocore retries requests, but not a body that breaks off halfway."""
    return client(access).get_object(**request)["Body"].read()


def _payer(access: Access) -> dict[str, str]:
    return {"RequestPayer": "requester"} if access.requester_pays else {}
