"""Proves: whatever part of a load arrived before its process died, the next run leaves each row once; a second writer
of the same object changes nothing; every receipt accounts for every record."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest

from connectors.store import attempts, heartbeat, ledger
from connectors.store.clickhouse import Store, StoreUnavailable, insert, query
from schemas.columnar.batch import Batch
from schemas.columnar.chunks import cut
from schemas.flow import COVERAGE, FLOWS, REJECTED_LINES
from schemas.ledger import Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import Table
from tests.shared_store import ELSEWHERE, SharedStore, another_process, shared, with_lease

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Rows:
    ref: ObjectRef
    read: int
    tables: Mapping[str, pa.Table]
    skipped: Mapping[str, int] = field(default_factory=dict)
    kind: ObjectKind = ObjectKind.FLOW_LOG


class Died(BaseException):
    """What a failpoint raises here instead of ending the process."""


def rows_of(table: Table, values: list[dict[str, Any]]) -> pa.Table:
    """Rows with every column except load and chunk; columns that are not given are NULL or empty."""
    columns = [column for column in table.columns if column.name not in ("load", "chunk")]
    blank = {c.name: None if c.nulls.startswith("NULL") else [] if pa.types.is_map(c.arrow) else "" for c in columns}
    schema = pa.schema([(column.name, column.arrow) for column in columns])
    return pa.Table.from_pylist([{**blank, **value} for value in values], schema=schema)


def an_object(name: str, flows: int = 3, days: int = 2, rejected: int = 1, skipped: int = 1) -> Rows:
    ref = ObjectRef("logs", name, f"etag-{name}", 100 + flows)
    at = [NOON + timedelta(days=i % days, seconds=i) for i in range(flows)]
    common = {"object_id": ref.object_id, "interface_id": "eni-1"}
    tables = {
        "flows": rows_of(
            FLOWS, [{**common, "start": t, "end": t, "row_no": i + 2, "action": name} for i, t in enumerate(at)]
        ),
        "coverage": rows_of(COVERAGE, [{**common, "start": NOON, "end": NOON, "row_no": 900, "log_status": "NODATA"}]),
        "rejected_lines": rows_of(
            REJECTED_LINES,
            [{"object_id": ref.object_id, "row_no": 1000 + i, "reason": "token-count"} for i in range(rejected)],
        ),
    }
    return Rows(ref, flows + 1 + rejected + skipped, tables, {"header": skipped})


def empty_object(name: str) -> Rows:
    return Rows(ObjectRef("logs", name, name, 1), 0, {"flows": rows_of(FLOWS, [])})


OBJECTS = [an_object("a"), an_object("b", flows=5, days=3), empty_object("c"), an_object("d", flows=0, rejected=0)]


def contents(store: Store) -> list[tuple[Any, ...]]:
    """Every row of the fact tables without load and chunk, and every receipt without load, run and time."""
    client = store.client()
    flows = "SELECT * EXCEPT (load, chunk) FROM {} ORDER BY object_id, row_no"
    answers = [client.query(flows.format(name)).result_rows for name in ("flows", "coverage", "rejected_lines")]
    answers.append(client.query("SELECT * EXCEPT (load, run, at) FROM receipts ORDER BY object_id").result_rows)
    return [tuple(map(str, row)) for answer in answers for row in answer]


def open_attempts(store: Store) -> int:
    sql = "SELECT load FROM ledger GROUP BY load HAVING countIf(state != 'begin') = 0"
    return len(store.client().query(sql).result_rows)


def write(store: Store, objects: Sequence[Rows] = OBJECTS, run: str = "run") -> tuple[Receipt, ...]:
    return ledger.write(store, run, Batch.of(objects), 1).receipts


def settle_and_write(store: Store, objects: Sequence[Rows] = OBJECTS) -> None:
    """As the next process does: whatever was left is owed, and is loaded anew."""
    owed = ledger.settle(store).owed
    assert {each.ref for each in owed} <= {each.ref for each in objects}
    write(store, [each for each in objects if each.ref in {one.ref for one in owed}])
    write(store, objects)


@pytest.fixture
def clean(store: Store) -> list[tuple[Any, ...]]:
    """The rows after one undisturbed run; the store is emptied again afterwards."""
    write(store)
    found = contents(store)
    for table in ("flows", "coverage", "rejected_lines", "receipts", "ledger"):
        store.client().command(f"TRUNCATE TABLE {table}")
    return found


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def arm(point: str) -> None:
        def reached(name: str) -> None:
            if name == point:
                raise Died(name)

        monkeypatch.setattr(ledger, "failpoint", reached)

    yield arm


def test_a_load_is_written_and_accounted_for(store: Store) -> None:
    made = write(store)
    assert {receipt.ref.key for receipt in made} == {"a", "b", "c", "d"}
    rows = query(store.reader(), "SELECT * FROM receipts ORDER BY key").to_pylist()
    assert [(r["rows_read"], r["rows_written"], r["rows_rejected"], r["rows_skipped"]) for r in rows] == [
        (6, 4, 1, 1),
        (8, 6, 1, 1),
        (0, 0, 0, 0),
        (2, 1, 0, 1),
    ]
    assert query(store.reader(), "SELECT count() AS n FROM flows")["n"].to_pylist() == [8]
    assert made[1].last_time == NOON + timedelta(days=2, seconds=2)
    assert open_attempts(store) == 0


def test_each_chunk_is_one_part(store: Store) -> None:
    store.client().command("SYSTEM STOP MERGES")
    try:
        write(store)
        sql = (
            "SELECT table, count() AS n FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table"
        )
        parts = {row["table"]: row["n"] for row in query(store.client(), sql).to_pylist()}
    finally:
        store.client().command("SYSTEM START MERGES")
    assert (parts["flows"], parts["coverage"], parts["rejected_lines"]) == (3, 1, 1)


def test_a_big_chunk_is_one_part_too(store: Store) -> None:
    n = 300_000
    ref = ObjectRef("logs", "big", "e", 1)
    one = rows_of(FLOWS, [{"object_id": ref.object_id, "start": NOON, "end": NOON, "row_no": 2}])
    rows = one.take(pa.array([0] * n))
    store.client().command("SYSTEM STOP MERGES")
    try:
        write(store, [Rows(ref, n, {"flows": rows})])
        sql = "SELECT rows FROM system.parts WHERE database = currentDatabase() AND active AND table = 'flows'"
        assert query(store.client(), sql)["rows"].to_pylist() == [n]
    finally:
        store.client().command("SYSTEM START MERGES")


def test_written_twice_is_written_once(store: Store, clean: list[Any]) -> None:
    write(store)
    assert write(store) == ()
    assert contents(store) == clean
    assert [receipt.ref.key for receipt in write(store, [*OBJECTS, an_object("e")])] == ["e"]
    twice = "SELECT count() AS n FROM (SELECT 1 FROM flows GROUP BY object_id, row_no HAVING count() > 1)"
    assert query(store.client(), twice)["n"].to_pylist() == [0]


POINTS = ["after-begin", *(f"after-chunk:{n}" for n in range(1, 6)), "before-receipts", "after-receipts", "before-done"]


@pytest.mark.parametrize("point", POINTS)
def test_died_and_run_again(store: Store, clean: list[Any], dies_at: Callable[[str], None], point: str) -> None:
    dies_at(point)
    with pytest.raises(Died):
        write(store)
    dies_at("")
    found = ledger.settle(store)
    assert not found.busy
    done = point in ("after-receipts", "before-done")
    assert {each.ref for each in found.owed} == (set() if done else {each.ref for each in OBJECTS})
    write(store)
    assert contents(store) == clean
    assert open_attempts(store) == 0
    assert ledger.settle(store) == ledger.Settled(frozenset(), ())


@pytest.mark.parametrize("point", ["after-given-up"])
def test_died_while_ending_what_another_left(
    store: Store, clean: list[Any], dies_at: Callable[[str], None], point: str
) -> None:
    dies_at("after-chunk:3")
    with pytest.raises(Died):
        write(store)
    dies_at(point)
    with pytest.raises(Died):
        ledger.settle(store)
    dies_at("")
    settle_and_write(store)
    assert contents(store) == clean
    assert open_attempts(store) == 0


def test_died_again_and_again(store: Store, clean: list[Any], dies_at: Callable[[str], None]) -> None:
    for point in POINTS:
        dies_at(point)
        try:
            settle_and_write(store)
        except Died:
            continue
    dies_at("")
    settle_and_write(store)
    assert contents(store) == clean
    assert open_attempts(store) == 0


def test_what_a_dead_process_left_is_not_continued(
    store: Store, clean: list[Any], dies_at: Callable[[str], None]
) -> None:
    """Whatever its rows look like: doubled, incomplete or whole."""
    dies_at("after-chunk:3")
    with pytest.raises(Died):
        write(store)
    dies_at("")
    [load] = query(store.client(), "SELECT DISTINCT load FROM ledger")["load"].to_pylist()
    [first, second, *_] = cut(Batch.of(OBJECTS))
    insert(store.client(), first.table, first.stamped(load))  # doubled
    store.client().command(
        "ALTER TABLE flows DELETE WHERE chunk = 2 AND row_no = 3 SETTINGS mutations_sync = 2"
    )  # incomplete
    settle_and_write(store)
    assert second.table.name == "flows"
    assert contents(store) == clean
    assert load not in query(store.client(), "SELECT load FROM flows")["load"].to_pylist()


def test_an_object_that_cannot_be_read_again_takes_its_rows_with_it(
    store: Store, dies_at: Callable[[str], None]
) -> None:
    dies_at("after-chunk:2")
    with pytest.raises(Died):
        write(store)
    dies_at("")
    ledger.settle(store)
    made = write(store, [each for each in OBJECTS if each.ref.key != "a"])
    assert {receipt.ref.key for receipt in made} == {"b", "c", "d"}
    actions = query(store.client(), "SELECT DISTINCT action FROM flows")["action"].to_pylist()
    assert actions == ["b"]
    assert open_attempts(store) == 0


@pytest.fixture
def blind_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server where another process is writing the same objects: a writer sees no receipts until its own are
    written."""
    see, calls = ledger.receipts.done, []

    def done(client: Any, ids: Any) -> dict[int, list[int]]:
        calls.append(1)
        return {} if len(calls) <= 2 else see(client, ids)

    monkeypatch.setattr(ledger.receipts, "done", done)


