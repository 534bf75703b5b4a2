"""Flow logs whose format has no `start` or no `end`; AWS's own examples for NAT gateways have neither. Their records
have the time of their object's name, say so, and name a cause, but prove nothing."""

import gzip
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from connectors.store import configuration
from connectors.store.clickhouse import Store, query
from console.answers.search import Filters, search
from pipelines.correlate.blame.finding import UNTIMED
from pipelines.correlate.pipeline import run_correlate
from pipelines.ingest.pipeline import run_ingest
from schemas.incident import Certainty
from schemas.snapshot import Snapshot
from tests.conftest import Bucket
from tests.correlate_lab import ENI, Flow, clock, deny, refused, resources, usual
from tests.integration.test_correlate import put_changes

FIELDS = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes action log-status"
FLOWS = [*usual("13:00", "15:07"), *refused("15:07", "15:40")]
SLOT = 300


def put(bucket: Bucket, flows: Sequence[Flow], more: str = "") -> None:
    """The records in objects of five minutes; `more`: fields after FIELDS."""
    slots: dict[int, list[str]] = defaultdict(list)
    for f in flows:
        at = int(f.at.timestamp())
        line = f"{ENI} {f.src} {f.dst} {f.src_port} {f.dst_port} 6 {f.packets} {f.bytes} {f.action} OK"
        slots[at // SLOT * SLOT].append(f"{line} {at}" if more else line)
    for slot, lines in slots.items():
        name = f"1_vpcflowlogs_eu-central-1_fl-0a1_{datetime.fromtimestamp(slot, UTC):%Y%m%dT%H%MZ}_{slot:x}.log.gz"
        body = "\n".join([f"{FIELDS} {more}".rstrip(), *lines, ""])
        bucket.put(f"AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/{name}", gzip.compress(body.encode()))


@pytest.mark.parametrize(
    ("more", "source", "certainty"),
    [("", "object-name", Certainty.SUSPECTED), ("start", "start", Certainty.PROVEN), ("end", "end", Certainty.PROVEN)],
)
def test_a_format_without_times(store: Store, bucket: Bucket, more: str, source: str, certainty: Certainty) -> None:
    put(bucket, FLOWS, more)
    assert run_ingest(store, [bucket.url]).flows == len(FLOWS)
    sql = """
        SELECT
            time_source, countIf(start >= toDateTime('2026-11-20 15:05:00', 'UTC')) AS late, max(`end` - start) AS long
        FROM flows GROUP BY time_source
    """
    late = sum(f.at >= clock("15:05") for f in FLOWS)
    expected = {"time_source": source, "late": late, "long": 0 if more else SLOT}
    assert query(store.reader(), sql).to_pylist() == [expected]

    shown = [f["time_source"] for f in search(store, Filters(limit=3)).flows]
    assert shown == [source] * 3

    configuration.save_snapshot(store.client(), Snapshot(clock("08:00"), "files", resources()))
    put_changes(store, [deny("15:07", event_id="rule-90"), deny("14:59", acl="acl-prv", event_id="decoy")])
    found = [i for i in run_correlate(store, clock("15:00"), clock("15:40")) if i.ports == (22,)]
    [incident] = [i for i in found if i.cause]
    assert incident.cause is not None
    assert (incident.certainty, incident.cause.event_ids) == (certainty, ("rule-90",))
    assert (UNTIMED in incident.reason) == (not more)
