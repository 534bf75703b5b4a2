"""The commands `watch` and `notify`: load, judge and tell, continuously."""

import time
from collections.abc import Callable, Sequence
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
    check_urls,
    from_option,
    length,
    reply,
    say,
    settings,
    store_of,
)
from cli.ingest import load_new
from schemas.errors import FlowtrailError
from schemas.times import rfc3339

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from connectors.notify.channel import Channel
    from connectors.settings import Settings
    from connectors.store.clickhouse import Store
    from console.web.metrics import Metrics
    from pipelines.ingest.find.selection import Selection
    from pipelines.watch.inbox import Inbox
    from pipelines.watch.turn import Turn
    from schemas.object_ref import ObjectRef
    from schemas.summary import IngestSummary

EVERY = timedelta(seconds=60)
EVERY_WITH_QUEUE = timedelta(hours=1)
METRICS_PORT = 9470

NotifyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="CHANNEL",
        help="Tell of incidents here: stdout, https://... (a webhook), the ARN of an SNS topic, or a URL of Apprise"
        " (slack://..., mailto://...); may be repeated."
        " [default: FLOWTRAIL_NOTIFY, or stdout]",
    ),
]

notify = typer.Typer(no_args_is_help=True)


def watch(
    ctx: typer.Context,
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Watch s3://bucket/prefix; may be repeated.")],
    *,
    queue: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Learn of new objects from this SQS queue, and list only now and then. [default: list]"
        ),
    ] = None,
    start: Annotated[datetime | None, from_option("no limit")] = None,
    every: Annotated[
        timedelta | None,
        typer.Option(parser=length, metavar="LENGTH", help="List at this interval. [default: 60s; with --queue: 1h]"),
    ] = None,
    during: Annotated[
        timedelta | None,
        typer.Option("--for", parser=length, metavar="LENGTH", help="Watch for this long. [default: until Ctrl-C]"),
    ] = None,
    channels: NotifyOption = None,
    lookback: Annotated[
        str | None,
        typer.Option(metavar="LENGTH", help="Learn normal traffic from this long before what is new. [default: 24h]"),
    ] = None,
    snapshots: Annotated[
        timedelta | None,
        typer.Option(
            parser=length,
            metavar="LENGTH",
            help="Take a snapshot of the configuration at this interval, and after changes. [default: never]",
        ),
    ] = None,
    metrics: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Serve /metrics, /healthz and /readyz here. [default: nowhere]")
    ] = "",
    profile: ProfileOption = None,
    aws_region: AwsRegionOption = None,
    endpoint_url: EndpointOption = None,
    output: OutputOption = None,
) -> None:
    """Watch prefixes continuously, and tell of incidents.

    Each turn lists the prefixes, or receives from a queue, loads what is new, correlates the time that the new records
    concern, and tells of incidents that are new, have changed or are over, each once on every channel. A late object or
    change corrects what was said of its time, and that is told too. A turn in which nothing has come correlates
    nothing.

    Begins with the last 24 hours of records; what was said before a channel is first used is not told there. Take a
    snapshot first, or give --snapshots: then one is taken at first, at that interval, and a quarter of an hour after a
    change, of the account and region of the credentials.

    Any number of processes may watch with one server: each object counts once, and what one of them leaves unfinished,
    another does.

    The queue has S3's event notifications, directly, by SNS or by EventBridge, or CloudTrail's own. Objects outside the
    prefixes are not loaded, and their messages are left to the queue's redrive policy. With --queue the prefixes are
    listed when watching begins and every hour, so that what was never notified is found too.

    A channel is stdout, a webhook (https://..., a POST request with JSON, signed if FLOWTRAIL_WEBHOOK_SECRET is set),
    an Amazon SNS topic, or a URL of Apprise, with the notify extra: Slack, Teams, PagerDuty, e-mail and others. Try one
    with `flowtrail notify test`.

    With --metrics, Prometheus can ask for what is counted (docs/metrics.md), and an orchestrator whether the process is
    alive and ready.

    \b
    Example:
      flowtrail watch s3://my-logs/AWSLogs/ --from today
      flowtrail watch s3://my-logs/AWSLogs/ --queue https://sqs.eu-central-1.amazonaws.com/123456789012/flow-logs
      flowtrail watch s3://my-logs/AWSLogs/ --notify stdout --notify arn:aws:sns:eu-central-1:123456789012:oncall
    """
    from cli.follow import apart, repeat
    from cli.progress import quiet

    check_urls(urls)
    found = settings(
        ctx,
        output=output,
        lookback=lookback,
        notify=tuple(channels) if channels else None,
        profile=profile,
        aws_region=aws_region,
        endpoint_url=endpoint_url,
    )
    with quiet():
        from pipelines.ingest.find.selection import Selection
    chosen = Selection(start=start, late=found.margin) if start else None
    inbox = None
    if queue:
        with quiet():
            from connectors.aws.sqs import Queue
            from pipelines.watch.inbox import Inbox
        inbox = Inbox(Queue(queue, found.access), tuple(urls), found.access)
    turn = partial(_turn, found, tuple(urls), chosen, _channels(found), measure=bool(metrics), snapshots=snapshots)
    turns = _Turns(turn, inbox, every or EVERY_WITH_QUEUE, apart if store_of(found).embedded else _here)
    interval = timedelta() if inbox else every or EVERY
    if not metrics:
        repeat(turns, interval, during, _say_turn)
        return
    from cli.serving import listening, place, served, url
    from console.web.metrics import Metrics, metrics_app

    counted = Metrics(interval.total_seconds())
    address, port = place(metrics, METRICS_PORT)
    with listening(address, port) as bound, served(metrics_app(counted), bound):
        say(f"Metrics: {url(address, bound)}metrics")
        repeat(partial(_counted, turns, counted), interval, during, _say_turn)


