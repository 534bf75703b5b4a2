"""One turn: load what has come, judge what it touched, tell what is new."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from clickhouse_connect.driver.client import Client

from connectors.notify.channel import Channel
from connectors.store import watching
from connectors.store.claim import JUDGING, claimed_if_free
from connectors.store.clickhouse import Store
from connectors.store.figures import figures
from connectors.store.migrate import ensure_migrated
from pipelines.correlate import facts
from pipelines.correlate.pipeline import run_correlate
from pipelines.watch import due, news
from schemas.figures import Figures
from schemas.runner import IN_PROCESS, Runner
from schemas.summary import IngestSummary
from schemas.times import END
from schemas.watching import Message

HORIZON = timedelta(hours=24)
NOTHING = Figures()


@dataclass(frozen=True)
class Turn:
    """What a turn did: what it loaded, which ranges it judged, and what it told. `figures` of the store if wanted."""

    loaded: IngestSummary
    judged: tuple[due.Range, ...] = ()
    told: tuple[Message, ...] = ()
    figures: Figures = NOTHING


def run_turn(
    store: Store,
    load: Callable[[], IngestSummary],
    channels: Sequence[Channel],
    render: news.Render,
    *,
    lookback: timedelta = timedelta(hours=24),
    horizon: timedelta = HORIZON,
    runner: Runner = IN_PROCESS,
    measure: bool = False,
    refresh: Callable[[Client], None] | None = None,
) -> Turn:
    """Load by `load`, bring the configuration up to date by `refresh`, correlate the times of all records that no turn
    has judged yet, and tell what is new.

    A turn that is interrupted anywhere is made good by the next one, in whatever process: loads are noted as judged
    after their incidents are known, and messages as told after they were sent. When watching begins, records from
    longer than `horizon` before the latest one are left alone; what is said of incidents before a channel is first used
    is not told there. Of several processes on a server one judges at a time; what it leaves is due in the next turn of
    any of them. Raises FlowtrailError as `run_ingest` and `run_correlate`; what was done stays done.
    """
    turn = Turn(load())  # first, because it may wait: an embedded database is not held meanwhile
    ensure_migrated(store)
    client = store.client()
    if refresh is not None:
        refresh(client)
    news.introduce(client, channels)
    if watching.due(client):
        with claimed_if_free(store, JUDGING) as mine:
            if mine:
                turn = replace(turn, judged=_judge(store, lookback, horizon, runner))
    turn = replace(turn, told=tuple(news.tell(client, channels, render)))
    return replace(turn, figures=figures(client)) if measure else turn


def _judge(store: Store, lookback: timedelta, horizon: timedelta, runner: Runner) -> tuple[due.Range, ...]:
    """Correlate what is due; returns the ranges."""
    client = store.client()
    waiting = watching.due(client)
    newest = facts.extent(client, END, END).last if waiting else None
    if newest is None:
        return ()
    if not watching.has_begun(client):
        old = {each.load for each in due.long_ago(waiting, newest, horizon)}
        watching.note_judged(client, old)
        watching.begin(client)
        waiting = [each for each in waiting if each.load not in old]
    found = [each for each in due.ranges(waiting, newest, horizon) if facts.extent(client, *each).found]
    for start, end in found:
        run_correlate(store, start, end, lookback=lookback, runner=runner)
    watching.note_judged(client, {each.load for each in waiting})
    return tuple(found)
