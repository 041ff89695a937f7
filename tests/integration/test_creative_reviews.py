"""A running control submits creatives, publishes what exchanges say, and hears loss notices that speak of creatives."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from campaigns import catalogue
from campaigns.config import ControlSettings
from campaigns.control import Control, application
from campaigns.importing import import_file
from campaigns.store import Store
from domain.campaign import Snapshot
from domain.clock import SystemClock
from domain.events import encode
from domain.exchange import Approval
from domain.settings import Places
from eventlog.writer import LogWriter
from tests.unit.campaigns.test_approvals import loss
from tests.unit.campaigns.test_reviewing import FILE, PEM, Exchanges


@pytest.fixture
async def exchanges() -> AsyncIterator[Exchanges]:
    played = Exchanges()
    server = TestServer(played.app())
    await server.start_server()
    played.base = f"http://{server.host}:{server.port}"
    yield played
    await server.close()


async def test_verdicts_reach_the_published_snapshot(
    store: Store, tmp_path: Path, exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text(FILE)
    keys = {"client_email": "a@b", "private_key": PEM, "token_uri": f"{exchanges.base}/token"}
    (tmp_path / "google.json").write_text(json.dumps(keys))
    monkeypatch.setenv("OUTBID_CREATIVES_ROUND_S", "0.05")
    monkeypatch.setenv("OUTBID_CREATIVES_CREDENTIALS", json.dumps({"adx": str(tmp_path / "google.json")}))
    monkeypatch.setenv("OUTBID_CREATIVES_ENDPOINTS", json.dumps({"adx": exchanges.base}))
    clock = SystemClock()
    import_file(store, tmp_path / "c.yaml", now_ns=clock.now_ns())
    with store.read() as conn:
        known = catalogue.load(conn)
    adx, other = known.exchanges["adx"].id, known.exchanges["open"].id
    png, tag = known.creatives["png"].id, known.creatives["tag"].id

    control = Control(Store(store.url), Places(data_dir=str(tmp_path)), clock, ControlSettings())
    runner = web.AppRunner(application(control))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def published(session: aiohttp.ClientSession, wanted: set[Approval]) -> None:
        for _ in range(400):
            async with session.get(f"{base}/v1/snapshots/current") as answer:
                found = set(msgspec.msgpack.decode(await answer.read(), type=Snapshot).approvals)
            if found == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError((found, wanted))

    try:
        async with aiohttp.ClientSession() as session:
            pending = {Approval(creative, adx, "pending") for creative in (png, tag)}
            await published(session, pending)
            assert set(exchanges.google) == {str(png), str(tag)}
            money = LogWriter(tmp_path / "log/money/0")
            money.append(encode(loss(png, other, 202, bid_ns=clock.now_ns())))
            money.close()
            disapproved = Approval(png, other, "disapproved", ("loss notice with reason 202",))
            await published(session, pending | {disapproved})
    finally:
        await runner.cleanup()
