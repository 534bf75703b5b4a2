"""Proves: whatever part of a load arrived before its process died, the next run leaves each row once; a second writer
of the same object changes nothing; every receipt accounts for every record."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from connectors.store import ledger
from connectors.store.clickhouse import Store, StoreUnavailable, insert, query
from schemas.columnar.batch import Batch
from schemas.columnar.chunks import cut
from schemas.errors import FlowtrailError
from schemas.flow import COVERAGE, FLOWS, REJECTED_LINES
from schemas.ledger import Receipt
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.table import Table

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
    """Every row of the fact tables without load and chunk, and every receipt without load and time."""
    client = store.client()
    flows = "SELECT * EXCEPT (load, chunk) FROM {} ORDER BY object_id, row_no"
    answers = [client.query(flows.format(name)).result_rows for name in ("flows", "coverage", "rejected_lines")]
    answers.append(client.query("SELECT * EXCEPT (load, at) FROM receipts ORDER BY object_id").result_rows)
    return [tuple(map(str, row)) for answer in answers for row in answer]


def open_loads(store: Store) -> int:
    sql = "SELECT load FROM ledger GROUP BY load HAVING countIf(state != 'begin') = 0"
    return len(store.client().query(sql).result_rows)


def write(store: Store, objects: list[Rows] = OBJECTS, load: int | None = None) -> list[Receipt]:
    return ledger.write(store, load or ledger.new_load(), Batch.of(objects), 1)


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
    assert open_loads(store) == 0


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
    assert write(store) == []
    assert contents(store) == clean
    assert [receipt.ref.key for receipt in write(store, [*OBJECTS, an_object("e")])] == ["e"]
    twice = "SELECT count() AS n FROM (SELECT 1 FROM flows GROUP BY object_id, row_no HAVING count() > 1)"
    assert query(store.client(), twice)["n"].to_pylist() == [0]


def test_the_same_load_repeated_after_done_changes_nothing(store: Store, clean: list[Any]) -> None:
    load = ledger.new_load()
    write(store, load=load)
    assert write(store, load=load) == []
    assert contents(store) == clean


POINTS = ["after-begin", *(f"after-chunk:{n}" for n in range(1, 6)), "before-receipts", "after-receipts"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("same_load", [True, False])
def test_died_and_run_again(
    store: Store, clean: list[Any], dies_at: Callable[[str], None], point: str, same_load: bool
) -> None:
    load = ledger.new_load()
    dies_at(point)
    with pytest.raises(Died):
        write(store, load=load)
    dies_at("")
    if not same_load:  # a new process checks the ledger first
        found = ledger.settle(store)
        assert not found.busy
        for unfinished in found.resumable:
            assert unfinished.load == load
            assert set(unfinished.refs) == {each.ref for each in OBJECTS}
            write(store, load=unfinished.load)
        assert bool(found.resumable) == (point not in ("after-begin", "after-receipts"))
        load = ledger.new_load()
    write(store, load=load)
    assert contents(store) == clean
    assert open_loads(store) == 0


def test_died_again_and_again(store: Store, clean: list[Any], dies_at: Callable[[str], None]) -> None:
    load = ledger.new_load()
    for point in POINTS:
        dies_at(point)
        try:
            write(store, load=load)
        except Died:
            continue
    dies_at("")
    write(store, load=load)
    assert contents(store) == clean
    assert open_loads(store) == 0


def test_a_wrong_number_of_rows_is_replaced(store: Store, clean: list[Any], dies_at: Callable[[str], None]) -> None:
    load = ledger.new_load()
    dies_at("after-chunk:3")
    with pytest.raises(Died):
        write(store, load=load)
    dies_at("")
    [first, second, *_] = cut(Batch.of(OBJECTS))
    insert(store.client(), first.table, first.stamped(load))  # doubled
    store.client().command(
        "ALTER TABLE flows DELETE WHERE chunk = 2 AND row_no = 3 SETTINGS mutations_sync = 2"
    )  # incomplete
    write(store, load=load)
    assert second.table.name == "flows"
    assert contents(store) == clean


def test_an_object_that_cannot_be_read_again_takes_its_rows_with_it(
    store: Store, dies_at: Callable[[str], None]
) -> None:
    load = ledger.new_load()
    dies_at("after-chunk:2")
    with pytest.raises(Died):
        write(store, load=load)
    dies_at("")
    made = write(store, [each for each in OBJECTS if each.ref.key != "a"], load)
    assert {receipt.ref.key for receipt in made} == {"b", "c", "d"}
    assert all(receipt.load != load for receipt in made)
    actions = query(store.client(), "SELECT DISTINCT action FROM flows")["action"].to_pylist()
    assert actions == ["b"]
    assert load not in query(store.client(), "SELECT load FROM rejected_lines")["load"].to_pylist()
    assert open_loads(store) == 0


@pytest.fixture
def blind_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server where another process is writing the same objects: a writer sees no receipts when it starts."""
    see, calls = ledger.receipts.done, []

    def done(client: Any, ids: Any) -> dict[int, list[int]]:
        calls.append(1)
        return {} if len(calls) == 1 else see(client, ids)

    monkeypatch.setattr(ledger.receipts, "done", done)


