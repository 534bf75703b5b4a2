"""Runs every benchmark, or those that are named (`python -m benchmarks ingest search`), prints the figures and writes
them to `results.json` beside this file."""

import logging
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import bench_ingest, bench_layout, bench_parse, bench_search, bench_size
from benchmarks.measure import write

BENCHMARKS = {
    name: module
    for module in (bench_parse, bench_ingest, bench_size, bench_layout, bench_search)
    for name in [module.__name__.rpartition("_")[2]]
}


def main() -> None:
    logging.disable(logging.WARNING)  # what Beam misses when it is imported
    console = Console()
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(wanted) - set(BENCHMARKS):
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
    results = []
    for name in wanted:
        console.print(f"{name}: {BENCHMARKS[name].__doc__}", style="dim")
        begin = time.monotonic()
        results += BENCHMARKS[name].run()
        console.print(f"{time.monotonic() - begin:.0f} s", style="dim")
    table = Table("what", "value", "target", "")
    for result in results:
        target = "" if result.target is None else f"{result.target:,.2f}"
        table.add_row(result.name, f"{result.value:,.2f}", target, result.met)
    console.print(table)
    path = Path(__file__).with_name("results.json")
    write(results, path)
    console.print(f"Written, with how each was measured, to benchmarks/{path.name}.")


if __name__ == "__main__":
    main()
