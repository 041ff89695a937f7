"""What the reporter tells Prometheus, and whether it can do its work.

What takes a question to the store, or to control, is asked beside, every few seconds: a scrape never waits for it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.clock import Clock
from monitoring import process
from monitoring.health import Readiness
from monitoring.histogram import Histogram
from monitoring.page import Family, Page
from monitoring.process import LoopLag
from monitoring.web import Requests, request_seconds
from prediction.drift import Report
from reporting.feed import Feed
from reporting.schema import FACTS
from reporting.sources import Lag
from reporting.store import Store, StoreError

REQUESTS = request_seconds("reporter")
READY = Family("outbid_reporter_ready", "gauge", "1 while the store is open and its schema in place.")
FED = Family("outbid_reporter_fed", "gauge", "1 while nothing keeps the store from being fed.")
LAG = Family(
    "outbid_reporter_lag", "gauge", "What a source has that the store lacks: bytes of a log, bookings.", ("source",)
)
LAG_SECONDS = Family(
    "outbid_reporter_lag_seconds", "gauge", "How long the oldest of it has been in the source.", ("source",)
)
SHIPPED = Family(
    "outbid_reporter_shipped_records_total", "counter", "Records that were put into the store.", ("source",)
)
STORE_FAILURES = Family(
    "outbid_reporter_store_failures_total", "counter", "Times that the store failed or could not be reached."
)
FAILING = Family("outbid_reporter_failing_sources", "gauge", "Sources that cannot be shipped, or asked.")
REFUSED = Family("outbid_reporter_refused_records_total", "counter", "Records that no table could take.")
FRESHNESS = Family(
    "outbid_reporter_freshness_seconds", "gauge", "Age of a table's newest row of the last two days.", ("table",)
)
ROWS = Family("outbid_reporter_table_rows", "gauge", "Rows of a table.", ("table",))
QUERIES = Family("outbid_reporter_query_seconds", "histogram", "Time that queries took in the store.", ("kind",))
FAILED = Family("outbid_reporter_failed_queries_total", "counter", "Queries that ended with an error.", ("kind",))
FINDINGS = Family(
    "outbid_reporter_quality_findings", "gauge", "Open findings of the data quality job.", ("check", "severity")
)
DRIFT = Family(
    "outbid_reporter_model_drift_psi",
    "gauge",
    "Population stability index of a feature or the score: recent impressions against the live model's training.",
    ("target", "subject"),
)
DRIFT_FINDINGS = Family(
    "outbid_reporter_model_drift_findings", "gauge", "What has moved away from a live model.", ("target", "severity")
)

FAMILIES = (
    *(
        REQUESTS,
        READY,
        FED,
        LAG,
        LAG_SECONDS,
        SHIPPED,
        STORE_FAILURES,
        FAILING,
        REFUSED,
        FRESHNESS,
        ROWS,
        QUERIES,
        FAILED,
        FINDINGS,
        DRIFT,
        DRIFT_FINDINGS,
        *process.FAMILIES,
    ),
)

Findings = Callable[[], Mapping[tuple[str, str], int]]
Drifts = Callable[[], Mapping[str, Report]]
LOOK_S = 5.0
"""Between two looks at what is told of the store and the logs."""
FAR_BEHIND_S = 120.0

log = logging.getLogger(__name__)


class Metrics:
    """All that the reporter counts. ``findings`` gives those that are open, by check and severity, ``drifts`` what was
    last found of each target's live model.
    """

    def __init__(self, feed: Feed, data: Path, clock: Clock, findings: Findings = dict, drifts: Drifts = dict) -> None:
        self._feed, self._data, self._clock, self._findings, self._drifts = feed, data, clock, findings, drifts
        self.requests, self.lag = Requests(REQUESTS), LoopLag()
        self._taken: dict[str, Histogram] = {}
        self._failed: Counter[str] = Counter()
        self._behind: dict[str, int | str] = {}
        self._lags: dict[str, Lag] = {}
        self._caught_up_s = time.monotonic()
        self._newest: dict[str, int] = {}
        self._store: Store | None = None
        self._rows: dict[str, int] = {}

    @contextmanager
    def query(self, kind: str) -> Iterator[None]:
        """Takes the time of a query."""
        began = time.perf_counter()
        try:
            yield
        except Exception:
            self._failed[kind] += 1
            raise
        finally:
            self._taken.setdefault(kind, Histogram()).observe(time.perf_counter() - began)

    async def watch(self) -> None:
        """Looks for ever; run it as a task."""
        try:
            while True:
                try:
                    await self._look_at_all()
                except Exception:  # else what was seen last would be told for ever
                    log.exception("what the reporter tells of logs and store is out of date")
                await asyncio.sleep(LOOK_S)
        finally:
            self._close()

    async def _look_at_all(self) -> None:
        self._behind = await asyncio.to_thread(self._feed.behind)
        self._lags = await asyncio.to_thread(self._feed.lag)
        if not any(self._behind.values()):
            self._caught_up_s = time.monotonic()
        if self._feed.ready.is_set():
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        try:
            if self._store is None:
                self._store = self._feed.open()
            self._rows, self._newest = look(self._store, self._clock.now_ns())
        except StoreError as error:
            log.debug("the store's tables cannot be looked at: %s", error)
            self._close()

    def _close(self) -> None:
        if self._store is not None:
            with suppress(StoreError):
                self._store.close()
            self._store = None

    async def page(self) -> Page:
        told, feed = Page(FAMILIES), self._feed
        process.describe(told, "reporter", self._data, self.lag)
        self.requests.put(told)
        told.add(READY, feed.ready.is_set())
        told.add(FED, not feed.trouble)
        for source, behind in sorted(self._behind.items()):
            if isinstance(behind, int):
                told.add(LAG, behind, source)
        for source, lag in sorted(self._lags.items()):
            told.add(LAG_SECONDS, lag.seconds, source)
        for source, records in sorted(feed.shipper.shipped.items() if feed.shipper else ()):
            told.add(SHIPPED, records, source)
        told.add(STORE_FAILURES, feed.failures)
        told.add(FAILING, sum(isinstance(behind, str) for behind in self._behind.values()))
        told.add(REFUSED, feed.aside.count)
        now_ns = self._clock.now_ns()
        for table, newest_ns in sorted(self._newest.items()):
            told.add(FRESHNESS, max(0.0, (now_ns - newest_ns) / 1e9), table)
        for table, rows in sorted(self._rows.items()):
            told.add(ROWS, rows, table)
        for kind, taken in sorted(self._taken.items()):
            taken.put(told, QUERIES, kind)
            told.add(FAILED, self._failed[kind], kind)
        for (check, severity), count in sorted(self._findings().items()):
            told.add(FINDINGS, count, check, severity)
        for target, report in sorted(self._drifts().items()):
            for drift in report.drifts:
                told.add(DRIFT, drift.psi, target, drift.subject)
            for grade in ("warning", "critical"):
                told.add(DRIFT_FINDINGS, sum(found.severity == grade for found in report.findings), target, grade)
        return told

    async def readiness(self) -> Readiness:
        """Ready is whose store answers: reports are right as far as it is fed, and `degraded` says how far that is."""
        told, feed = Readiness("reporter"), self._feed
        if not feed.ready.is_set():
            told.reasons["store"] = feed.trouble
        elif feed.trouble:
            told.reasons["store"] = f"it is not fed: {feed.trouble}"
        for source, why in self._behind.items():
            if isinstance(why, str) and source != "store":
                told.degraded[source] = why
        if (late_s := time.monotonic() - self._caught_up_s) > FAR_BEHIND_S:
            told.degraded["lag"] = f"the store has not been up to date for {late_s:.0f} s"
        return told


def look(store: Store, now_ns: int) -> tuple[dict[str, int], dict[str, int]]:
    """(rows of each table, and when its newest row is of, if that is of today or yesterday)."""
    counted = store.query(
        "SELECT table, sum(rows) FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table"
    )
    today = now_ns // 86_400_000_000_000
    newest = {}
    for table in FACTS:
        sql = f"SELECT max({table.clock}) FROM {table.name} WHERE day >= toDate(%(since)s)"
        if found := int(store.query(sql, {"since": today - 1})[0][0]):
            newest[table.name] = found
    return {str(table): int(rows) for table, rows in counted}, newest
