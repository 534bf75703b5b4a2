"""The command `ingest`: what to load, how to reach it, once or continuously."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.base import (
    AwsRegionOption,
    EndpointOption,
    ExitCode,
    OutputOption,
    ProfileOption,
    RequesterPaysOption,
    RunnerOption,
    TimeBoundOption,
    UnsignedOption,
    check_range,
    check_urls,
    from_option,
    length,
    reply,
    runner_of,
    say,
    settings,
    store_of,
    to_option,
)
from schemas.runner import IN_PROCESS, Kind, Runner
from schemas.times import rfc3339

if TYPE_CHECKING:
    from connectors.settings import Settings
    from pipelines.ingest.find.selection import Selection
    from pipelines.progress import Tell
    from schemas.object_ref import ObjectRef
    from schemas.summary import IngestSummary

EVERY = timedelta(seconds=60)


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{1,12}", text):
        raise typer.BadParameter(f"{text!r} is not an account ID such as 123456789012.")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", text):
        raise typer.BadParameter(f"{text!r} is not a region such as eu-central-1.")
    return text


def _flow_log(text: str) -> str:
    if not re.fullmatch(r"fl-[0-9A-Za-z]+", text):
        raise typer.BadParameter(f"{text!r} is not a flow log ID such as fl-0123456789abcdef0.")
    return text


def _nothing_found(urls: Sequence[str], chosen: "Selection") -> str:
    """What was looked for in vain, and how to see what is there."""
    account, region, flow_log = (
        ", ".join(sorted(each)) for each in (chosen.accounts, chosen.regions, chosen.flow_logs)
    )
    wanted = {
        "of account": account,
        "in region": region,
        "of flow log": flow_log,
        "from": rfc3339(chosen.start) if chosen.start else "",
        "to": rfc3339(chosen.end) if chosen.end else "",
    }
    narrowed = "".join(f" {words} {value}" for words, value in wanted.items() if value)
    return (
        f"warning: no objects were found under {' or '.join(urls)}{narrowed}. Check the spelling of the prefix, and the"
        f" selection; `aws s3 ls {urls[0].rstrip('/')}/` shows what is there."
    )


def ingest(
    ctx: typer.Context,
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Load from s3://bucket/prefix; may be repeated.")],
    *,
    start: Annotated[datetime | None, from_option("no limit")] = None,
    end: Annotated[datetime | None, to_option("no limit")] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(parser=_account, metavar="ID", help="Load only this account; may be repeated. [default: all]"),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(parser=_region, metavar="REGION", help="Load only this region; may be repeated. [default: all]"),
    ] = None,
    flow_log: Annotated[
        list[str] | None,
        typer.Option(parser=_flow_log, metavar="ID", help="Load only this flow log; may be repeated. [default: all]"),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Also load objects named up to this much later than --to. [default: 24h]"),
    ] = None,
    time_bound: TimeBoundOption = None,
    follow_prefix: Annotated[
        bool, typer.Option("--follow-prefix", help="Keep running: list again and load new objects, until Ctrl-C.")
    ] = False,
    every: Annotated[
        timedelta | None,
        typer.Option(parser=length, metavar="LENGTH", help="List again at this interval. [default: 60s]"),
    ] = None,
    during: Annotated[
        timedelta | None,
        typer.Option("--for", parser=length, metavar="LENGTH", help="Follow for this long. [default: until Ctrl-C]"),
    ] = None,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    no_sign_request: UnsignedOption = None,
    requester_pays: RequesterPaysOption = None,
    runner: RunnerOption = Kind.IN_PROCESS,
    output: OutputOption = None,
) -> None:
    """Load flow logs and CloudTrail objects.

    An object's kind is determined by its key or, failing that, by its content.

    Each object counts exactly once, however often and wherever this command is run or interrupted. Objects that cannot
    be read are set aside as dead letters; the rest is loaded, and the exit code is 3. Take a snapshot first, so that
    flow records get VPC metadata.

    --from and --to select objects by the time in their names, from slightly before the range until --margin after it,
    since objects can be delivered late. An object is loaded whole, including its records outside the range. CloudTrail
    objects are loaded as far as the configuration in the range depends on them: from a day before it to the next
    snapshot. Objects whose keys contain no account, region or time are always loaded.

    A record whose time is further than --time-bound from the time in its object's name is not loaded, but kept among
    the rejected lines as time-out-of-range; `flowtrail rejected reread` takes such records in later. An object without
    a time in its name is held to its other records and to now.

    Where two flow logs cover the same interface (for example one of its VPC and one of its subnet), AWS delivers each
    record through both. --flow-log loads only one of them (and all CloudTrail objects). `flowtrail status` shows
    where records were delivered more than once.

    \b
    Example:
      flowtrail ingest s3://my-logs/AWSLogs/123456789012/
      flowtrail ingest s3://my-logs/ --from 2026-11-20T10:00 --to 2h --region eu-central-1
      flowtrail ingest s3://my-logs/ --from today --follow-prefix --every 5m
      flowtrail ingest s3://my-logs/ --flow-log fl-0123456789abcdef0
      flowtrail ingest s3://my-logs/ --runner dask -- --dask_client_address=tcp://scheduler:8786
    """
    check_urls(urls)
    check_range(start or datetime.min.replace(tzinfo=UTC), end or datetime.max.replace(tzinfo=UTC))
    from cli.follow import apart, follow
    from cli.progress import quiet
    from console.terminal.ingest import show, to_json, to_record

    found = settings(
        ctx,
        output=output,
        margin=margin,
        time_bound=time_bound,
        profile=profile,
        aws_region=aws_region,
        endpoint_url=endpoint_url,
        no_sign_request=no_sign_request,
        requester_pays=requester_pays,
    )
    store = store_of(found)
    chosen_runner = runner_of(ctx, runner, store)
    with quiet():
        from pipelines.ingest.find.selection import Selection

    narrowed = bool(start or end or account or region or flow_log)
    chosen = Selection(
        start, end, frozenset(account or ()), frozenset(region or ()), found.margin, frozenset(flow_log or ())
    )

    once = partial(_load, found, urls, chosen if narrowed else None, chosen_runner)
    if follow_prefix:
        summary = follow(partial(apart, once) if store.embedded else once, every or EVERY, during)
    else:
        summary = once()
    records = [to_record(summary)]
    reply(found, to_json(summary), lambda screen: show(summary, screen), records)
    if not summary.objects_listed:
        say(_nothing_found(urls, chosen))
    if summary.unenriched:
        say(
            f"warning: {summary.unenriched} flow records have no VPC metadata: no snapshot contains their interface."
            " Take one with `flowtrail snapshot`; without it no cause can be tested."
        )
    if summary.dead_letters or summary.objects_busy:
        raise typer.Exit(ExitCode.SET_ASIDE)


def _load(found: "Settings", urls: Sequence[str], chosen: "Selection | None", runner: Runner) -> "IngestSummary":
    """List once and load what is new. `chosen` is None for everything."""
    from cli.progress import progress, quiet
    from connectors.store.migrate import ensure_migrated

    ensure_migrated(store_of(found))
    with quiet(), progress("objects") as tell:
        return load_new(found, urls, chosen, runner=runner, tell=tell)


def load_new(
    found: "Settings",
    urls: Sequence[str],
    chosen: "Selection | None" = None,
    *,
    runner: Runner = IN_PROCESS,
    tell: "Tell | None" = None,
    given: "Sequence[ObjectRef] | None" = None,
) -> "IngestSummary":
    """List once and load what is new, with the settings; or of the objects that are `given`. `chosen` is None for
    everything."""
    from cli.progress import quiet

    with quiet():
        from pipelines.ingest.load import Limits
        from pipelines.ingest.pipeline import run_ingest

    return run_ingest(
        store_of(found),
        urls,
        access=found.access,
        log_format=found.log_format or None,
        time_bound=found.time_bound,
        limits=Limits(found.load_objects, found.load_bytes),
        selection=chosen,
        given=given,
        runner=runner,
        tell=tell,
    )
