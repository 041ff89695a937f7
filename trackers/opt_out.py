"""The browser's opt-out: our cookie is taken away, and the person behind it is used no more, by any of their ids."""

from aiohttp import web

from domain.naming import person_key
from targeting.redis_address import Away
from trackers.cookies import take_away, value_of
from trackers.desk import DESK, NO_STORE
from trackers.joins import JOINS

DONE = "You have opted out: this browser, and what is known to belong to it, is not used for advertising any more.\n"


async def opt_out(request: web.Request) -> web.Response:
    """Needs no consent, and may be called again. 503 where the opt-out cannot be stored: then nothing was done."""
    if value := value_of(request):
        try:
            await request.app[JOINS].opt_out(person_key("cookie", value))
        except Away:
            raise web.HTTPServiceUnavailable(text="the opt-out cannot be stored now; try again\n") from None
    request.app[DESK].counts["opt_out"] += 1
    response = web.Response(text=DONE, headers=NO_STORE)
    take_away(request, response)
    return response
