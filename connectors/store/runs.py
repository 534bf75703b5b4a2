"""Runs: what a command planned to load, and its outcome, read from the facts on whatever machine they were written."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.store.attempts import VOID
from connectors.store.clickhouse import insert, query
from connectors.store.dead_letters import of_run
from schemas.errors import FlowtrailError
from schemas.incident import Examined
from schemas.ledger import LEDGER, RECEIPTS
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.runs import DEAD_LETTERS, PLANNED, RUNS
from schemas.summary import COUNTED, IngestSummary

CORRELATE, REPLAY = "correlate", "correlate-replay"
"""Commands that judge a range: what the first finds is known from then on, what the second finds is its own."""

_MINE = f"SELECT object_id FROM {RECEIPTS.name} WHERE run = {{run:String}} AND load NOT IN ({VOID})"  # noqa: S608
_PLANNED = f"SELECT object_id FROM {PLANNED.name} WHERE run = {{run:String}}"  # noqa: S608

_BUSY = f"""
    SELECT toUInt64(arrayJoin(splitByChar(',', detail))) FROM {RUNS.name} WHERE run = {{run:String}} AND state = 'busy'
"""  # noqa: S608

OBJECTS = f"""
SELECT
    countIf(listed) AS planned,
    countIf(listed AND fate = 'known') AS known,
    countIf(listed AND fate = 'busy') AS busy,
    countIf(fate = 'lost') AS lost,
    count() AS total
FROM (
    SELECT listed, multiIf(
        object_id IN ({_MINE}), 'done',
        object_id IN (
            SELECT object_id FROM {RECEIPTS.name} WHERE load NOT IN ({VOID}) AND object_id IN ({_PLANNED})
        ), 'known',
        object_id IN (SELECT object_id FROM {DEAD_LETTERS.name} WHERE run = {{run:String}}), 'aside',
        object_id IN ({_BUSY}), 'busy',
        'lost'
    ) AS fate
    FROM {PLANNED.name} WHERE run = {{run:String}}
)
"""  # noqa: S608
"""What became of the objects that a run planned: those that it listed (`planned`), and of them those that another run
loaded meanwhile (`known`) or was loading when their turn came (`busy`). `total` counts all of its objects; of those
that are `lost` nothing is known, or not yet."""

RECORDS = f"""
SELECT
    count() AS objects_done,
    sum(rows_read) AS rows_read,
    sum(rows_written) AS rows_written,
    sum(rows_rejected) AS rows_rejected,
    sum(rows_skipped) AS rows_skipped,
    sum(unenriched) AS unenriched,
    sumMap(skipped_reasons) AS skipped
