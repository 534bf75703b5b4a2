"""Who was rejected at port 22: `flowtrail search` compared with `zcat | grep` over the same objects."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import endpoint
from benchmarks.buckets import FULL, RUNS, TRAFFIC, log, stored_in
from benchmarks.measure import Result
from benchmarks.store import folder, opened, ours, run_isolated
from console.answers.search import Filters, search
from simulation.bulk.bucket import large
from simulation.bulk.delivery import to_folder
from simulation.bulk.flows import NEEDLE

OBJECTS = 400 if FULL else 12
ROWS_EACH = 250_000


def run() -> list[Result]:
    rare = replace(TRAFFIC, needle_share=2e-6)
    with folder() as files, folder() as place:
        made = to_folder(large(OBJECTS, ROWS_EACH, log=log(2, rare), per_slot=4), files)
        greps = [_grep(files, made.total.needles) for _ in range(RUNS if not FULL else 1)]
        with endpoint.s3():
            endpoint.fill(stored_in(files))
            run_isolated(ours, str(place), endpoint.BUCKET, made.total.ok)
        seconds = run_isolated(_search, str(place), made.total.needles)
    detail = (
        f"{made.total.records:,} rows, {made.total.needles} found: {seconds * 1000:.0f} ms (median of 5, with coverage)"
        f" against {median(greps):.1f} s for zcat | grep, with the objects in the page cache"
    )
    return [Result("search compared with zcat | grep", median(greps) / seconds, 100, "higher", detail)]


def _grep(files: Path, expected: int) -> float:
    begin = time.monotonic()
    script = f"find . -name '*.gz' -print0 | xargs -0 zcat | grep -F ' {NEEDLE} ' | grep -c ' 22 .* REJECT '"
    found = subprocess.run(["sh", "-c", script], cwd=files, capture_output=True, text=True, check=True)
    assert int(found.stdout) == expected, (found.stdout, expected)
    return time.monotonic() - begin


def _search(path: str, expected: int) -> float:
    """Median seconds of the search as the command runs it, including the limit and the report on coverage."""
    store, wanted = opened(Path(path)), Filters(action="reject", port=22, peer=NEEDLE)
    taken = []
    for _ in range(5):
        begin = time.monotonic()
        found = search(store, wanted)
        assert (len(found.flows), found.more) == (min(expected, wanted.limit), expected > wanted.limit)
        taken.append(time.monotonic() - begin)
    return median(taken)