def owners(store: Store) -> list[tuple[Any, ...]]:
    """Object, load and row count of flows, which must have a receipt from that load."""
    sql = "SELECT action, load, count() AS n FROM flows GROUP BY ALL ORDER BY action"
    rows = query(store.client(), sql).to_pylist()
    receipts = query(store.client(), "SELECT key, load FROM receipts ORDER BY key").to_pylist()
    assert [(row["action"], row["load"]) for row in rows] == [tuple(row.values()) for row in receipts]
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("loads", [(100, 200), (200, 100)])
def test_of_two_writers_the_lower_load_wins(
    store: Store, request: pytest.FixtureRequest, loads: tuple[int, int]
) -> None:
    first, second = loads
    ledger.write(store, first, Batch.of([an_object("b"), an_object("x")]), 1)
    request.getfixturevalue("blind_at_first")
    made = ledger.write(store, second, Batch.of([an_object("a"), an_object("b")]), 1)
    assert {receipt.ref.key for receipt in made} == ({"a", "b"} if second < first else {"a"})
    assert owners(store) == [("a", second, 3), ("b", 100, 3), ("x", first, 3)]
    assert open_loads(store) == 0


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

    monkeypatch.setattr(ledger, "insert", torn)
    write(store)
    assert unanswered[0] == unanswered[1]
    assert contents(store) == clean
    assert open_loads(store) == 0
    once = "SELECT max(n) AS n FROM (SELECT count() AS n FROM receipts GROUP BY object_id)"
    assert query(store.client(), once)["n"].to_pylist() == [1]


def test_a_store_that_stays_unavailable(store: Store, clean: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "insert", lambda *args, **kwargs: (_ for _ in ()).throw(StoreUnavailable("no answer")))
        patched.setattr(ledger, "TRIES", 2)
        with pytest.raises(StoreUnavailable):
            write(store)
    assert ledger.settle(store) == ledger.Open((), frozenset())
    write(store)
    assert contents(store) == clean


def test_on_a_server_a_load_may_still_be_running(
    store: Store, dies_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = ledger.new_load()
    dies_at("after-chunk:1")
    with pytest.raises(Died):
        write(store, load=load)
    monkeypatch.setattr(Store, "embedded", False)  # as if other processes could have it open too
    assert ledger.settle(store) == ledger.Open((), frozenset(each.ref.object_id for each in OBJECTS))
    monkeypatch.setattr(ledger, "LEASE", timedelta(0))
    assert [unfinished.load for unfinished in ledger.settle(store).resumable] == [load]


def test_a_load_that_was_given_up_meanwhile_is_not_done(
    store: Store, clean: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept through its lease: another one removed its rows, so it must not report them as stored."""
    load = ledger.new_load()

    def meanwhile(name: str) -> None:
        if name == "before-receipts":
            ledger.give_up(store, load)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "failpoint", meanwhile)
        with pytest.raises(FlowtrailError, match=r"gave up.*\n.*again"):
            write(store, load=load)
    assert query(store.client(), "SELECT count() AS n FROM flows")["n"].to_pylist() == [0]
    write(store)
    assert contents(store) == clean


def test_chunks_do_not_depend_on_the_order_of_objects() -> None:
    one, other = cut(Batch.of(OBJECTS)), cut(Batch.of(OBJECTS[::-1]))
    assert [(c.number, c.table.name, c.counts) for c in one] == [(c.number, c.table.name, c.counts) for c in other]
    assert all(a.rows.equals(b.rows) for a, b in zip(one, other, strict=True))
