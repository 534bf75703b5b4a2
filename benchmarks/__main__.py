"""Runs every benchmark, prints the figures and writes them to `results.json` beside this file."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import bench_parse
from benchmarks.measure import write

BENCHMARKS = (bench_parse,)


def main() -> None:
    console = Console()
    results = [result for benchmark in BENCHMARKS for result in benchmark.run()]
    table = Table("what", "value", "target", "")
    for result in results:
        target = "" if result.target is None else f"{result.target:,.1f}"
        table.add_row(result.name, f"{result.value:,.1f}", target, result.met)
    console.print(table)
    path = Path(__file__).with_name("results.json")
    write(results, path)
    console.print(f"Written, with how each was measured, to benchmarks/{path.name}.")


if __name__ == "__main__":
    main()
