"""The watcher among processes that die, lie about the time, and come back; killed and started again itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitoring import alerts
from monitoring.config import AlertSettings, Email, Webhook
from monitoring.page import Page
from monitoring.process import CLOCK, FAMILIES
from monitoring.rules import BUILT_IN, Rule
from monitoring.watcher import Watcher
from monitoring.watcher_port import Port
from tests.exposition import Metrics
from tests.mail_server import MailServer, certificate, mail_server

MATTER = ("process_down", "clock_skew")


@dataclass
class Process:
    """Something to be watched, on a port. ``skew_s``: how far its clock is ahead."""

    skew_s: float = 0.0
    asked: int = 0
    beats: int = 0
    port: int | None = None
    server: TestServer | None = None

    async def metrics(self, request: web.Request) -> web.Response:
        page = Page(FAMILIES)
        page.add(CLOCK, time.time() + self.skew_s, "bidder")
        self.asked += 1
        return web.Response(text=page.render())

    async def beat(self, request: web.Request) -> web.Response:
        self.beats += 1
        return web.Response()

    async def start(self) -> str:
        app = web.Application()
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/ping", self.beat)
        self.server = TestServer(app, port=self.port)
        await self.server.start_server()
        self.port = self.server.port
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        assert self.server is not None
        await self.server.close()


@dataclass
class Rig:
    """A watcher on a port, watching one process, with a mail server as its channel."""

    settings: AlertSettings
    process: Process
    mail: MailServer
    data: Path
    watcher: Watcher | None = None
    session: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[str]:
        self.watcher = Watcher(self.settings, self.settings.targets, self.data)
        server = TestServer(Port(self.watcher, "s3cret").application())
        await server.start_server()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            await server.close()

    async def looks(self, times: int) -> None:
        """Returns when the watcher has looked so often again."""
        for _ in range(times):
            before = self.watcher.looked_s
            while self.watcher.looked_s == before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def mailed(self, count: int) -> list[str]:
        """Subjects, once there are so many."""
        async with asyncio.timeout(10):
            while len(self.mail.mails) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return [mail["Subject"] for mail in self.mail.mails]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(alerts, "SETTLED_S", 0.05)
    quick = [
        Rule(rule.name, rule.metric, by=rule.by, combine=rule.combine, above=rule.above, below=rule.below,
             severity=rule.severity, summary=rule.summary, enabled=rule.name in MATTER)
        for rule in BUILT_IN
    ]  # fmt: skip
    process = Process()
    base = await process.start()
    async with mail_server(certificate(tmp_path)[1], "") as mail:
        email = Email("127.0.0.1", mail.port, "none", to=("ops@x.example",))
        settings = AlertSettings(
            every_s=0.05, targets={"bidder": base}, heartbeat_url=f"{base}/ping", email=email, rule=tuple(quick)
        )
        made = Rig(settings, process, mail, tmp_path)
        yield made
        await made.session.close()
    await process.stop()


async def test_a_dead_process_is_told_once_and_when_it_is_back(rig: Rig) -> None:
    """The watcher is killed meanwhile, twice, and tells nothing again."""
    async with rig.watching():
        await rig.looks(2)
        assert rig.process.beats == 1
        await rig.process.stop()
        assert await rig.mailed(1) == ["[Outbid] CRITICAL process_down"]
        await rig.looks(3)
    for _ in range(2):
        async with rig.watching() as base:
            await rig.looks(3)
            async with rig.session.get(f"{base}/v1/alerts") as answer:
                told = await answer.json()
    assert [(alert["rule"], alert["state"], alert["labels"]) for alert in told["alerts"]] == [
        ("process_down", "firing", {"target": "bidder"})
    ]
    assert told["targets"] == {"bidder": False}
    await rig.process.start()
    async with rig.watching():
        assert (await rig.mailed(2))[1:] == ["[Outbid] RESOLVED process_down"]
        await rig.looks(3)
    assert len(rig.mail.mails) == 2


async def test_a_clock_that_is_off_is_told(rig: Rig) -> None:
    rig.process.skew_s = -6.0
    async with rig.watching() as base:
        assert await rig.mailed(1) == ["[Outbid] CRITICAL clock_skew"]
        async with rig.session.get(f"{base}/metrics") as answer:
            told = Metrics(await answer.text())
    assert 5.9 < told.of("outbid_watcher_clock_skew_seconds", target="bidder") <= 6.0
    assert told.by("outbid_watcher_alerts", "state") == {"firing": 1}


async def test_a_silence_is_kept_over_a_restart_and_can_be_ended(rig: Rig) -> None:
    trusted = {"Authorization": "Bearer s3cret"}
    async with rig.watching() as base:
        order = {"rule": "clock_skew", "seconds": 60, "where": {"target": "bidder"}, "reason": "new battery"}
        async with rig.session.post(f"{base}/v1/alerts/silence", json=order, headers=trusted) as answer:
            silence = await answer.json()
    rig.process.skew_s = 60.0
    async with rig.watching() as base:
        await rig.looks(3)
        async with rig.session.get(f"{base}/v1/alerts") as answer:
            told = await answer.json()
        assert told["alerts"][0]["silenced"] and told["silences"] == [silence] and not rig.mail.mails
        async with rig.session.post(f"{base}/v1/alerts/unsilence?id={silence['id']}", headers=trusted) as answer:
            assert answer.status == 200
        assert await rig.mailed(1) == ["[Outbid] CRITICAL clock_skew"]


@pytest.mark.parametrize(
    ("path", "order", "trusted", "status", "named"),
    [
        ("silence", {"rule": "*", "seconds": 60}, False, 403, "keys"),
        ("test", {}, False, 403, "keys"),
        ("silence", {"rule": "nothing", "seconds": 60}, True, 400, "rule"),
        ("silence", {"rule": "*", "seconds": 0}, True, 400, "seconds"),
        ("silence", {"rule": "*", "seconds": 1e9}, True, 400, "seconds"),
        ("silence", {"rule": "*", "seconds": 60, "until": 7}, True, 400, "until"),
        ("unsilence?id=none", {}, True, 404, "id"),
    ],
)
async def test_orders_that_make_no_sense_are_refused(
    rig: Rig, path: str, order: dict[str, object], trusted: bool, status: int, named: str
) -> None:
    headers = {"Authorization": f"Bearer {'s3cret' if trusted else 'guess'}"}
    async with (
        rig.watching() as base,
        rig.session.post(f"{base}/v1/alerts/{path}", json=order, headers=headers) as answer,
    ):
        assert answer.status == status and named in await answer.text()
    assert not rig.mail.mails


async def test_a_test_says_which_channel_does_not_deliver(rig: Rig) -> None:
    rig.settings = AlertSettings(
        every_s=0.05,
        targets=rig.settings.targets,
        email=rig.settings.email,
        webhook=(Webhook("https://127.0.0.1:1/x"),),
    )
    headers = {"Authorization": "Bearer s3cret"}
    async with rig.watching() as base, rig.session.post(f"{base}/v1/alerts/test", headers=headers) as answer:
        outcomes = await answer.json()
    assert outcomes.keys() == {"email", "webhook-0"} and outcomes["email"] == "delivered"
    assert outcomes["webhook-0"].startswith("https://127.0.0.1:1")
    assert rig.mail.mails[0]["Subject"] == "[Outbid] TEST test"


async def test_readiness_says_what_is_wrong_with_the_watcher_itself(rig: Rig) -> None:
    rig.mail.works = False
    rig.process.skew_s = 60.0
    async with rig.watching() as base:
        await rig.looks(2)
        async with rig.session.get(f"{base}/ready") as answer:
            assert answer.status == 200
        async with asyncio.timeout(5):
            while "email" not in json.loads(rig.watcher.readiness().body())["degraded"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        rig.watcher.looked_s = time.monotonic() - 60
        assert rig.watcher.readiness().reasons.keys() == {"looking"}
