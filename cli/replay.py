"""Commands that correlate a past range again, beside what is known."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.base import (
    OutputOption,
    RunnerOption,
    check_range,
    from_option,
    moment,
    reply,
    runner_of,
    settings,
    store_of,
    to_option,
)
from schemas.runner import Kind


def replay(
    ctx: typer.Context,
    start: Annotated[datetime | None, from_option()] = None,
    end: Annotated[datetime | None, to_option("now")] = None,
    lookback: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Learn normal traffic from this long before --from. [default: 24h]"),
    ] = None,
    *,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="EVENT_ID", help="What if this change had not been made? May be repeated."),
    ] = None,
    runner: RunnerOption = Kind.IN_PROCESS,
    output: OutputOption = None,
) -> None:
    """Correlate a past range again, without changing what is known.

    Finds the incidents of the range in all that is in the store by now, with the configuration as it was then, and
    keeps them under a run of their own. `flowtrail replay-diff` compares them with what was said.

    With --without, shows the incidents that would have happened all the same if a change had not been made: an incident
    is left out if, without the change, the model lets all of its packets pass. That is what the model says, and not
    what happened.

    \b
    Example:
      flowtrail replay --from 2026-11-20T12:00:00Z --to 2026-11-20T18:00:00Z
      flowtrail replay --from 2026-11-20T12:00:00Z --to 2026-11-20T18:00:00Z --without 05b6e6e3-07d4-4edc
    """
    if start is None:
        raise typer.BadParameter("--from is missing: give a time, or how long ago (24h).")
    finish = end or datetime.now(UTC).replace(microsecond=0)
    check_range(start, finish)
    from cli.progress import progress, quiet
    from connectors.store.migrate import ensure_migrated
    from console.answers.incidents import COLUMNS
    from console.answers.replay import Replay
    from console.terminal.replay import show

    found = settings(ctx, output=output, lookback=lookback)
    store = store_of(found)
    chosen = runner_of(ctx, runner, store)
    ensure_migrated(store)
    left_out = tuple(without or ())
    with quiet(), progress("looking for incidents"):
        from pipelines.correlate.pipeline import run_replay

        run, incidents = run_replay(store, start, finish, lookback=found.lookback, without=left_out, runner=chosen)
    answer = Replay(run, left_out, incidents)
    reply(found, answer.to_json(), lambda screen: show(answer, screen), [one.to_json() for one in incidents], COLUMNS)


def replay_diff(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run of a replay.")],
    other: Annotated[str, typer.Option("--against", metavar="RUN", help="Compare it with this replay.")] = "",
    reported: Annotated[
        datetime | None,
        typer.Option(
            "--reported",
            parser=moment,
            metavar="TIME",
            help="Compare it with what was said of its range at this time. [default: what is said now]",
        ),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Compare a replay with what was said, or with another one.

    Lists the incidents that are gone, that are new, and that changed, field by field.

    As CSV: one line for each difference.

    \b
    Example:
      flowtrail replay-diff 20261120T181500-0a1b2c3d --reported 2026-11-20T16:00:00Z
    """
    if other and reported:
        raise typer.BadParameter("give either --against or --reported.")
    from console.answers.replay import COLUMNS, difference
    from console.terminal.replay import show_difference

    found = settings(ctx, output=output)
    answer = difference(store_of(found), run, other, reported)
    reply(found, answer.to_json(), lambda screen: show_difference(answer, screen), answer.records(), COLUMNS)
