"""Each object counts exactly once: the protocol of attempts.

begin (objects, expected rows per object and chunk) -> chunks -> receipts -> done; or given-up -> cleared.

An attempt is one process's try at some objects, under an id that no other process ever uses. Three rules decide:

1. An object is done when it has a receipt of an attempt that is not given up. Receipts are written after all rows.
2. Of several open attempts of live processes at one object, the one that began first goes on; the others give up
   before they have inserted anything. Each looks after it has written its begin, so at least one of two sees the other.
3. An attempt of a dead process is given up by whoever notices; only then are its rows removed and its objects loaded
   again. A process that was taken for dead finds its attempt given up, removes what it inserted since, and starts
   again.

If two attempts have nevertheless written receipts for one object, the lower id keeps it: both look after writing their
receipts, so at least one of them removes the other's rows. Nothing of an attempt is ever continued by another process.
Insert tokens only protect one request that is sent twice. `docs/design.md` has the states and the argument for each
point at which a process may die.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from connectors.failpoints import failpoint
from connectors.store import attempts, receipts
from connectors.store.attempts import Attempt, Owed
from connectors.store.clickhouse import Store
from connectors.store.heartbeat import alive, heartbeat, this_process
from schemas.columnar.batch import Batch
from schemas.columnar.chunks import Chunk, cut
from schemas.errors import BadObject
from schemas.ledger import LEDGER, RECEIPTS, Receipt
from schemas.object_ref import ObjectRef

WRITERS = 2
"""Chunks that are inserted concurrently: one insert keeps one core busy."""

POLL_SECONDS = 0.2
"""How often the fate of another attempt of the same run is looked up."""

NOBODY: Mapping[int, int] = {}

_writers = ThreadPoolExecutor(WRITERS, "writer")
_writing = threading.RLock()
"""One attempt at a time in this process, so that two threads with the same object cannot both find it new."""
_active: set[int] = set()
"""Attempts that this process is working on. Its other open attempts ended with an error."""


@dataclass(frozen=True)
class Written:
    """What became of the objects of a load: their receipts, those that others have done (`known`), and those that a
    live process of another run is loading (`busy`)."""

    receipts: tuple[Receipt, ...] = ()
    known: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Settled:
    """Objects that live processes are loading (`busy`), and objects that were begun, given up and not loaded since."""

    busy: frozenset[int]
    owed: tuple[Owed, ...]


def settle(store: Store) -> Settled:
    """Bring every open attempt of a dead process to its end: those with receipts are done, the others are given up and
    their rows removed. Any number of processes may do this at once. Raises FlowtrailError when the store fails."""
    client = store.client()
    with _writing:
        found = attempts.open_attempts(client)
        live = _live(store, found)
        for attempt in found:
            if attempt not in live:
                _take_over(client, attempt.id)
        for given_up in attempts.to_clear(client, again=not store.embedded):
            _clear(client, given_up)
        return Settled(
            frozenset(object_id for attempt in live for object_id in attempt.object_ids), tuple(attempts.owed(client))
        )


def write(store: Store, run: str, batch: Batch, parser_version: int, unenriched: Mapping[int, int] = NOBODY) -> Written:
    """Write the objects of a load, whose rows are all here. `unenriched` counts flow records without VPC metadata by
    object id. Raises FlowtrailError when the store fails; what arrived is then removed by the next `settle`."""
    known, busy = frozenset[int](), frozenset[int]()
    with heartbeat(store).beating(), _writing:
        while True:
            known |= receipts.done(store.client(), batch.ids).keys()
            batch = batch.without(known)
            if not batch.objects:
                return Written((), known, busy)
            chunks = cut(batch)
            with _attempt(store, run) as mine:
                try:
                    mine.begin(batch, chunks)
                    mine.contest(batch.ids)
                    mine.insert(chunks)
                    made, lost = mine.finish(receipts.of(batch, mine.id, run, unenriched), parser_version)
                except _Busy as others:
                    busy |= others.object_ids
                    batch = batch.without(others.object_ids)
                except _Again:
                    continue
                else:
                    return Written(tuple(made), known | lost, busy)


def write_large(
    store: Store, run: str, ref: ObjectRef, read: Callable[[], Iterable[tuple[Batch, int]]], parser_version: int
) -> Written:
    """As `write`, for one object whose rows come in pieces, each with its number of unenriched flow records, and all of
    them again with each call of `read`. The rows of a chunk are announced just before it is written. A BadObject from
    `read` is raised, after everything of the object has been removed."""
    with heartbeat(store).beating(), _writing:
        while True:
            if receipts.done(store.client(), [ref.object_id]):
                return Written(known=frozenset([ref.object_id]))
            with _attempt(store, run) as mine:
                try:
                    made, lost = _write_pieces(mine, run, read(), parser_version)
                except BadObject:
                    mine.give_up()
                    raise
                except _Busy as others:
                    return Written(busy=others.object_ids)
                except _Again:
                    continue
                return Written(tuple(made), lost)


def _write_pieces(
    mine: "_Mine", run: str, pieces: Iterable[tuple[Batch, int]], parser_version: int
) -> tuple[list[Receipt], frozenset[int]]:
    made: list[Receipt] = []
    number = 0
    for piece, unenriched in pieces:
        chunks = cut(piece, number)
        if chunks or not made:
            mine.begin(piece, chunks)
        if not made:
            mine.contest(piece.ids)
        number = max([number, *(chunk.number for chunk in chunks)])
        mine.insert(chunks)
        made += receipts.of(piece, mine.id, run, dict.fromkeys(piece.ids, unenriched))
    return mine.finish([receipts.total(made)], parser_version)


class _Again(Exception):
    """Something has changed: look again. Nothing of the attempt is left."""


class _Busy(Exception):
    """Live processes of other runs are loading these objects. Nothing of the attempt is left."""

    def __init__(self, object_ids: frozenset[int]) -> None:
        super().__init__(object_ids)
        self.object_ids = object_ids


@contextmanager
def _attempt(store: Store, run: str) -> Iterator["_Mine"]:
    mine = _Mine(store, run)
    _active.add(mine.id)
    try:
        yield mine
    finally:
        _active.discard(mine.id)


class _Mine:
    """An attempt of this process."""

    def __init__(self, store: Store, run: str) -> None:
        self.id = attempts.new_id()
        self._store, self._run = store, run
        self._client = store.client()
        self._heart = heartbeat(store)

    def begin(self, batch: Batch, chunks: Sequence[Chunk]) -> None:
        """Announce what is about to be written."""
        entries = attempts.begin_entries(batch, chunks)
        numbers = [entry["chunk"] for entry in entries]
        rows = attempts.rows(self.id, "begin", entries, self._run, self._heart.owner)
        where = f"state = 'begin' AND chunk BETWEEN {min(numbers)} AND {max(numbers)}"
        attempts.put(self._client, LEDGER, rows, self.id, where)
        failpoint("after-begin")

    def contest(self, object_ids: Sequence[int]) -> None:
        """Go on only if no live process began an attempt at one of these objects earlier. Attempts of dead processes
        are ended. Raises _Busy or _Again after this attempt has been given up; for an attempt of the same run, which
        is this work done twice by a runner, only when that has come to its end."""
        if self._store.embedded:
            return
        found = attempts.touching(self._client, object_ids)
        others = [attempt for attempt in found if attempt.id != self.id]
        live = _live(self._store, others)
        for attempt in others:
            if attempt not in live:
                _take_over(self._client, attempt.id)
        me = next((attempt for attempt in found if attempt.id == self.id), None)
        earlier = [other for other in live if me is None or (other.began, other.id) < (me.began, me.id)]
        if me is not None and not earlier and len(live) == len(others):
            return
        self.give_up()
        wanted = frozenset(object_ids)
        if busy := frozenset(i for other in earlier if other.run != self._run for i in other.object_ids & wanted):
            raise _Busy(busy)
        while earlier:
            time.sleep(POLL_SECONDS)
            still = attempts.still_open(self._client, [other.id for other in earlier])
            earlier = _live(self._store, [other for other in earlier if other.id in still])
        raise _Again

    def insert(self, chunks: Sequence[Chunk]) -> None:
        """Insert the chunks concurrently. Raises _Again when another process has given up this attempt."""

        def put(chunk: Chunk) -> None:
            self._fence()
            client = self._store.client()  # of this thread
            rows = chunk.stamped(self.id)
            attempts.put(client, chunk.table, rows, self.id, f"chunk = {chunk.number}", partitions=1)
            failpoint(f"after-chunk:{chunk.number}")

        futures = [_writers.submit(put, chunk) for chunk in chunks]
        wait(futures)  # none goes on when this attempt has failed
        for future in futures:
            future.result()

    def finish(self, made: Sequence[Receipt], parser_version: int) -> tuple[list[Receipt], frozenset[int]]:
        """Every chunk is there: receipts, then done. Returns the receipts of the objects that this attempt keeps, and
        the objects that others keep. Raises _Again when another process has given up this attempt."""
        failpoint("before-receipts")
        self._fence(always=True)
        ids = frozenset(each.ref.object_id for each in made)
        lost = frozenset(receipts.done(self._client, ids))
        if lost:
            attempts.remove(self._client, self.id, lost)
        if kept := [each for each in made if each.ref.object_id not in lost]:
            attempts.put(self._client, RECEIPTS, receipts.rows(kept, parser_version), self.id, "1")
        failpoint("after-receipts")
        held = _close(self._client, self.id, ids - lost)
        if held is None:
            raise _Again
        return [each for each in kept if each.ref.object_id in held], ids - held

    def give_up(self) -> None:
        """Nothing of it stays, and its objects are free again."""
        _give_up(self._client, self.id, self._heart.owner)

    def _fence(self, *, always: bool = False) -> None:
        """Before anything is inserted: whether others still count this process as alive. Raises _Again if not."""
        if self._store.embedded or (self._heart.is_fresh() and not always):
            return
        client = self._store.client()  # of this thread
        self._heart.refresh()
        if attempts.has(client, self.id, "given-up"):
            _clear(client, self.id)
            raise _Again


def _live(store: Store, found: Iterable[Attempt]) -> list[Attempt]:
    """Attempts whose process is alive; of this process, those that it is working on."""
    found = list(found)
    owners = alive(store, (attempt.owner for attempt in found))
    mine = this_process()
    return [a for a in found if a.owner in owners and (a.owner != mine or a.id in _active)]


def _take_over(client: Client, attempt: int) -> None:
    """End the attempt of a dead process."""
    if done := receipts.of_attempt(client, attempt):
        _close(client, attempt, done)
    else:
        _give_up(client, attempt, this_process())


def _give_up(client: Client, attempt: int, by: int) -> None:
    """From the first entry on nothing of the attempt counts, whatever its process still inserts."""
    attempts.put_state(client, attempt, "given-up", by)
    failpoint("after-given-up")
    _clear(client, attempt)


def _clear(client: Client, attempt: int) -> None:
    attempts.remove(client, attempt)
    if not attempts.has(client, attempt, "cleared"):
        attempts.put_state(client, attempt, "cleared")


def _close(client: Client, attempt: int, object_ids: Iterable[int]) -> frozenset[int] | None:
    """All receipts of the attempt are written: it is done. Of several attempts with a receipt for one object the lowest
    keeps it, and the rows and receipts of the others are removed. Returns the objects that this one keeps; None when it
    has been given up."""
    if attempts.has(client, attempt, "given-up"):
        _clear(client, attempt)
        return None
    held = receipts.done(client, object_ids)
    for loser in {load for loads in held.values() for load in loads if load != min(loads)}:
        attempts.remove(
            client, loser, [object_id for object_id, loads in held.items() if loser in loads and loser != min(loads)]
        )
    failpoint("before-done")
    attempts.put_state(client, attempt, "done")
    return frozenset(object_id for object_id, loads in held.items() if min(loads) == attempt)
