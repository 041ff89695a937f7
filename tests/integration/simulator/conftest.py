"""A small bidder with trackers, to try the simulator against: it keeps books of its own, the plain way."""

import asyncio
import hashlib
import hmac
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web

from domain.keys import load_keys, postback_secret
from domain.settings import Places

LANDING = "https://www.bank.example/cards?src=display"
BASIS = {"usx": "billing", "cnx": "impression"}
CURRENCY = {"usx": "USD", "cnx": "CNY"}


class FakeDsp:
    """Bids ``price`` CPM wherever that is allowed; counts every notice once."""

    def __init__(self, data: Path, price: str) -> None:
        self.price, self.keys = Decimal(price), load_keys(data)
        self.base = ""
        self.requests: list[dict[str, Any]] = []
        self.tokens: dict[str, tuple[str, int]] = {}
        self.bids: dict[int, tuple[str, bool]] = {}
        self.seen: dict[tuple[int, str], Decimal] = {}
        self.audited: set[int] = set()
        self.orders: dict[str, int] = {}
        self.losses: list[int] = []
        self.refused = 0
        self.clumsy = 0.0
        """Share of notices whose answer never arrives, and of those answered 503."""
        self.has_bid = asyncio.Event()
        """Set with the twentieth bid."""
        self.spoil: dict[str, Any] = {}
        """Put into every bid, over what is right."""
        self.rng = random.Random(7)
        self.ledger_behind = 0
        self.stored_too_much = 0

    def token(self, kind: str, bid: int) -> str:
        token = f"{self.rng.getrandbits(480):0120x}"
        self.tokens[token] = (kind, bid)
        return token

    async def bid(self, request: web.Request) -> web.Response:
        exchange = request.match_info["exchange"]
        try:
            asked = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        self.requests.append(asked)
        bids = [self._bid(exchange, asked, imp) for imp in asked["imp"]]
        bids = [bid for bid in bids if bid]
        if not bids:
            return web.json_response({"id": asked["id"], "nbr": 503})
        answer = {"id": asked["id"], "bidid": "r1", "cur": CURRENCY[exchange], "seatbid": [{"seat": "s", "bid": bids}]}
        response = web.json_response(answer)
        response.enable_compression()
        return response

    def _bid(self, exchange: str, asked: dict[str, Any], imp: dict[str, Any]) -> dict[str, Any] | None:
        currency = CURRENCY[exchange]
        floor = Decimal(str(imp.get("bidfloor", 0)))
        foreign = floor and imp.get("bidfloorcur", "USD") != currency
        banner = imp.get("banner")
        if (
            banner is None
            or foreign
            or floor > self.price
            or imp.get("pmp", {}).get("private_auction")
            or "IAB13" in asked.get("bcat", ())
        ):
            return None
        number = len(self.bids) + 1
        if number == 20:
            self.has_bid.set()
        self.bids[number] = (exchange, asked.get("test") == 1)
        click = f"{self.base}/click/{self.token('click', number)}?u={quote(LANDING, safe='')}"
        pixel = f"{self.base}/impression/{self.token('impression', number)}?p=${{AUCTION_PRICE}}"
        image = '<img src="https://cdn.bank.example/x.png">'
        bid = {
            "id": str(number),
            "impid": imp["id"],
            "price": float(self.price),
            "w": banner["w"],
            "h": banner["h"],
            "adomain": ["bank.example"],
            "crid": "c1",
            "mtype": 1,
            "cat": ["IAB13-2"],
            "nurl": f"{self.base}/win/{self.token('win', number)}?p=${{AUCTION_PRICE}}&c=${{AUCTION_CURRENCY}}",
            "lurl": f"{self.base}/loss/{self.token('loss', number)}?r=${{AUCTION_LOSS}}&m=${{AUCTION_MIN_TO_WIN}}",
            "adm": f'<a href="{click}">{image}</a><img src="{pixel}" width="1" height="1">',
        }
        if exchange == "usx":
            bid["burl"] = f"{self.base}/billing/{self.token('billing', number)}?p=${{AUCTION_PRICE}}"
        return bid | self.spoil

    async def notice(self, request: web.Request) -> web.Response:
        kind, token = request.match_info["kind"], request.match_info["token"]
        known, bid = self.tokens.get(token, ("", 0))
        if known != kind or (kind == "click" and request.query["u"] != LANDING):
            self.refused += 1
            return web.Response(status=403)
        trouble = self.rng.random()
        if trouble < self.clumsy:
            return web.Response(status=503)
        if kind == "loss":
            self.losses.append(int(request.query["r"]))
        elif request.query.get("p") == "AUDIT":
            self.audited.add(bid)
        else:
            self.seen.setdefault((bid, kind), Decimal(request.query.get("p", "0")))
        if trouble < 2 * self.clumsy:
            assert request.transport is not None
            request.transport.close()  # counted, but the exchange never hears of it
        if kind == "click":
            return web.Response(status=302, headers={"Location": f"{LANDING}&obclid={bid}"})
        return web.Response(status=200 if kind == "impression" else 204)

    async def conversion(self, request: web.Request) -> web.Response:
        assert request.query["advertiser"] == "bank"
        self.orders.setdefault(request.query["order"], int(request.query["obclid"]))
        return web.Response()

    async def postback(self, request: web.Request) -> web.Response:
        body, stamp = await request.read(), request.headers["X-Outbid-Timestamp"]
        secret = postback_secret(self.keys, request.match_info["advertiser"]).encode()
        if (
            hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            != request.headers["X-Outbid-Signature"]
        ):
            return web.Response(status=403)
        told = json.loads(body)
        self.orders.setdefault(told["order"], int(told["obclid"]))
        return web.json_response({})

    async def snapshot(self, request: web.Request) -> web.Response:
        advertisers = [{"key": "bank", "domain": "bank.example", "currency": "USD"}]
        return web.Response(body=msgspec.msgpack.encode({"advertisers": advertisers}))

    def books(self) -> dict[str, dict[str, int]]:
        """What it counted, by exchange: recomputed from the notices alone."""
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (bid, kind), price in self.seen.items():
            exchange, test = self.bids[bid]
            if test or bid in self.audited:
                continue
            book = found[exchange]
            book["impressions"] += kind == "impression"
            book["clicks"] += kind == "click"
            if kind == BASIS[exchange]:
                book["billed"] += 1
                book["spend"] += int(price * 1_000_000)
        for bid in {bid for bid, kind in self.seen if kind != "click"} - self.audited:
            exchange, test = self.bids[bid]
            found[exchange]["wins"] += not test
        for bid in self.orders.values():
            found[self.bids[bid][0]]["conversions"] += 1
        return found

    async def ledger(self, request: web.Request) -> web.Response:
        lines = [
            {"exchange": key, "currency": CURRENCY[key], "billed": book["billed"], "spend": book["spend"]}
            for key, book in self.books().items()
        ]
        return web.json_response({"exchanges": lines, "behind": self.ledger_behind})

    async def store(self, request: web.Request) -> web.Response:
        lines = [
            {"exchange": key, "currency": CURRENCY[key], **{name: book[name] for name in NAMES}}
            for key, book in self.books().items()
        ]
        for line in lines:
            line["spend"] += self.stored_too_much
        return web.json_response(lines)

    async def lag(self, request: web.Request) -> web.Response:
        return web.json_response({"behind": 0})


NAMES = ("wins", "impressions", "clicks", "conversions", "billed", "spend")


@asynccontextmanager
async def serving(routes: list[web.RouteDef]) -> AsyncIterator[int]:
    """The routes on a free port of this machine."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def dsp(tmp_path: Path) -> AsyncIterator[FakeDsp]:
    fake = FakeDsp(tmp_path, "1.5")
    bidding = [
        web.post("/openrtb2/{exchange}", fake.bid),
        web.get("/{kind:win|billing|loss|impression|click}/{token}", fake.notice),
        web.get("/conversion", fake.conversion),
        web.post("/postback/{advertiser}", fake.postback),
        web.get("/v1/snapshots/current", fake.snapshot),
        web.get("/v1/books", fake.ledger),
    ]
    reporting = [web.get("/v1/lag", fake.lag), web.get("/v1/books", fake.store)]
    async with serving(bidding) as port, serving(reporting) as reporter_port:
        fake.base = f"http://127.0.0.1:{port}"
        fake.places = Places(  # type: ignore[attr-defined]
            data_dir=str(tmp_path), bidder_port=port, tracker_port=port, control_port=port, reporter_port=reporter_port
        )
        yield fake
