"""Creatives on their way through two exchanges' reviews, played by a server that fails in the ways those document."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from campaigns import approvals, catalogue
from campaigns.approvals import Record
from campaigns.importing import import_file
from campaigns.reviewing import PENDING_S, REFUSED_S, SETTLED_S, CreativeSettings, Outcome, Reviewer
from cli.creatives import statuses
from domain.clock import SECOND, ManualClock
from domain.settings import SettingsError
from tests.control_stores import new_control_store

NOW_NS = 1_790_000_000 * SECOND
KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()

FILE = """
exchanges:
- {key: adx, adapter: google, currency: USD, billing_id: "77", creative_account: "1234",
   price_key: %s}
- {key: xan, adapter: xandr, currency: USD, seat: "958", creative_account: "958"}
- {key: open, currency: USD, billing: burl}
advertisers:
- {key: bank, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, categories: [IAB13]}
creatives:
- {key: png, advertiser: bank, size: 300x250, landing_url: "https://bank.example/card?a=1", image_url: "https://cdn.example/1.png"}
- key: tag
  advertiser: bank
  size: 728x90
  landing_url: "https://bank.example/"
  markup: '<a href="${CLICK_URL}">Card</a>'
- {key: unused, advertiser: bank, size: 1x1, landing_url: "https://bank.example/", image_url: "https://cdn.example/2.png"}
campaigns:
- key: cards
  advertiser: bank
  name: Cards
  start: 2026-01-01
  end: 2026-12-31
  daily_budget: 100
  line_items: [{key: l1, name: L, bid_cpm: 1, creatives: [png, tag]}]
