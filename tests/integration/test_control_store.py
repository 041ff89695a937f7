"""Control when its store dies under it, and when a second control is started beside it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

import campaigns.control
import campaigns.standby
from campaigns.config import ControlSettings
from campaigns.control import serve
from campaigns.importing import import_file
from campaigns.seat import SEAT
from campaigns.store import Store
from domain.clock import SystemClock
from domain.events import Kind, Notice, encode
from domain.settings import Places
from eventlog.writer import LogWriter
from pacing.protocol import Books, Grants, Heartbeat, Register, Registered, Settlements
from tests.deployment import OUTBID, free_ports
from tests.exposition import Metrics
from tests.postgres_server import NotInstalled, PostgresServer

CAMPAIGNS = """
exchanges:
  - {key: usx, currency: USD, billing: burl}
advertisers:
  - {key: bank, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, categories: [IAB13]}
creatives:
  - {key: c1, advertiser: bank, size: 300x250, landing_url: "https://bank.example/", image_url: "https://bank.example/a.png"}
campaigns:
  - key: cards
    advertiser: bank
    name: Cards
    start: 2020-01-01
    end: 2099-12-31
    daily_budget: 100
    line_items:
      - {key: fast, name: Fast, bid_cpm: 2, creatives: [c1], pacing: asap}
"""


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A server that this test may kill."""
    try:
        server = PostgresServer()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    server.start()
    yield server
    server.remove()


