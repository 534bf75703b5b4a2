"""Hot loops are compiled even where Numba has no place for its cache, as in a read-only container."""

from typing import Any

from pipelines.ingest.compiled import compiled

SOURCE = "def double(x):\n    return x + x\n"


def test_without_a_place_for_the_cache_it_compiles_in_each_run() -> None:
    names: dict[str, Any] = {}
    exec(compile(SOURCE, "<no file>", "exec"), names)  # noqa: S102 - without a file, Numba has no place for a cache
    loop = compiled(names["double"])
    assert loop(21) == 42
    assert loop.signatures, "it ran as plain Python"


def test_with_a_place_it_keeps_the_machine_code() -> None:
    from pipelines.ingest.parse import kernel

    assert kernel.split.stats.cache_path
