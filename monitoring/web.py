"""``/metrics`` and ``/ready`` of the processes that are aiohttp applications, and the time their answers take."""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitoring.health import Readiness
from monitoring.histogram import Histogram
from monitoring.page import CONTENT_TYPE, Family, Page
from monitoring.process import LoopLag

OWN_PAGES = frozenset(("/metrics", "/ready", "/health", "/live"))
"""Asked by machines all the time: they are not what answers take."""


class Told(NamedTuple):
    """What a process tells of itself: its metrics, and whether it can do its work."""

    page: Callable[[], Awaitable[Page]]
    readiness: Callable[[], Awaitable[Readiness]]


def request_seconds(process: str) -> Family:
    """The family that `Requests` of a process are put on its page under."""
    return Family(f"outbid_{process}_request_seconds", "histogram", "Time that answers took.", ("route", "status"))


class Requests:
    """How long answers took, by route and class of status (``2xx``)."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._taken: dict[tuple[str, str], Histogram] = {}

    def put(self, page: Page) -> None:
        for (route, status), histogram in sorted(self._taken.items()):
            histogram.put(page, self.family, route, status)

    def middleware(self) -> Middleware:
        """Goes before all others, so that it sees the answers as they are sent."""

        @web.middleware
        async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
            began, status = time.perf_counter(), 500
            try:
                answer = await handler(request)
                status = answer.status
                return answer
            except web.HTTPException as error:
                status = error.status
                raise
            finally:
                resource = request.match_info.route.resource
                route = resource.canonical if resource is not None else "none"
                if route not in OWN_PAGES:
                    series = self._taken.setdefault((route, f"{status // 100}xx"), Histogram())
                    series.observe(time.perf_counter() - began)

        return timed


def attach(app: web.Application, told: Told, lag: LoopLag) -> None:
    """Adds the two pages, and ``/live``: that the process answers. Runs ``lag`` with the application."""

    async def metrics(request: web.Request) -> web.Response:
        page = await told.page()
        return web.Response(body=page.render().encode(), headers={"Content-Type": CONTENT_TYPE})

    async def ready(request: web.Request) -> web.Response:
        found = await told.readiness()
        return web.Response(body=found.body(), status=found.status, content_type="application/json")

    async def live(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app.router.add_get("/metrics", metrics)
    app.router.add_get("/ready", ready)
    app.router.add_get("/live", live)
    app.cleanup_ctx.append(lag.beside)
