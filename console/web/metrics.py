"""What `flowtrail watch` counts, for Prometheus; and whether it is alive and ready."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.figures import Figures
from schemas.summary import COUNTED, IngestSummary

LATE = 3.0
"""A turn that is over for longer than so many intervals, and ten minutes, means that watching does not go on."""
AT_LEAST = 600.0

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The registry of one process. Counters count what this process did; gauges show what the store said at the end of
    the last turn, whoever did it."""

    def __init__(self, every: float) -> None:
        here = self.registry = CollectorRegistry()
        self.every = every
        self.figures = Figures()
        self.last: float | None = None
        self.failed = False
        self._turns = Counter("flowtrail_turns", "Turns of this process", ["result"], registry=here)
        self._seconds = Histogram(
            "flowtrail_turn_seconds",
            "Seconds that a turn took",
            buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=here,
        )
        self._objects = Counter("flowtrail_objects_loaded", "Objects that this process loaded", registry=here)
        self._rows = Counter(
            "flowtrail_rows_written", "Rows that this process wrote, by table", ["table"], registry=here
        )
        self._rejected = Counter("flowtrail_lines_rejected", "Lines that this process could not read", registry=here)
        self._judged = Counter("flowtrail_ranges_judged", "Ranges of time that this process correlated", registry=here)
        self._messages = Counter("flowtrail_messages_sent", "Incidents that this process told of", registry=here)
        ProcessCollector(registry=here)
        here.register(_Gauges(self))

    def turn(self, loaded: IngestSummary, judged: int, told: int, figures: Figures, seconds: float) -> None:
        """A turn is done."""
        self._turns.labels("done").inc()
        self._seconds.observe(seconds)
        self._objects.inc(loaded.objects_done)
        for table in COUNTED:
            self._rows.labels(table).inc(getattr(loaded, table))
        self._rejected.inc(loaded.rows_rejected)
        self._judged.inc(judged)
        self._messages.inc(told)
        self.figures, self.last, self.failed = figures, time.monotonic(), False

    def no_turn(self) -> None:
        """A turn failed."""
        self._turns.labels("failed").inc()
        self.failed = True

    @property
    def ready(self) -> bool:
        """Whether the last turn was done, and not long ago."""
        return self.last is not None and not self.failed and time.monotonic() - self.last < self._patience

    @property
    def _patience(self) -> float:
        return max(AT_LEAST, LATE * self.every)


class _Gauges(Collector):
    """What the store said, at the time of the scrape: ages grow between turns."""

    def __init__(self, of: Metrics) -> None:
        self._of = of

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found, now = self._of.figures, datetime.now(UTC)
        lag = GaugeMetricFamily("flowtrail_lag_seconds", "Age of the newest flow record", labels=["account", "region"])
        for (account, region), newest in sorted(found.newest.items()):
            lag.add_metric([account, region], (now - newest).total_seconds())
        yield lag
        incidents = GaugeMetricFamily("flowtrail_incidents", "Incidents that are known", labels=["state", "certainty"])
        for labels, count in sorted(found.incidents.items()):
            incidents.add_metric(list(labels), count)
        yield incidents
        failed = GaugeMetricFamily(
            "flowtrail_messages_failed", "Messages that a channel did not take, ever", labels=["channel"]
        )
        for channel, count in sorted(found.failed.items()):
            failed.add_metric([channel], count)
        yield failed
        age = GaugeMetricFamily("flowtrail_snapshot_age_seconds", "Age of the latest snapshot of the configuration")
        if found.snapshot:
            age.add_metric([], (now - found.snapshot).total_seconds())
        yield age
        for name, text, value in (
            ("flowtrail_dead_letters", "Objects that are set aside, as they could not be read", found.dead_letters),
            ("flowtrail_rejected_lines", "Lines in the store that could not be read", found.rejected_lines),
            ("flowtrail_skipped_intervals", "Intervals of which AWS dropped records", found.skipped_intervals),
            ("flowtrail_objects", "Objects in the store", found.objects),
            ("flowtrail_loads", "Loads in the store", found.loads),
        ):
            yield GaugeMetricFamily(name, text, value)
        yield GaugeMetricFamily("flowtrail_ready", "Whether the last turn was done, and not long ago", self._of.ready)


def metrics_app(of: Metrics) -> Starlette:
    """`/metrics` for Prometheus; `/healthz` answers as long as the process does, `/readyz` with 503 when the last turn
    failed or was long ago."""

    async def metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(of.registry), headers={"content-type": kind})

    async def health(request: Request) -> Response:
        del request
        return JSONResponse({"alive": True, "ready": of.ready, "lag_seconds": _lag(of.figures)})

    async def ready(request: Request) -> Response:
        del request
        return JSONResponse({"ready": of.ready}, 200 if of.ready else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", ready)])


def _lag(figures: Figures) -> int | None:
    """The age of the newest record of the account and region that lag most."""
    oldest = min(figures.newest.values(), default=None)
    return None if oldest is None else int((datetime.now(UTC) - oldest).total_seconds())
