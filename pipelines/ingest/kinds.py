"""What an object is: by its key where AWS named it, else by its first bytes."""

import re
from collections.abc import Sequence

from isal import isal_zlib

from pipelines.ingest.decompress import GZIP_MAGIC, PARQUET_MAGIC
from pipelines.ingest.log_format import BOM, TIME_FIELDS, header_fields, looks_like_record
from schemas.flow import DEFAULT_FORMAT
from schemas.object_ref import ObjectKind

HEAD_BYTES = 64 << 10

# AWS's file names (plain, Hive and hourly folders alike hold them):
#   <account>_vpcflowlogs_<region>_<flow log id>_<YYYYMMDD>T<HHMM>Z_<hash>.log.gz | .log.parquet | .log
#   <account>_CloudTrail_<region>_<YYYYMMDD>T<HHMM>Z_<16 characters>.json.gz
_FLOW_LOG = re.compile(r"\d+_vpcflowlogs_[a-z0-9-]+_fl-[0-9A-Za-z]+_\d{8}T\d{4}Z_[0-9A-Za-z]+\.log(\.gz|\.parquet)?")
_CLOUDTRAIL = re.compile(r"\d+_CloudTrail_[a-z0-9-]+_\d{8}T\d{4}Z_[0-9A-Za-z]+\.json(\.gz)?")
_CLOUDTRAIL_SIBLING = re.compile(r"(^|/)CloudTrail-[A-Za-z]+/|_CloudTrail-[A-Za-z]+_")
_FOLDER_MARKERS = ("/", "_$folder$")
_RECORDS = re.compile(rb'\{\s*"Records"\s*:\s*\[')


def kind_of_key(key: str) -> ObjectKind | None:
    """The kind that AWS's own name tells; OTHER for folder markers, digests and insights; None: look inside."""
    name = key.rpartition("/")[2]
    if key.endswith(_FOLDER_MARKERS) or _CLOUDTRAIL_SIBLING.search(key):
        return ObjectKind.OTHER
    if _FLOW_LOG.fullmatch(name):
        return ObjectKind.FLOW_LOG
    if _CLOUDTRAIL.fullmatch(name):
        return ObjectKind.CLOUDTRAIL
    return None


def kind_of_head(head: bytes, log_format: Sequence[str] | None = None) -> ObjectKind:
    """The kind that the first bytes as stored (64 KiB are enough; gzip or not) tell.

    A flow log begins with a header, or, without one, with a record of `log_format` (default: the 14 fields of
    version 2). CloudTrail begins with `{"Records": [`. Parquet names its columns at its end: it is taken for a log,
    and set aside with the names of the fields that it lacks if it is none.
    """
    if head.startswith(PARQUET_MAGIC):
        return ObjectKind.FLOW_LOG
    text = _beginning(head).removeprefix(BOM).lstrip()
    if _RECORDS.match(text):
        return ObjectKind.CLOUDTRAIL
    first, _, _ = text.partition(b"\n")
    tokens = first.decode("utf-8", "replace").split()
    try:
        fields = header_fields(tokens)
    except ValueError:
        return ObjectKind.FLOW_LOG  # a damaged header: parsing it says so
    if fields is not None:
        return ObjectKind.FLOW_LOG if set(TIME_FIELDS) <= set(fields) else ObjectKind.OTHER
    return ObjectKind.FLOW_LOG if looks_like_record(tokens, log_format or DEFAULT_FORMAT) else ObjectKind.OTHER


def _beginning(head: bytes) -> bytes:
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return isal_zlib.decompressobj(31).decompress(head, HEAD_BYTES)
    except isal_zlib.IsalError:  # type: ignore[misc]  # its stub calls it an instance
        return b""  # damaged from the first block on: nothing can be told
