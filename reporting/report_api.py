"""The report API: ``GET /v1/report`` and its ``/catalogue``, ``GET /v1/losses`` and ``GET /v1/exploration``."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import orjson
from aiohttp import web

from domain.campaign import Rate
from domain.errors import Problem, Refused
from reporting import exploration, losses, report
from reporting.admission import Admission
from reporting.catalogue import BY_EVENT, DEFAULT, DIMENSIONS, METRICS
from reporting.export import FORMATS, WRITERS
from reporting.facts import known
from reporting.reading import Gone, OverBudget, Readers
from reporting.render import MOST_ROWS, render_table
from reporting.report import Asker
from reporting.request import PARAMETERS, Request
from reporting.scope import Scope
from reporting.store import Store, StoreError

log = logging.getLogger(__name__)
PATIENCE_S = 120.0
"""How long a client may take none of what is sent to it: it holds a connection that others wait for."""
_LOSS_PARAMETERS = ("by", "from", "to", "format")
_LOSS_FORMATS = ("json", "csv", "table")


class ReportApi:
    """``ready`` raises StoreError while the store cannot be asked; ``rates`` tells today's exchange rates."""

    def __init__(
        self,
        readers: Readers,
        admission: Admission,
        ready: Callable[[], None],
        rates: Callable[[], tuple[Rate, ...]],
    ) -> None:
        self._readers, self._admission, self._ready, self._rates = readers, admission, ready, rates

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/v1/report", self.report)
        app.router.add_get("/v1/report/catalogue", self.catalogue)
        app.router.add_get("/v1/losses", self.losses)
        app.router.add_get("/v1/exploration", self.exploration)

    async def report(self, request: web.Request) -> web.StreamResponse:
        scope = self._admission.scope(request)
        shape = _shape(request, FORMATS, PARAMETERS)
        wanted = Request.read(request.query)
        self._ready()
        if shape == "table":
            body = await self._readers.ask(request, lambda store, mark: _table(store, wanted, self._asker(scope, mark)))
            return web.Response(body=body, content_type="text/plain", charset="utf-8")
        write, kind = WRITERS[shape]

        def pieces(store: Store, mark: str) -> Iterator[bytes]:
            asker = self._asker(scope, mark)
            if wanted.page_size or wanted.top:
                found = report.page(store, wanted, asker)
                lines = [found.lines, *([found.totals] if found.totals else [])]
                yield from write(wanted, iter(lines), found.next_page_token)
            else:
                yield from write(wanted, report.stream(store, wanted, asker), "")

        made = self._readers.pieces(request, pieces)
        response = web.StreamResponse(headers={"Content-Type": kind if shape != "csv" else f"{kind}; charset=utf-8"})
        if shape in ("csv", "parquet", "xlsx"):
            response.headers["Content-Disposition"] = f'attachment; filename="report.{shape}"'
        try:
            async for piece in made:
                if not response.prepared:  # until here an error has a status of its own
                    await response.prepare(request)
                async with asyncio.timeout(PATIENCE_S):
                    await response.write(piece)
            await response.write_eof()
        except (StoreError, Refused, OverBudget, Gone, ConnectionError, TimeoutError) as error:
            if not response.prepared:
                raise
            log.warning("a report was broken off: %s", str(error) or f"nothing of it was taken for {PATIENCE_S:.0f} s")
            if request.transport is not None:  # without its last chunk, so that nobody takes it for whole
                request.transport.abort()
        finally:
            await made.aclose()  # type: ignore[attr-defined]
        return response

    async def losses(self, request: web.Request) -> web.Response:
        scope = self._admission.scope(request)
        shape = _shape(request, _LOSS_FORMATS, _LOSS_PARAMETERS)
        wanted = losses.read(request.query)
        self._ready()
        body, kind = await self._readers.ask(
            request, lambda store, mark: losses.render(wanted, losses.run(store, wanted, scope, mark), shape), "losses"
        )
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def exploration(self, request: web.Request) -> web.Response:
        scope = self._admission.scope(request)
        shape = _shape(request, _LOSS_FORMATS, _LOSS_PARAMETERS)
        wanted = exploration.read(request.query)
        self._ready()

        def told(store: Store, mark: str) -> tuple[bytes, str]:
            return exploration.render(wanted, exploration.run(store, wanted, scope, mark), shape)

        body, kind = await self._readers.ask(request, told, "exploration")
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def catalogue(self, request: web.Request) -> web.Response:
        """What can be asked for: dimensions, metrics, and which dimensions each metric goes with."""
        dimensions = {
            name: {"meaning": each.meaning, "filter": bool(each.names or each.code)}
            for name, each in DIMENSIONS.items()
        }
        metrics = {
            name: {
                "meaning": each.meaning,
                "shape": each.shape,
                "default": name in DEFAULT,
                "by_event": name in BY_EVENT,
                "dimensions": [dimension for dimension in DIMENSIONS if known(name, (dimension,))],
            }
            for name, each in METRICS.items()
        }
        return web.Response(
            body=orjson.dumps({"dimensions": dimensions, "metrics": metrics}), content_type="application/json"
        )

    def _asker(self, scope: Scope, mark: str) -> Asker:
        return Asker(scope, self._rates, mark)


def _table(store: Store, wanted: Request, asker: Asker) -> bytes:
    found = report.page(store, wanted, asker, MOST_ROWS)
    body = render_table(wanted, found.lines, found.totals)
    return body + f"next page: {found.next_page_token}\n".encode() if found.next_page_token else body


def _shape(request: web.Request, formats: tuple[str, ...], parameters: tuple[str, ...]) -> str:
    """What a report is to look like. Raises Refused, for parameters that no report has, too."""
    shape = request.query.get("format", "json")
    problems = [
        Problem(name, request.query[name], f"the parameters are {', '.join(parameters)}")
        for name in request.query
        if name not in parameters
    ]
    repeated = {name for name in request.query if name != "filter" and len(request.query.getall(name)) > 1}
    problems += [Problem(name, request.query[name], "it must be given once") for name in sorted(repeated)]
    if shape not in formats:
        problems.append(Problem("format", shape, f"it must be of {', '.join(formats)}"))
    if problems:
        raise Refused(problems)
    return shape
