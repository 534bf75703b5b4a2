"""Object keys, as flow logs deliver them to S3."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b


@dataclass(frozen=True)
class Layout:
    """Where a flow log puts its objects: `HiveCompatiblePartitions`, `PerHourPartition`, and the prefix of its
    destination, with or without a trailing `/`. Raises ValueError for `AWSLogs` in the prefix, which AWS reserves."""

    prefix: str = ""
    hive: bool = False
    hourly: bool = False

    def __post_init__(self) -> None:
        if "AWSLogs" in self.prefix.split("/"):
            raise ValueError(f"the prefix {self.prefix!r} contains the reserved word AWSLogs")

    def folder(self, account: str, region: str, at: datetime) -> str:
        """The folder of an object, with a trailing `/`."""
        prefix = f"{self.prefix.strip('/')}/" if self.prefix.strip("/") else ""
        if self.hive:
            where = f"aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}"
            day, hour = f"year={at:%Y}/month={at:%m}/day={at:%d}", f"/hour={at:%H}"
        else:
            where = f"{account}/vpcflowlogs/{region}"
            day, hour = f"{at:%Y/%m/%d}", f"/{at:%H}"
        return f"{prefix}AWSLogs/{where}/{day}{hour if self.hourly else ''}/"


def flow_log_id(name: str) -> str:
    """The id of the flow log with this name in the simulation."""
    return f"fl-0{blake2b(name.encode(), digest_size=8).hexdigest()}"


def object_key(
    layout: Layout, account: str, region: str, log_id: str, *, at: int, part: int = 0, parquet: bool = False
) -> str:
    """The key of one object of a flow log; `at` is the start of its five minutes, in seconds since 1970; `part`
    distinguishes objects with the same five minutes."""
    time = datetime.fromtimestamp(at, UTC)
    tag = blake2b(f"{account} {region} {log_id} {at} {part}".encode(), digest_size=4).hexdigest()
    name = f"{account}_vpcflowlogs_{region}_{log_id}_{time:%Y%m%dT%H%MZ}_{tag}.log.{'parquet' if parquet else 'gz'}"
    return layout.folder(account, region, time) + name
