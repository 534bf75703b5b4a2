"""How columnar elements cross between workers: as Arrow IPC. A pickled slice would drag its whole parent along."""

import io
import pickle
from typing import Any, Protocol

import pyarrow as pa
from apache_beam import coders


class TableCoder(coders.Coder):
    """A `pyarrow.Table` as an Arrow IPC stream."""

    def encode(self, value: pa.Table) -> bytes:
        return _to_ipc(value)

    def decode(self, encoded: bytes) -> pa.Table:
        return _from_ipc(encoded)

    def estimate_size(self, value: pa.Table) -> int:
        return value.nbytes

    def to_type_hint(self) -> type[pa.Table]:
        return pa.Table


class RecordBatchCoder(coders.Coder):
    """A `pyarrow.RecordBatch` as an Arrow IPC stream."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        return _to_ipc(pa.Table.from_batches([value]))

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        with pa.ipc.open_stream(encoded) as reader:
            return reader.read_next_batch()

    def estimate_size(self, value: pa.RecordBatch) -> int:
        return value.nbytes

    def to_type_hint(self) -> type[pa.RecordBatch]:
        return pa.RecordBatch


class Columnar(Protocol):
    """A value that holds tables and knows how many bytes they take."""

    @property
    def nbytes(self) -> int: ...


class ColumnarCoder(coders.Coder):
    """Any picklable value with tables in it; only the tables travel as Arrow IPC. The runner asks for sizes between
    all steps, so estimating one encodes nothing."""

    def encode(self, value: Columnar) -> bytes:
        body = io.BytesIO()
        _Pickler(body, pickle.HIGHEST_PROTOCOL).dump(value)
        return body.getvalue()

    def decode(self, encoded: bytes) -> Any:
        return pickle.loads(encoded)  # noqa: S301 - between the workers of one job, as Beam's own coders do

    def estimate_size(self, value: Columnar) -> int:
        return value.nbytes


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, pa.Table):
            return _from_ipc, (_to_ipc(obj),)
        return NotImplemented


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _from_ipc(encoded: bytes) -> pa.Table:
    with pa.ipc.open_stream(encoded) as reader:
        return reader.read_all()


coders.registry.register_coder(pa.Table, TableCoder)
coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