FROM {RECEIPTS.name} WHERE run = {{run:String}} AND load NOT IN ({VOID})
"""  # noqa: S608

ROWS = f"""
SELECT table_name, sum(rows) AS n FROM {LEDGER.name}
WHERE state = 'begin' AND run = {{run:String}} AND table_name != '' AND (load, object_id) IN (
    SELECT load, object_id FROM {RECEIPTS.name} WHERE run = {{run:String}} AND load NOT IN ({VOID})
) GROUP BY table_name
"""  # noqa: S608


def begin(client: Client, command: str, detail: str = "") -> str:
    """A new run, of which everything that belongs to it is noted. Its name is in order of time."""
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    note(client, run, command, "begun", detail=detail)
    return run


def note(
    client: Client,
    run: str,
    command: str,
    state: str,
    *,
    counts: Mapping[str, int] | None = None,
    detail: str = "",
    examined: Examined | None = None,
) -> None:
    """Note that the run has come to this state; `counts` of several notes of one state add up. `examined`: the range
    that it has judged."""
    row: dict[str, Any] = {"run": run, "command": command, "state": state, "detail": detail}
    row["counts"] = sorted((counts or {}).items())
    if examined is not None:
        row |= {"read_from": examined.since, "examined_from": examined.start, "examined_to": examined.end}
    insert(client, RUNS, RUNS.rows([row]))


def note_busy(client: Client, run: str, refs: Sequence[ObjectRef]) -> None:
    """Note which objects the run left to other processes. What becomes of these cannot show it: they may die."""
    if refs:
        note(client, run, "", "busy", detail=",".join(str(ref.object_id) for ref in refs))


def plan(
    client: Client, run: str, kind: ObjectKind, parts: Sequence[Sequence[ObjectRef]], *, first: int, listed: bool
) -> None:
    """Note what the run is to load: the objects of each part, the first of which has the number `first`."""
    rows = [
        {
            "run": run,
            "kind": kind.value,
            "part": number,
            "listed": listed,
            **ref.row,
            "object_id": ref.object_id,
        }
        for number, refs in enumerate(parts, first)
        for ref in refs
    ]
    insert(client, PLANNED, PLANNED.rows(rows))


def parts(client: Client, run: str, kind: ObjectKind, numbers: Iterable[int]) -> list[tuple[ObjectRef, ...]]:
    """The objects of these parts, in order. Raises FlowtrailError when a part is not there."""
    wanted = sorted(set(numbers))
    sql = f"""
        SELECT part, bucket, key, etag, size, version_id FROM {PLANNED.name}
        WHERE run = {{run:String}} AND kind = {{kind:String}} AND part IN {{parts:Array(UInt32)}}
        ORDER BY part, bucket, key
    """  # noqa: S608
    found: dict[int, list[ObjectRef]] = {}
    for row in query(client, sql, {"run": run, "kind": kind.value, "parts": wanted}).to_pylist():
        ref = ObjectRef.of_row(row)
        found.setdefault(row["part"], []).append(ref)
    if missing := set(wanted) - found.keys():
        raise FlowtrailError(
            f"The plan of run {run} has no part {min(missing)}.",
            "Run the same command again; plans are kept for 14 days.",
        )
    return [tuple(found[number]) for number in wanted]


def progress(client: Client, run: str) -> tuple[int, int]:
    """How many objects of the run have come to an end, and how many are planned."""
    row = query(client, OBJECTS, {"run": run}).to_pylist()[0]
    return row["total"] - row["lost"], row["total"]


def ingested(client: Client, run: str) -> IngestSummary:
    """What the run did. Raises FlowtrailError when the store does not account for every object that it listed."""
    objects = query(client, OBJECTS, {"run": run}).to_pylist()[0]
    records = query(client, RECORDS, {"run": run}).to_pylist()[0]
    rows = {row["table_name"]: row["n"] for row in query(client, ROWS, {"run": run}).to_pylist()}
    listed = counts(client, run, "listed")
    letters = of_run(client, run)
    sorted_out = sum(listed.get(each, 0) for each in ("known", "other", "busy", "aside"))
    lost = objects["lost"] + abs(listed.get("listed", 0) - sorted_out - objects["planned"])
    if lost:
        raise FlowtrailError(
            f"Of the objects that run {run} listed, {lost} are neither loaded nor set aside.",
            "Run the same command again: what is loaded is not loaded twice. If it happens again, report it.",
        )
    skipped = dict(records.pop("skipped"))
    return IngestSummary(
        run=run,
        objects_listed=listed.get("listed", 0),
        objects_known=listed.get("known", 0) + objects["known"],
        objects_other=listed.get("other", 0),
        objects_busy=listed.get("busy", 0) + objects["busy"],
        skipped={reason: skipped[reason] for reason in sorted(skipped)},
        dead_letters=letters,
        **records,
        **{name: rows.get(name, 0) for name in COUNTED},
    )


def replayed(client: Client, run: str) -> Examined | None:
    """The range of a replay that is done; None if there is no such run."""
    sql = f"""
        SELECT toDateTime64(assumeNotNull(read_from), 0, 'UTC') AS since,
            toDateTime64(assumeNotNull(examined_from), 0, 'UTC') AS start,
            toDateTime64(assumeNotNull(examined_to), 0, 'UTC') AS finish
        FROM {RUNS.name} WHERE run = {{run:String}} AND command = '{REPLAY}' AND state = 'done'
    """  # noqa: S608
    for row in query(client, sql, {"run": run}).to_pylist():
        return Examined(*(row[name].astimezone(UTC) for name in ("since", "start", "finish")))
    return None


def failure(client: Client, run: str) -> str:
    """What was noted of the first failure of the run; '' if nothing was."""
    sql = f"""
        SELECT detail FROM {RUNS.name} WHERE run = {{run:String}} AND state = 'failed' ORDER BY at LIMIT 1
    """  # noqa: S608
    return next((str(row["detail"]) for row in query(client, sql, {"run": run}).to_pylist()), "")


def counts(client: Client, run: str, state: str) -> dict[str, int]:
    """The sum of what the run noted in this state."""
    sql = f"SELECT sumMap(counts) AS counts FROM {RUNS.name} WHERE run = {{run:String}} AND state = {{state:String}}"  # noqa: S608
    return dict(query(client, sql, {"run": run, "state": state})["counts"][0].as_py() or ())
