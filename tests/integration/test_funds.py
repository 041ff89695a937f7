"""Who pays beforehand, on a running control: spend ends where what was paid in ends, and goes on after a top-up."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from campaigns.config import ControlSettings
from campaigns.control import Control, application
from campaigns.importing import import_file
from campaigns.store import Store
from domain.clock import SystemClock
from domain.events import Kind, Notice, encode
from domain.settings import Places
from eventlog.writer import LogWriter
from pacing.protocol import Books, Grants, Heartbeat, LeaseUse, Register, Registered
from tests.deployment import OUTBID

FILE = """
exchanges:
  - {key: usx, currency: USD, billing: burl}
fees:
  - {key: platform, name: Platform fee, share: 25%}
agencies:
  - {key: group, name: Group, currency: USD, time_zone: UTC AGENCY}
advertisers:
  - {key: bank, agency: group, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, categories: [IAB13],
     fees: [platform] ADVERTISER}
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
COST, MEDIA = 2_000_000, 1_600_000
"""Nanos of a bid with and without its fee, a quarter of the media."""


class Spender:
    """A worker that bids from all it is granted, and a tracker that hears of every bid as billed."""

    def __init__(self, base: str, session: aiohttp.ClientSession, data: Path) -> None:
        self.base, self.session = base, session
        self.log = LogWriter(data / "log" / "money" / "0")
        self.uses: dict[int, LeaseUse] = {}
        self.bids = 0

    async def begin(self) -> None:
        self.worker = (await self.post("/v1/workers", Register("host", 1), Registered)).worker

    async def post(self, path: str, message: msgspec.Struct, kind: type) -> object:
        async with self.session.post(self.base + path, data=msgspec.json.encode(message)) as answer:
            assert answer.status == 200, await answer.text()
            return msgspec.json.decode(await answer.read(), type=kind)

    async def beat(self) -> None:
        grants = await self.post("/v1/leases", Heartbeat(self.worker, tuple(self.uses.values())), Grants)
        position = None
        for grant in grants.grants:
            reserved = self.uses[grant.lease].reserved if grant.lease in self.uses else 0
            while grant.granted - reserved >= COST:
                reserved += COST
                self.bids += 1
                position = self.log.append(self.billing(grant.lease))
            self.uses[grant.lease] = LeaseUse(grant.lease, reserved, grant.granted)
        if position is not None:
            await self.log.durable(position)

    def billing(self, lease: int) -> bytes:
        return encode(
            Notice(
                kind=Kind.BILLING, received_ns=SystemClock().now_ns(), marks=0, bid=self.worker << 32 | self.bids,
                imp=0, bid_ns=0, exchange=1, advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=7,
                person=0, lease=lease, rate=0, max_price=MEDIA, basis=Kind.BILLING, price=MEDIA, loss_reason=0,
                min_to_win=0, terms=1,
            )
        )  # fmt: skip

    async def spend(self, bids: int) -> None:
        """Until so many were made altogether."""
        while self.bids < bids:
            await self.beat()

    async def at_rest(self) -> int:
        """How many bids were booked, once none is granted any more: control had three looks at all that there is."""
        for _ in range(3):
            while True:
                async with self.session.get(f"{self.base}/v1/books") as answer:
                    books = msgspec.json.decode(await answer.read(), type=Books)
                if books.behind == 0:
                    break
            before = self.bids
            await self.beat()
            assert self.bids == before
            await asyncio.sleep(0.2)
        return books.exchanges[0].billed


@asynccontextmanager
async def spender(store: Store, data: Path, agency: str = "", advertiser: str = "") -> AsyncIterator[Spender]:
    file = data / "file.yaml"
    file.write_text(FILE.replace(" AGENCY", agency).replace(" ADVERTISER", advertiser))
    import_file(store, file, profiles=data / "profiles.lmdb")
    control = Control(Store(store.url), Places(data_dir=str(data)), SystemClock(), ControlSettings(settle_limit=100))
    runner = web.AppRunner(application(control))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        one = Spender(f"http://{host}:{port}", session, data)
        await one.begin()
        yield one
        await asyncio.to_thread(one.log.close)
    await runner.cleanup()


async def ledger(store: Store, *words: str) -> str:
    """As an operator types it, in a process of its own beside the control."""
    process = await asyncio.create_subprocess_exec(
        *(*OUTBID, "ledger", *words),
        env={**os.environ, "OUTBID_CONTROL_DATABASE_URL": store.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.mark.parametrize("payer", ["advertiser", "agency"])
async def test_prepaid_spends_what_was_paid_in_and_goes_on_after_a_top_up(
    payer: str, store: Store, tmp_path: Path
) -> None:
    whose = ("--agency", "group") if payer == "agency" else ("--advertiser", "bank")
    async with spender(store, tmp_path, **{payer: ", funding: prepaid"}) as one:
        assert await one.at_rest() == 0
        await ledger(store, "top-up", *whose, "0.1", "USD", "--reason", "paid")
        await one.spend(50)
        assert await one.at_rest() == 50
        await ledger(store, "top-up", *whose, "0.0519", "USD", "--reason", "paid again")
        await one.spend(75)
        assert await one.at_rest() == 75  # 0.0019 is less than a bid
        assert '"owed": "-0.0019"' in await ledger(store, "balance", *whose, "--format", "json")
        assert (await ledger(store, "verify")).endswith("The books are sound.\n")


async def test_a_credit_line_goes_beyond_and_a_debit_takes_from_it(store: Store, tmp_path: Path) -> None:
    async with spender(store, tmp_path, advertiser=", funding: credit, credit_limit: 0.04") as one:
        await one.spend(20)
        assert await one.at_rest() == 20
        await ledger(store, "adjust", "--line-item", "fast", "--credit", "0.02", "USD", "--reason", "goodwill")
        await one.spend(30)
        assert await one.at_rest() == 30
        await ledger(store, "adjust", "--campaign", "cards", "--debit", "0.01", "USD", "--reason", "a second thought")
        await ledger(store, "top-up", "--advertiser", "bank", "0.014", "USD", "--reason", "paid")
        await one.spend(32)
        assert await one.at_rest() == 32