def owners(store: Store) -> list[tuple[Any, ...]]:
    """Object, load and row count of flows, which must have a receipt from that load."""
    sql = "SELECT action, load, count() AS n FROM flows GROUP BY ALL ORDER BY action"
    rows = query(store.client(), sql).to_pylist()
    receipts = query(store.client(), "SELECT key, load FROM receipts ORDER BY key").to_pylist()
    assert [(row["action"], row["load"]) for row in rows] == [tuple(row.values()) for row in receipts]
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("ids", [(100, 200), (200, 100)])
def test_of_two_attempts_with_receipts_the_lower_id_wins(
    store: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ids: tuple[int, int]
) -> None:
    first, second = ids
    to_come = iter(ids)
    monkeypatch.setattr(attempts, "new_id", lambda: next(to_come))
    write(store, [an_object("b"), an_object("x")])
    request.getfixturevalue("blind_at_first")
    written = ledger.write(store, "other", Batch.of([an_object("a"), an_object("b")]), 1)
    assert {receipt.ref.key for receipt in written.receipts} == ({"a", "b"} if second < first else {"a"})
    assert written.known == (frozenset() if second < first else {an_object("b").ref.object_id})
    assert owners(store) == [("a", second, 3), ("b", 100, 3), ("x", first, 3)]
    assert open_attempts(store) == 0


