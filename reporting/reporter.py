"""The reporter process: feeds the analytics store (see `reporting.feed`) and answers reports over HTTP.

- ``GET /health`` 200 when the store is open and its schema in place, else 503 with the reason
- ``GET /v1/report``, ``GET /v1/report/catalogue``, ``GET /v1/losses``: see `reporting.report_api`
- ``GET /v1/books`` what was bought from each exchange, all of it
- ``GET /v1/exposure?campaign=ID`` to whom its ads were shown, and who converted; with the internal secret only
- ``GET /v1/lag`` ``{"behind": 0}`` when everything that was logged and booked is in the store
- ``POST /v1/attribution`` credits conversions anew (`reporting.attribution_port`)
- ``GET /v1/training``, ``GET /v1/training/plan``: see `reporting.training_port`
- ``GET /v1/quality`` findings of the last hourly check of data quality; with ``from`` and ``to``, two hours, those are
  checked now
- ``POST /v1/people/show``, ``POST /v1/people/forget`` with a list of persons' keys as JSON and the internal secret as
  bearer token: the rows that name them, or how many were blanked (`reporting.people`)
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypeVar

import msgspec
import orjson
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler

from domain.clock import from_env
from domain.errors import Problem, Refused, Unavailable
from domain.keys import Keys, internal_secret, load_keys
from domain.settings import places
from monitoring.web import Told, attach
from reporting import exposure, people, report
from reporting.admission import Admission
from reporting.attribution_port import AttributionPort
from reporting.config import Reporting, settings, training_settings
from reporting.feed import Feed
from reporting.metrics import Metrics
from reporting.quality_watch import QualityWatch, asked_hours
from reporting.rates import RatesOfControl
from reporting.reading import Gone, OverBudget, Readers
from reporting.report_api import ReportApi
from reporting.status import status
from reporting.store import Store, StoreError
from reporting.training_port import TrainingPort
from reporting.training_watch import TrainingWatch

log = logging.getLogger(__name__)
T = TypeVar("T")
_SHOWN = 20
"""The newest refused records that ``/health`` names."""
_LAST_ANSWERS_S = 10.0
"""At the end, answers that take longer are broken off: the supervisor waits 20 s for the batch in hand, too."""
_read_persons = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=1)]]).decode


class Answers:
    """The HTTP side. Reports have connections of their own; other questions are asked one at a time, in a thread
    with one connection.
    """

    def __init__(
        self,
        feed: Feed,
        keys: Keys,
        of: Reporting,
        control: str,
        metrics: Metrics,
        quality: QualityWatch | None = None,
    ) -> None:
        self._feed, self._secret, self._admission = feed, internal_secret(keys), Admission(keys, of)
        self.metrics, self._quality = metrics, quality
        self._readers = Readers(feed.open, of, metrics.query)
        self._reports = ReportApi(self._readers, self._admission, self._ready, RatesOfControl(control))
        self._training = TrainingPort(self._readers, self._admission, self._ready)
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="query")
        self._lags = ThreadPoolExecutor(1, thread_name_prefix="lag")
        self._store: Store | None = None

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.metrics.requests.middleware(), _explain])
        attach(app, Told(self.metrics.page, self.metrics.readiness), self.metrics.lag)
        app.cleanup_ctx.append(self._watch)
        app.router.add_get("/health", self.health)
        self._reports.add_routes(app)
        self._training.add_routes(app)
        app.router.add_get("/v1/books", self.books)
        app.router.add_get("/v1/exposure", self.exposure)
        app.router.add_get("/v1/lag", self.lag)
        app.router.add_get("/v1/store", self.store)
        app.router.add_get("/v1/quality", self.quality)
        app.router.add_post("/v1/people/show", self.show_people)
        app.router.add_post("/v1/people/forget", self.forget_people)
        app.on_cleanup.append(self._close)
        return app

    async def health(self, request: web.Request) -> web.Response:
        feed, shipper = self._feed, self._feed.shipper
        body = {
            "ready": feed.ready.is_set(),
            "trouble": feed.trouble,
            "attribution": feed.attributor.told() if feed.attributor else {},
            "failures": dict(shipper.failures) if shipper else {},
            "refused_records": feed.aside.count,
            "poison": [msgspec.to_builtins(note) for note in feed.aside.notes()[:_SHOWN]],
        }
        return _json(body, 200 if feed.ready.is_set() else 503)

    async def books(self, request: web.Request) -> web.Response:
        self._admission.whole(request)
        return _json(await self._ask(report.books, "books"))

    async def store(self, request: web.Request) -> web.Response:
        self._admission.whole(request)
        return _json(await self._ask(status, "store"))

    async def exposure(self, request: web.Request) -> web.Response:
        """Keys of persons are in it, so it is not for everybody who reaches the port."""
        self._admit(request)
        campaign = exposure.read(request.query)
        return _json(await self._ask(lambda store: exposure.run(store, campaign), "exposure"))

    async def lag(self, request: web.Request) -> web.Response:
        """What cannot be known (store or control away) counts as one, so that nobody takes it for caught up."""
        sources = await asyncio.get_running_loop().run_in_executor(self._lags, self._feed.behind)
        behind = sum(value if isinstance(value, int) else 1 for value in sources.values())
        return _json({"behind": behind, "sources": sources})

    async def quality(self, request: web.Request) -> web.Response:
        self._admission.whole(request)
        if self._quality is None or not self._feed.ready.is_set():
            raise StoreError(self._feed.trouble)
        watch = self._quality
        if hours := asked_hours(request.query):
            report = await asyncio.to_thread(watch.check, *hours)
            return _json(msgspec.to_builtins(report))
        last = msgspec.to_builtins(watch.report) if watch.report else None
        return _json({"report": last, "trouble": watch.trouble})

    async def show_people(self, request: web.Request) -> web.Response:
        persons = await self._persons(request)
        return _json(await self._ask(lambda store: people.find(store, persons), "people"))

    async def forget_people(self, request: web.Request) -> web.Response:
        persons = await self._persons(request)
        blanked, left = await self._ask(lambda store: self._feed.forget(store, persons), "people")
        return _json({"blanked": blanked, "left": left})

    def _admit(self, request: web.Request) -> None:
        told = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(told, f"Bearer {self._secret}".encode()):
            raise web.HTTPForbidden(text="this is for who has the deployment's keys only\n")

    async def _persons(self, request: web.Request) -> list[int]:
        self._admit(request)
        try:
            return _read_persons(await request.read())
        except msgspec.DecodeError as error:
            raise Refused([Problem("body", str(error), "it must be a list of persons' keys")]) from None

    def _ready(self) -> None:
        if not self._feed.ready.is_set():
            raise StoreError(self._feed.trouble)

    async def _ask(self, question: Callable[[Store], T], kind: str) -> T:
        """``kind``: what the time of its queries is counted as."""
        self._ready()

        def answer() -> T:
            if self._store is None:
                self._store = self._feed.open()
            with self.metrics.query(kind):
                return question(self._store)

        return await asyncio.get_running_loop().run_in_executor(self._queries, answer)

    async def _watch(self, app: web.Application) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.metrics.watch())
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    async def _close(self, app: web.Application) -> None:
        self._readers.close()
        self._queries.shutdown()
        self._lags.shutdown()
        if self._store is not None:
            self._store.close()


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What a person can act on: 400 names the parameter, 422 says what was too much, 503 what is wrong with the
    store.
    """
    try:
        return await handler(request)
    except Refused as error:
        return web.Response(status=400, text=f"{error}\n")
    except OverBudget as error:
        return web.Response(status=422, text=f"{error}\n")
    except Gone:
        return web.Response(status=499)
    except Unavailable as error:
        return web.Response(status=503, text=f"{error}\n")
    except StoreError as error:
        return web.Response(status=503, text=f"the analytics store does not answer: {error}\n")


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def run(train: Sequence[str] = ()) -> None:
    """Runs until SIGTERM or SIGINT; the batch in hand is completed. ``train``: the command that makes the models that
    are due; empty: none are made.
    """
    here = places()
    of, keys = settings(), load_keys(here.data)
    feed = Feed(here, of)
    quality = QualityWatch(here, of, feed, from_env())
    training = TrainingWatch(here.data, training_settings(), feed, from_env(), train)
    metrics = Metrics(feed, here.data, from_env(), quality.counts, training.drifts)
    app = Answers(feed, keys, of, here.control_base, metrics, quality).app()
    AttributionPort(feed.attributor, internal_secret(keys)).add(app)
    feed.start()
    quality.start()
    training.start()
    try:
        web.run_app(
            app,
            host=here.host,
            port=here.reporter_port,
            loop=uvloop.new_event_loop(),
            print=None,
            shutdown_timeout=_LAST_ANSWERS_S,
        )
    finally:
        training.stop()
        quality.stop()
        feed.stop()
