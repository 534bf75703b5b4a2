"""Commands that correlate a past range again, beside what is known."""

from datetime import datetime
from typing import Annotated

import typer

from cli.base import (
    OutputOption,
    RunnerOption,
    asked_of,
    from_option,
    moment,
    reply,
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
    asked = asked_of(ctx, start, end, lookback, runner, output)
    from cli.progress import progress, quiet
    from console.answers.incidents import COLUMNS
    from console.answers.replay import Replay
    from console.terminal.replay import show

    left_out, length = tuple(without or ()), asked.settings.lookback
    with quiet(), progress("looking for incidents"):
        from pipelines.correlate.pipeline import run_replay

        run, incidents = run_replay(
            asked.store, asked.start, asked.end, lookback=length, without=left_out, runner=asked.runner
        )
    answer = Replay(run, left_out, incidents)
    records = [one.to_json() for one in incidents]
    reply(asked.settings, answer.to_json(), lambda screen: show(answer, screen), records, COLUMNS)


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
