"""The watcher over HTTP.

- ``GET /v1/alerts`` what is wrong, what is silenced, what waits to be delivered
- ``POST /v1/alerts/test`` sends a test over every channel; ``…/silence`` and ``…/unsilence?id=``; with the internal
  secret as bearer token
"""

import asyncio
import hmac
import logging
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec
import uvloop
from aiohttp import web
from msgspec import Struct, field

from domain.keys import internal_secret, load_keys
from domain.settings import places
from monitoring.alerts import Silence, Told
from monitoring.config import alert_settings
from monitoring.health import Readiness
from monitoring.messages import message
from monitoring.page import Page
from monitoring.watcher import Watcher
from monitoring.web import Told as Pages
from monitoring.web import attach

LONGEST_SILENCE_S = 30 * 86_400.0

log = logging.getLogger(__name__)


class SilenceOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be silenced, and for how long."""

    rule: str
    seconds: float
    where: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class Port:
    """The watcher over HTTP."""

    def __init__(
        self, watcher: Watcher, secret: str, ended: Callable[[asyncio.Task[None]], None] = lambda task: None
    ) -> None:
        """``ended`` is called when the watcher's work ends, whyever."""
        self._watcher, self._secret, self._ended = watcher, secret, ended

    def application(self) -> web.Application:
        watcher = self._watcher

        async def page() -> Page:
            return watcher.page()

        async def ready() -> Readiness:
            return watcher.readiness()

        app = web.Application(middlewares=[watcher.requests.middleware()])
        attach(app, Pages(page, ready), watcher.lag)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/alerts", self._list)
        app.router.add_post("/v1/alerts/test", self._test)
        app.router.add_post("/v1/alerts/silence", self._silence)
        app.router.add_post("/v1/alerts/unsilence", self._unsilence)
        app.cleanup_ctx.append(self._run)
        return app

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        running = asyncio.create_task(self._watcher.run())
        running.add_done_callback(self._ended)
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _list(self, request: web.Request) -> web.Response:
        watcher, now = self._watcher, time.time()
        alerts = [
            msgspec.to_builtins(alert)
            | {"state": alert.state, "silenced": watcher.alerts.silenced(alert, now) is not None}
            for alert in watcher.alerts.alerts
        ]
        told = {
            "alerts": alerts,
            "silences": [silence for silence in watcher.alerts.silences if now < silence.until],
            "waiting": watcher.outbox.waiting(),
            "troubles": watcher.outbox.troubles,
            "targets": {name: up for name, (up, _, _) in watcher.up.items()},
        }
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")

    async def _test(self, request: web.Request) -> web.Response:
        self._admit(request)
        now, outcomes = time.time(), {}
        told = Told("test", "test", "critical", "A test: nothing is wrong.", {}, 0.0, "never", now)
        for channel in self._watcher.outbox.channels:
            try:
                await channel.send(message([told], now))
                outcomes[channel.name] = "delivered"
            except Exception as error:
                outcomes[channel.name] = str(error)
        return web.Response(body=msgspec.json.encode(outcomes), content_type="application/json")

    async def _silence(self, request: web.Request) -> web.Response:
        self._admit(request)
        try:
            order = msgspec.json.decode(await request.read(), type=SilenceOrder)
        except msgspec.MsgspecError as error:
            raise web.HTTPBadRequest(text=f"silence: {error}\n") from None
        known = {rule.name for rule in self._watcher.rules}
        if order.rule != "*" and order.rule not in known:
            raise web.HTTPBadRequest(
                text=f"rule: {order.rule!r} is not allowed; it must be * or one of {', '.join(sorted(known))}\n"
            )
        if not 0 < order.seconds <= LONGEST_SILENCE_S:
            raise web.HTTPBadRequest(text=f"seconds: {order.seconds} is not allowed; above 0, and at most 30 days\n")
        silence = Silence(uuid.uuid4().hex[:8], order.rule, order.where, time.time() + order.seconds, order.reason)
        self._watcher.alerts.silences.append(silence)
        await self._watcher.keep()
        return web.Response(body=msgspec.json.encode(silence), content_type="application/json")

    async def _unsilence(self, request: web.Request) -> web.Response:
        self._admit(request)
        wanted, alerts = request.query.get("id", ""), self._watcher.alerts
        left = [silence for silence in alerts.silences if silence.id != wanted]
        if len(left) == len(alerts.silences):
            raise web.HTTPNotFound(text=f"id: {wanted!r} is not allowed; there is no such silence\n")
        alerts.silences = left
        await self._watcher.keep()
        return web.Response(text="ok\n")

    def _admit(self, request: web.Request) -> None:
        told = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(told, f"Bearer {self._secret}".encode()):
            raise web.HTTPForbidden(text="this is for who has the deployment's keys only\n")


def run() -> None:
    """Serves until SIGTERM or SIGINT; exits with 1 if it could not go on."""
    here, settings = places(), alert_settings()
    failed = []

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            log.critical("the watcher cannot go on; stopping", exc_info=task.exception())
            failed.append(True)
            signal.raise_signal(signal.SIGTERM)

    async def application() -> web.Application:
        watcher = Watcher(settings, settings.watched(here), here.data)
        return Port(watcher, internal_secret(load_keys(here.data)), ended).application()

    web.run_app(
        application(), host=here.host, port=here.watcher_port, loop=uvloop.new_event_loop(), access_log=None, print=None
    )
    if failed:
        sys.exit(1)
