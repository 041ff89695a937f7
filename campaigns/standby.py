"""Waiting for control's seat: a second control on a store answers 503 until the first one is gone."""

import asyncio
import logging
from contextlib import suppress

from aiohttp import web

from campaigns.metrics import standby_page
from campaigns.seat import Seat
from domain.settings import Places
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Told, attach

POLL_S = 0.5
"""Between two looks whether the seat is free."""

log = logging.getLogger(__name__)


async def take_seat(seat: Seat, place: Places, stop: asyncio.Event) -> bool:
    """True with the seat taken; False if ``stop`` was set first. Raises `Unreachable` if the first look fails."""
    if await asyncio.to_thread(seat.take):
        return True
    standby = Standby(place)
    runner = web.AppRunner(standby.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, place.host, place.control_port).start()
        log.info(
            "another control is at work on this store; waiting as its standby on %s:%d", place.host, place.control_port
        )
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)
            if not stop.is_set() and await standby.look(seat):
                log.info("the other control is gone; taking over")
                return True
        return False
    finally:
        await runner.cleanup()


class Standby:
    """What the port says meanwhile: 503 to everything, so that nobody takes it for control."""

    def __init__(self, place: Places) -> None:
        self.trouble = ""
        self._place, self._lag = place, LoopLag()

    async def look(self, seat: Seat) -> bool:
        """Whether the seat could be taken. A store that does not answer is no reason to give up."""
        try:
            taken = await asyncio.to_thread(seat.take)
        except Exception as error:
            if not self.trouble:
                log.warning("cannot see whether the other control is still there: %s", error)
            self.trouble = f"{type(error).__name__}: {error}"
            return False
        self.trouble = ""
        return taken

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/health", self._health)
        attach(app, Told(self._page, self._readiness), self._lag)
        app.router.add_route("*", "/{path:.*}", self._refuse)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        told = {"status": "standby", "waiting": "another control is at work on this store"}
        return web.json_response(told | ({"store": self.trouble} if self.trouble else {}), status=503)

    async def _page(self) -> Page:
        return standby_page(self._place, self._lag)

    async def _readiness(self) -> Readiness:
        told = Readiness("control", {"standby": "another control is at work on this store"})
        if self.trouble:
            told.reasons["store"] = self.trouble
        return told

    async def _refuse(self, request: web.Request) -> web.Response:
        raise web.HTTPServiceUnavailable(text="this control is a standby: another one is at work on this store")
