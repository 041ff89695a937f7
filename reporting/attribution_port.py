"""``POST /v1/attribution``: asks the job that credits conversions for a run, and answers when it is done.

With ``from`` and ``to`` (days, UTC, both included) in the query the conversions received then are credited anew;
without, what is new is credited now. With the internal secret as bearer token only.
"""

import asyncio
import hmac
import re
from datetime import date

import orjson
from aiohttp import web

from domain.errors import Problem, Refused
from reporting.attributor import Attributor, answer_of
from reporting.store import StoreError

_EPOCH = date(1970, 1, 1).toordinal()
_NAMES = ("from", "to")


class AttributionPort:
    """``attributor`` None: another reporter does it."""

    def __init__(self, attributor: Attributor | None, secret: str) -> None:
        self._attributor, self._secret = attributor, secret

    def add(self, app: web.Application) -> None:
        app.router.add_post("/v1/attribution", self.run)

    async def run(self, request: web.Request) -> web.Response:
        told = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(told, f"Bearer {self._secret}".encode()):
            raise web.HTTPForbidden(text="this is for who has the deployment's keys only\n")
        wanted = read(dict(request.query))
        if self._attributor is None:
            raise StoreError("this reporter credits no conversions ([reporting] attribution); another one does")
        tally = await asyncio.wrap_future(self._attributor.ask(wanted))
        return web.Response(body=orjson.dumps(answer_of(tally)), content_type="application/json")


def read(query: dict[str, str]) -> tuple[int, int] | None:
    """The parameters ``from`` and ``to`` as days since 1970. Raises Refused."""
    problems = [
        Problem(name, value, "the parameters are from and to") for name, value in query.items() if name not in _NAMES
    ]
    days: list[int] = []
    for name in _NAMES if query else ():
        text = query.get(name, "")
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                raise ValueError
            days.append(date.fromisoformat(text).toordinal() - _EPOCH)
        except ValueError:
            problems.append(
                Problem(name, text or None, "it must be a day, YYYY-MM-DD; both days must be given, or none")
            )
    if not problems and days and days[0] > days[1]:
        problems.append(Problem("from", query["from"], f"it must not be after to, {query['to']}"))
    if problems:
        raise Refused(problems)
    return (days[0], days[1]) if days else None
