"""`python -m tests.crash.process HOW DB [URL]`: write objects into a store in a separate process, to be disturbed.

HOW is `ledger` (only the protocol, with hand-made rows: fast) or `ingest` (all of ingest, from the bucket at URL);
`nothing` and `tear` prepare a folder: the latter removes a row from a chunk, which no crash should do.
The process prints `ready` once the store is open, continues when it reads a line, and prints one line of JSON: every
row without load and chunk, and any faults that no store may have.

`FLOWTRAIL_CRASH_WITHOUT=removal` disables what makes the protocol safe: the rows of attempts that are given up stay. A
sweep over such a process must find duplicate rows.
"""

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors.store import attempts, doctor, ledger
from connectors.store.clickhouse import Store, command
from connectors.store.migrate import ensure_migrated
from schemas.columnar.batch import Batch
from tests.contents import contents, faults
from tests.integration.test_ledger import an_object, empty_object

WITHOUT = "FLOWTRAIL_CRASH_WITHOUT"
OBJECTS = (
    *(an_object(f"a{n}", flows=n, days=2, rejected=n % 2) for n in range(1, 5)),
    empty_object("b"),
    *(an_object(f"c{n}", flows=40 * n, days=3) for n in range(1, 3)),
)
PER_LOAD = 4


def write_all(store: Store) -> None:
    """The steps of ingest: repair what the disk lost, load what was left, then write what is new."""
    by_ref = {each.ref: each for each in OBJECTS}
    if doctor.broken_parts(store.client()):
        wrong = [ref for ref, _ in doctor.to_read_again(doctor.damaged(store.client()))]
        lost = [by_ref[ref] for ref in {*wrong, *doctor.without_receipt(store.client())}]
        doctor.forget(store, [each.ref.object_id for each in lost])
        ledger.write(store, "heal", Batch.of(lost), 1)
        doctor.remove_surplus(store)
        doctor.drop_broken_parts(store)
    ledger.write(store, "run", Batch.of([by_ref[each.ref] for each in ledger.settle(store).owed]), 1)
    for first in range(0, len(OBJECTS), PER_LOAD):
        ledger.write(store, "run", Batch.of(OBJECTS[first : first + PER_LOAD]), 1)


def ingest_all(store: Store, url: str) -> None:
    from pipelines.ingest.load import Limits
    from pipelines.ingest.pipeline import run_ingest

    run_ingest(store, [url], limits=Limits(objects=3))


def keep_everything() -> None:
    """The protocol without its removals: what dead attempts inserted stays beside what is loaded again."""
    assert callable(attempts.remove), "the ledger removes in another way now: disable that here"
    attempts.remove = lambda *_: None


def main(how: str, db: str, rest: Sequence[str]) -> None:
    # Points are identified by file names, which depend on the order of chunk inserts: here one after the other.
    ledger._writers = ThreadPoolExecutor(1)
    if os.environ.get(WITHOUT) == "removal":
        keep_everything()
    store = Store(db)
    ensure_migrated(store)
    if how == "ingest":
        import pipelines.ingest.pipeline  # noqa: F401 - start-up is not to be disturbed
    print("ready", flush=True)
    sys.stdin.readline()
    if how == "ingest":
        ingest_all(store, *rest)
    elif how == "ledger":
        write_all(store)
    elif how == "tear":
        command(store.client(), "ALTER TABLE flows DELETE WHERE chunk = 2 AND row_no = 3 SETTINGS mutations_sync = 2")
    print(json.dumps({"contents": contents(store), "faults": faults(store)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