""" % ("A" * 86 + "==")  # fmt: skip


class Exchanges:
    """Both APIs. ``faults`` are answers given instead, in turn; verdicts and audits what is said of creatives by id."""

    def __init__(self) -> None:
        self.faults: list[tuple[int, Any, dict[str, str]]] = []
        self.google: dict[str, dict[str, Any]] = {}
        self.xandr: dict[str, dict[str, Any]] = {}
        self.verdicts: dict[str, dict[str, Any]] = {}
        self.audits: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.tokens: list[str] = []
        self.base = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.trouble])
        app.add_routes(
            [
                web.post("/token", self.token),
                web.post("/v1/buyers/1234/creatives", self.create),
                web.patch("/v1/buyers/1234/creatives/{id}", self.patch),
                web.get("/v1/buyers/1234/creatives/{id}", self.get),
                web.post("/auth", self.auth),
                web.post("/creative/958", self.xandr_create),
                web.put("/creative/958", self.xandr_put),
                web.get("/creative", self.xandr_get),
            ]
        )
        return app

    @web.middleware
    async def trouble(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls[f"{request.method} {request.path}"] += 1
        if request.path not in ("/token", "/auth"):
            if self.faults:
                status, body, headers = self.faults.pop(0)
                return web.json_response(body, status=status, headers=headers)
            if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens[-2:]:
                return web.json_response({"error": {"message": "who are you?"}}, status=401)
        return await handler(request)

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        signed, _, signature = str(form["assertion"]).rpartition(".")
        KEY.public_key().verify(unbase64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(unbase64(signed.split(".")[1]))
        assert (
            claims["scope"] == "https://www.googleapis.com/auth/realtime-bidding"
            and claims["aud"] == f"{self.base}/token"
        )
        self.tokens.append(f"g{len(self.tokens)}")
        return web.json_response({"access_token": self.tokens[-1], "expires_in": 3600})

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["creativeId"] in self.google:
            return web.json_response({"error": {"code": 409, "status": "ALREADY_EXISTS"}}, status=409)
        self.google[body["creativeId"]] = body
        return web.json_response(body)

    async def patch(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.google:
            return web.json_response({"error": {"code": 404}}, status=404)
        self.google[request.match_info["id"]] = await request.json()
        return web.json_response(self.google[request.match_info["id"]])

    async def get(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        if id_ not in self.google:
            return web.json_response({"error": {"code": 404, "status": "NOT_FOUND"}}, status=404)
        decision = {"networkPolicyCompliance": self.verdicts.get(id_, {"status": "PENDING_REVIEW"})}
        return web.json_response({"creativeServingDecision": decision})

    async def auth(self, request: web.Request) -> web.Response:
        assert await request.json() == {"auth": {"username": "u", "password": "p"}}
        self.tokens.append(f"x{len(self.tokens)}")
        return web.json_response({"response": {"status": "OK", "token": self.tokens[-1]}})

    async def xandr_create(self, request: web.Request) -> web.Response:
        creative = (await request.json())["creative"]
        if creative["code"] in self.xandr:
            return web.json_response({"response": {"error_id": "SYNTAX", "error": "code is already in use"}})
        self.xandr[creative["code"]] = creative
        return web.json_response({"response": {"status": "OK", "id": 5}})

    async def xandr_put(self, request: web.Request) -> web.Response:
        self.xandr[request.query["code"]] = (await request.json())["creative"]
        return web.json_response({"response": {"status": "OK"}})

    async def xandr_get(self, request: web.Request) -> web.Response:
        found = self.xandr.get(request.query["code"])
        if found is None:
            return web.json_response({"response": {"error_id": "SYNTAX", "error": "creative not found"}})
        audit = self.audits.get(request.query["code"], {"audit_status": "pending"})
        return web.json_response({"response": {"status": "OK", "creative": {**found, **audit}}})


def unbase64(text: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Desk:
    def __init__(self, path: Path, exchanges: Exchanges) -> None:
        self.path, self.exchanges, self.clock = path, exchanges, ManualClock(NOW_NS)
        self.store = new_control_store(path / "control.sqlite")
        self.load(FILE)
        keys = {"client_email": "a@b", "private_key": PEM, "token_uri": f"{exchanges.base}/token"}
        (path / "google.json").write_text(json.dumps(keys))
        (path / "xandr.json").write_text(json.dumps({"username": "u", "password": "p"}))
        self.settings = CreativeSettings(
            credentials={"adx": str(path / "google.json"), "xan": str(path / "xandr.json")},
            endpoints={"adx": exchanges.base, "xan": exchanges.base},
        )
        self.reviewer = Reviewer(self.read, self.write, self.clock, self.settings)

    def load(self, text: str) -> None:
        (self.path / "c.yaml").write_text(text)
        import_file(self.store, self.path / "c.yaml", now_ns=NOW_NS)

    async def read(self, work: Any) -> Any:
        with self.store.read() as conn:
            return work(conn)

    async def write(self, work: Any) -> Any:
        with self.store.write() as conn:
            return work(conn)

    async def round(self, exchange: str = "", *, after_s: int = 0) -> Outcome:
        self.clock.advance(after_s)
        async with aiohttp.ClientSession() as session:
            return await self.reviewer.round(session, exchange)

    def records(self) -> dict[tuple[str, str], Record]:
        with self.store.read() as conn:
            known, found = catalogue.load(conn), approvals.records(conn)
        creatives = {c.id: c.key for c in known.creatives.values()}
        exchanges = {e.id: e.key for e in known.exchanges.values()}
        return {(creatives[c], exchanges[e]): record for (c, e), record in found.items()}

    def id_of(self, creative: str) -> str:
        with self.store.read() as conn:
            return str(catalogue.load(conn).creatives[creative].id)

    def version(self) -> int:
        with self.store.read() as conn:
            return catalogue.version(conn)

    def published(self) -> set[tuple[int, int, str]]:
        with self.store.read() as conn:
            return {(a.creative, a.exchange, a.status) for a in approvals.current(conn, catalogue.load(conn))}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    exchanges = Exchanges()
    server = TestServer(exchanges.app())
    await server.start_server()
    exchanges.base = f"http://{server.host}:{server.port}"
    made = Desk(tmp_path, exchanges)
    yield made
    made.store.close()
    await server.close()


async def test_creatives_that_are_used_are_submitted_once_and_then_asked_about(desk: Desk) -> None:
    assert await desk.round() == Outcome(submitted=4)
    assert {(pair, r.status) for pair, r in desk.records().items()} == {
        ((c, e), "pending") for c in ("png", "tag") for e in ("adx", "xan")
    }
    sent = desk.exchanges.google[desk.id_of("png")]
    assert sent["advertiserName"] == "Bank" and sent["declaredClickThroughUrls"] == ["https://bank.example/card?a=1"]
    assert 'href="%%CLICK_URL_UNESC%%https%3A%2F%2Fbank.example%2Fcard%3Fa%3D1"' in sent["html"]["snippet"]
    assert (sent["html"]["width"], sent["html"]["height"]) == (300, 250)
    assert desk.exchanges.xandr[desk.id_of("tag")]["content"] == '<a href="https://bank.example/">Card</a>'
    assert await desk.round() == Outcome()
    assert await desk.round(after_s=PENDING_S) == Outcome(asked=4)


FORMATS = """
creatives:
- {key: plays, advertiser: bank, format: video, landing_url: "https://bank.example/", video: {duration_s: 15,
   renditions: [{url: "https://cdn.example/v.mp4", size: 640x360}]}}