@pytest.mark.parametrize("arrived", [True, False], ids=["the rows arrived", "the rows were lost"])
@pytest.mark.parametrize("table", ["ledger", "flows", "rejected_lines", "receipts"])
def test_the_store_does_not_confirm(
    store: Store, clean: list[Any], monkeypatch: pytest.MonkeyPatch, table: str, arrived: bool
) -> None:
    """The answer to an insert is lost: the first time with the rows stored, or with only the token stored."""
    unanswered = []

    def torn(client: Any, target: Table, rows: pa.Table, *, token: str, partitions: int) -> None:
        if target.name != table or len(unanswered) > 1 or token not in (unanswered or [token]):
            return insert(client, target, rows, token=token, partitions=partitions)
        unanswered.append(token)
        if arrived:
            insert(client, target, rows, token=token, partitions=partitions)
        if len(unanswered) == 1:
            raise StoreUnavailable("no answer")
        return None  # reported as stored, because the token is known

    monkeypatch.setattr(attempts, "insert", torn)
    write(store)
    assert unanswered[0] == unanswered[1]
    assert contents(store) == clean
    assert open_attempts(store) == 0
    once = "SELECT max(n) AS n FROM (SELECT count() AS n FROM receipts GROUP BY object_id)"
    assert query(store.client(), once)["n"].to_pylist() == [1]