class Port:
    """What others ask of a control, which may be away."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.base, self.http = f"http://127.0.0.1:{port}", http

    async def health(self) -> tuple[int, dict[str, str]]:
        """Status 0 while nothing answers."""
        try:
            async with self.http.get(f"{self.base}/health") as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientError:
            return 0, {}

    async def until(self, status: int, said: str = "") -> dict[str, str]:
        """What /health says once it answers so, with a text in it."""
        while True:
            found, told = await self.health()
            if found == status and said in str(told):
                return told
            await asyncio.sleep(0.02)

    async def get(self, path: str, kind: type) -> object:
        async with self.http.get(self.base + path) as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.json.decode(await answer.read(), type=kind)

    async def books(self) -> Books:
        return await self.get("/v1/books", Books)

    async def billed(self, bids: int) -> None:
        while (await self.books()).exchanges[0].billed < bids:
            pass

    async def post(self, path: str, message: msgspec.Struct, kind: type) -> object:
        async with self.http.post(self.base + path, data=msgspec.json.encode(message)) as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.json.decode(await answer.read(), type=kind)


def define(url: str, folder: Path) -> None:
    (folder / "file.yaml").write_text(CAMPAIGNS)
    store = Store(url)
    store.migrate()
    import_file(store, folder / "file.yaml", profiles=folder / "profiles.lmdb")
    store.close()


def billing(bid: int, lease: int) -> bytes:
    return encode(
        Notice(
            kind=Kind.BILLING, received_ns=SystemClock().now_ns(), marks=0, bid=bid, imp=0, bid_ns=0, exchange=1,
            advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=7, person=0, lease=lease, rate=0,
            max_price=2_000_000, basis=Kind.BILLING, price=1000 + bid, loss_reason=0, min_to_win=0,
        )
    )  # fmt: skip


async def test_a_server_killed_in_the_middle_of_settling_loses_no_bid_and_books_none_twice(
    mortal: PostgresServer, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    url = mortal.url(mortal.new_database())
    define(url, tmp_path)
    (number,) = free_ports(1)
    stop, port = asyncio.Event(), Port(number, http)
    place = Places(data_dir=str(tmp_path), control_port=number, api_port=0)
    running = asyncio.create_task(serve(place, SystemClock(), url, ControlSettings(settle_limit=25), stop))
    await port.until(200)
    worker = await port.post("/v1/workers", Register("host", 1), Registered)
    grants = await port.post("/v1/leases", Heartbeat(worker.worker), Grants)
    (grant,) = grants.grants
    writer, billed = LogWriter(tmp_path / "log" / "money" / "0"), 0

    async def bill(count: int) -> None:
        nonlocal billed
        position = 0
        for bid in range(billed + 1, billed + count + 1):
            position = writer.append(billing(bid, grant.lease))
        billed += count
        await writer.durable(position)

    for _ in range(3):  # what it was about to do differs each time
        before = (await port.books()).exchanges[0].billed
        await bill(500)
        await port.billed(before + 50)
        killing = asyncio.create_task(asyncio.to_thread(mortal.kill))
        while not killing.done():
            await bill(20)
        await bill(10)  # the trackers do not need the store
        told = await port.until(503, "settling")
        assert told["status"] == "trouble"
        async with http.post(f"{port.base}/v1/leases", data=msgspec.json.encode(Heartbeat(worker.worker))) as refused:
            assert refused.status == 503
            assert "the control store does not answer" in await refused.text()
        assert "it%27s" not in str(told)
        assert "it's" not in str(told)
        async with http.get(f"{port.base}/ready") as ready, http.get(f"{port.base}/metrics") as page:
            assert ready.status == 503 and (await ready.json())["reasons"].keys() >= {"settling", "store"}
            metrics = Metrics(await page.text())
        assert metrics["outbid_control_store_up"] == 0
        assert metrics.of("outbid_control_duty_trouble", duty="settling") == 1
        await asyncio.to_thread(mortal.start)
        await port.until(200)
    await port.billed(billed)
    assert (await port.books()).behind == 0
    settled = await port.get("/v1/settlements?limit=50000", Settlements)
    assert sorted((row.bid, row.price) for row in settled.rows) == [(n, 1000 + n) for n in range(1, billed + 1)]
    (books,) = (await port.books()).exchanges
    assert (books.billed, books.spend) == (billed, sum(1000 + n for n in range(1, billed + 1)))
    assert not (await port.post("/v1/leases", Heartbeat(worker.worker), Grants)).forget
    stop.set()
    await running
    await asyncio.to_thread(writer.close)


Start = Callable[[str, int], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a control process on a store (a URL) and a port; none outlives the test."""
    started: list[asyncio.subprocess.Process] = []

    async def start(url: str, port: int) -> asyncio.subprocess.Process:
        environment = {
            **os.environ, "OUTBID_CONTROL_DATABASE_URL": url, "OUTBID_OUTBID_DATA_DIR": str(tmp_path),
            "OUTBID_OUTBID_CONTROL_PORT": str(port), "OUTBID_OUTBID_API_PORT": "0",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *OUTBID, "control", cwd=tmp_path, env=environment, stderr=asyncio.subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_second_control_waits_and_takes_over_when_the_first_is_killed(
    start: Start, new_store_url: Callable[[], str], tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    url = new_store_url()
    define(url, tmp_path)
    numbers = free_ports(2)
    ports = [Port(number, http) for number in numbers]
    first = await start(url, numbers[0])
    await ports[0].until(200)
    worker = await ports[0].post("/v1/workers", Register("host", 1), Registered)
    (grant,) = (await ports[0].post("/v1/leases", Heartbeat(worker.worker), Grants)).grants
    second = await start(url, numbers[1])
    assert (await ports[1].until(503))["status"] == "standby"
    async with http.post(f"{ports[1].base}/v1/workers", data=msgspec.json.encode(Register("host", 2))) as refused:
        assert refused.status == 503
        assert "standby" in await refused.text()
    async with http.get(f"{ports[1].base}/ready") as ready, http.get(f"{ports[1].base}/metrics") as page:
        assert ready.status == 503 and (await ready.json())["reasons"].keys() == {"standby"}
        assert Metrics(await page.text())["outbid_control_standby"] == 1
    assert (await ports[0].health())[0] == 200

    writer = LogWriter(tmp_path / "log" / "money" / "0")
    await writer.durable(writer.append(billing(1, grant.lease)))
    first.send_signal(signal.SIGKILL)
    await ports[1].until(200)
    (books,) = (await ports[1].get("/v1/books", Books)).exchanges
    assert books.billed == 1
    grants = await ports[1].post("/v1/leases", Heartbeat(worker.worker), Grants)
    assert not grants.forget
    assert all(more.lease == grant.lease for more in grants.grants)
    await asyncio.to_thread(writer.close)

    third = await start(url, numbers[0])
    await ports[0].until(503, "standby")
    for process in (third, second):  # the one that waits, and the one at work
        process.terminate()
        assert await process.wait() == 0
    assert second.stderr is not None
    said = (await second.stderr.read()).decode()
    assert "another control is at work on this store; waiting as its standby" in said
    assert "the other control is gone; taking over" in said


async def test_a_control_that_lost_its_lock_to_another_becomes_the_standby(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path, http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name = postgres.new_database(postgres_template)
    url = postgres.url(name)
    define(url, tmp_path)
    monkeypatch.setattr(campaigns.control, "SEAT_S", 3600.0)  # the first does not notice in time,
    monkeypatch.setattr(campaigns.standby, "POLL_S", 0.05)  # the second does
    numbers = free_ports(2)
    ports = [Port(number, http) for number in numbers]
    stop, running = asyncio.Event(), []
    for number, port, status in zip(numbers, ports, (200, 503), strict=True):
        place = Places(data_dir=str(tmp_path), control_port=number, api_port=0)
        running.append(asyncio.create_task(serve(place, SystemClock(), url, ControlSettings(settle_limit=100), stop)))
        await port.until(status)
    await asyncio.to_thread(postgres.end_session_with_lock, name, SEAT)
    await ports[1].until(200)
    assert (await ports[0].until(503, "standby"))["status"] == "standby"
    assert (await ports[1].health())[0] == 200
    stop.set()
    await asyncio.gather(*running)
    postgres.drop_database(name)


async def test_without_its_database_control_does_not_start_and_says_which(start: Start) -> None:
    (closed, number) = free_ports(2)
    process = await start(f"postgresql://outbid:Tr0ub4dor@127.0.0.1:{closed}/outbid", number)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert f"outbid: [control] database_url: postgresql+psycopg://outbid:***@127.0.0.1:{closed}/outbid" in said.decode()
    assert "Tr0ub4dor" not in said.decode()
