"""A tracker on a port, with its real log and store, a control that publishes a snapshot, and a clock moved by hand."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.campaign import Advertiser, Snapshot
from domain.clock import SECOND, ManualClock
from domain.context_word import Context, Place, System, pack
from domain.creative import FORMATS, every_format
from domain.events import Conversion, Event, Kind, Notice, decode
from domain.exchange import Exchange
from domain.keys import load_keys
from domain.settings import Places
from domain.token import Sealer, Token
from eventlog.reader import LogReader
from trackers.app import build
from trackers.config import TrackerSettings

NOON_NS = 1_800_000_000 * SECOND
PRICE_KEY = "A" * 86 + "=="
"""Of the exchange that encrypts its prices: zeros, in base64."""


def snapshot(version: int, advertisers: list[Advertiser]) -> bytes:
    exchanges = (
        Exchange(id=1, key="usx", currency="USD", billing=every_format("burl")),
        Exchange(id=2, key="cnx", currency="CNY", billing=every_format("impression")),
        Exchange(3, "sealed", "USD", every_format("impression"), 2, every_format("encrypted"), PRICE_KEY),
    )
    return msgspec.msgpack.encode(
        Snapshot(version, 0, exchanges, (), tuple(advertisers), (), (), (), (), ()),
    )


def advertiser(id: int, key: str) -> Advertiser:
    return Advertiser(id, key, key.title(), "USD", "UTC", f"{key}.example", ("IAB13",))


@dataclass
class Control:
    """What ``GET /v1/snapshots/current`` answers; None: it is away."""

    body: bytes | None

    async def answer(self, request: web.Request) -> web.Response:
        if self.body is None:
            raise web.HTTPServiceUnavailable
        return web.Response(body=self.body)


@dataclass
class Deployment:
    """A data directory, and a tracker that can be stopped and started again on it."""

    place: Places
    clock: ManualClock
    session: aiohttp.ClientSession
    landing: str = "https://acme.example/apply?src=ad#form"
    settings: TrackerSettings = field(default_factory=lambda: TrackerSettings(directory_s=0.02, max_body_bytes=4096))
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the tracker found that it cannot go on."""
    base: str = ""
    """Where the tracker is."""
    server: TestServer | None = None

    def __post_init__(self) -> None:
        keys = load_keys(self.place.data)
        self.sealer = Sealer(keys.seal, keys.mac)
        self._bids = itertools.count(5 << 32)

    async def start(self) -> None:
        self.server = TestServer(build(self.place, self.settings, self.clock, self.stopped.set))
        await self.server.start_server()
        self.base = f"http://{self.server.host}:{self.server.port}"

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.close()
            self.server = None

    def token(self, **changes: Any) -> Token:
        """A bid made now, on the exchange that bills in USD."""
        facts: dict[str, Any] = {
            "bid": next(self._bids), "imp": 0, "bid_ns": self.clock.now_ns(), "person": 77, "site": 5,
            "max_price": 2_000_000, "advertiser": 10, "campaign": 20, "line_item": 30, "creative": 40, "deal": 0,
            "lease": 50, "rate": 60, "terms": 0, "exchange": 1, "expiry_s": 300, "basis": int(Kind.BILLING),
            "format": 0, "test": False,
        }  # fmt: skip
        facts |= changes
        place = Context("USA", 4, System.IOS, Place.APP, FORMATS[facts["format"]])
        return Token(**{"context": pack(place), **facts})

    def path(self, token: Token, kind: Kind, query: str = "", extra: bytes = b"") -> str:
        text = self.sealer.bind_token(self.sealer.seal_token(token), kind, extra)
        return f"/{kind.name.lower()}/{text}{'?' if query else ''}{query}"

    def click(self, token: Token, landing: str = "") -> str:
        landing = landing or self.landing
        return self.path(token, Kind.CLICK, f"u={quote(landing, safe='')}", landing.encode())

    async def get(self, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        async with self.session.get(self.base + path, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        async with self.session.post(self.base + path, data=body, headers=headers) as answer:
            return answer.status, await answer.read()

    def logged(self) -> list[Event]:
        reader, events = LogReader(self.place.data / "log/money/0"), []
        while records := reader.read()[0]:
            events += [decode(record) for record in records]
        return events

    def notices(self) -> list[Notice]:
        return [event for event in self.logged() if isinstance(event, Notice)]

    def conversions(self) -> list[Conversion]:
        return [event for event in self.logged() if isinstance(event, Conversion)]


@pytest.fixture
def control() -> Control:
    return Control(snapshot(1, [advertiser(10, "acme"), advertiser(11, "other")]))


@pytest.fixture
async def deployment(tmp_path: Path, control: Control) -> AsyncIterator[Deployment]:
    """Everything but a tracker that runs."""
    app = web.Application()
    app.add_routes([web.get("/v1/snapshots/current", control.answer)])
    async with AsyncExitStack() as stack:
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        place = Places(data_dir=str(tmp_path), control_url=f"http://{server.host}:{server.port}", holds=10_000)
        yield Deployment(place, ManualClock(NOON_NS), session)


@pytest.fixture
async def tracker(deployment: Deployment) -> AsyncIterator[Deployment]:
    """A running tracker."""
    await deployment.start()
    yield deployment
    await deployment.stop()
