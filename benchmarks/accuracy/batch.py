"""Many worlds in one store: ingested, correlated and judged together, since an engine takes seconds to start."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from benchmarks import endpoint
from benchmarks.accuracy.judge import Judgement, judge
from benchmarks.store import opened
from connectors.store import configuration
from connectors.store.clickhouse import Store
from network.aws.describe import resources_from_describe
from pipelines.correlate.pipeline import run_correlate
from pipelines.ingest.pipeline import run_ingest
from schemas.incident import Incident
from schemas.snapshot import Snapshot
from simulation.worlds.kinds import world
from simulation.worlds.objects import late, objects
from simulation.worlds.world import BEGIN, CLEAN_END, END, START, World

Case = tuple[str, int]
"""Kind and seed."""


def judged(store: Store, cases: Sequence[Case], put: Callable[[str, bytes], Any], url: str) -> list[Judgement]:
    """The judgements of these cases, in their order. `put` stores an object under a key of `url`; all cases are faults,
    or all are clean windows. Faults are judged when late objects have come, and must not be misjudged before."""
    worlds = [world(kind, seed, number) for number, (kind, seed) in enumerate(cases, start=1)]
    faults = any(one.guilty for one in worlds)
    waiting = []
    for one in worlds:
        whole = objects(one)
        overdue = late(one, whole) if faults else []
        waiting += overdue
        for stored in whole:
            if stored not in overdue:
                put(stored.key, stored.body)
    for at in sorted({one.saved_at for one in worlds}):
        saved = _together([one for one in worlds if one.saved_at == at])
        configuration.save_snapshot(store.client(), Snapshot(at, "files", resources_from_describe(saved)))
    early = _correlated(store, worlds, url)
    if not waiting:
        return early
    for stored in waiting:
        put(stored.key, stored.body)
    return [_both(*each) for each in zip(early, _correlated(store, worlds, url), strict=True)]


def _correlated(store: Store, worlds: Sequence[World], url: str) -> list[Judgement]:
    run_ingest(store, [url])
    end = END if any(one.guilty for one in worlds) else CLEAN_END
    found = run_correlate(store, START, end, lookback=START - BEGIN)
    return [judge(one, _of(one, found)) for one in worlds]


def _both(early: Judgement, final: Judgement) -> Judgement:
    """The final judgement, with the false proofs of both."""
    if not early.false_proofs:
        return final
    problem = f"{final.problem}; before the late objects: {early.problem}"
    return replace(final, false_proofs=final.false_proofs + early.false_proofs, problem=problem)


def judged_in(path: str, cases: Sequence[Case]) -> list[Judgement]:
    """The same with an engine in the folder `path`, and a bucket of the benchmarks' endpoint. For a process of its own:
    an engine keeps what it has until its process ends."""
    client = boto3.client("s3")
    endpoint.fill(())
    try:

        def put(key: str, body: bytes) -> None:
            client.put_object(Bucket=endpoint.BUCKET, Key=key, Body=body)

        return judged(opened(Path(path)), cases, put, f"s3://{endpoint.BUCKET}/")
    finally:
        endpoint.empty()


def _of(one: World, found: Sequence[Incident]) -> list[Incident]:
    """The incidents at the interfaces of a world, and those that name one of its calls."""
    calls = {record["eventID"] for record in one.records}
    return [i for i in found if one.interfaces & set(i.enis) or (i.cause and calls & set(i.cause.event_ids))]


def _together(worlds: Sequence[World]) -> dict[str, dict[str, list[Any]]]:
    """One account that has all of the VPCs."""
    members: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for one in worlds:
        for command, answer in one.saved.items():
            for member, items in answer.items() if command.startswith("describe-") else ():
                members[command][member] += items
    return {command: dict(answer) for command, answer in members.items()}
