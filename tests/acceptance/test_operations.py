"""A deployment as operators see it: pages of all processes, readiness, logs as JSON, and a watcher that tells."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.deployment import EXAMPLES, STARTED, Deployment
from tests.exposition import Metrics

PERSON = {
    "ifa": "9AC2F1D0-11AA-4C5B-9E7D-2B7D3C4E5F60",
    "ip": "203.0.113.77",
    "buyeruid": "buyer-uid-of-somebody",
    "user": "user-id-of-somebody",
    "email": "jane.doe@mail.example",
}
WORKERS = 2
JSON = {"Content-Type": "application/json"}


def requests() -> list[bytes]:
    """Bid requests that name somebody: one that can be served, and some that cannot be read, each in another way."""
    whole: dict[str, Any] = {
        "id": "a1",
        "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
        "site": {"domain": "news.example"},
        "device": {"ip": PERSON["ip"], "ifa": PERSON["ifa"]},
        "user": {"id": PERSON["user"], "buyeruid": PERSON["buyeruid"]},
    }
    broken = [
        {**whole, "imp": PERSON["email"]},
        {**whole, "id": None},
        {**whole, "user": PERSON["buyeruid"], "device": PERSON["ip"]},
        {**whole, "tmax": PERSON["ifa"]},
    ]
    return [json.dumps(body).encode() for body in (whole, *broken)] + [json.dumps(whole).encode()[:-9]]


async def test_a_deployment_says_how_it_is(deployment: Deployment, tmp_path: Path) -> None:
    delivered: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        delivered.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    receiver = TestServer(app)
    await receiver.start_server()
    (tmp_path / "outbid.toml").write_text(
        f'[log]\nformat = "json"\nlevel = "debug"\n[alerts]\nevery_s = 0.2\n'
        f'[[alerts.webhook]]\nurl = "http://127.0.0.1:{receiver.port}/"\n'
        '[[alerts.rule]]\nname = "process_down"\nmetric = "outbid_watcher_up"\nby = ["target"]\ncombine = "min"\n'
        'below = 1\nseverity = "critical"\n'
    )
    deployment.environment["OUTBID_ALERTS_ENABLED"] = "true"
    status, said = await deployment.outbid("campaigns", "import", str(EXAMPLES / "campaigns.yaml"))
    assert status == 0, said
    process = await deployment.begin("up", "--workers", str(WORKERS))
    reading = asyncio.create_task(deployment._listen(process))
    try:
        await deployment.hear(lambda line: '"message":"bid port ' in line)
        await _ask(deployment, delivered)
    finally:
        process.terminate()
        await reading
        await process.wait()
        await receiver.close()
    logged = [json.loads(line) for line in deployment.said]  # every line is an object
    assert {line["process"] for line in logged} >= {"up", "control", "bidder", "watcher"}  # others have nothing to say
    assert {line.get("worker") for line in logged if line["process"] == "bidder"} == {0, 1}
    for name, value in PERSON.items():
        assert value not in "\n".join(deployment.said), name
    assert any("400 to usx" in line["message"] for line in logged)  # what could not be read was logged


async def _ask(deployment: Deployment, delivered: list[dict[str, Any]]) -> None:
    http = deployment.http
    async with asyncio.timeout(30):  # the port answers with the first worker
        while Metrics(await _text(http, f"{deployment.bidder}/metrics"))["outbid_bidder_workers"] < WORKERS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for body in requests() * 4:
        for query in ("", "?uid=x"):
            async with http.post(f"{deployment.bidder}/openrtb2/usx{query}", data=body, headers=JSON) as answer:
                assert answer.status in (200, 204, 400)
    async with http.get(f"{deployment.tracker}/billing/{PERSON['buyeruid']}?p=1&uid={PERSON['user']}") as answer:
        assert answer.status == 403
    pages = {}
    for name in ("bidder", "tracker", "control", "reporter", "watcher"):
        base = getattr(deployment, name)
        pages[name] = Metrics(await _text(http, f"{base}/metrics"))
        assert pages[name].of("outbid_process_resident_memory_bytes", process=name) > 10e6
        ready = json.loads(await _text(http, f"{base}/ready"))
        assert ready["ready"] and ready["process"] == name, ready
    bidder = pages["bidder"]
    assert bidder["outbid_bidder_workers"] == WORKERS
    asked = bidder.of("outbid_bidder_requests_total")
    assert asked == 2 * 4 * len(requests()) == bidder.of("outbid_bidder_answer_seconds_count")
    outcomes = ("bids", "exchange_no_bids", "malformed", "refused", "shed", "failures")
    assert sum(bidder.of(f"outbid_bidder_{outcome}_total") for outcome in outcomes) == asked
    assert bidder.of("outbid_bidder_failures_total") == 0
    assert pages["control"]["outbid_control_workers"] == WORKERS
    assert pages["tracker"].of("outbid_tracker_refused_total", reason="forged") == 1

    status, said = await deployment.outbid("alerts", "test")
    assert (status, said) == (0, "webhook-0: delivered\n")
    assert delivered[-1]["alerts"][0]["status"] == "test"
    assert (await deployment.outbid("alerts", "list"))[1].startswith("nothing is wrong")
    status, said = await deployment.outbid("alerts", "silence", "no_bids", "--for", "1h", "--reason", "quiet night")
    assert status == 0 and said.startswith("silence ")
    assert "quiet night" in (await deployment.outbid("alerts", "list"))[1]
    assert (await deployment.outbid("alerts", "unsilence", said.split()[1]))[0] == 0
    await _freeze(deployment, delivered)


async def _freeze(deployment: Deployment, delivered: list[dict[str, Any]]) -> None:
    """A tracker that hangs is told."""
    told = (json.loads(line)["message"] for line in deployment.said if '"process":"up"' in line)
    pid = next(int(found[2]) for line in told if (found := STARTED.fullmatch(line)) and found[1] == "tracker")
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            while not any(told["rule"] == "process_down" for sent in delivered for told in sent["alerts"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert delivered[-1]["alerts"][0]["labels"] == {"target": "tracker"}
    assert (await deployment.outbid("alerts", "list"))[0] == 1


async def _text(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text
