"""Objects that have rejected lines, by reason."""

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from connectors.store.attempts import VOID
from connectors.store.clickhouse import query
from schemas.flow import REJECTED_LINES
from schemas.ledger import RECEIPTS
from schemas.object_ref import ObjectRef

REJECTED = f"""
SELECT bucket, key, etag, size, version_id, reason, count() AS lines, min(row_no) AS first_line
FROM {REJECTED_LINES.name} AS lines INNER JOIN (
    SELECT load, object_id, bucket, key, etag, size, version_id FROM {RECEIPTS.name} WHERE load NOT IN ({VOID})
) AS made USING (load, object_id)
WHERE {{reason:String}} = '' OR reason = {{reason:String}}
GROUP BY bucket, key, etag, size, version_id, reason
ORDER BY bucket, key, etag, version_id, reason
"""  # noqa: S608


@dataclass(frozen=True)
class Rejected:
    """Lines of an object that were rejected for one reason: how many, and the number of the first."""

    ref: ObjectRef
    reason: str
    lines: int
    first_line: int


def rejected(client: Client, reason: str = "") -> list[Rejected]:
    """Every loaded object with rejected lines, once per reason, in order of bucket and key; `reason` selects one."""
    return [
        Rejected(
            ObjectRef.of_row(row),
            row["reason"],
            row["lines"],
            row["first_line"],
        )
        for row in query(client, REJECTED, {"reason": reason}).to_pylist()
    ]
