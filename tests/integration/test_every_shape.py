"""Proves: for every version, field order, format and key layout that AWS delivers, each record arrives in its table,
once; records of transit gateways are in separate tables."""

from connectors.store.clickhouse import Store, query
from pipelines.ingest.pipeline import run_ingest
from simulation.bulk.batch import Truth
from simulation.bulk.bucket import assortment
from simulation.bulk.delivery import to_s3
from simulation.bulk.fields import is_transit
from tests.conftest import Bucket


def test_each_record_of_every_shape_arrives_once(store: Store, bucket: Bucket) -> None:
    plan = assortment(120)
    delivered = to_s3(plan, bucket.name, endpoint_url=bucket.endpoint)
    transit = {planned.key for planned in plan.objects if is_transit(planned.log.fields)}
    truth: dict[bool, Truth] = {False: Truth(), True: Truth()}
    for each in delivered.objects:
        truth[each.key in transit] += each.truth
    for again in (False, True):
        summary = run_ingest(store, [bucket.url])
        assert not summary.dead_letters
        assert summary.objects_done == (0 if again else len(plan.objects))
        counts = {
            table: query(store.reader(), f"SELECT count() AS n FROM {table}")["n"][0].as_py()  # noqa: S608
            for table in ("flows", "coverage", "tgw_flows", "tgw_coverage", "rejected_lines")
        }
        assert counts == {
            "flows": truth[False].ok,
            "coverage": truth[False].nodata + truth[False].skipdata,
            "tgw_flows": truth[True].ok,
            "tgw_coverage": truth[True].nodata + truth[True].skipdata,
            "rejected_lines": 0,
        }
        if not again:
            assert (summary.tgw_flows, summary.tgw_coverage) == (counts["tgw_flows"], counts["tgw_coverage"])
            assert summary.rows_read == summary.rows_written == sum(counts.values()) == delivered.total.records
    sums = query(store.reader(), "SELECT sum(packets) AS p, sum(bytes) AS b FROM tgw_flows").to_pylist()
    assert sums == [{"p": truth[True].packets, "b": truth[True].bytes}]
    given = query(
        store.reader(), "SELECT countIf(ecs_task_id != '') AS a, countIf(next_hop_vpc_id != '') AS b FROM flows"
    )
    assert given["a"][0].as_py() > 0 and given["b"][0].as_py() > 0
    unheard = query(store.reader(), "SELECT uniqExact(extra['quantum-state']) AS n FROM flows WHERE length(extra) > 0")
    assert unheard["n"][0].as_py() > 1
