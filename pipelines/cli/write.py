"""Commands that write to the store. Beam is imported by the two that need it, when they run."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.base import (
    ExitCode,
    FromOption,
    OutputOption,
    ToOption,
    check_range,
    moment,
    reply,
    say,
    settings,
    store_of,
)
from schemas.errors import FlowtrailError
from schemas.times import rfc3339


def migrate(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    output: OutputOption = None,
) -> None:
    """Bring the tables of the store up to date.

    Commands that write do so by themselves.

    \b
    Example:
      flowtrail migrate --dry-run
    """
    from connectors.migrate import migrate as apply

    found = settings(ctx, output=output)
    store = store_of(found)
    files = [migration.file for migration in apply(store, dry_run=dry_run)]
    verb = "would apply" if dry_run else "applied"
    lines = [f"{verb} {file}" for file in files] or ["Nothing to do: every migration is applied."]
    done = {"db": store.db, "database": store.database, "dry_run": dry_run, "applied": files}
    reply(found, done, lambda screen: screen.lines(lines))


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
    from pipelines.network.describe import resources_from_describe
    from pipelines.network.timeline import Timeline
    from schemas.network import TYPE_NAMES
    from schemas.snapshot import Snapshot

    found = settings(ctx, output=output)
    now = datetime.now(UTC)
    when = as_of or now
    if when > now:
        say(f"warning: --as-of {rfc3339(when)} lies in the future.")
    if from_files is not None and as_of is None:
        say(f"warning: the saved answers are taken as true now, {rfc3339(when)}; --as-of says when they were.")
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


def ingest(
    ctx: typer.Context,
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="s3://bucket/prefix, one or more.")],
    output: OutputOption = None,
) -> None:
    """Load flow logs and CloudTrail objects.

    What an object is, its key says, or else its content.

    Each object counts exactly once, however often and wherever this is run or ended. Objects that cannot be read are
    set aside as dead letters: the rest is loaded, and the exit code is 3. Take a snapshot first, so that records get
    the names of what they belong to.

    \b
    Example:
      flowtrail ingest s3://my-logs/AWSLogs/123456789012/
    """
    from connectors.s3 import split_url

    for url in urls:
        try:
            split_url(url)
        except FlowtrailError as error:
            raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    from connectors.migrate import ensure_migrated
    from pipelines.cli.progress import progress, quiet

    found = settings(ctx, output=output)
    store = store_of(found)
    ensure_migrated(store)
    with quiet(), progress("objects") as tell:
        from pipelines.ingest.loads import Limits
        from pipelines.ingest.pipeline import run_ingest

        summary = run_ingest(
            store,
            urls,
            dead_letter_folder=found.dead_letter_folder,
            log_format=found.log_format or None,
            limits=Limits(found.load_objects, found.load_bytes),
            progress=tell,
        )
    from pipelines.cli import summary as words

    reply(found, words.to_json(summary), lambda screen: words.show(summary, found.dead_letter_folder, screen))
    if summary.unenriched:
        say(
            f"warning: {summary.unenriched} flow records have no VPC metadata, as no snapshot knows their interface."
            " Take one with `flowtrail snapshot`; without it no cause can be tested."
        )
    if summary.dead_letters:
        raise typer.Exit(ExitCode.SET_ASIDE)


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
    from console import coverage
    from console import incidents as room
    from pipelines.cli.progress import quiet

    found = settings(ctx, output=output, lookback=lookback)
    store = store_of(found)
    ensure_migrated(store)
    coverage.require_flows(store, start, finish)
    with quiet():
        from pipelines.correlate.pipeline import run_correlate

        incidents = run_correlate(store, start, finish, lookback=found.lookback)
    reply(found, [one.to_json() for one in incidents], lambda screen: room.show_list(incidents, screen))
