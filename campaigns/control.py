"""The control process: publishes campaigns, grants leases, keeps the ledger. Its port speaks `pacing.protocol`."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import msgspec
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from api.keys import Keys
from campaigns import approvals
from campaigns.api.service import Service, key_file
from campaigns.catalogue import load_rates
from campaigns.collecting import Collector
from campaigns.config import ControlSettings, control_settings, database_url
from campaigns.databases import Unreachable
from campaigns.metrics import API_REQUESTS, REQUESTS, Duties, page, readiness
from campaigns.publishing import Publisher
from campaigns.reviewing import Reviewer, creative_settings
from campaigns.seat import Seat, Unseated
from campaigns.standby import take_seat
from campaigns.store import Store
from domain.clock import Clock, from_env
from domain.keys import internal_secret, load_keys
from domain.settings import Places, places
from eventlog.remote import Piece, Wanted
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, attach
from pacing.hours import read_hours
from pacing.ledger import read_books, read_settlements
from pacing.protocol import Books, Grants, Heartbeat, LedgerHours, Register, Registered, Settlements
from pacing.treasury import Treasury

WATCH_S = 0.1
"""How often it looks for changed campaigns, and for entries by hand."""
IDLE_S = 0.05
"""Pause of the settler when the money logs have nothing new."""
EXPIRE_S = 1.0
STEER_S = 0.1
SEAT_S = 1.0
"""Between two looks whether this process is still the store's control."""
RETRY_S = 1.0
MAX_SETTLEMENTS = 50_000
MAX_HOURS, MAX_HOUR = 1_000, 2**31
"""Told of at once; and counted from 1970."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Control:
    """Everything that control does. One thread (`at_desk`) changes the store and memory; others only read the store."""

    def __init__(self, store: Store, place: Places, clock: Clock, settings: ControlSettings) -> None:
        self.store, self.settle_limit, self.place, self.clock = store, settings.settle_limit, place, clock
        self.publisher = Publisher(store, clock)
        self.treasury = Treasury(
            store.write, place.data, clock, self.publisher.current, settings.lease_s, settings.trackers
        )
        secret = internal_secret(load_keys(place.data))
        self.treasury.listeners.append(approvals.hear_losses)
        self.reviewer = Reviewer(self.reading, self._writing, clock, creative_settings())
        self.collectors = [self._collector(url, secret, clock) for url in settings.trackers]
        self.trouble: dict[str, str] = {}
        """Why a background duty does not get on, by its name."""
        self.duties, self.api_requests = Duties(), Requests(API_REQUESTS)
        self.unseated = asyncio.Event()
        """Set once another control has taken over."""
        self._desk = ThreadPoolExecutor(1, "desk")

    async def at_desk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._desk, work)

    async def reading(self, work: Callable[[Connection], T]) -> T:
        """Runs a reader of the store beside the desk."""

        def read() -> T:
            with self.store.read() as conn:
                return work(conn)

        return await asyncio.to_thread(read)

    async def _writing(self, work: Callable[[Connection], T]) -> T:
        """Runs a writer of the store at the desk, where it waits for nobody."""

        def write() -> T:
            with self.store.write() as conn:
                return work(conn)

        return await self.at_desk(write)

    def _collector(self, url: str, secret: str, clock: Clock) -> Collector:
        def wanted() -> Awaitable[Wanted | None]:
            return self.at_desk(lambda: self.treasury.wanted(url))

        def deliver(piece: Piece, asked_ns: int) -> Awaitable[None]:
            return self.at_desk(lambda: self.treasury.deliver(url, piece, asked_ns))

        return Collector(url, secret, self.settle_limit, wanted, deliver, clock.now_ns)

    def troubles(self) -> dict[str, str]:
        """Why what does not get on, by its name."""
        return self.trouble | {f"the money log of {c.url}": c.trouble for c in self.collectors if c.trouble}

    async def behind(self) -> int:
        """Bytes of money log that are not booked yet; at least 1 where that is unknown."""
        fresh = await asyncio.gather(*(collector.refreshed() for collector in self.collectors))
        return await self.at_desk(self.treasury.behind) + fresh.count(False)

    def watch(self) -> bool:
        """Publishes changed campaigns, and notices entries that were made in the ledger by hand."""
        if self.publisher.refresh():
            self.treasury.publish(self.publisher.current)
        with self.store.read() as conn:
            self.treasury.notice_entries(conn)
        return False

    def settle(self) -> bool:
        """Books a batch; True if there may be more."""
        booked = self.treasury.settle(self.settle_limit)
        self.duties.settled(booked, self.settle_limit)
        return booked > 0

    def expire(self) -> bool:
        self.treasury.expire()
        return False

    def steer(self) -> bool:
        self.treasury.steer()
        return False

    async def keep(self, name: str, duty: Callable[[], bool], pause_s: float) -> None:
        """Does a duty for ever: again at once while there is more, else after a pause. A failure is not the end."""
        while True:
            try:
                with self.duties.timed(name):
                    more = await self.at_desk(duty)
                if self.trouble.pop(name, None):
                    log.info("%s gets on again", name)
                await asyncio.sleep(0 if more else pause_s)
            except Unseated as error:
                log.warning("%s ends: %s", name, error)
                self.unseated.set()
                return
            except Exception as error:
                if name not in self.trouble:
                    log.exception("%s fails; trying again every %g s", name, RETRY_S)
                self.trouble[name] = f"{type(error).__name__}: {error}"
                await asyncio.sleep(RETRY_S)

    def close(self) -> None:
        self._desk.shutdown()
        self.store.close()


CONTROL = web.AppKey("control", Control)


def application(control: Control) -> web.Application:
    """The port. The money logs are booked up to date before the first lease is granted."""
    requests, lag = Requests(REQUESTS), LoopLag()
    app = web.Application(client_max_size=16 << 20, middlewares=[requests.middleware(), _store_away])
    app[CONTROL] = control
    attach(app, Told(lambda: page(control, requests, lag), lambda: readiness(control)), lag)
    app.router.add_get("/health", _health)
    app.router.add_post("/v1/workers", _workers)
    app.router.add_post("/v1/leases", _leases)
    app.router.add_get("/v1/snapshots/{version}", _snapshot)
    app.router.add_get("/v1/settlements", _settlements)
    app.router.add_get("/v1/settlements/hours", _hours)
    app.router.add_get("/v1/delivery", _delivery)
    app.router.add_get("/v1/books", _books)
    app.router.add_get("/v1/rates", _rates)
    app.cleanup_ctx.append(_duties)
    return app


async def _duties(app: web.Application) -> AsyncIterator[None]:
    control = app[CONTROL]
    while await control.at_desk(control.settle):
        pass
    duties = [
        asyncio.create_task(control.keep("publishing", control.watch, WATCH_S)),
        asyncio.create_task(control.keep("settling", control.settle, IDLE_S)),
        asyncio.create_task(control.keep("expiry of leases", control.expire, EXPIRE_S)),
        asyncio.create_task(control.keep("pacing", control.steer, STEER_S)),
        *(asyncio.create_task(collector.run()) for collector in control.collectors),
        asyncio.create_task(control.reviewer.run()),
    ]
    yield
    for duty in duties:
        duty.cancel()
        with suppress(asyncio.CancelledError):
            await duty
    await asyncio.to_thread(control.close)


@web.middleware
async def _store_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without the store nothing can be granted or told. The duties log why: no traceback for each heartbeat."""
    try:
        return await handler(request)
    except (Unreachable, OperationalError, Unseated):
        raise web.HTTPServiceUnavailable(text="the control store does not answer; /health says why") from None


