"""The command that loads: what to look for, how to get there, once or on and on."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.base import (
    AwsRegionOption,
    EndpointOption,
    ExitCode,
    FromOption,
    OutputOption,
    ProfileOption,
    RequesterPaysOption,
    ToOption,
    UnsignedOption,
    check_range,
    length,
    reply,
    say,
    settings,
    store_of,
)
from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    from pipelines.ingest.pipeline import IngestSummary

EVERY = timedelta(seconds=60)


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{1,12}", text):
        raise typer.BadParameter(f"{text!r} is not an account id, such as 123456789012.")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", text):
        raise typer.BadParameter(f"{text!r} is not a region, such as eu-central-1.")
    return text


def _flow_log(text: str) -> str:
    if not re.fullmatch(r"fl-[0-9A-Za-z]+", text):
        raise typer.BadParameter(f"{text!r} is not the id of a flow log, such as fl-0123456789abcdef0.")
    return text


def ingest(
    ctx: typer.Context,
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="s3://bucket/prefix, one or more.")],
    *,
    start: FromOption = None,
    end: ToOption = None,
    account: Annotated[
        list[str] | None, typer.Option(parser=_account, metavar="ID", help="Only this account's; may be repeated.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(parser=_region, metavar="REGION", help="Only this region's; may be repeated.")
    ] = None,
    flow_log: Annotated[
        list[str] | None, typer.Option(parser=_flow_log, metavar="ID", help="Only this flow log's; may be repeated.")
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="How much later than its records an object may be named. [default: 24h]"),
    ] = None,
    follow_prefix: Annotated[
        bool, typer.Option("--follow-prefix", help="Go on: list again and load what is new, until Ctrl-C.")
    ] = False,
    every: Annotated[
        timedelta | None, typer.Option(parser=length, metavar="LENGTH", help="How often to list again. [default: 60s]")
    ] = None,
    during: Annotated[
        timedelta | None, typer.Option("--for", parser=length, metavar="LENGTH", help="How long to follow.")
    ] = None,
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    no_sign_request: UnsignedOption = None,
    requester_pays: RequesterPaysOption = None,
    output: OutputOption = None,
) -> None:
    """Load flow logs and CloudTrail objects.

    What an object is, its key says, or else its content.

    Each object counts exactly once, however often and wherever this is run or ended. Objects that cannot be read are
    set aside as dead letters: the rest is loaded, and the exit code is 3. Take a snapshot first, so that records get
    the names of what they belong to.

    --from and --to choose objects by the time in their names, from a little before the range until --margin after it,
    for what is delivered late. An object is loaded whole, with what it holds outside the range. Of CloudTrail as much
    is loaded as the configuration in the range depends on: from a day before it to the next snapshot. Objects whose
    keys tell neither account, region nor time are always loaded.

    Where two flow logs cover the same interface (its VPC's and its subnet's, say), AWS delivers each record by both:
    --flow-log loads one of them, and CloudTrail all the same. `flowtrail status` says where records came twice.

    \b
    Example:
      flowtrail ingest s3://my-logs/AWSLogs/123456789012/
      flowtrail ingest s3://my-logs/ --from 2026-11-20T10:00 --to 2h --region eu-central-1
      flowtrail ingest s3://my-logs/ --from today --follow-prefix --every 5m
      flowtrail ingest s3://my-logs/ --flow-log fl-0123456789abcdef0
    """
    from datetime import UTC, datetime

    from connectors.s3 import split_url

    for url in urls:
        try:
            split_url(url)
        except FlowtrailError as error:
            raise typer.BadParameter(f"{error.message} {error.remedy}") from None
    check_range(start or datetime.min.replace(tzinfo=UTC), end or datetime.max.replace(tzinfo=UTC))
    from connectors.migrate import ensure_migrated
    from pipelines.cli import summary as words
    from pipelines.cli.follow import follow
    from pipelines.cli.progress import progress, quiet

    found = settings(
        ctx,
        output=output,
        margin=margin,
        profile=profile,
        aws_region=aws_region,
        endpoint_url=endpoint_url,
        no_sign_request=no_sign_request,
        requester_pays=requester_pays,
    )
    store = store_of(found)
    ensure_migrated(store)
    with quiet():
        from pipelines.ingest.loads import Limits
        from pipelines.ingest.pipeline import run_ingest
        from pipelines.ingest.select import Selection

    narrowed = bool(start or end or account or region or flow_log)
    chosen = Selection(
        start, end, frozenset(account or ()), frozenset(region or ()), found.margin, frozenset(flow_log or ())
    )

    def once() -> "IngestSummary":
        with quiet(), progress("objects") as tell:
            return run_ingest(
                store,
                urls,
                dead_letter_folder=found.dead_letter_folder,
                log_format=found.log_format or None,
                limits=Limits(found.load_objects, found.load_bytes),
                selection=chosen if narrowed else None,
                progress=tell,
            )

    summary = follow(once, every or EVERY, during) if follow_prefix else once()
    records = [words.to_record(summary)]
    reply(found, words.to_json(summary), lambda screen: words.show(summary, found.dead_letter_folder, screen), records)
    if summary.unenriched:
        say(
            f"warning: {summary.unenriched} flow records have no VPC metadata, as no snapshot knows their interface."
            " Take one with `flowtrail snapshot`; without it no cause can be tested."
        )
    if summary.dead_letters:
        raise typer.Exit(ExitCode.SET_ASIDE)
