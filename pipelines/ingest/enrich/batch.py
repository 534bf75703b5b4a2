"""Enrich a batch: its flow records get VPC metadata, as it was at the time of each record."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from network.history.timeline import Timeline
from pipelines.ingest.enrich.flows import FROM_METADATA, enrich
from schemas.columnar.batch import Batch
from schemas.columnar.columns import Array, joined, runs
from schemas.flow import FLOWS

_FILLED = ("direction", *FROM_METADATA)
_LOOKED_UP = pa.schema(
    [FLOWS.schema.field(name) for name in ("interface_id", "start", "srcaddr", "dstaddr", "flow_direction", *_FILLED)]
)


def enriched(batch: Batch, timeline: Timeline | None) -> Batch:
    """As `enrich_load`, for a batch."""
    flows = batch.tables.get(FLOWS.name)
    if flows is None or not flows.num_rows:
        return batch
    if timeline is None:  # the logged direction is all that is known
        known = {"direction": flows["flow_direction"]} if "flow_direction" in flows.column_names else {}
    else:
        slim = flows.select([name for name in _LOOKED_UP.names if name in flows.column_names])
        found = enrich(joined([slim], keep=_LOOKED_UP), timeline)
        known = {name: found[name] for name in _FILLED}
    for name, column in known.items():
        at = flows.schema.get_field_index(name)
        flows = flows.append_column(name, column) if at < 0 else flows.set_column(at, name, column)
    return replace(batch, tables={**batch.tables, FLOWS.name: flows})


def unenriched(batch: Batch) -> dict[int, int]:
    """Flow records of interfaces that no snapshot has, by object id, of the objects that have any."""
    flows = batch.tables.get(FLOWS.name)
    if flows is None or not flows.num_rows:
        return {}
    if "network_acl_id" not in flows.column_names:
        return dict(runs(flows["object_id"]))
    acl: Array = flows["network_acl_id"].unify_dictionaries().combine_chunks()
    texts = acl.dictionary.to_pylist()
    if "" not in texts:
        return {}
    bare = np.flatnonzero(acl.indices.to_numpy() == texts.index(""))
    return dict(runs(flows["object_id"].take(bare))) if len(bare) else {}
