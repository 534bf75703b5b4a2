"""A short run of `make fuzz`: every record of mangled logs is accounted for and read as the reference reads it."""

import pytest

from tests import fuzz_parse


@pytest.mark.parametrize("seed", [1, 2])
def test_mangled_logs_are_accounted_for(seed: int) -> None:
    seen = fuzz_parse.fuzz(seed, 30_000, rows=500, sample=8)
    assert seen["lines"] > 25_000
    assert seen["objects compared"] >= 3
    assert min(seen[name] for name in ("flows", "coverage", "tgw_flows", "tgw_coverage", "rejected_lines")) > 0
    assert len([what for what in seen if what.startswith("rejected: ")]) >= 6


def test_a_parser_that_loses_a_record_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fuzz_parse.parse_flow_log

    def careless(*args: object) -> object:
        parsed = real(*args)  # type: ignore[arg-type]
        tables = {name: table.slice(1) if name == "coverage" else table for name, table in parsed.tables.items()}
        return type(parsed)(parsed.ref, parsed.kind, parsed.read, tables)

    monkeypatch.setattr(fuzz_parse, "parse_flow_log", careless)
    with pytest.raises(AssertionError, match="not accounted for"):
        fuzz_parse.fuzz(1, 2_000, rows=500)
