"""The kind of an object: by its key if AWS named it, or else by its first bytes."""

import re
from collections.abc import Sequence

from isal import isal_zlib

from pipelines.ingest.parse.decompress import GZIP_MAGIC, PARQUET_MAGIC
from pipelines.ingest.parse.log_format import BOM, TIME_FIELDS, header_fields, looks_like_record, names_ends, wrapping
from schemas.flow import DEFAULT_FORMAT
from schemas.object_ref import ObjectKind

HEAD_BYTES = 64 << 10

# AWS's file names, the same in plain, Hive-compatible and hourly folders (VPC User Guide, "Flow log files"; CloudTrail
# User Guide, "CloudTrail log file examples"):
#   <account>_vpcflowlogs_<region>_<flow log id>_<YYYYMMDD>T<HHMM>Z_<hash>.log.gz | .log.parquet | .log
#   <account>_CloudTrail_<region>_<YYYYMMDD>T<HHMM>Z_<16 characters>.json.gz
_FLOW_LOG = re.compile(r"\d+_vpcflowlogs_[a-z0-9-]+_fl-[0-9A-Za-z]+_\d{8}T\d{4}Z_[0-9A-Za-z]+\.log(\.gz|\.parquet)?")
_CLOUDTRAIL = re.compile(r"\d+_CloudTrail_[a-z0-9-]+_\d{8}T\d{4}Z_[0-9A-Za-z]+\.json(\.gz)?")
_CLOUDTRAIL_SIBLING = re.compile(r"(^|/)CloudTrail-[A-Za-z]+/|_CloudTrail-[A-Za-z]+_")
_FOLDER_MARKERS = ("/", "_$folder$")

FLOW_LOG_SERVICE = "vpcflowlogs"
CLOUDTRAIL_SERVICE = "CloudTrail"
_OTHER_SERVICES = {
    "elasticloadbalancing",
    "Config",
    "WAFLogs",
    "GuardDuty",
    "vpcdnsquerylogs",
    "network-firewall",
    "globalaccelerator",
    "redshift",
}
"""Other logs that AWS stores under `AWSLogs/<account>/`."""
_OF_A_SERVICE = re.compile(r"(?:^|/)AWSLogs/(?:o-[0-9a-z]+/)?\d+/([^/]+)/")
_RECORDS = re.compile(rb'\{\s*"Records"\s*:\s*\[')


def of_another_service(service: str) -> bool:
    """Whether a folder of this name under `AWSLogs/<account>/` holds logs that are neither flow logs nor CloudTrail."""
    return service in _OTHER_SERVICES or service.startswith(f"{CLOUDTRAIL_SERVICE}-")


def kind_of_key(key: str) -> ObjectKind | None:
    """The kind according to AWS's own name. OTHER for folder markers, CloudTrail digests and Insights, and the logs of
    other services; None when only the content can tell.

    >>> kind_of_key("AWSLogs/1/CloudTrail-Digest/us-east-1/2026/11/20/x.json.gz"), kind_of_key("copies/flow.log.gz")
    (<ObjectKind.OTHER: 'other'>, None)
    """
    name = key.rpartition("/")[2]
    service = _OF_A_SERVICE.search(key)
    if key.endswith(_FOLDER_MARKERS) or _CLOUDTRAIL_SIBLING.search(key) or (service and of_another_service(service[1])):
        return ObjectKind.OTHER
    if _FLOW_LOG.fullmatch(name):
        return ObjectKind.FLOW_LOG
    if _CLOUDTRAIL.fullmatch(name):
        return ObjectKind.CLOUDTRAIL
    return None


def kind_of_head(head: bytes, log_format: Sequence[str] | None = None) -> ObjectKind:
    """The kind according to the first bytes as stored, gzip or not; HEAD_BYTES of them are enough.

    A flow log starts with a header or, without one, with a record of `log_format` (default: the 14 fields of
    version 2). CloudTrail starts with `{"Records": [`. Parquet has its column names at the end, so it is taken for a
    flow log; one that is not becomes a dead letter which names the missing fields. Damaged data is also taken for a
    flow log, so that parsing it reports the damage and it is not skipped.
    """
    if head.startswith(PARQUET_MAGIC):
        return ObjectKind.FLOW_LOG
    text = _beginning(head)
    if text is None:
        return ObjectKind.FLOW_LOG
    text = text.removeprefix(BOM).lstrip()
    if _RECORDS.match(text):
        return ObjectKind.CLOUDTRAIL
    first, _, _ = text.partition(b"\n")
    tokens = first.decode("utf-8", "replace").split()
    try:
        fields = header_fields(tokens)
    except ValueError:
        return ObjectKind.FLOW_LOG  # a damaged header, which parsing reports
    if fields is not None:
        return ObjectKind.FLOW_LOG if names_ends(fields) or set(TIME_FIELDS) <= set(fields) else ObjectKind.OTHER
    if looks_like_record(tokens, log_format or DEFAULT_FORMAT) or wrapping(first.decode("utf-8", "replace")):
        return ObjectKind.FLOW_LOG
    return ObjectKind.OTHER


def _beginning(head: bytes) -> bytes | None:
    """The text at the start of `head`; None when its gzip is damaged, or truncated before the text shows its kind."""
    if not head.startswith(GZIP_MAGIC):
        return head
    stream = isal_zlib.decompressobj(31)
    try:
        text: bytes = stream.decompress(head, HEAD_BYTES)
    except isal_zlib.IsalError:  # type: ignore[misc]  # declared as an instance in its stub
        return None
    ended = not stream.eof and max(len(head), len(text)) < HEAD_BYTES
    return None if ended and b"\n" not in text and not _RECORDS.match(text.lstrip()) else text
