"""Alerts on their way to people: over a real SMTP session, and to a real HTTPS receiver, whatever these do."""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from monitoring import outbox
from monitoring.alerts import Told
from monitoring.channels import Hook, Mail, Undelivered
from monitoring.config import Email, Webhook
from monitoring.messages import Message, message
from monitoring.outbox import Outbox
from tests.mail_server import PASSWORD, USER, certificate, mail_server, tls

SECRET = "webhook-secret"


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(a certificate of 127.0.0.1, with its key)."""
    return certificate(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(f"{text}\n")
        return str(tmp_path / name)

    return write


def news(rule: str, severity: str = "critical", status: str = "firing") -> Message:
    told = Told(status, rule, severity, "Ünwell.", {"who": "a"}, 9.0, "above 5", 1_795_000_000.0)  # type: ignore[arg-type]
    return message([told], time.time())


@pytest.mark.parametrize(
    ("offers", "security", "came"),
    [("starttls auth", "starttls", f"tls {USER}"), ("implicit auth", "tls", f"tls {USER}"), ("", "none", "")],
)
async def test_mail_arrives_as_the_server_wants_it(trust, files, offers: str, security: str, came: str) -> None:
    user = USER if came else ""
    async with mail_server(trust[1], offers) as server:
        settings = Email(
            "127.0.0.1", server.port, security, user, files("password", PASSWORD), "outbid@x.example",
            ("a@x.example", "b@x.example"), ca_file=str(trust[0]),
        )  # fmt: skip
        sent = news("slow")
        await Mail(settings).send(sent)
    (mail,) = server.mails
    assert mail["Subject"] == "[Outbid] CRITICAL slow" and mail["Message-ID"] == f"<{sent.id}@outbid>"
    assert mail["To"] == "a@x.example, b@x.example" and server.recipients == [["a@x.example", "b@x.example"]]
    text = mail.get_payload(decode=True).decode()
    assert "Ünwell." in text and "who a" in text and "value 9, wrong is above 5" in text
    assert server.sessions == [came]


@pytest.mark.parametrize("fault", ["nobody", "certificate", "password", "refused", "no starttls"])
async def test_mail_that_does_not_arrive_is_an_error(trust, files, fault: str) -> None:
    async with mail_server(trust[1], "auth" if fault == "no starttls" else "starttls auth") as server:
        server.works = fault != "refused"
        settings = Email(
            "127.0.0.1",
            1 if fault == "nobody" else server.port,
            user=USER,
            password_file=files("password", "wrong" if fault == "password" else PASSWORD),
            to=("a@x.example",),
            ca_file="" if fault == "certificate" else str(trust[0]),
        )
        with pytest.raises(Undelivered, match=r"^127\.0\.0\.1:"):
            await Mail(settings).send(news("slow"))
        assert server.mails == []


async def test_who_cannot_be_reached_keeps_no_mail_from_the_others(trust, caplog) -> None:
    """Nor do these get it twice while somebody's mailbox is full."""
    async with mail_server(trust[1], "") as server:
        server.answers = {"gone@x.example": "550 nobody of this name", "full@x.example": "452 not now"}
        mail = Mail(Email("127.0.0.1", server.port, "none", to=("a@x.example", "gone@x.example", "full@x.example")))
        sent = news("slow")
        for _ in range(2):
            with pytest.raises(Undelivered, match="full@x"):
                await mail.send(sent)
        assert server.recipients == [["a@x.example"]] and "gone@x.example" in caplog.text
        server.answers["full@x.example"] = "250 ok"
        await mail.send(sent)
        await mail.send(news("next"))
        assert server.recipients[1:] == [["full@x.example"], ["a@x.example", "full@x.example"]]
        with pytest.raises(Undelivered, match="gone@x"):  # who tries it out is told
            await mail.send(news("test", status="test"))


@dataclass
class Receiver:
    """Takes webhooks; answers with the next of ``statuses``, then 204."""

    statuses: list[int] = field(default_factory=list)
    deliveries: list[tuple[dict[str, str], bytes, int]] = field(default_factory=list)
    """Headers, body, and what was answered."""
    base: str = ""

    async def take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 204
        self.deliveries.append((dict(request.headers), await request.read(), status))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    def taken(self) -> list[str]:
        """Rules of what was acknowledged, in its order."""
        return [json.loads(body)["alerts"][0]["rule"] for _, body, status in self.deliveries if status == 204]

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not wanted():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def receiving(whole: Path, *statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses))
    app = web.Application()
    app.router.add_post("/hook/T0KEN", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls(whole))
        await site.start()
        receiver.base = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(box: Outbox) -> AsyncIterator[None]:
    delivering = asyncio.create_task(box.run())
    try:
        yield
    finally:
        delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering


async def test_a_webhook_is_signed_and_says_all(trust, files) -> None:
    async with receiving(trust[1]) as receiver:
        hook = Hook(0, Webhook(f"{receiver.base}/hook/T0KEN", files("secret", SECRET), ca_file=str(trust[0])))
        sent = news("slow")
        await hook.send(sent)
    ((headers, body, _),) = receiver.deliveries
    told = json.loads(body)
    assert told["id"] == sent.id == headers["X-Outbid-Delivery"]
    assert told["alerts"][0] == {
        "status": "firing", "rule": "slow", "severity": "critical", "summary": "Ünwell.", "labels": {"who": "a"},
        "value": 9.0, "bound": "above 5", "since": 1_795_000_000.0,
    }  # fmt: skip
    at, _, mac = headers["X-Outbid-Signature"].removeprefix("t=").partition(",v1=")
    assert abs(time.time() - int(at)) < 60
    assert mac == hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("fault", ["nobody", "certificate", "redirect", "no secret"])
