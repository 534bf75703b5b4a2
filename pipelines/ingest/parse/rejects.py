"""Rejected records, with the reason: rows of `rejected_lines`."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest.parse import kernel
from pipelines.ingest.parse.blocks import Block
from pipelines.ingest.parse.fields import Array, dictionary
from pipelines.ingest.parse.shapes import schema_of
from schemas.flow import REJECTED_LINES

SCHEMA = schema_of(REJECTED_LINES)
AT_ONCE = 1 << 10
"""Records whose raw texts are produced in one step."""

_LINE_FAULTS = {
    kernel.LINE_TOO_LONG: "line-too-long",
    kernel.CONTROL_BYTES: "control-bytes",
    kernel.NOT_UTF8: "not-utf8",
    kernel.TOKEN_COUNT: "token-count",
    kernel.NO_TIME: "no-time",
    kernel.BAD_ACTION: "bad-action",
    kernel.BAD_STATUS: "bad-log-status",
    kernel.TIME_OUT_OF_RANGE: "time-out-of-range",
}
_FIELD_FAULTS = {
    kernel.BAD_NUMBER: "bad-number",
    kernel.OUT_OF_RANGE: "out-of-range",
    kernel.BAD_ADDRESS: "bad-address",
}


def rejected(
    object_ids: NDArray[np.uint64], fields: Sequence[str], block: Block, raw: Callable[[NDArray[np.intp]], Array]
) -> list[pa.Table]:
    """The records of a block that have a fault, as pieces of `rejected_lines`. `raw` returns the text of records, by
    their positions in the block; log number n is the object `object_ids[n]`."""
    bad = np.flatnonzero(block.fault[: block.rows])
    picks = np.split(bad, range(AT_ONCE, len(bad), AT_ONCE))
    return [_rows(object_ids, fields, block, pick, raw(pick)) for pick in picks]


def _rows(
    object_ids: NDArray[np.uint64], fields: Sequence[str], block: Block, pick: NDArray[np.intp], raw: Array
) -> pa.Table:
    faults, codes = np.unique(block.fault[pick], return_inverse=True)
    reasons = pa.array([_reason(int(fault), fields) for fault in faults], pa.string())
    return pa.Table.from_arrays(
        [
            dictionary(codes.astype(np.int32), reasons),
            raw,
            pa.array(object_ids[block.logs[pick]]),
            pa.array(block.numbers[pick].astype(np.uint32)),
        ],
        schema=SCHEMA,
    )


def _reason(fault: int, fields: Sequence[str]) -> str:
    field, kind = divmod(fault, 1 << 16)
    return _LINE_FAULTS[kind] if kind in _LINE_FAULTS else f"{_FIELD_FAULTS[kind]}:{fields[field]}"
