"""Compares the verdict with the simulation's walk on a million random packets, on all cores: `make fuzz`."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.properties.test_verdict import PACKETS, compare_many

CONFIGURATIONS = 2000
"""Of one run of Hypothesis, whose seed is the number of the run."""


def run(number: int) -> Counter[tuple[str, ...]]:
    return compare_many(CONFIGURATIONS, number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=1_000_000)
    options = parser.parse_args()
    began = time.monotonic()
    runs = range(options.seed, options.seed - (-options.cases // (CONFIGURATIONS * PACKETS)))
    seen: Counter[tuple[str, ...]] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(run, runs):
            seen.update(found)
    for what, count in sorted(seen.items()):
        sys.stdout.write(f"{count:>10,} {' '.join(what)}\n")
    sys.stdout.write(
        f"seeds {runs[0]} to {runs[-1]}, {len(runs) * CONFIGURATIONS * PACKETS:,} packets,"
        f" {time.monotonic() - began:.0f} s: the verdict never contradicts the walk\n"
    )


if __name__ == "__main__":
    main()
