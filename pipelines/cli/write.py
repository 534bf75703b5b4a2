"""Commands that write to the store, but for `ingest`. Beam is imported by the one that needs it, when it runs."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.base import (
    AwsRegionOption,
    EndpointOption,
    FromOption,
    OutputOption,
    ProfileOption,
    ToOption,
    check_range,
    moment,
    reply,
    say,
    settings,
    store_of,
)
from schemas.times import rfc3339


def migrate(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    output: OutputOption = None,
) -> None:
    """Bring the tables of the store up to date.

    Their shape to this release's, and the time that records are kept to FLOWTRAIL_RETENTION (without it, for ever).
    Commands that write do so by themselves.

    \b
    Example:
      flowtrail migrate --dry-run
    """
    from connectors.migrate import migrate as apply
    from connectors.retention import keep, planned, words
    from pipelines.cli.progress import progress

    found = settings(ctx, output=output)
    store = store_of(found)
    with progress("migrating"):
        files = [migration.file for migration in apply(store, dry_run=dry_run)]
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
        typer.Option(metavar="DIR", help="Folder of saved `aws ec2 describe-*` answers instead of the endpoint."),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=moment, metavar="TIME", help="When it was true: RFC 3339, or how long ago (2h). [default: now]"
        ),
    ] = None,
    *,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    output: OutputOption = None,
) -> None:
    """Store the VPC configuration.

    As it is now, asked from the EC2 endpoint, or as saved answers say that it was.

    A folder holds the answers as JSON, named after their commands: describe-route-tables.json and so on. Changes
    before and after the time come from CloudTrail, so one snapshot of any time is enough to begin with.

    \b
    Example:
      flowtrail snapshot
      flowtrail snapshot --from-files saved/ --as-of 2026-11-20T09:00:00Z
    """
    from connectors.config_store import load_changes, load_snapshots, save_snapshot, save_versions
    from connectors.migrate import ensure_migrated
    from pipelines.cli.progress import progress
    from pipelines.network.describe import resources_from_describe
    from pipelines.network.timeline import Timeline
    from schemas.network import TYPE_NAMES
    from schemas.snapshot import Snapshot

    found = settings(ctx, output=output, profile=profile, aws_region=aws_region, endpoint_url=endpoint_url)
    now = datetime.now(UTC)
    when = as_of or now
    if when > now:
        say(f"warning: --as-of {rfc3339(when)} lies in the future.")
    if from_files is not None and as_of is None:
        say(f"warning: the saved answers are taken as true now, {rfc3339(when)}; --as-of says when they were.")
    with progress("asking for the configuration"):
        answers, region = _answers(from_files)
    resources = resources_from_describe(answers)
    store = store_of(found)
    ensure_migrated(store)
    source = "endpoint" if from_files is None else "files"
    taken = Snapshot(when, source, resources, _owner(answers), region)
    snapshot_id = save_snapshot(store.client(), taken)
    timeline = Timeline(load_snapshots(store.client()), load_changes(store.client()))
    save_versions(store.client(), timeline.versions())
    counts = Counter(TYPE_NAMES[type(resource)] for resource in resources)
    kinds = ", ".join(f"{number} {name}" for name, number in counts.items())
    done = {"snapshot_id": snapshot_id, "as_of": when, "source": source, "resources": dict(counts)}
    reply(found, done, lambda screen: screen.line(f"Snapshot {snapshot_id} as of {rfc3339(when)}: {kinds}."))


def _answers(folder: Path | None) -> tuple[dict[str, dict[str, Any]], str]:
    """The answers and their region, '' where nothing says it."""
    if folder is not None:
        from connectors.describe_files import read_answers

        return read_answers(str(folder)), ""
    from connectors.ec2 import describe_all, region

    return describe_all(), region()


def _owner(answers: dict[str, dict[str, Any]]) -> str:
    """The account that owns the first resource that says so."""
    lists = (items for answer in answers.values() for items in answer.values() if isinstance(items, list))
    owned = (item.get("OwnerId") for items in lists for item in items if isinstance(item, dict))
    return next((str(owner) for owner in owned if owner), "")


def correlate(
    ctx: typer.Context,
    start: FromOption = None,
    end: ToOption = None,
    lookback: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="How far before --from to look for what was normal. [24h]")
    ] = None,
    output: OutputOption = None,
) -> None:
    """Find the incidents of a time range.

    Each with the change that caused it, where one can be proven or suspected. Without --to the range ends now.

    The answer depends on the facts in the store and the range alone: run twice, it is the same. As JSON: the
    incidents of the range, as `flowtrail incidents` gives them.

    \b
    Example:
      flowtrail correlate --from 2026-11-20T12:00:00Z --to 2026-11-20T18:00:00Z
    """
    if start is None:
        raise typer.BadParameter("--from is missing: give a time, or how long ago (24h).")
    finish = end or datetime.now(UTC).replace(microsecond=0)
    check_range(start, finish)
    from connectors.migrate import ensure_migrated
    from connectors.retention import kept
    from console import coverage
    from console import incidents as room
    from pipelines.cli.progress import progress, quiet

    found = settings(ctx, output=output, lookback=lookback)
    store = store_of(found)
    ensure_migrated(store)
    coverage.require_flows(store, start, finish)
    since = kept(store.reader()).since
    if since is not None and start - since < found.lookback:
        say(f"warning: records from before {rfc3339(since)} are not kept: what was normal before is not known.")
    with quiet(), progress("looking for incidents"):
        from pipelines.correlate.pipeline import run_correlate

        incidents = run_correlate(store, start, finish, lookback=found.lookback)
    reply(
        found,
        [one.to_json() for one in incidents],
        lambda screen: room.show_list(incidents, screen),
        columns=room.COLUMNS,
    )