def test_a_store_that_stays_unavailable(store: Store, clean: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **options: Any) -> None:
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(attempts, "insert", refused)
        patched.setattr(attempts, "TRIES", 2)
        with pytest.raises(StoreUnavailable):
            write(store)
    assert ledger.settle(store) == ledger.Settled(frozenset(), ())
    write(store)
    assert contents(store) == clean


@pytest.fixture
def server(store: Store) -> SharedStore:
    return shared(store)


THEIRS = 77
"""Another process."""


@pytest.fixture
def left_by_another(dies_at: Callable[[str], None]) -> Callable[..., None]:
    def leave(store: Store, point: str, machine: str = ELSEWHERE) -> None:
        with another_process(store, THEIRS, machine):
            dies_at(point)
            with pytest.raises(Died):
                write(store, run="theirs")
            dies_at("")

    return leave


def test_objects_of_a_live_process_are_busy(server: SharedStore, left_by_another: Callable[..., None]) -> None:
    left_by_another(server, "after-chunk:1")
    ids = frozenset(each.ref.object_id for each in OBJECTS)
    assert ledger.settle(server) == ledger.Settled(ids, ())
    written = ledger.write(server, "ours", Batch.of([*OBJECTS, an_object("e")]), 1)
    assert written.busy == ids
    assert [receipt.ref.key for receipt in written.receipts] == ["e"]
    assert open_attempts(server) == 1


def test_a_process_that_is_silent_longer_than_the_lease_is_dead(
    server: SharedStore, clean: list[Any], left_by_another: Callable[..., None]
) -> None:
    left_by_another(server, "after-chunk:1")
    time.sleep(0.01)
    late = with_lease(server, 0)
    found = ledger.settle(late)
    assert not found.busy
    assert {each.ref for each in found.owed} == {each.ref for each in OBJECTS}
    write(late)
    assert contents(server) == clean
    assert open_attempts(server) == 0


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(
    server: SharedStore, left_by_another: Callable[..., None]
) -> None:
    with mock.patch.object(heartbeat, "_started", lambda _: 1):  # no process that runs started at the first tick
        left_by_another(server, "after-begin", machine=heartbeat._machine())
    assert {each.ref for each in ledger.settle(server).owed} == {each.ref for each in OBJECTS}


@pytest.mark.parametrize("point", ["after-begin", "after-chunk:2", "before-receipts", "after-receipts", "before-done"])
def test_a_process_that_was_taken_for_dead_goes_on(server: SharedStore, clean: list[Any], point: str) -> None:
    """Another one ended its attempt and loaded its objects meanwhile: whatever it still inserts must not count."""
    late = with_lease(server, 0)
    taken: list[str] = []

    def meanwhile(name: str) -> None:
        if name == point and not taken:
            taken.append(name)
            with another_process(late, THEIRS):
                ledger.settle(late)
                write(late, run="theirs")

    with mock.patch.object(ledger, "failpoint", meanwhile):
        written = ledger.write(late, "ours", Batch.of(OBJECTS), 1)
    assert taken
    assert len(written.receipts) + len(written.known) == len(OBJECTS)
    assert contents(server) == clean
    assert open_attempts(server) == 0


def test_chunks_do_not_depend_on_the_order_of_objects() -> None:
    one, other = cut(Batch.of(OBJECTS)), cut(Batch.of(OBJECTS[::-1]))
    assert [(c.number, c.table.name, c.counts) for c in one] == [(c.number, c.table.name, c.counts) for c in other]
    assert all(a.rows.equals(b.rows) for a, b in zip(one, other, strict=True))
