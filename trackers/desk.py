"""What every endpoint of the money port works with, and how it says no."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from aiohttp import web

from domain.clock import Clock
from domain.errors import Problem, Refused
from domain.events import Conversion, Kind, Mark, Notice, Visit
from domain.keys import Keys
from domain.token import Forged, Sealer, Token
from eventlog.frames import LogFull
from trackers.click_ids import ClickIds
from trackers.directory import Directory
from trackers.recorder import Recorder

NO_STORE = {"Cache-Control": "no-store"}
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent GIF of 1 x 1."""


@dataclass
class Desk:
    keys: Keys
    clock: Clock
    recorder: Recorder
    directory: Directory
    log_name: str
    log_directory: Path
    counts: Counter[str] = field(default_factory=Counter)
    """Events since the start by kind and mark, prices told that count for nothing, and refusals, both by cause."""

    def __post_init__(self) -> None:
        self.sealer = Sealer(self.keys.seal, self.keys.mac)
        self.click_ids = ClickIds(self.keys)

    def open(self, request: web.Request, kind: Kind, extra: bytes = b"") -> Token:
        """The token in the request's path. Raises Forged."""
        return self.sealer.open(request.match_info["token"], kind, extra)

    async def record_notice(self, notice: Notice) -> Notice:
        marked = await self.recorder.notice(notice)
        self.counts.update(_names(Kind(marked.kind), marked.marks))
        return marked

    async def record_conversion(self, conversion: Conversion) -> Conversion:
        marked = await self.recorder.conversion(conversion)
        self.counts.update(_names(Kind.CONVERSION, marked.marks))
        return marked

    async def record_visit(self, visit: Visit) -> Visit:
        self.counts["visit"] += 1
        return await self.recorder.visit(visit)


@cache
def _names(kind: Kind, marks: int) -> tuple[str, ...]:
    """What an event of this kind with these marks is counted as."""
    name = kind.name.lower()
    return name, *(f"{name}.{(mark.name or '').lower()}" for mark in Mark(marks))


DESK = web.AppKey("desk", Desk)


def pixel() -> web.Response:
    return web.Response(body=PIXEL, content_type="image/gif", headers=NO_STORE)


def wrong(path: str, value: object, allowed: str) -> Refused:
    """The refusal of one parameter."""
    return Refused([Problem(path, value, allowed)])


@web.middleware
async def answer_refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refusals become answers that say why, in plain text, and are counted."""
    counts = request.app[DESK].counts
    try:
        return await handler(request)
    except Forged as error:
        counts["refused.forged"] += 1
        return web.Response(status=403, text=f"{error}\n", headers=NO_STORE)
    except Refused as error:
        counts["refused.malformed"] += 1
        return web.Response(status=400, text=f"{error}\n", headers=NO_STORE)
    except LogFull:
        counts["refused.log_full"] += 1
        return web.Response(status=503, text="nothing can be recorded at the moment; try again\n", headers=NO_STORE)
