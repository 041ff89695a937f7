"""Data quality in the reporter: checked after every full hour, kept over restarts, asked for over HTTP.

The reporter that ships the ledger's bookings checks; others only count their host's logs, which it compares with.
"""

import logging
import threading
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from domain.clock import Clock
from domain.errors import Problem, Refused
from domain.settings import Places
from reporting.config import Reporting
from reporting.feed import Feed
from reporting.findings import CHECKS, Report, counts, severity
from reporting.quality import MOST_HOURS, Asked, Auditor
from reporting.store import Store, StoreError, open_store
from reporting.tallies import HOUR_NS

FILE = "quality.json"
LOOK_S = 5.0
"""Real seconds between two looks at whether an hour is over."""
PAUSE_S = 60.0
"""Real seconds between two checks at least: on compressed days hours are over sooner."""
TIMEOUT_S = 30.0
MOST_OPEN = 100
_read_report = msgspec.json.Decoder(Report).decode

log = logging.getLogger(__name__)


def ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


class QualityWatch(threading.Thread):
    """``report`` is the last one, and `counts` of it a metric."""

    def __init__(
        self,
        places: Places,
        settings: Reporting,
        feed: Feed,
        clock: Clock,
    ) -> None:
        super().__init__(name="quality", daemon=True)
        self._places, self._settings, self._feed, self._clock = places, settings, feed, clock
        self._file = places.data / FILE
        self.report = last_report(self._file)
        self.trouble = ""
        self.checked = 0.0
        """When it was checked last, unix seconds; 0: not since the start."""
        self._ending = threading.Event()
        self._turn = threading.Lock()
        self._auditor: Auditor | None = None
        self._store: Store | None = None

    def counts(self) -> dict[tuple[str, str], int]:
        """How many findings there are, by check and severity: a metric. Nothing before anything was checked."""
        if self.report is None:
            return {}
        return {(check, severity(check)): count for check, count in counts(self.report).items()}

    def run(self) -> None:
        checked, due = 0, 0.0
        while not self._ending.wait(LOOK_S):
            try:
                if not self._feed.ready.is_set() or time.monotonic() < due:
                    continue
                with self._turn:
                    closed = self._ready().closed()
                    if closed > checked:
                        self._hourly(closed)
                        checked, due = closed, time.monotonic() + PAUSE_S
                self.trouble = ""
            except Exception as error:  # the next look is another try: nothing else depends on this thread
                if self.trouble != str(error):
                    log.error("data quality cannot be checked: %s", error)
                self.trouble = str(error)
                self._drop()

    def check(self, first: int, last: int) -> Report:
        """Checks these hours now; for any thread. Raises StoreError."""
        with self._turn:
            try:
                return self._ready().run(range(first, last + 1))
            except StoreError:
                self._drop()
                raise

    def stop(self) -> None:
        self._ending.set()
        self.join()
        self._drop()

    def _hourly(self, closed: int) -> None:
        auditor = self._ready()
        if not self._settings.settlements:
            auditor.count()
            return
        first = closed - self._settings.quality.look_back_hours + 1
        report = auditor.run([*self._open(), *range(first, closed + 1)])
        if report.hours or report.findings:
            self.report, self.checked = report, time.time()
            draft = self._file.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(report))
            draft.replace(self._file)
        for finding in report.findings[:20]:
            log.warning(
                "data quality: %s: %s, %s account %d: expected %d, found %d",
                *(finding.check, finding.what, finding.hour, finding.account, finding.expected, finding.found),
            )

    def _open(self) -> list[int]:
        """Hours of findings, and such that could not be checked: the newest of them are looked at again."""
        if self.report is None:
            return []
        hours = {finding.hour for finding in self.report.findings} | set(self.report.pending)
        return sorted(hour_number(hour) for hour in hours if hour)[-MOST_OPEN:]

    def _ready(self) -> Auditor:
        if self._auditor is None:
            settings, quality = self._settings, self._settings.quality
            origin = self._feed.origin
            # An owner of its own: what settles the feed's inserts must not wait for these, nor the other way round.
            self._store = open_store(
                settings.store, self._places.data, owner=f"quality-{origin}", query_seconds=settings.query_seconds
            )
            self._store.settle()
            self._auditor = Auditor(
                self._store,
                self._places.data,
                origin,
                lambda: dict(self._feed.shipper.positions) if self._feed.shipper else {},
                self._clock,
                Asked(self._places.control_base, ask) if settings.settlements else None,
                grace_s=quality.grace_s,
                fresh_s=quality.fresh_s,
                tolerated=quality.tolerated_share,
                keep=settings.keep_days,
            )
            if self.report:
                self._auditor.known(self.report.findings)
        return self._auditor

    def _drop(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = self._auditor = None


def last_report(path: Path) -> Report | None:
    """As it was when the reporter ended; None: there is none, or it cannot be read."""
    try:
        report = _read_report(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return report if all(finding.check in CHECKS for finding in report.findings) else None


def asked_hours(values: Mapping[str, str]) -> tuple[int, int] | None:
    """The parameters ``from`` and ``to``: hours, or days, both included; None without any. Raises Refused."""
    if not values:
        return None
    hours, problems = {}, []
    for name, hour in (("from", 0), ("to", 23)):
        text = values.get(name, "")
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            problems.append(Problem(name, text or None, "it must be a day or hour: 2026-11-26, 2026-11-26T09:00Z"))
            continue
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        hours[name] = int(moment.timestamp()) // 3_600 + (hour if len(text) == 10 else 0)
    problems += [
        Problem(name, values[name], "the parameters are from and to") for name in values if name not in ("from", "to")
    ]
    if not problems and not 0 <= hours["from"] <= hours["to"] < hours["from"] + MOST_HOURS:
        problems.append(Problem("to", values["to"], f"it must be from to {MOST_HOURS} hours later"))
    if problems:
        raise Refused(problems)
    return hours["from"], hours["to"]


def hour_number(text: str) -> int:
    """``2026-11-26T09:00Z`` -> hours since 1970. Raises ValueError."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 1_000_000_000 // HOUR_NS
