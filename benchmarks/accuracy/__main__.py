"""Judges incidents and clean windows (`python -m benchmarks.accuracy [incidents [windows]]`), prints a table by kind
and all that is wrong, and writes `accuracy.json` next to the other results. Run again, it continues."""

import sys
from pathlib import Path

from rich.console import Console

from benchmarks import endpoint
from benchmarks.accuracy.batch import judged_in
from benchmarks.accuracy.plan import ROOT, Done, cases
from benchmarks.accuracy.results import by_kind, results
from benchmarks.measure import write
from benchmarks.store import folder, run_isolated

INCIDENTS, WINDOWS = 468, 3000


def main() -> None:
    console = Console()
    incidents, windows = [int(n) for n in sys.argv[1:]] + [INCIDENTS, WINDOWS][len(sys.argv) - 1 :]
    done = Done(ROOT / "build" / "accuracy")
    batches = cases(incidents, windows)
    with endpoint.s3():
        for n, batch in enumerate(batches, start=1):
            left = [case for case in batch if case not in done.read()]
            if left:
                with folder() as place:
                    found = run_isolated(judged_in, str(place), left)
                done.add(found)
                wrong = sum(not j.right or j.restored is False for j in found)
                console.print(f"batch {n} of {len(batches)}: {len(left)} worlds, {wrong} wrong", style="dim")
    have = done.read()
    found = [have[case] for batch in batches for case in batch]
    for one in found:
        if one.problem:
            console.print(f"{one.kind} seed {one.seed}: {one.problem}", style="red", markup=False)
            for line in one.said:
                console.print(f"    {line}", style="dim", markup=False)
    console.print(by_kind(found))
    figures = results(found)
    for figure in figures:
        console.print(f"{figure.name}: {figure.value:.2f} ({figure.detail}) {figure.met}")
    write(figures, Path(__file__).parents[1] / "accuracy.json")


if __name__ == "__main__":
    main()
