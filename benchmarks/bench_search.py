"""Who was rejected at port 22: `flowtrail search` compared with `zcat | grep` over the same objects; and how long the
console takes for its pages on the same store."""

import subprocess
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median

from starlette.testclient import TestClient

from benchmarks import endpoint
from benchmarks.buckets import FULL, RUNS, TRAFFIC, log, stored_in
from benchmarks.measure import Result
from benchmarks.store import folder, opened, ours, run_isolated
from connectors.store.clickhouse import query
from connectors.store.incidents import save_draft
from console.answers.search import Filters, search
from console.web.access import Access
from console.web.app import console_app
from pipelines.correlate.publish import publish
from schemas.incident import Certainty, Examined, Incident, Kind, State
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
        pages = run_isolated(_pages, str(place))
    detail = (
        f"{made.total.records:,} rows, {made.total.needles} found: {seconds * 1000:.0f} ms (median of 5, with coverage)"
        f" against {median(greps):.1f} s for zcat | grep, with the objects in the page cache"
    )
    of = f"{made.total.records:,} rows; median of 5 requests after the first"
    return [
        Result("search compared with zcat | grep", median(greps) / seconds, 100, "higher", detail),
        *(Result(f"console: {name}, ms", taken, target, "lower", of) for name, target, taken in pages),
    ]


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


def _pages(path: str) -> list[tuple[str, float, float]]:
    """Name, target and median milliseconds of pages. The incident is made up: the busiest interface for the middle
    hour."""
    store = opened(Path(path))
    client = store.client()
    sql = "SELECT toDateTime64(min(start), 0, 'UTC') AS low, toDateTime64(max(start), 0, 'UTC') AS high FROM flows"
    row = query(client, sql).to_pylist()[0]
    first = row["low"] + (row["high"] - row["low"]) / 2
    busiest = (
        "SELECT topK(1)(interface_id) AS eni, topK(50)(peer) AS peers FROM flow_records WHERE direction = 'ingress'"
    )
    found = query(client, busiest).to_pylist()[0]
    one = Incident(
        "bench", Kind.LOST_TRAFFIC, State.OPEN, Certainty.UNEXPLAINED, "made up", None, tuple(found["eni"]), (6,),
        (443,), tuple(found["peers"]), first, first + timedelta(hours=1), None, (), None, None, (), (), "", "",
    )  # fmt: skip
    save_draft(client, "bench", one)
    publish(client, "bench", Examined(first, first, first + timedelta(hours=1)))
    app = TestClient(console_app(store, Access()), base_url="http://127.0.0.1")
    taken = []
    for name, target, address in (("the first page", 200, "/"), ("an incident", 300, "/incident/bench")):
        times = []
        for _ in range(6):
            begin = time.monotonic()
            assert app.get(address).status_code == 200
            times.append(time.monotonic() - begin)
        taken.append((name, float(target), median(times[1:]) * 1000))
    return taken
