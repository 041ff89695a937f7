"""The risk service: an HTTP API over the engine, on its own port."""

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvloop
from aiohttp import web

from api.application import application
from api.keys import Keys
from api.operations import Operation
from domain.clock import SECOND, Clock, from_env
from domain.errors import Unavailable
from domain.keys import internal_secret, load_keys
from domain.settings import places
from eventlog.config import DAY_S
from monitoring import process
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told
from risk import metrics
from risk.config import RiskSettings, directory, key_file, risk_settings
from risk.decide_api import Deciding
from risk.decisions import DecisionLog
from risk.engine import Assessment, Engine
from risk.event_api import Events
from risk.flows import VERSIONS, Flows
from risk.graph_upkeep import keep
from risk.lists_api import ListOperations
from risk.people_api import Forgetting
from risk.score_api import Scoring
from risk.wire import DecideAnswer
from targeting.forgotten import Forgotten

TITLE = "Outbid risk"
VERSION = "1"
DESCRIPTION = "Lists, graph, scores and decisions about people, devices and addresses. See docs/risk.md."
REFRESH_S = 0.5
SYNC_S = 5.0
SWEEP_S = 3600.0

log = logging.getLogger(__name__)


class Service:
    """The parts of the service and its application. ``root``: where it keeps its data. Raises Unavailable."""

    def __init__(
        self, root: Path, keys: Keys, settings: RiskSettings, clock: Clock, forgotten: Forgotten | None = None
    ) -> None:
        self._root, self._keys, self._settings, self._clock = root, keys, settings, clock
        self._lag, self._requests = LoopLag(), Requests(metrics.REQUESTS)
        self._decided: Counter[tuple[str, str]] = Counter()
        self._hits: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._trouble: dict[str, str] = {}
        self.engine = Engine.open(root, owner=True, forgotten=forgotten)
        try:
            self.decisions = DecisionLog(root, durable=settings.durable)
        except BaseException:
            self.engine.close()
            raise
        self.flows = Flows(settings.flow_directory, root / VERSIONS)
        self.flows.refresh()

    def operations(self) -> tuple[Operation, ...]:
        """All that the service does."""
        return (
            *Scoring(self.engine, self._now_s, self._assessed).operations(),
            *Deciding(self.engine, self.flows, self.decisions, self._root, self._clock, self._made).operations(),
            *Events(self.engine, self._now_s, self._happened).operations(),
            *Forgetting(self.engine, self._root).operations(),
            *ListOperations(self.engine.lists, self._clock).operations(),
        )

    def application(self) -> web.Application:
        app = application(
            TITLE,
            VERSION,
            self.operations(),
            self._keys,
            told=Told(self._page, self._readiness),
            requests=self._requests,
            lag=self._lag,
            description=DESCRIPTION,
        )
        app.cleanup_ctx.append(self._beside)
        return app

    def close(self) -> None:
        """What was taken and decided is on disk when this returns."""
        self.decisions.close()
        self.engine.close()

    def _now_s(self) -> int:
        return self._clock.now_ns() // SECOND

    def _assessed(self, found: Assessment) -> None:
        for hit in found.counting:
            self._hits[hit.list] += 1

    def _made(self, found: Assessment, answer: DecideAnswer) -> None:
        self._decided[answer.flow, answer.decision] += 1
        self._assessed(found)

    def _happened(self, name: str) -> None:
        self._events[name] += 1

    async def _beside(self, app: web.Application) -> AsyncIterator[None]:
        duties = [
            asyncio.create_task(keep(self.engine.graph)),
            asyncio.create_task(self._every(REFRESH_S, "lists", self._refresh)),
            asyncio.create_task(self._every(SYNC_S, "counters", self._sync)),
            asyncio.create_task(self._every(SWEEP_S, "decisions", self._sweep)),
        ]
        yield
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        self.close()

    async def _every(self, seconds: float, name: str, act: Callable[[], None]) -> None:
        """Does something now and then, in a thread; that it fails is told by ``/ready``, and it is done again."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await asyncio.to_thread(act)
                self._trouble.pop(name, None)
            except (Unavailable, OSError) as error:
                if self._trouble.get(name) != str(error):
                    log.error("%s: %s", name, error)
                self._trouble[name] = str(error)

    def _refresh(self) -> None:
        self.flows.refresh()
        self.engine.lists.reload()
        self.engine.cards.refresh()

    def _sync(self) -> None:
        if self.engine.counters is not None:
            self.engine.counters.sync()

    def _sweep(self) -> None:
        self.decisions.sweep(self._settings.keep_decisions_days * DAY_S)

    async def _page(self) -> Page:
        page = Page(metrics.FAMILIES)
        self._requests.put(page)
        for (flow, decision), count in sorted(self._decided.items()):
            page.add(metrics.DECISIONS, count, flow, decision)
        for name, count in sorted(self._hits.items()):
            page.add(metrics.HITS, count, name)
        for name, count in self.engine.lists.lengths().items():
            page.add(metrics.LISTED, count, name)
        for name, count in sorted(self._events.items()):
            page.add(metrics.EVENTS, count, name)
        page.add(metrics.UNRECORDED, self.decisions.refused)
        page.add(metrics.FLOWS, len(self.flows.flows))
        page.add(metrics.FLOW_TROUBLE, len(self.flows.trouble))
        page.add(metrics.GRAPH_NODES, len(self.engine.graph))
        page.add(metrics.GRAPH_EDGES, self.engine.graph.edges)
        process.describe(page, "risk", self._root, self._lag)
        return page

    async def _readiness(self) -> Readiness:
        reasons = {"decisions": "the disk takes nothing: decisions are refused"} if self.decisions.shut else {}
        degraded = {f"flow {name}": why for name, why in self.flows.trouble.items()}
        return Readiness("risk", reasons, {**self._trouble, **degraded})


def run() -> None:
    """Serves until SIGTERM or SIGINT."""
    here, settings = places(), risk_settings()
    root = directory()
    settings.flow_directory.mkdir(parents=True, exist_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    keys = Keys(key_file(), internal_secret(load_keys(here.data)))

    sys.setswitchinterval(0.001)  # a decision waits for the thread that writes the log: it must not wait 5 ms for us

    async def served() -> web.Application:
        app = Service(root, keys, settings, from_env(), Forgotten(here.data)).application()
        gc.collect()
        gc.freeze()  # what is there from the start stays: looking at it again would only make an answer late
        return app

    web.run_app(
        served(),
        host=here.host,
        port=here.risk_port,
        loop=uvloop.new_event_loop(),
        access_log=None,
        print=lambda _: log.info("the risk service listens on %s:%d", here.host, here.risk_port),
    )
