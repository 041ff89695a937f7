"""The watcher process: looks at the metrics of all others, and tells people what is wrong.

It is a process of its own because any of the others may be what is dead; it opens no store and no log of theirs. That
it lives itself is told by a heartbeat to a URL outside (``[alerts] heartbeat_url``), and to Prometheus.
"""

import asyncio
import logging
import time
from collections import Counter
from pathlib import Path

import aiohttp

from monitoring import metrics, process
from monitoring.alerts import Alerts, Kept, Told, read, write
from monitoring.channels import channels
from monitoring.config import AlertSettings
from monitoring.health import Readiness
from monitoring.history import History
from monitoring.messages import message
from monitoring.outbox import Outbox
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.reading import Reading, readings
from monitoring.rules import rules
from monitoring.web import Requests

HEARTBEAT_S = 60.0
PATIENCE_S = 10.0
"""How long a process has to tell its metrics, at most."""
TIMEOUT = aiohttp.ClientTimeout(total=PATIENCE_S)

log = logging.getLogger(__name__)


class Watcher:
    """``data`` is where what survives a restart is kept, beside what the other processes keep."""

    def __init__(self, settings: AlertSettings, targets: dict[str, str], data: Path) -> None:
        self.settings, self.targets, self._data = settings, targets, data
        self.rules = rules(settings.rule)
        self._state = data / "alerts.json"
        data.mkdir(parents=True, exist_ok=True)
        kept = read(self._state, Kept)
        assert isinstance(kept, Kept)
        self.alerts = Alerts(self.rules, settings.repeat_s, kept)
        self.history = History(self.rules)
        self.outbox = Outbox(channels(settings.email, settings.webhook), data / "alerts-outbox.json")
        self.requests, self.lag = Requests(metrics.REQUESTS), LoopLag()
        self.looked_s: float | None = None
        """When all was looked at last (monotonic)."""
        self.trouble = ""
        self.up: dict[str, tuple[bool, float, float | None]] = {}
        """By target: whether it answered, how long that took, and how far its clock is off."""
        self._beaten_s = -HEARTBEAT_S
        self._keeping = asyncio.Lock()

    async def run(self) -> None:
        """Looks, and tells, until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, asyncio.TaskGroup() as group:
            group.create_task(self.outbox.run())
            group.create_task(self._watch(session))

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        while True:
            due = time.monotonic() + self.settings.every_s
            await self.look(session)
            await self._beat(session)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def look(self, session: aiohttp.ClientSession) -> None:
        """One look at everything."""
        await asyncio.gather(*(self._ask(session, name, url) for name, url in self.targets.items()))
        self.history.take("watcher", time.monotonic(), readings(self.page().render()))
        at_s, now = time.monotonic(), time.time()
        news: list[Told] = self.alerts.drop_others(now)
        for rule in self.rules:
            wrong = self.history.wrong(rule, at_s)
            news += self.alerts.look(rule, wrong, now, conclusive=self.history.conclusive(rule, at_s))
        for told in news:
            log.warning("%s: %s %s %s", told.status, told.rule, told.labels or "", told.summary)
        if news:
            await self.outbox.put(message(news, now))
        await self.keep()
        self.looked_s = time.monotonic()

    async def keep(self) -> None:
        """Writes down what has to survive a restart. A disk that takes nothing stops no alert."""
        try:
            async with self._keeping:  # a silence comes between two looks: what is older must not come later
                await asyncio.to_thread(write, self._state, self.alerts.kept())
            self.trouble = ""
        except OSError as error:
            if not self.trouble:
                log.error("the state of alerts cannot be kept: %s", error)
            self.trouble = str(error)

    async def _ask(self, session: aiohttp.ClientSession, name: str, url: str) -> None:
        began, clock, told = time.monotonic(), time.time(), None
        try:
            async with session.get(f"{url}/metrics") as answer:
                answer.raise_for_status()
                told = list(readings(await answer.text()))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.debug("%s does not tell its metrics: %s", name, error)
        took = time.monotonic() - began
        self.up[name] = told is not None, took, _skew(told, clock, took) if told is not None else None
        self.history.take(name, time.monotonic(), told)

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        if not self.settings.heartbeat_url or time.monotonic() - self._beaten_s < HEARTBEAT_S:
            return
        self._beaten_s = time.monotonic()
        try:
            async with session.get(self.settings.heartbeat_url) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.error("the heartbeat is not heard: %s", type(error).__name__)

    def page(self) -> Page:
        told = Page(metrics.FAMILIES)
        process.describe(told, "watcher", self._data, self.lag)
        self.requests.put(told)
        for name, (up, took, skew) in sorted(self.up.items()):
            told.add(metrics.UP, up, name)
            told.add(metrics.SCRAPE, took, name)
            if skew is not None:
                told.add(metrics.SKEW, skew, name)
        counts: Counter[tuple[str, str, str]] = Counter()
        for alert in self.alerts.alerts:
            counts[alert.rule, alert.severity, alert.state] += 1
        for key, count in sorted(counts.items()):
            told.add(metrics.ALERTS, count, *key)
        for (channel, outcome), count in sorted(self.outbox.outcomes.items()):
            told.add(metrics.SENT, count, channel, outcome)
        for channel, waiting in sorted(self.outbox.waiting().items()):
            told.add(metrics.WAITING, waiting, channel)
        return told

    def readiness(self) -> Readiness:
        """Ready is who has looked lately."""
        told = Readiness("watcher")
        late_s = 3 * self.settings.every_s + PATIENCE_S
        if self.looked_s is None or time.monotonic() - self.looked_s > late_s:
            told.reasons["looking"] = f"the processes were not looked at for {late_s:.0f} s"
        if self.trouble:
            told.degraded["state"] = f"it cannot be kept: {self.trouble}"
        if not self.outbox.channels:
            told.degraded["channels"] = "none is set up: alerts are only logged"
        told.degraded |= self.outbox.troubles
        return told


def _skew(told: list[Reading], asked: float, took: float) -> float:
    """How far the clock of who told is off ours, as far as that can be known: it was read at some time meanwhile."""
    for reading in told:
        if reading.name == process.CLOCK.name:
            return max(0.0, asked - reading.value, reading.value - (asked + took))
    return 0.0
