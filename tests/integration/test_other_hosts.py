"""Trackers on other hosts: control fetches their money logs over HTTP, and books each bid once, whatever stops.

Two hosts are two data directories with the same keys; what each tracker records is known only from its own log.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from campaigns.config import ControlSettings
from campaigns.control import Control, application
from campaigns.importing import import_file
from campaigns.store import Store
from domain.clock import SystemClock
from domain.events import Kind
from domain.keys import internal_secret, load_keys
from domain.settings import Places
from domain.token import Sealer, Token
from eventlog.consumers import positions
from eventlog.segments import read_mark
from pacing.protocol import Books
from tests.integration.test_control import FILE, Client, caught_up
from trackers.app import build
from trackers.config import TrackerSettings

PRICE = 1_500_000


class Host:
    """A tracker on a host of its own, at an address that stays."""

    def __init__(self, data: Path, session: aiohttp.ClientSession) -> None:
        self.place, self.port, self.session = Places(data_dir=str(data)), unused_port(), session
        self.url = f"http://127.0.0.1:{self.port}"
        keys = load_keys(data)
        self.sealer = Sealer(keys.seal, keys.mac)

    async def start(self) -> None:
        app = build(self.place, TrackerSettings(), SystemClock(), lambda: None)
        self.server = TestServer(app, port=self.port)
        await self.server.start_server()

    async def stop(self) -> None:
        await self.server.close()

    async def bill(self, *bids: int) -> None:
        now = SystemClock().now_ns()
        for bid in bids:
            token = Token(bid, 0, now, 0, 7, 2_000_000, 1, 1, 1, 1, 0, 0, 0, 0, 1, 300, Kind.BILLING, 0, False)
            text = self.sealer.bind_token(self.sealer.seal_token(token), Kind.BILLING)
            async with self.session.get(f"{self.url}/billing/{text}?p=1.5&c=USD") as answer:
                assert answer.status == 204, await answer.text()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
async def hosts(tmp_path: Path, session: aiohttp.ClientSession) -> AsyncIterator[list[Host]]:
    load_keys(tmp_path / "control")
    made = []
    async with AsyncExitStack() as stack:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            shutil.copy(tmp_path / "control" / "keys.json", tmp_path / name / "keys.json")
            host = Host(tmp_path / name, session)
            await host.start()
            stack.push_async_callback(host.stop)
            made.append(host)
        yield made


class Center:
    """Control, which can be stopped and started again on the same store."""

    def __init__(self, data: Path, store: Store, trackers: list[str], session: aiohttp.ClientSession) -> None:
        self.data, self.store, self.session = data, store, session
        self.settings = ControlSettings(settle_limit=3, trackers=tuple(trackers))

    async def start(self) -> Client:
        control = Control(Store(self.store.url), Places(data_dir=str(self.data)), SystemClock(), self.settings)
        self.runner = web.AppRunner(application(control))
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        host, port = self.runner.addresses[0][:2]
        return Client(f"http://{host}:{port}", self.session)

    async def stop(self) -> None:
        await self.runner.cleanup()


@pytest.fixture
async def center(
    tmp_path: Path, store: Store, hosts: list[Host], session: aiohttp.ClientSession
) -> AsyncIterator[Center]:
    (tmp_path / "file.yaml").write_text(FILE.replace("STATUS", "active"))
    import_file(store, tmp_path / "file.yaml", profiles=tmp_path / "profiles.lmdb")
    made = Center(tmp_path / "control", store, [host.url for host in hosts], session)
    yield made
    await made.stop()


def booked(books: Books) -> list[tuple[str, int, int]]:
    return [(line.exchange, line.billed, line.spend) for line in books.exchanges]


async def until(client: Client, billed: int) -> Books:
    """The books as soon as so many bids are booked."""
    while True:
        books = await client.get("/v1/books", Books)
        if booked(books) == [("usx", billed, billed * PRICE)]:
            return books
        await asyncio.sleep(0.01)


async def test_what_trackers_elsewhere_recorded_is_booked_once(center: Center, hosts: list[Host]) -> None:
    one, two = hosts
    client = await center.start()
    await one.bill(*range(1, 9))
    await two.bill(*range(11, 15))
    await two.bill(8)  # an exchange's second try met the other tracker
    assert booked(await caught_up(client)) == [("usx", 12, 12 * PRICE)]

    await center.stop()
    await one.bill(*range(21, 31))
    client = await center.start()
    assert booked(await caught_up(client)) == [("usx", 22, 22 * PRICE)]


async def test_a_host_that_is_away_is_known_to_be_behind_until_it_is_back(center: Center, hosts: list[Host]) -> None:
    one, two = hosts
    await two.bill(1, 2)
    await two.stop()
    client = await center.start()
    await one.bill(3)
    books = await until(client, 1)
    assert books.behind > 0
    while True:
        async with client.session.get(f"{client.base}/health") as answer:
            if answer.status == 503:
                assert two.url in await answer.text()
                break
        await asyncio.sleep(0.01)
    await two.start()
    assert booked(await caught_up(client)) == [("usx", 3, 3 * PRICE)]


async def test_a_host_that_began_anew_has_another_log(center: Center, hosts: list[Host]) -> None:
    two = hosts[1]
    client = await center.start()
    await two.bill(1, 2, 3)
    await caught_up(client)
    await two.stop()
    data = two.place.data
    keys = (data / "keys.json").read_bytes()
    shutil.rmtree(data)
    data.mkdir()
    (data / "keys.json").write_bytes(keys)
    await two.start()
    await two.bill(4)
    await until(client, 4)


async def test_control_says_what_of_a_log_is_booked(
    center: Center, hosts: list[Host], session: aiohttp.ClientSession
) -> None:
    """Up to there its host need not keep it for the ledger."""
    client = await center.start()
    for host in hosts:
        log = host.place.data / "log" / "money" / "0"
        assert positions(log)["ledger"] == 0
        await host.bill(*range(host.port, host.port + 7))
        while True:
            if positions(log)["ledger"] == read_mark(log):
                break
            await asyncio.sleep(0.01)
        secret = internal_secret(load_keys(host.place.data))
        url = f"{host.url}/log?from=0&limit=1&log=another&booked=5"
        async with session.get(url, headers={"Authorization": f"Bearer {secret}"}) as answer:
            assert answer.status == 200
        assert positions(log)["ledger"] == read_mark(log)
    assert booked(await caught_up(client)) == [("usx", 14, 14 * PRICE)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=0&limit=5", 200),
        ("from=-1&limit=1", 200),
        ("from=-2&limit=5", 400),
        ("from=x&limit=5", 400),
        ("from=0", 400),
        ("from=0&limit=5&log=x&booked=0", 400),
    ],
)
async def test_only_control_may_read_a_log(
    hosts: list[Host], session: aiohttp.ClientSession, query: str, status: int
) -> None:
    url = f"{hosts[0].url}/log?{query}"
    async with session.get(url) as answer:
        assert answer.status == 403
    async with session.get(url, headers={"Authorization": "Bearer é"}) as answer:
        assert answer.status == 403
    secret = internal_secret(load_keys(hosts[0].place.data))
    async with session.get(url, headers={"Authorization": f"Bearer {secret}"}) as answer:
        assert answer.status == status