async def test_a_webhook_that_does_not_arrive_is_an_error_without_its_path(trust, files, fault: str) -> None:
    async with receiving(trust[1], *([302] if fault == "redirect" else [])) as receiver:
        base = "https://127.0.0.1:1" if fault == "nobody" else receiver.base
        secret = "/nowhere" if fault == "no secret" else files("secret", SECRET)
        ca_file = "" if fault == "certificate" else str(trust[0])
        with pytest.raises(Undelivered, match=f"^{base}") as error:
            await Hook(0, Webhook(f"{base}/hook/T0KEN", secret, ca_file=ca_file)).send(news("slow"))
    assert "T0KEN" not in str(error.value) and len(receiver.deliveries) == (fault == "redirect")


async def test_an_answer_that_is_no_http_does_not_tell_the_path_either() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"what?\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Undelivered, match=f"^{base}") as error:
            await Hook(0, Webhook(f"{base}/hook/T0KEN")).send(news("slow"))
    assert "T0KEN" not in str(error.value)


async def test_a_channel_that_fails_by_surprise_stops_no_other(trust, tmp_path: Path) -> None:
    """A secret that is no text, for one."""
    (tmp_path / "secret").write_bytes(bytes(range(128, 160)))
    async with receiving(trust[1]) as receiver:
        url, ca_file = f"{receiver.base}/hook/T0KEN", str(trust[0])
        hooks = [
            Hook(0, Webhook(url, str(tmp_path / "secret"), ca_file=ca_file)),
            Hook(1, Webhook(url, ca_file=ca_file)),
        ]
        box = Outbox([*hooks], tmp_path / "box.json")
        async with running(box):
            await box.put(news("one"))
            await receiver.until(lambda: box.outcomes["webhook-0", "failed"] > 0 and receiver.taken() == ["one"])
            await box.put(news("two"))
            await receiver.until(lambda: receiver.taken() == ["one", "two"])
    assert box.waiting()["webhook-0"] == 2 and box.troubles == {"webhook-0": "UnicodeDecodeError"}


async def test_what_is_not_taken_is_sent_again_in_its_order(trust, tmp_path: Path, monkeypatch) -> None:
    """Under its id; another channel does not wait for it; and a channel for the critical gets no more than that."""
    monkeypatch.setattr(outbox, "FIRST_RETRY_S", 0.01)
    async with receiving(trust[1], 500, 503, 429) as failing, receiving(trust[1]) as fine:
        hooks = [
            Hook(0, Webhook(f"{failing.base}/hook/T0KEN", ca_file=str(trust[0]))),
            Hook(1, Webhook(f"{fine.base}/hook/T0KEN", severity="critical", ca_file=str(trust[0]))),
        ]
        box = Outbox([*hooks], tmp_path / "box.json")
        async with running(box):
            for sent in (news("one"), news("two", "warning"), news("three")):
                await box.put(sent)
            await fine.until(lambda: fine.taken() == ["one", "three"])
            await failing.until(lambda: failing.taken() == ["one", "two", "three"])
            await failing.until(lambda: not any(box.waiting().values()))
    ids = [json.loads(body)["id"] for _, body, _ in failing.deliveries]
    assert len(ids) == 6 and len(set(ids[:4])) == 1 and len(set(ids)) == 3
    assert box.outcomes == {("webhook-0", "failed"): 3, ("webhook-0", "delivered"): 3, ("webhook-1", "delivered"): 2}
    assert box.troubles == {}


async def test_what_waits_survives_a_restart_and_is_given_up_after_a_day(trust, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_RETRY_S", 0.01)
    path = tmp_path / "box.json"
    async with receiving(trust[1], *[500] * 1000) as receiver:
        hook = Hook(0, Webhook(f"{receiver.base}/hook/T0KEN", ca_file=str(trust[0])))
        first = Outbox([hook], path)
        async with running(first):
            await first.put(news("one"))
            await receiver.until(lambda: len(receiver.deliveries) >= 2)
        assert "500" in first.troubles["webhook-0"]
        assert os.stat(path).st_mode & 0o077 == 0
        later = Outbox([hook], path, now=lambda: time.time() + 2 * outbox.GIVEN_UP_S)
        assert later.waiting() == {"webhook-0": 1}
        async with running(later):
            await receiver.until(lambda: later.outcomes["webhook-0", "given_up"] == 1)
            receiver.statuses.clear()
            await later.put(news("two"))
            await receiver.until(lambda: receiver.taken() == ["two"])
            await receiver.until(lambda: Outbox([hook], path).waiting() == {"webhook-0": 0})


async def test_a_full_disk_stops_no_message(trust, tmp_path: Path) -> None:
    async with receiving(trust[1]) as receiver:
        hook = Hook(0, Webhook(f"{receiver.base}/hook/T0KEN", ca_file=str(trust[0])))
        box = Outbox([hook], tmp_path / "not there" / "box.json")
        async with running(box):
            await box.put(news("one"))
            await receiver.until(lambda: receiver.taken() == ["one"])


@pytest.mark.parametrize("url", ["http://hooks.example/x", "ftp://hooks.example", "hooks.example/x", "https://"])
def test_only_https_goes_over_a_network(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Webhook(url)
    Webhook("http://127.0.0.1:8000/x")
