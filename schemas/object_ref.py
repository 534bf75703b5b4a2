"""A version of an S3 object."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b


class ObjectKind(StrEnum):
    """What an object contains."""

    FLOW_LOG = "flow-log"
    CLOUDTRAIL = "cloudtrail"
    OTHER = "other"


@dataclass(frozen=True, order=True)
class ObjectRef:
    """One version of one object: enough to read exactly those bytes again. `size` in bytes, as stored."""

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str = ""

    @cached_property
    def object_id(self) -> int:
        """A 64-bit id of this version: the same object listed twice has the same id."""
        identity = "\0".join((self.bucket, self.key, self.version_id or f"{self.etag}:{self.size}"))
        return int.from_bytes(blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")

    @property
    def url(self) -> str:
        """For display; never parsed, because keys may contain `?` and `@`."""
        return f"s3://{self.bucket}/{self.key}"
