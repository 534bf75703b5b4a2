"""Who talked to whom in each hour: a summary of flows that correlation screens instead of the records."""

import pyarrow as pa

from schemas.flow import LOW, TEXT
from schemas.ledger import WRITTEN_AT
from schemas.table import SECONDS, Column, Table

_MINUTES = "bit n is minute n of the hour"


def _minutes(name: str, what: str) -> Column:
    return Column(name, pa.uint64(), "UInt64", f"minutes with accepted {what}: {_MINUTES}")


HOURLY_PEERS = Table(
    "hourly_peers",
    (
        Column("summary", pa.uint64(), "UInt64", "names the summary; an hour may have several, of which one is used"),
        Column("hour", SECONDS, "DateTime('UTC')", "the beginning of the hour"),
        Column("interface_id", TEXT, LOW, "the interface"),
        Column(
            "service", pa.uint32(), "UInt32", "IPv6 or not, protocol, port and side, as in pipelines/correlate/detect"
        ),
        Column("pair", pa.uint64(), "UInt64", "identifies interface, service and peer; 0 where they are not known"),
        _minutes("requests", "records towards the service"),
        _minutes("answers", "records from the service"),
        _minutes("data", "records that carry data"),
        Column("rejected", pa.uint64(), "UInt64", f"minutes with rejected records: {_MINUTES}"),
        Column("first_accepted", SECONDS, "DateTime('UTC')", "the earliest accepted record; 1970 if there is none"),
        Column("last_rejected", SECONDS, "DateTime('UTC')", "the latest rejected record; 1970 if there is none"),
        Column("accepts", pa.uint64(), "UInt64", "accepted records"),
        Column("undirected", pa.uint64(), "UInt64", "records of which it is not known which end is the interface"),
        Column("flows", pa.uint64(), "UInt64", "records; 0 in a summary of some interfaces only"),
        Column("loads", pa.uint64(), "UInt64", "the sum of their loads (flows.load), modulo 2^64; 0 likewise"),
        WRITTEN_AT,
    ),
)
"""Kept for 3 days and derived again when needed. A summary of an hour is valid if its `flows` and `loads` add up to
those of the records that are there."""
