"""The rows that models learn from, over HTTP, for who has the whole deployment's reports:

- ``GET /v1/training/plan`` the stretches that together are what is asked for, as JSON
- ``GET /v1/training`` the rows of one stretch, as an Arrow stream

Parameters are those of `reporting.training.Wanted`.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec
from aiohttp import web

from reporting import training
from reporting.admission import Admission
from reporting.reading import Gone, OverBudget, Readers
from reporting.report_api import PATIENCE_S
from reporting.store import StoreError

log = logging.getLogger(__name__)
KIND = "application/vnd.apache.arrow.stream"


class TrainingPort:
    """``ready`` raises StoreError while the store cannot be asked."""

    def __init__(self, readers: Readers, admission: Admission, ready: Callable[[], None]) -> None:
        self._readers, self._admission, self._ready = readers, admission, ready

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/v1/training/plan", self.plan)
        app.router.add_get("/v1/training", self.rows)

    async def plan(self, request: web.Request) -> web.Response:
        wanted = self._wanted(request)
        found = await self._readers.ask(request, lambda store, mark: training.plan(store, wanted, mark), "training")
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def rows(self, request: web.Request) -> web.StreamResponse:
        wanted = self._wanted(request)
        made = self._readers.pieces(request, lambda store, mark: training.pieces(store, wanted, mark))
        response = web.StreamResponse(headers={"Content-Type": KIND})
        try:
            async for piece in made:
                if not response.prepared:  # until here an error has a status of its own
                    await response.prepare(request)
                async with asyncio.timeout(PATIENCE_S):
                    await response.write(piece)
            await response.write_eof()
        except (StoreError, OverBudget, Gone, ConnectionError, TimeoutError) as error:
            if not response.prepared:
                raise
            log.warning("rows to learn from were broken off: %s", error)
            if request.transport is not None:  # without its last chunk, so that nobody takes it for whole
                request.transport.abort()
        finally:
            await made.aclose()  # type: ignore[attr-defined]
        return response

    def _wanted(self, request: web.Request) -> training.Wanted:
        self._admission.whole(request)
        wanted = training.read(request.query)
        self._ready()
        return wanted
