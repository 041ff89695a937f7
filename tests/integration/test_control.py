"""The control process over its port: workers, leases, money logs, books, changes of campaigns, restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from campaigns.config import ControlSettings
from campaigns.control import Control, application
from campaigns.importing import import_file
from campaigns.store import Store
from domain.campaign import Snapshot
from domain.clock import SystemClock
from domain.events import Kind, Notice, encode
from domain.money import NANOS
from domain.settings import Places
from eventlog.writer import LogWriter
from pacing.protocol import Books, Delivery, Grants, Heartbeat, LeaseUse, Register, Registered, Settlements
from tests.exposition import Metrics

FILE = """
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
      - {key: fast, name: Fast, bid_cpm: 2, creatives: [c1], pacing: asap, status: STATUS}
"""


class Client:
    """What bidders, the reporter and people ask of control."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base, self.session = base, session

    async def post(self, path: str, message: msgspec.Struct, kind: type) -> object:
        async with self.session.post(self.base + path, data=msgspec.json.encode(message)) as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.json.decode(await answer.read(), type=kind)

    async def get(self, path: str, kind: type) -> object:
        async with self.session.get(self.base + path) as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.json.decode(await answer.read(), type=kind)

    async def snapshot(self, version: int | str = "current") -> Snapshot:
        async with self.session.get(f"{self.base}/v1/snapshots/{version}") as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.msgpack.decode(await answer.read(), type=Snapshot)


class Running:
    """Control on a free port, which can be stopped and started again on the same data."""

    def __init__(self, data: Path, store: Store, session: aiohttp.ClientSession) -> None:
        self.data, self.store, self.session = data, store, session

    async def start(self) -> Client:
        place = Places(data_dir=str(self.data))
        store = Store(self.store.url)
        self.runner = web.AppRunner(
            application(Control(store, place, SystemClock(), ControlSettings(settle_limit=100)))
        )
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = self.runner.addresses[0][:2]
        return Client(f"http://{host}:{port}", self.session)

    async def stop(self) -> None:
        await self.runner.cleanup()

    def campaigns(self, status: str = "active", **changes: str) -> None:
        text = FILE.replace("STATUS", status)
        for old, new in changes.items():
            text = text.replace(f"{old}: 2,", f"{old}: {new},")
        path = self.data / "file.yaml"
        path.write_text(text)
        import_file(self.store, path, profiles=self.data / "profiles.lmdb")


@pytest.fixture
async def running(tmp_path: Path, store: Store) -> AsyncIterator[Running]:
    async with aiohttp.ClientSession() as session:
        running = Running(tmp_path, store, session)
        yield running
        await running.stop()


def notice(kind: Kind, bid: int, lease: int, price: int, *, marks: int = 0, max_price: int = 2_000_000) -> bytes:
    return encode(
        Notice(
            kind=kind, received_ns=SystemClock().now_ns(), marks=marks, bid=bid, imp=0, bid_ns=0, exchange=1,
            advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=7, person=0, lease=lease, rate=0,
            max_price=max_price, basis=Kind.BILLING, price=price, loss_reason=0, min_to_win=0,
        )
    )  # fmt: skip


async def log(data: Path, *records: bytes) -> None:
    writer = LogWriter(data / "log" / "money" / "0")
    for record in records:
        position = writer.append(record)
    await writer.durable(position)
    await asyncio.to_thread(writer.close)


async def caught_up(client: Client) -> Books:
    while True:
        books = await client.get("/v1/books", Books)
        if books.behind == 0:
            return books
        await asyncio.sleep(0.01)


async def version_after(client: Client, worker: int, version: int) -> Grants:
    while True:
        grants = await client.post("/v1/leases", Heartbeat(worker), Grants)
        if grants.version > version:
            return grants
        await asyncio.sleep(0.01)


