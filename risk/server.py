"""The risk service: an HTTP API over the engine, on its own port."""

import time
from pathlib import Path

import uvloop
from aiohttp import web

from api.application import application
from api.keys import Keys
from domain.keys import internal_secret, load_keys
from domain.settings import places
from monitoring import process
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told
from risk.api import Scoring
from risk.config import directory, key_file
from risk.engine import Engine
from risk.metrics import FAMILIES, REQUESTS

TITLE = "Outbid risk"
VERSION = "1"


class Service:
    """The parts of the service and its application. ``root``: where it keeps its data."""

    def __init__(self, root: Path, keys: Keys) -> None:
        self._root, self._lag, self._requests = root, LoopLag(), Requests(REQUESTS)
        self._engine = Engine.open(root)
        self._keys = keys

    def application(self) -> web.Application:
        scoring = Scoring(self._engine, (), lambda: int(time.time()))
        return application(
            TITLE,
            VERSION,
            scoring.operations(),
            self._keys,
            told=Told(self._page, self._readiness),
            requests=self._requests,
            lag=self._lag,
        )

    async def _page(self) -> Page:
        page = Page(FAMILIES)
        self._requests.put(page)
        process.describe(page, "risk", self._root, self._lag)
        return page

    async def _readiness(self) -> Readiness:
        return Readiness("risk")


def run() -> None:
    """Serves until SIGTERM or SIGINT."""
    here = places()
    root = directory()
    root.mkdir(parents=True, exist_ok=True)
    service = Service(root, Keys(key_file(), internal_secret(load_keys(here.data))))
    web.run_app(
        service.application(),
        host=here.host,
        port=here.risk_port,
        loop=uvloop.new_event_loop(),
        access_log=None,
        print=None,
    )
