"""The figures of the store that metrics show: a few small queries of the ledger, never of flow records."""

from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import query
from connectors.store.dead_letters import set_aside
from schemas.figures import Figures
from schemas.flow import COVERAGE
from schemas.incident import INCIDENTS
from schemas.ledger import RECEIPTS
from schemas.snapshot import CONFIG_SNAPSHOTS
from schemas.watching import NOTIFICATIONS

_NEWEST = f"""
    SELECT
        extract(key, '([0-9]{{12}})_(?:vpcflowlogs|CloudTrail)_') AS account,
        extract(key, '_(?:vpcflowlogs|CloudTrail)_([a-z0-9-]+)_') AS region,
        toDateTime64(max(last_time), 0, 'UTC') AS newest
    FROM {RECEIPTS.name}
    WHERE kind = 'flow-log' AND last_time IS NOT NULL
    GROUP BY account, region
"""  # noqa: S608
_TOTALS = f"""
    SELECT
        toInt64(uniqExact(object_id)) AS objects,
        toInt64(uniqExact(load)) AS loads,
        toInt64(sum(rows_rejected)) AS rejected_lines,
        (SELECT toInt64(count()) FROM {COVERAGE.name} WHERE log_status = 'SKIPDATA') AS skipped_intervals,
        (SELECT maxOrNull(as_of) FROM {CONFIG_SNAPSHOTS.name}) AS snapshot
    FROM {RECEIPTS.name}
"""  # noqa: S608
_INCIDENTS = f"""
    SELECT state, certainty, toInt64(count()) AS n FROM {INCIDENTS.name} FINAL
    WHERE deleted = 0 GROUP BY state, certainty
"""  # noqa: S608
_FAILED = f"""
    SELECT channel, toInt64(count()) AS n FROM {NOTIFICATIONS.name} WHERE state = 'failed' GROUP BY channel
"""  # noqa: S608


def figures(client: Client) -> Figures:
    """The figures now. Raises FlowtrailError when the store cannot be queried."""
    totals = query(client, _TOTALS).to_pylist()[0]
    snapshot = totals.pop("snapshot")
    return Figures(
        newest=newest(client),
        incidents={(str(r["state"]), str(r["certainty"])): r["n"] for r in query(client, _INCIDENTS).to_pylist()},
        snapshot=snapshot and snapshot.astimezone(UTC),
        dead_letters=len({letter.ref for letter in set_aside(client)}),
        failed=failed(client),
        **totals,
    )


def newest(client: Client) -> dict[tuple[str, str], datetime]:
    """The time of the latest flow record, by account and region of the objects. Raises as `figures`."""
    rows = query(client, _NEWEST).to_pylist()
    return {(str(row["account"]), str(row["region"])): row["newest"].astimezone(UTC) for row in rows}


def failed(client: Client) -> dict[str, int]:
    """How many messages each channel did not take, ever. Raises as `figures`."""
    return {str(row["channel"]): row["n"] for row in query(client, _FAILED).to_pylist()}
