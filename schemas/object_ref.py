"""A version of an S3 object."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any


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

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "ObjectRef":
        """The reference in a row of the store that has these columns."""
        return cls(row["bucket"], row["key"], row["etag"], row["size"], row["version_id"])

    @property
    def row(self) -> dict[str, Any]:
        """The columns of the reference (`schemas.ledger.REFERENCE`)."""
        return {
            "bucket": self.bucket,
            "key": self.key,
            "etag": self.etag,
            "version_id": self.version_id,
            "size": self.size,
        }

    @property
    def url(self) -> str:
        """For display; never parsed, because keys may contain `?` and `@`."""
        return f"s3://{self.bucket}/{self.key}"
