"""Runs all benchmarks, or the named ones (`python -m benchmarks ingest search`), prints the figures and writes them to
`results.json` in this folder."""

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import bench_correlate, bench_explain, bench_ingest, bench_layout, bench_parse, bench_search, bench_size
from benchmarks.measure import Result, write

BENCHMARKS = {
    name: module
    for module in (bench_parse, bench_ingest, bench_size, bench_layout, bench_search, bench_correlate, bench_explain)
    for name in [module.__name__.rpartition("_")[2]]
}


def main() -> None:
    console = Console()
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(wanted) - set(BENCHMARKS):
        sys.exit(f"Unknown benchmark: {', '.join(sorted(unknown))}. Choose from {', '.join(BENCHMARKS)}.")
    path = Path(__file__).with_name("results.json")
    results: list[Result] = []
    for name in wanted:
        console.print(f"{name}: {BENCHMARKS[name].__doc__}", style="dim")
        begin = time.monotonic()
        found = BENCHMARKS[name].run()
        results += found
        write(results, path)
        console.print(_table(found), f"{name} took {time.monotonic() - begin:.0f} s")
    console.print(f"Results, with how each was measured, are in benchmarks/{path.name}.")


def _table(results: list[Result]) -> Table:
    table = Table("what", "value", "target", "")
    for result in results:
        target = "" if result.target is None else f"{result.target:,.2f}"
        table.add_row(result.name, f"{result.value:,.2f}", target, result.met)
    return table


if __name__ == "__main__":
    main()
