"""An aiohttp application made from operations: keys, limits of size, time and rate, problems, OpenAPI, metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from api import openapi
from api.checking import decoder, parameters
from api.exact import exact
from api.keys import NOBODY, Keys
from api.operations import PUBLIC, Call, Operation
from api.problem import Failure, failure_of
from monitoring import web as monitoring_web
from monitoring.process import LoopLag
from monitoring.web import Requests, Told

log = logging.getLogger(__name__)

MOST_BYTES = 64 << 20
"""No operation takes a longer body, whatever it says."""


def application(
    title: str,
    version: str,
    operations: Sequence[Operation],
    keys: Keys,
    *,
    told: Told,
    requests: Requests,
    lag: LoopLag,
    description: str = "",
) -> web.Application:
    """The application. ``told`` and ``requests`` as in `monitoring.web`: the process's own page and its answers' times.

    ``/openapi.json``, ``/health``, ``/live``, ``/ready`` and ``/metrics`` need no key.
    """
    app = web.Application(middlewares=[requests.middleware(), _problems], client_max_size=MOST_BYTES)
    for operation in operations:
        app.router.add_route(operation.method, operation.path, _served(operation, keys))
    document = msgspec.json.encode(openapi.document(title, version, operations, description))

    async def described(request: web.Request) -> web.Response:
        return web.Response(body=document, content_type="application/json")

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app.router.add_get("/openapi.json", described)
    app.router.add_get("/health", health)
    monitoring_web.attach(app, told, lag)
    return app


def _served(operation: Operation, keys: Keys) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """An aiohttp handler that checks a call before the operation's own handler has it."""
    encode = msgspec.json.Encoder().encode
    number = exact if operation.exact else None
    body_of = decoder(operation.request, number) if operation.request is not None else None
    most, public, scope = operation.most_bytes, operation.scope == PUBLIC, operation.scope
    handler, seconds, status, query_of = operation.handler, operation.seconds, operation.status, operation.query

    async def serve(request: web.Request) -> web.StreamResponse:
        key = NOBODY
        if not public:
            key = keys.key(request.headers.get("Authorization", ""))
            if not key.may(scope):
                raise Failure(403, f"this key has not the scope {scope!r}")
            key.bucket.charge(1)
        body: Any = None
        query = parameters(request.query, query_of) if query_of is not None else None
        try:
            async with asyncio.timeout(seconds):
                if body_of is not None:
                    body = body_of(await _read(request, most))
                answer = await handler(Call(key, body, request.match_info, query, request))
        except TimeoutError:
            raise Failure(503, f"there was no answer in {seconds:g} s") from None
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=status)
        return web.Response(status=status, body=encode(answer), content_type="application/json")

    return serve


async def _read(request: web.Request, most: int) -> bytes:
    kind = request.headers.get("Content-Type")
    if kind is not None and request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise Failure(415, "the body is JSON: Content-Type: application/json")
    length = request.content_length
    if length is not None and length > most:
        raise _too_long(most)
    if length is not None and not request.headers.get("Content-Encoding"):
        return await request.read()
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > most:
            raise _too_long(most)
    return bytes(body)


def _too_long(most: int) -> Failure:
    return Failure(413, f"the body may have {most} bytes")


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is a problem document; a bug is one too, and logged."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return Failure(error.status, error.reason, headers=headers).response()
    except Exception as error:
        failure = failure_of(error)
        if failure.status == 500:
            log.exception("a call of %s failed", request.path)
        return failure.response()
