"""Running an application on its port, until SIGTERM or SIGINT."""

import gc
from collections.abc import Callable

import uvloop
from aiohttp import web


def serve(make: Callable[[], web.Application], host: str, port: int) -> None:
    """``make`` is called in the event loop that the application runs in."""

    async def served() -> web.Application:
        app = make()
        gc.collect()
        gc.freeze()  # what is there from the start stays: looking at it again would only make an answer late
        return app

    web.run_app(served(), host=host, port=port, loop=uvloop.new_event_loop(), access_log=None, print=None)