async def test_a_worker_gets_leases_and_its_bids_are_settled(running: Running) -> None:
    running.campaigns()
    client = await running.start()
    worker = await client.post("/v1/workers", Register("host", 1), Registered)
    snapshot = await client.snapshot(worker.version)
    assert [item.key for item in snapshot.line_items] == ["fast"]
    assert snapshot.line_items[0].activated_ns == snapshot.published_ns > 0
    grants = await client.post("/v1/leases", Heartbeat(worker.worker), Grants)
    (grant,) = grants.grants
    assert grants.version == worker.version
    assert grant.granted >= 2 * 2_000_000
    used = Heartbeat(worker.worker, (LeaseUse(grant.lease, 4_000_000),))
    await client.post("/v1/leases", used, Grants)

    bid = worker.worker << 32
    await log(
        running.data,
        notice(Kind.BILLING, bid | 1, grant.lease, 1_500_000),
        notice(Kind.LOSS, bid | 2, grant.lease, 0),
        notice(Kind.BILLING, bid | 1, grant.lease, 1_500_000),
    )
    books = await caught_up(client)
    (exchange,) = books.exchanges
    assert (exchange.exchange, exchange.billed, exchange.spend) == ("usx", 1, 1_500_000)
    settled = await client.get("/v1/settlements?after=0", Settlements)
    assert settled.behind == 0
    (row,) = settled.rows
    assert (row.bid, row.price, row.account_price, row.estimated, row.site) == (bid | 1, 1_500_000, 1_500_000, False, 7)
    assert (await client.get(f"/v1/settlements?after={row.id}", Settlements)).rows == ()
    (delivery,) = await client.get("/v1/delivery", list[Delivery])
    assert (delivery.key, delivery.spent_today, delivery.budget_today) == ("fast", 1_500_000, 100 * NANOS)
    async with (
        client.session.get(f"{client.base}/metrics") as page,
        client.session.get(f"{client.base}/ready") as ready,
    ):
        metrics = Metrics(await page.text())
        assert (await ready.json())["reasons"] == {}
    assert metrics["outbid_control_settlement_id"] == row.id and metrics["outbid_control_settled_events_total"] == 3
    assert metrics["outbid_control_money_log_behind_bytes"] == metrics["outbid_control_unsettled_seconds"] == 0
    assert metrics["outbid_control_workers"] == metrics.of("outbid_control_leases", state="open") == 1
    assert (
        metrics["outbid_control_snapshot_version"] == grants.version and metrics["outbid_control_overspent_ratio"] == 0
    )
    assert metrics.of("outbid_control_request_seconds_count", route="/v1/leases", status="2xx") == 2
    assert "outbid_control_duty_trouble" not in metrics

    farewell = Heartbeat(worker.worker, (), (LeaseUse(grant.lease, 4_000_000),), stopping=True)
    await client.post("/v1/leases", farewell, Grants)
    (delivery,) = await client.get("/v1/delivery", list[Delivery])
    assert delivery.reserved == 0  # one bid was billed, the other lost


async def test_a_change_reaches_workers_with_their_next_heartbeat_after_the_watch(running: Running) -> None:
    running.campaigns()
    client = await running.start()
    worker = await client.post("/v1/workers", Register("host", 1), Registered)
    grants = await client.post("/v1/leases", Heartbeat(worker.worker), Grants)
    held = grants.grants[0].lease
    before = await client.snapshot()

    running.campaigns(bid_cpm="2.5")
    changed = await version_after(client, worker.worker, before.version)
    after = await client.snapshot(changed.version)
    assert after.line_items[0].bid_cpm == 2_500_000
    assert after.line_items[0].id == before.line_items[0].id
    assert after.line_items[0].activated_ns == before.line_items[0].activated_ns

    running.campaigns(status="paused")
    paused = await version_after(client, worker.worker, changed.version)
    assert paused.grants == ()
    assert (await client.post("/v1/leases", Heartbeat(worker.worker, (LeaseUse(held, 0),)), Grants)).closed == (held,)


async def test_a_restart_keeps_leases_books_and_the_snapshot(running: Running) -> None:
    running.campaigns()
    client = await running.start()
    worker = await client.post("/v1/workers", Register("host", 1), Registered)
    grants = await client.post("/v1/leases", Heartbeat(worker.worker), Grants)
    lease = grants.grants[0]
    snapshot = await client.snapshot()
    await running.stop()
    await log(running.data, notice(Kind.BILLING, worker.worker << 32 | 5, lease.lease, 2_000_000))

    client = await running.start()
    assert (await client.get("/v1/books", Books)).behind == 0  # booked before the port opened
    assert await client.snapshot() == snapshot
    again = await client.post("/v1/leases", Heartbeat(worker.worker, (LeaseUse(lease.lease, 2_000_000),)), Grants)
    assert not again.forget
    assert again.closed == ()
    assert all(grant.lease == lease.lease for grant in again.grants)
    (delivery,) = await client.get("/v1/delivery", list[Delivery])
    assert delivery.spent_today == 2_000_000
    granted = again.grants[0].granted if again.grants else lease.granted
    assert delivery.reserved == granted - 2_000_000
    other = await client.post("/v1/workers", Register("host", 2), Registered)
    assert other.worker > worker.worker


async def test_requests_that_make_no_sense_are_refused_and_say_why(running: Running) -> None:
    client = await running.start()
    assert (await client.snapshot()).line_items == ()
    for path, status, says in (
        ("/v1/snapshots/99", 404, "there is no snapshot 99"),
        ("/v1/snapshots/latest", 404, "'latest' is not allowed"),
        ("/v1/settlements?after=-1", 400, "after: '-1'"),
        ("/v1/settlements?limit=1000000", 400, "limit: '1000000'"),
    ):
        async with client.session.get(client.base + path) as answer:
            assert (answer.status, says in await answer.text()) == (status, True)
    async with client.session.post(f"{client.base}/v1/leases", data=b'{"worker":"x"}') as answer:
        assert answer.status == 400
        assert "$.worker" in await answer.text()
    grants = await client.post("/v1/leases", Heartbeat(7), Grants)
    assert grants.forget