- {key: leads, advertiser: bank, format: video, size: 640x360, landing_url: "https://bank.example/",
   video: {duration_s: 15, wrapper_url: "https://ads.example/v", protocols: [3], mimes: [video/mp4]}}
- {key: sounds, advertiser: bank, format: audio, landing_url: "https://bank.example/", audio: {duration_s: 15,
   renditions: [{url: "https://cdn.example/s.mp3"}]}}
- {key: reads, advertiser: bank, format: native, landing_url: "https://bank.example/", native: {titles: [Card],
   texts: {sponsored: Bank}}}
campaigns:
- {key: cards, advertiser: bank, name: Cards, start: 2026-01-01, end: 2026-12-31, daily_budget: 100,
   line_items: [{key: l1, name: L, bid_cpm: 1, creatives: [plays, leads, sounds, reads]}]}
"""


async def test_creatives_of_all_formats_are_submitted_where_the_api_has_a_form_for_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.load(FORMATS)
    assert await desk.round() == Outcome(submitted=7)
    adx, xan = desk.exchanges.google, desk.exchanges.xandr
    parts = {key: next(part for part in ("html", "video", "native") if part in adx[desk.id_of(key)])
             for key in ("plays", "leads", "sounds", "reads")}  # fmt: skip
    assert parts == {"plays": "video", "leads": "video", "sounds": "video", "reads": "native"}
    assert "https://cdn.example/s.mp3" in adx[desk.id_of("sounds")]["video"]["videoVastXml"]
    templates = {key: xan[desk.id_of(key)]["template"]["id"] for key in ("leads", "sounds", "reads")}
    assert templates == {"leads": 6439, "sounds": 38745, "reads": 39461}
    assert desk.id_of("plays") not in xan and ("plays", "xan") not in desk.records()
    desk.exchanges.verdicts[desk.id_of("plays")] = {"status": "APPROVED"}
    assert await desk.round(after_s=PENDING_S) == Outcome(asked=7)
    assert desk.records()["plays", "adx"].status == "approved"
    monkeypatch.setenv("OUTBID_CONTROL_DATABASE_URL", desk.store.url)
    shown = {row[2]: row[3:] for row in await asyncio.to_thread(statuses, "xan")}
    why = "to be submitted by hand: it takes VAST by its address only, such as wrapper_url"
    assert shown["plays"] == ("not_submitted", "", why) and shown["leads"] == ("pending", "", "")


async def test_verdicts_are_kept_with_their_reasons_and_published(desk: Desk) -> None:
    await desk.round()
    png, tag = desk.id_of("png"), desk.id_of("tag")
    topics = [{"policyTopic": "financialServices", "helpCenterUrl": "x"}, {"policyTopic": "malware"}]
    desk.exchanges.verdicts |= {png: {"status": "APPROVED"}, tag: {"status": "DISAPPROVED", "topics": topics}}
    desk.exchanges.audits |= {
        png: {"audit_status": "rejected", "audit_feedback": "No border"},
        tag: {"audit_status": "audited"},
    }
    before = desk.version()
    await desk.round(after_s=PENDING_S)
    said = {pair: (r.status, r.reasons) for pair, r in desk.records().items()}
    assert said == {
        ("png", "adx"): ("approved", ()),
        ("tag", "adx"): ("disapproved", ("financialServices", "malware")),
        ("png", "xan"): ("disapproved", ("No border",)),
        ("tag", "xan"): ("approved", ()),
    }
    after = desk.version()
    assert after > before
    assert await desk.round(after_s=PENDING_S) == Outcome()
    assert await desk.round(after_s=SETTLED_S) == Outcome(asked=4)
    assert desk.version() == after  # nothing new was said


async def test_changed_content_is_submitted_again_and_what_was_said_before_holds_no_more(desk: Desk) -> None:
    await desk.round()
    desk.exchanges.verdicts[desk.id_of("png")] = {"status": "APPROVED"}
    await desk.round(after_s=PENDING_S)
    assert any(status == "approved" for _, _, status in desk.published())
    desk.load(FILE.replace("1.png", "3.png"))
    assert not any(status == "approved" for _, _, status in desk.published())
    desk.exchanges.calls.clear()
    assert (await desk.round("adx")).submitted == 1
    assert desk.exchanges.calls == {f"PATCH /v1/buyers/1234/creatives/{desk.id_of('png')}": 1}
    assert "3.png" in desk.exchanges.google[desk.id_of("png")]["html"]["snippet"]


async def test_an_exchange_that_has_the_creative_already_gets_it_changed(desk: Desk) -> None:
    for held in (desk.exchanges.google, desk.exchanges.xandr):
        held.update({desk.id_of(key): {"old": True} for key in ("png", "tag")})
    assert await desk.round() == Outcome(submitted=4)
    assert not any("old" in creative for creative in desk.exchanges.google.values())
    assert not any("old" in creative for creative in desk.exchanges.xandr.values())


async def test_a_creative_that_the_exchange_has_forgotten_is_submitted_again(desk: Desk) -> None:
    await desk.round()
    desk.exchanges.google.clear()
    desk.exchanges.xandr.clear()
    await desk.round(after_s=PENDING_S)
    assert len(desk.exchanges.google) == len(desk.exchanges.xandr) == 2


async def test_too_many_requests_leave_the_exchange_alone_for_as_long_as_it_says(desk: Desk) -> None:
    desk.exchanges.faults = [(429, {"error": {}}, {"Retry-After": "120"})]
    assert await desk.round("adx") == Outcome(failed=1)
    assert await desk.round("adx", after_s=119) == Outcome()
    assert await desk.round("adx", after_s=1) == Outcome(submitted=2)
    desk.exchanges.faults = [(200, {"response": {"error_id": "SYSTEM", "error_code": "RATE_EXCEEDED"}}, {})]
    assert await desk.round("xan") == Outcome(failed=1)
    assert await desk.round("xan", after_s=60) == Outcome(submitted=2)


async def test_failures_are_tried_again_later_each_time(desk: Desk) -> None:
    desk.exchanges.faults = [(503, {}, {}), (500, {}, {})]
    assert await desk.round("adx") == Outcome(failed=2)
    assert {r.status for r in desk.records().values()} == {"not_submitted"}
    assert all("50" in r.trouble for r in desk.records().values())
    assert await desk.round("adx", after_s=59) == Outcome()
    desk.exchanges.faults = [(503, {}, {}), (503, {}, {})]
    assert await desk.round("adx", after_s=1) == Outcome(failed=2)
    assert await desk.round("adx", after_s=119) == Outcome()
    assert await desk.round("adx", after_s=1) == Outcome(submitted=2)
    assert not any(r.trouble or r.attempts for r in desk.records().values())


async def test_a_submission_that_is_refused_is_not_repeated_soon_and_says_why(desk: Desk) -> None:
    refusal = (400, {"error": {"message": "html.width: too small"}}, {})
    desk.exchanges.faults = [refusal, refusal]
    assert await desk.round("adx") == Outcome(failed=2)
    assert {r.trouble for r in desk.records().values()} == {"html.width: too small"}
    assert await desk.round("adx", after_s=REFUSED_S - 1) == Outcome()
    desk.load(FILE.replace("1.png", "3.png"))  # mended, so it is new
    assert await desk.round("adx") == Outcome(submitted=1)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"creativeServingDecision":{"networkPolicyCompliance":{"status":"ODD"}}}']
)
async def test_answers_that_nobody_understands_change_no_verdict(desk: Desk, body: bytes) -> None:
    await desk.round("adx")
    before = desk.published()
    content = json.loads(body) if body else "nothing"
    desk.exchanges.faults = [(200, content, {}), (200, content, {})]
    assert await desk.round("adx", after_s=PENDING_S) == Outcome(failed=2)
    assert desk.published() == before


async def test_a_token_that_is_not_taken_any_more_is_replaced(desk: Desk) -> None:
    await desk.round()
    tokens = len(desk.exchanges.tokens)
    desk.exchanges.tokens += ["other", "tokens"]
    assert await desk.round(after_s=PENDING_S) == Outcome(asked=4)
    assert len(desk.exchanges.tokens) == tokens + 4  # one for each exchange


async def test_credentials_that_cannot_be_used_are_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "google.json").write_text("{}")
    assert await desk.round("adx") == Outcome(failed=2)
    assert all("client_email" in r.trouble for r in desk.records().values())
    desk.settings.credentials.pop("adx")
    assert await desk.round("adx", after_s=9_999) == Outcome()
    with pytest.raises(SettingsError, match="cannot be read"):
        from campaigns.credentials import Credentials

        Credentials("xandr", tmp_path / "nowhere.json", "http://x")


async def test_an_exchange_that_is_away_fails_and_nothing_is_lost(desk: Desk) -> None:
    desk.settings.endpoints["xan"] = "http://127.0.0.1:1"
    assert await desk.round("xan") == Outcome(failed=2)
    desk.settings.endpoints["xan"] = desk.exchanges.base
    desk.reviewer = Reviewer(desk.read, desk.write, desk.clock, desk.settings)
    assert await desk.round("xan", after_s=60) == Outcome(submitted=2)
