"""Proves: tables pass between workers complete and without their parent buffers; an error meant for the user leaves the
runner as it was raised; progress reaches its listeners."""

import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam import coders
from pipelines.coders import ColumnarCoder

from pipelines.ingest import progress
from pipelines.ingest.load import Load, Read, ReadLoad
from pipelines.runner import in_process
from schemas.columnar.batch import Batch, Source
from schemas.errors import FlowtrailError
from schemas.object_ref import ObjectKind, ObjectRef

REF = ObjectRef("b", "k", "e", 1)
BIG = pa.table({"n": pa.array(range(100_000)), "t": pa.array(["a", "b"] * 50_000).dictionary_encode()})


@pytest.mark.parametrize("value", [BIG, BIG.slice(10, 5), BIG.slice(0, 0), BIG.to_batches()[0].slice(7, 3)])
def test_tables_as_elements(value: Any) -> None:
    coder = coders.registry.get_coder(type(value))
    encoded = coder.encode(value)
    assert coder.decode(encoded).equals(value)
    assert len(encoded) < 2_000 + 30 * value.num_rows
    assert coder.estimate_size(value) >= value.num_rows


def test_a_load_as_an_element() -> None:
    part = BIG.slice(10, 5)
    load = ReadLoad(
        Load(1, ObjectKind.FLOW_LOG, (REF,)), Batch((Source(REF, ObjectKind.FLOW_LOG, 5),), {"flows": part})
    )
    coder = ColumnarCoder()
    encoded = coder.encode(load)
    assert coder.decode(encoded) == load
    assert len(encoded) < 5_000
    assert load.nbytes == part.nbytes == coder.estimate_size(load)


def test_the_pipeline_uses_this_coder() -> None:
    import pipelines.ingest.pipeline

    assert pipelines.ingest.pipeline.ColumnarCoder is ColumnarCoder
    assert isinstance(coders.registry.get_coder(Read), ColumnarCoder)


def fail(element: int) -> Iterator[int]:
    if element == 2:
        raise FlowtrailError("The thing is broken.", "Fix it.")
    yield element


def test_an_error_for_the_user_is_raised_unchanged(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FlowtrailError) as caught, in_process() as pipeline:
        _ = pipeline | beam.Create([1, 2, 3]) | beam.Reshuffle() | beam.FlatMap(fail)
    assert (caught.value.message, caught.value.remedy) == ("The thing is broken.", "Fix it.")
    assert "Traceback" not in capfd.readouterr().err
    assert not logging.getLogger("apache_beam.runners.common").filters


def divide(element: int) -> float:
    return 1 / element


def test_any_other_error_is_raised_too() -> None:
    with pytest.raises(ZeroDivisionError, match="while running"), in_process() as pipeline:
        _ = pipeline | beam.Create([0]) | beam.Map(divide)


def test_progress() -> None:
    heard: list[tuple[int, int]] = []
    with progress.listening(lambda done, total: heard.append((done, total))) as run:
        progress.add(run, planned=3)
        progress.add(run, done=2)
        progress.add(run)
        progress.add("another", done=1)
    progress.add(run, done=1)
    assert heard == [(0, 3), (2, 3)]
