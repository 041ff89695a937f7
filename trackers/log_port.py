"""The money log, for the control process on another host. Only who has the deployment's keys may read it."""

import asyncio
import hmac

from aiohttp import web

from domain.keys import internal_secret
from eventlog.consumers import LEDGER, RELEASED, passed
from eventlog.remote import ASK_NAME, encode, read_piece
from trackers.desk import DESK, wrong

MOST_RECORDS = 10_000


async def read_log(request: web.Request) -> web.Response:
    """``GET /log?from=POSITION&limit=N``, with the internal secret as bearer token; with ``&log=NAME&booked=POSITION``
    control says up to where the ledger contains the log of that name.
    """
    desk = request.app[DESK]
    told = request.headers.get("Authorization", "").encode(errors="surrogateescape")
    if not hmac.compare_digest(told, f"Bearer {internal_secret(desk.keys)}".encode()):
        raise web.HTTPForbidden(text="this is for control only\n")
    start = _number(request, "from", ASK_NAME, 2**63 - 1)
    limit = _number(request, "limit", 1, MOST_RECORDS)
    if "booked" in request.query:
        booked = _number(request, "booked", 1, RELEASED - 1)
        if request.query.get("log") == desk.log_name:  # else it has not heard yet that this host began anew
            passed(desk.log_directory, LEDGER, booked)
    piece = await asyncio.to_thread(read_piece, desk.log_name, desk.log_directory, start, limit)
    return web.Response(body=encode(piece), content_type="application/msgpack")


def _number(request: web.Request, name: str, low: int, high: int) -> int:
    text = request.query.get(name, "")
    try:
        number = int(text) if text.isascii() else low - 1
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise wrong(name, text, f"it must be a whole number from {low} to {high}")
    return number
