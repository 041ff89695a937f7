"""Events of playing and viewing: quartiles, mute, skip, errors of players, and whether an ad was in view."""

import re

from aiohttp import web
from msgspec.structs import replace

from domain.events import Kind, PlayEvent
from trackers.desk import DESK, pixel, wrong
from trackers.notices import read_notice

_EVENTS = {event.name.lower(): event for event in PlayEvent}
_CODE = re.compile(r"[0-9]{1,4}")


async def event(request: web.Request) -> web.Response:
    """One URL for all events of a bid: ``e`` names it, ``c`` is an error's code. Players report nothing but what they
    are asked to, so another name is a URL that was altered.
    """
    desk = request.app[DESK]
    name, code = request.query.get("e", ""), request.query.get("c", "")
    told = _EVENTS.get(name)
    if told is None:
        raise wrong("e", name or None, f"it must be one of {', '.join(_EVENTS)}")
    notice = read_notice(desk, desk.open(request, Kind.EVENT), Kind.EVENT, {})
    error = int(code) if told is PlayEvent.ERROR and _CODE.fullmatch(code) else 0
    await desk.record_notice(replace(notice, event=int(told), error=error))
    return pixel()