@notify.callback()
def _notify() -> None:
    """Where `flowtrail watch` tells of incidents."""


@notify.command("test")
def notify_test(
    ctx: typer.Context,
    channels: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHANNEL]...", help="Try these. [default: FLOWTRAIL_NOTIFY, or stdout]"),
    ] = None,
    *,
    profile: ProfileOption = None,
    endpoint_url: EndpointOption = None,
    output: OutputOption = None,
) -> None:
    """Send a test message to notification channels.

    \b
    Example:
      flowtrail notify test arn:aws:sns:eu-central-1:123456789012:oncall
    """
    from connectors.notify.channel import NotSent
    from console.answers.message import trial

    given = {"profile": profile, "endpoint_url": endpoint_url, "output": output}
    found = settings(ctx, notify=tuple(channels) if channels else None, **given)
    errors: dict[str, str] = {}
    for channel in _channels(found):
        try:
            channel.send(trial())
            errors[channel.name] = ""
        except NotSent as error:
            errors[channel.name] = str(error)
    answer = [{"channel": name, "sent": not error, "error": error or None} for name, error in errors.items()]
    lines = [f"{name}: {error or 'sent'}" for name, error in errors.items()]
    reply(found, answer, lambda screen: screen.lines(lines))
    if any(errors.values()):
        say("Check the URL or ARN, the permissions, and that this machine can reach it.")
        raise typer.Exit(ExitCode.FAILED)


def _channels(found: "Settings") -> tuple["Channel", ...]:
    from connectors.notify.named import channel

    return tuple(channel(text, found.access, as_json=found.output == "json") for text in dict.fromkeys(found.notify))


class _Turns:
    """Turn after turn: each lists, or, once the prefixes have been listed lately, receives from the queue."""

    def __init__(
        self,
        turn: "Callable[[Inbox | None], Turn]",
        inbox: "Inbox | None",
        every: timedelta,
        run: "Callable[[Callable[[], Turn]], Turn]",
    ) -> None:
        self._turn, self._inbox, self._every, self._run = turn, inbox, every.total_seconds(), run
        self._listed: float | None = None

    def __call__(self) -> "Turn":
        now = time.monotonic()
        if self._inbox is None or self._listed is None or now - self._listed >= self._every:
            turn = self._run(partial(self._turn, None))
            self._listed = now
            return turn
        return self._run(partial(self._turn, self._inbox))


def _counted(once: "Callable[[], Turn]", metrics: "Metrics") -> "Turn":
    """A turn, counted in the metrics."""
    begun = time.monotonic()
    try:
        turn = once()
    except FlowtrailError:
        metrics.no_turn()
        raise
    metrics.turn(turn.loaded, len(turn.judged), len(turn.told), turn.figures, time.monotonic() - begun)
    return turn


def _here(once: "Callable[[], Turn]") -> "Turn":
    return once()


def _turn(
    found: "Settings",
    urls: Sequence[str],
    chosen: "Selection | None",
    channels: Sequence["Channel"],
    inbox: "Inbox | None",
    *,
    measure: bool,
    snapshots: timedelta | None,
) -> "Turn":
    """One turn, in this process."""
    from cli.progress import quiet
    from console.answers.message import message

    with quiet():
        from pipelines.watch.turn import run_turn

    store = store_of(found)
    load = partial(load_new, found, urls, chosen)
    if inbox is not None:
        load = partial(inbox.load, store, partial(_load_given, found, urls))
    refresh = partial(_refresh, found, store, snapshots) if snapshots else None
    with quiet():
        return run_turn(store, load, channels, message, lookback=found.lookback, measure=measure, refresh=refresh)


def _refresh(found: "Settings", store: "Store", every: timedelta, client: "Client") -> None:
    """Take a snapshot if one is due. An error is told, and does not stop the turn."""
    from cli.write import drifted
    from pipelines.snapshot import is_due, note_failure, take

    if not is_due(client, every, datetime.now(UTC)):
        return
    try:
        taken = take(store, found.access)
    except FlowtrailError as error:
        say(f"warning: no snapshot was taken: {error.message} {error.remedy}")
        note_failure(client, error)
        return
    say(f"Snapshot {taken.snapshot_id} taken.")
    if taken.drift:
        say(f"warning: {drifted(taken.drift)}")


def _load_given(found: "Settings", urls: Sequence[str], refs: "Sequence[ObjectRef]") -> "IngestSummary":
    return load_new(found, urls, given=refs)


def _say_turn(turn: "Turn") -> None:
    """Print one line about a turn in which something happened."""
    loaded, letters = turn.loaded, len(turn.loaded.dead_letters)
    if not (loaded.objects_done or turn.judged or turn.told or letters):
        return
    now = rfc3339(datetime.now(UTC).replace(microsecond=0))
    spans = ", ".join(f"{rfc3339(start)} to {rfc3339(end)}" for start, end in turn.judged)
    parts = [
        f"{loaded.objects_done} objects loaded, {loaded.rows_written} records written",
        f"{letters} objects set aside" if letters else "",
        f"judged {spans}" if spans else "",
        f"{len(turn.told)} told" if turn.told else "",
    ]
    say(f"{now} {'; '.join(filter(None, parts))}")
