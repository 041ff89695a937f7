"""The tracker process: the port where money events arrive."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress

import aiohttp
import uvloop
from aiohttp import web

from domain.clock import Clock, from_env
from domain.keys import load_keys
from domain.settings import Places, places
from eventlog.config import log_settings
from eventlog.consumers import OF_MONEY, expect
from eventlog.remote import origin
from eventlog.retention import Sweeper
from eventlog.survey import held_bytes
from eventlog.writer import LogWriter
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, attach
from targeting.holds import Holds
from targeting.opt_outs import restore
from targeting.profiles import ProfileStore
from targeting.stores import fleet_holds, fleet_store
from trackers.clicks import click, clicked
from trackers.config import TrackerSettings, tcf_vendor, tracker_settings
from trackers.consent import Consents
from trackers.conversions import conversion, postback
from trackers.cookies import COOKIES, Cookies
from trackers.desk import DESK, Desk, answer_refusals
from trackers.directory import Directory
from trackers.joins import JOINS, Joins
from trackers.log_port import read_log
from trackers.memory import Memory
from trackers.metrics import REQUESTS, page, readiness
from trackers.notices import billing, impression, loss, win
from trackers.opt_out import opt_out
from trackers.plays import event
from trackers.recorder import Recorder, replay
from trackers.sync import identify, match, sync, sync_all
from trackers.visits import visit

LOG = "money/0"
"""One tracker a host: its memory of what was counted has one writer."""

log = logging.getLogger(__name__)


async def health(request: web.Request) -> web.Response:
    """Ready, and what was counted and refused since the start. For operators, not for the public."""
    desk = request.app[DESK]
    counts = dict(sorted(desk.counts.items()))
    return web.json_response({"status": "ok", "behind": desk.recorder.behind, "counts": counts})


ROUTES = [
    web.get("/win/{token}", win, allow_head=False),
    web.get("/billing/{token}", billing, allow_head=False),
    web.get("/loss/{token}", loss, allow_head=False),
    web.get("/impression/{token}", impression, allow_head=False),
    web.get("/click/{token}", click, allow_head=False),
    web.get("/clicked/{token}", clicked, allow_head=False),
    web.get("/event/{token}", event, allow_head=False),
    web.get("/conversion", conversion, allow_head=False),
    web.post("/postback/{advertiser}", postback),
    web.get("/visit", visit, allow_head=False),
    web.get("/sync/{exchange}", sync, allow_head=False),
    web.get("/match/{exchange}", match, allow_head=False),
    web.get("/sync", sync_all, allow_head=False),
    web.get("/identify", identify, allow_head=False),
    web.get("/optout", opt_out, allow_head=False),
    web.get("/health", health),
    web.get("/log", read_log, allow_head=False),
]


def build(place: Places, settings: TrackerSettings, clock: Clock, stop: Callable[[], None]) -> web.Application:
    """The application; ``stop`` is called if it cannot go on. Its log and stores are open while it runs."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        with ExitStack() as open_stores:
            profiles = open_stores.enter_context(ProfileStore(place.data / "profiles.lmdb"))
            if people := fleet_store(place.data):
                open_stores.enter_context(people)
            if joined := fleet_store(place.data):
                open_stores.enter_context(joined)
            events, holds = LogWriter(place.data / "log" / LOG), fleet_holds() or Holds(place.data, place.holds)
            try:
                expect(events.directory, OF_MONEY)
                directory = Directory(f"{place.control_base}/v1/snapshots/current", place.data / "directory.msgpack")
                if people is None:
                    restore(profiles, place.data)
                memory = Memory(profiles, LOG, people, holds, lambda: directory.book)
                replay(events, memory)
                recorder = Recorder(events, memory, clock)
                async with aiohttp.ClientSession() as session:
                    await directory.refresh(session)
                    app[DESK] = Desk(
                        load_keys(place.data),
                        clock,
                        recorder,
                        directory,
                        f"{origin(place.data)}/{LOG}",
                        events.directory,
                    )
                    app[JOINS] = Joins(joined or profiles, profiles.forgotten, profiles if joined else None)
                    remembering = asyncio.create_task(recorder.remember())
                    remembering.add_done_callback(ended)
                    sweeper = Sweeper(place.data / "log", log_settings())
                    besides = [asyncio.create_task(directory.keep_fresh(session, settings.directory_s))]
                    besides.append(asyncio.create_task(sweeper.run()))
                    if joined:
                        besides.append(asyncio.create_task(app[JOINS].restore()))
                    yield
                    recorder.close()
                    for task in besides:
                        task.cancel()
                        with suppress(asyncio.CancelledError):
                            await task
                    await remembering
            finally:
                events.close()
                holds.close()

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            log.critical("events cannot be remembered; stopping", exc_info=task.exception())
            stop()

    requests, lag = Requests(REQUESTS), LoopLag()

    async def tell() -> Page:
        held = await asyncio.to_thread(held_bytes, app[DESK].log_directory)
        return page(app[DESK], place, requests, lag, held)

    async def ready() -> Readiness:
        return readiness(app[DESK])

    app = web.Application(middlewares=[requests.middleware(), answer_refusals], client_max_size=settings.max_body_bytes)
    app.add_routes(ROUTES)
    attach(app, Told(tell, ready), lag)
    secure = place.tracker_base.startswith("https://")
    app[COOKIES] = Cookies(Consents(tcf_vendor()), secure, settings.partitioned_cookie, settings.cookie_days)
    app.cleanup_ctx.append(running)
    return app


def run() -> None:
    """Serves until SIGTERM or SIGINT; exits with 1 if it could not go on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s tracker %(levelname)s %(message)s")
    sys.setswitchinterval(0.001)  # an answer waits for the thread that writes the log: it must not wait 5 ms for us
    place = places()
    loop = uvloop.new_event_loop()
    failed = []

    def stop() -> None:
        failed.append(True)
        signal.raise_signal(signal.SIGTERM)

    app = build(place, tracker_settings(), from_env(), stop)
    web.run_app(app, host=place.host, port=place.tracker_port, loop=loop, access_log=None, print=None)
    if failed:
        sys.exit(1)
