"""The REST API as control serves it: from Python and the command line, up to the snapshot that bidders get."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from api.keys import KeyFile
from campaigns.api.service import key_file
from campaigns.client import Client, Rejected
from campaigns.config import ControlSettings
from campaigns.control import serve
from campaigns.importing import import_file
from campaigns.store import Store
from cli.main import main
from domain.campaign import Snapshot
from domain.clock import SystemClock
from domain.errors import Unavailable
from domain.settings import Places
from tests.control_stores import new_control_store
from tests.deployment import free_ports
from tests.integration.test_control_store import CAMPAIGNS


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Places]:
    """A running control."""
    new_control_store(tmp_path / "control.sqlite").close()
    url = f"sqlite:///{tmp_path / 'control.sqlite'}"
    store = Store(url)
    (tmp_path / "file.yaml").write_text(CAMPAIGNS)
    import_file(store, tmp_path / "file.yaml", profiles=tmp_path / "profiles.lmdb")
    store.close()
    control, api = free_ports(2)
    place = Places(data_dir=str(tmp_path), control_port=control, api_port=api)
    stop = asyncio.Event()
    running = asyncio.create_task(serve(place, SystemClock(), url, ControlSettings(), stop))
    async with aiohttp.ClientSession() as http:
        while True:
            assert not running.done(), running
            try:
                async with http.get(f"{place.api_base}/health") as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
        yield place
    stop.set()
    await running


async def current(place: Places) -> Snapshot:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{place.control_base}/v1/snapshots/current") as answer,
    ):
        return msgspec.msgpack.decode(await answer.read(), type=Snapshot)


async def until_published(place: Places, status: str) -> None:
    for _ in range(500):
        if (await current(place)).campaigns[0].status == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(status)


async def test_a_change_is_published_and_the_two_ports_are_apart(
    place: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token, _ = KeyFile(key_file(place.data)).add("bank", ["read", "write"])
    client = Client(place.api_base, token)

    def work() -> None:
        card = client.get("campaigns", "cards")
        paused = client.update("campaigns", "cards", {"status": "paused"}, etag=card["etag"])
        assert paused["version"] == 2
        with pytest.raises(Rejected) as refused:
            client.update("campaigns", "cards", {"name": "Lost"}, etag=card["etag"])
        assert refused.value.status == 412
        made = client.create("line_items", {"key": "slow", "campaign": "cards", "name": "Slow", "bid_cpm": "0.5",
                                            "creatives": ["c1"]}, idempotency_key="once")  # fmt: skip
        assert made["bid_cpm"] == "0.5"
        assert [item["key"] for item in client.all("line_items", order_by="key desc")] == ["slow", "fast"]
        assert client.list("line_items", page_size=1, filter='name : "slo"').total == 1
        done = client.batch("line_items", [{"method": "delete", "key": "slow"}])
        assert done[0]["resource"]["deleted"] and client.get("line_items", "slow", deleted=True)["deleted"]
        assert client.restore("line_items", "slow")["status"] == "paused"
        assert client.delete("line_items", "slow")["version"] == 4
        assert client.diff("campaigns", "cards", 2).changes == [("status", "active", "paused")]
        assert [one["version"] for one in client.versions("campaigns", "cards")] == [2, 1]
        assert client.revert("campaigns", "cards", 1)["status"] == "active"
        with pytest.raises(Rejected) as wrong:
            client.update("line_items", "fast", {"bid_cpm": 0}, validate_only=True)
        assert [(problem.path, problem.value) for problem in wrong.value.problems] == [("bid_cpm", 0)]
        with pytest.raises(Unavailable):
            Client("http://127.0.0.1:1", token).get("campaigns", "cards")

    await asyncio.to_thread(work)
    for name, value in (("DATA_DIR", place.data_dir), ("API_PORT", str(place.api_port))):
        monkeypatch.setenv(f"OUTBID_OUTBID_{name}", value)
    assert await asyncio.to_thread(main, ["campaigns", "pause", "cards"]) == 0
    assert capsys.readouterr().out == "cards is paused, version 4\n"
    await until_published(place, "paused")
    assert await asyncio.to_thread(main, ["campaigns", "resume", "cards"]) == 0
    await until_published(place, "active")
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["campaigns", "get", "line_items", "fast"]) == 0
    assert json.loads(capsys.readouterr().out)["bid_cpm"] == "2"
    assert await asyncio.to_thread(main, ["campaigns", "pause", "nobody"]) != 0
    assert "there is no campaign 'nobody'" in capsys.readouterr().err
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        for path in ("/v1/leases", "/v1/workers", "/v1/snapshots/current", "/v1/books", "/v1/settlements"):
            async with http.post(f"{place.api_base}{path}", json={}) as answer:
                assert answer.status in (404, 405), path
        async with http.get(f"{place.control_base}/v1/campaigns") as answer:
            assert answer.status == 404
        async with http.get(f"{place.control_base}/metrics") as answer:
            assert 'outbid_control_api_request_seconds_count{route="/v1/campaigns/{key}"' in await answer.text()
