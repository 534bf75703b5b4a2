"""Commands that write to the store, except `ingest`. Beam is imported only by the command that needs it, when it
runs."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.base import (
    AwsRegionOption,
    EndpointOption,
    OutputOption,
    ProfileOption,
    RunnerOption,
    asked_of,
    from_option,
    moment,
    reply,
    reply_incidents,
    say,
    settings,
    store_of,
    to_option,
)
from schemas.runner import Kind
from schemas.times import rfc3339

if TYPE_CHECKING:
    from connectors.aws.access import Access


def migrate(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be applied.")] = False,
    output: OutputOption = None,
) -> None:
    """Bring the tables of the store up to date.

    Applies this release's schema, and keeps records for the time set in FLOWTRAIL_RETENTION (forever if it is unset).
    Commands that write do the same automatically.

    \b
    Example:
      flowtrail migrate --dry-run
    """
    from cli.progress import progress
    from connectors.store import migrate as migrations
    from connectors.store.retention import keep, planned, words

    found = settings(ctx, output=output)
    store = store_of(found)
    with progress("migrating"):
        files = [migration.file for migration in migrations.migrate(store, dry_run=dry_run)]
        tables = planned(store) if files and dry_run else keep(store, dry_run=dry_run)
    verb = "would apply" if dry_run else "applied"
    changes = [*files, *(f"to {table}: {words(store.retention)}" for table in tables)]
    lines = [f"{verb} {change}" for change in changes] or ["Nothing to do: every migration is applied."]
    done = {
        "db": store.db,
        "database": store.database,
        "dry_run": dry_run,
        "applied": files,
        "retention_seconds": None if store.retention is None else int(store.retention.total_seconds()),
        "retention_changed": tables,
    }
    records = [{"database": store.database, "applied": change, "dry_run": dry_run} for change in changes]
    reply(found, done, lambda screen: screen.lines(lines), records, ["database", "applied", "dry_run"])


def snapshot(
    ctx: typer.Context,
    from_files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Read saved `aws ec2 describe-*` output from this folder. [default: ask EC2]"),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Set the time at which it was valid: RFC 3339, or how long ago (2h). [default: now]",
        ),
    ] = None,
    *,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    output: OutputOption = None,
) -> None:
    """Store the VPC configuration.

    Reads the current configuration from the EC2 endpoint, or an earlier one from saved output.

    The folder contains the output as JSON, in files named after the commands, such as describe-subnets.json. Changes
    before and after the snapshot come from CloudTrail, so one snapshot from any time is enough to start with.

    \b
    Example:
      flowtrail snapshot
      flowtrail snapshot --from-files saved/ --as-of 2026-11-20T09:00:00Z
    """
    from cli.progress import progress, quiet

    found = settings(ctx, output=output, profile=profile, aws_region=aws_region, endpoint_url=endpoint_url)
    now = datetime.now(UTC)
    when = as_of or now
    if when > now:
        say(f"warning: --as-of {rfc3339(when)} is in the future.")
    if from_files is not None and as_of is None:
        say(f"warning: the saved output is assumed to be valid now, {rfc3339(when)}; set --as-of to when it was saved.")
    with progress("reading the configuration"):
        answers, region = _answers(from_files, found.access)
    with quiet():
        from pipelines.snapshot import keep
    from schemas.configuration import TYPE_NAMES

    source = "endpoint" if from_files is None else "files"
    taken = keep(store_of(found), answers, when, source, region)
    counts = Counter(TYPE_NAMES[type(resource)] for resource in taken.snapshot.resources)
    kinds = ", ".join(f"{number} {name}" for name, number in counts.items())
    done = {
        "snapshot_id": taken.snapshot_id,
        "as_of": when,
        "source": source,
        "resources": dict(counts),
        "drift": list(taken.drift),
    }
    lines = [f"Snapshot {taken.snapshot_id} as of {rfc3339(when)}: {kinds}."]
    if taken.drift:
        lines.append(drifted(taken.drift))
    reply(found, done, lambda screen: screen.lines(lines))


def drifted(resources: Sequence[str]) -> str:
    """That resources are not what the known changes lead to."""
    from console.answers.text import few

    number = f"{len(resources)} resource{'s' * (len(resources) != 1)}"
    return (
        f"{number} differ{'s' * (len(resources) == 1)} from what the earlier snapshot and the changes since lead to:"
        f" {few(resources, 5)}. CloudTrail may not have delivered a call yet, a call may not be loaded, or a service"
        " may have changed them."
    )


def _answers(folder: Path | None, access: "Access") -> tuple[dict[str, dict[str, Any]], str]:
    """The describe answers and their region, "" if it is unknown."""
    if folder is not None:
        from connectors.aws.saved_answers import read_answers

        return read_answers(str(folder)), ""
    from connectors.aws.ec2 import describe_all, region

    return describe_all(access=access), region(access)


def correlate(
    ctx: typer.Context,
    start: Annotated[datetime | None, from_option()] = None,
    end: Annotated[datetime | None, to_option("now")] = None,
    lookback: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Learn normal traffic from this long before --from. [default: 24h]"),
    ] = None,
    *,
    runner: RunnerOption = Kind.IN_PROCESS,
    output: OutputOption = None,
) -> None:
    """Find the incidents of a time range.

    Names the change that caused each of them, where one is proven or suspected.

    The answer depends only on the facts in the store and on the range: running it again gives the same answer. As
    JSON: the incidents of the range, in the same form as from `flowtrail incidents`.

    \b
    Example:
      flowtrail correlate --from 2026-11-20T12:00:00Z --to 2026-11-20T18:00:00Z
      flowtrail correlate --from 24h --runner dask -- --dask_client_address=tcp://scheduler:8786
    """
    asked = asked_of(ctx, start, end, lookback, runner, output)
    from cli.progress import progress, quiet

    with quiet(), progress("looking for incidents"):
        from pipelines.correlate.pipeline import run_correlate

        incidents = run_correlate(
            asked.store, asked.start, asked.end, lookback=asked.settings.lookback, runner=asked.runner
        )
    reply_incidents(asked.settings, incidents)