async def _read(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.MsgspecError as error:
        raise web.HTTPBadRequest(text=f"{kind.__name__}: {error}") from None


def _number(request: web.Request, name: str, default: int, highest: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) > highest:
        raise web.HTTPBadRequest(text=f"{name}: {text!r} is not allowed; it must be a whole number up to {highest}")
    return int(text)


def _json(message: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(message), content_type="application/json")


async def _health(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    if troubles := control.troubles():
        return web.json_response({"status": "trouble", **troubles}, status=503)
    return web.json_response({"status": "ok", "version": control.publisher.current.version})


async def _workers(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    worker = await _read(request, Register)
    id_ = await control.at_desk(lambda: control.treasury.register(worker))
    return _json(Registered(id_, control.publisher.current.version))


async def _leases(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    beat = await _read(request, Heartbeat)
    grants: Grants = await control.at_desk(lambda: control.treasury.heartbeat(beat))
    return _json(grants)


async def _snapshot(request: web.Request) -> web.Response:
    publisher = request.app[CONTROL].publisher
    asked = request.match_info["version"]
    if asked != "current" and not asked.isdecimal():
        raise web.HTTPNotFound(text=f"version: {asked!r} is not allowed; it must be a number or 'current'")
    data = publisher.encoded(None if asked == "current" else int(asked))
    if data is None:
        raise web.HTTPNotFound(text=f"there is no snapshot {asked}; the current one is {publisher.current.version}")
    return web.Response(body=data, content_type="application/msgpack")


async def _settlements(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    after = _number(request, "after", 0, 2**63 - 1)
    limit = _number(request, "limit", 10_000, MAX_SETTLEMENTS)
    behind = await control.behind()  # first: what it counts cannot be missing in the rows

    def rows() -> Settlements:
        with control.store.read() as conn:
            return Settlements(read_settlements(conn, after, limit), behind)

    return _json(await asyncio.to_thread(rows))


async def _hours(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    first, last = (_number(request, name, 0, MAX_HOUR) for name in ("first", "last"))
    through = _number(request, "through", 2**63 - 1, 2**63 - 1)
    if last - first >= MAX_HOURS:
        raise web.HTTPBadRequest(text=f"last: {last} is not allowed; at most {MAX_HOURS} hours are told at once")
    settled_ns = control.treasury.settled_ns  # first: what came before then cannot be missing in the rows

    def rows() -> LedgerHours:
        with control.store.read() as conn:
            return LedgerHours(read_hours(conn, first, last, through), settled_ns)

    return _json(await asyncio.to_thread(rows))


async def _delivery(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    return _json(await control.at_desk(control.treasury.delivery))


async def _books(request: web.Request) -> web.Response:
    control = request.app[CONTROL]
    exchanges = control.publisher.current.exchanges
    behind = await control.behind()

    def books() -> Books:
        with control.store.read() as conn:
            return Books(read_books(conn, exchanges), behind)

    return _json(await asyncio.to_thread(books))


async def _rates(request: web.Request) -> web.Response:
    return _json(await request.app[CONTROL].reading(load_rates))


async def serve(place: Places, clock: Clock, url: str, settings: ControlSettings, stop: asyncio.Event) -> None:
    """Runs control until ``stop`` is set; as a standby as long as another process is control of the same store."""
    while not stop.is_set():
        store = Store(url)
        seat = Seat(store)
        try:
            if await take_seat(seat, place, stop):
                await asyncio.to_thread(store.migrate)
                log.info("control of this store, term %d", await asyncio.to_thread(seat.sit_down))
                control = await asyncio.to_thread(Control, store, place, clock, settings)
                await _work(control, seat, place, stop)
        except Unseated as error:
            log.warning("control begins anew: %s", error)
        finally:
            await asyncio.to_thread(seat.leave)
            await asyncio.to_thread(store.close)


async def _work(control: Control, seat: Seat, place: Places, stop: asyncio.Event) -> None:
    """Until ``stop`` is set, or another control has taken over."""

    def keep_seat() -> bool:
        seat.keep()
        return False

    runner = web.AppRunner(application(control), access_log=None)
    await runner.setup()
    public = await _public(control, place)
    ends = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(control.unseated.wait()),
        asyncio.create_task(control.keep("keeping the seat", keep_seat, SEAT_S)),
    ]
    try:
        await web.TCPSite(runner, place.host, place.control_port).start()
        log.info("control listens on %s:%d", place.host, place.control_port)
        if public is not None:
            await web.TCPSite(public, place.host, place.api_port).start()
            log.info("the REST API listens on %s:%d", place.host, place.api_port)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        if public is not None:
            await public.cleanup()
        await runner.cleanup()


async def _public(control: Control, place: Places) -> web.AppRunner | None:
    """The REST API, on a port of its own: what `application` has is not for everybody who may call it."""
    if not place.api_port:
        return None
    requests, lag = control.api_requests, LoopLag()
    keys = Keys(key_file(place.data), internal_secret(load_keys(place.data)))
    service = Service(control.store, control.clock)

    async def told() -> Page:
        page = Page([API_REQUESTS])
        requests.put(page)
        return page

    app = service.application(keys, Told(told, lambda: readiness(control)), requests, lag)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    return runner


def run() -> None:
    """Serves until SIGTERM or SIGINT."""

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        await serve(places(), from_env(), database_url(), control_settings(), stop)

    uvloop.run(until_stopped())
