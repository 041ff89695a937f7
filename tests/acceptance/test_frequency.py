"""A cap holds against real workers, whatever an exchange does at the same time: 500 requests of one person at once,
losses, slow renders, notices told twice, and processes that are killed in between.
"""

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from domain.events import NOT_COUNTED, Kind, Notice, decode
from domain.naming import person_key
from eventlog.reader import LogReader
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope, line_item_scope
from targeting.unpacked import unpack
from tests.deployment import Deployment

CAP, AT_ONCE, WORKERS = 3, 500, 3
EXPIRY_S = 20
IMPRESSION = re.compile(r"http://127\.0\.0\.1:\d+/impression/[\w-]+")
CAMPAIGNS: dict[str, Any] = {
    "exchanges": [
        {"key": "usx", "currency": "USD", "billing": "burl", "auction_type": 2, "bid_expiry_s": EXPIRY_S},
    ],
    "advertisers": [
        {
            "key": "bank", "name": "Bank", "currency": "USD", "time_zone": "UTC", "domain": "bank.example",
            "categories": ["IAB13"], "frequency_caps": [{"impressions": 50, "per": "30d", "by": "household"}],
        },
    ],
    "creatives": [
        {
            "key": "banner", "advertiser": "bank", "size": "300x250", "landing_url": "https://bank.example/",
            "image_url": "https://bank.example/a.png",
        },
    ],
    "campaigns": [
        {
            "key": "cards", "advertiser": "bank", "name": "Cards", "start": "2020-01-01", "end": "2039-12-31",
            "daily_budget": 100_000, "frequency_caps": [{"impressions": CAP, "per": "1d"}],
            "line_items": [
                {
                    "key": f"line{n}", "name": f"Line {n}", "bid_cpm": n, "pacing": "asap", "targeting": {},
                    "creatives": ["banner"],
                }
                for n in (1, 2, 3)
            ],
        },
    ],
}  # fmt: skip


@dataclass
class Crowd:
    """All that one person's browser tabs ask for at once, on an exchange that draws who wins."""

    deployment: Deployment
    session: aiohttp.ClientSession
    person: str
    draw: random.Random
    shown: int = 0
    bids: int = 0
    refused: int = 0
    flying: set["asyncio.Task[None]"] = field(default_factory=set)

    async def ask(self, number: int) -> None:
        imps = [{"id": str(n), "banner": {"w": 300, "h": 250}} for n in range(1 + number % 3)]
        request = {
            "id": f"{self.person}-{number}", "imp": imps, "site": {"domain": "news.example"},
            "device": {"ua": "Mozilla/5.0", "ip": "203.0.113.7"}, "user": {"buyeruid": self.person},
        }  # fmt: skip
        try:
            async with self.session.post(f"{self.deployment.bidder}/openrtb2/usx", json=request) as answer:
                assert answer.status in (200, 204)
                body = json.loads(await answer.read() or b"{}")
        except aiohttp.ClientError:
            return  # a worker was killed with the request: an exchange has a time-out for that
        bids = [bid for seat in body.get("seatbid") or () for bid in seat["bid"]]
        self.refused += body.get("nbr") == 504
        for bid in bids:
            self.bids += 1
            task = asyncio.create_task(self.sell(bid))
            self.flying.add(task)
            task.add_done_callback(self.flying.discard)

    async def sell(self, bid: dict[str, Any]) -> None:
        """Four of ten bids win; half of their ads come on the screen only after a while."""
        await asyncio.sleep(self.draw.random() * 0.1)
        if self.draw.random() < 0.6:
            await self.tell(bid["lurl"])
            return
        await self.tell(bid["nurl"])
        await asyncio.sleep(self.draw.choice((0.0, 0.0, 1.0, 3.0)))
        found = IMPRESSION.search(bid["adm"])
        assert found
        self.shown += 1  # the person has seen it, whatever becomes of the notice
        for _ in range(self.draw.choice((1, 1, 2))):
            await self.tell(found[0])
        if self.draw.random() < 0.2:
            await self.tell(bid["lurl"])  # contradicts what was told before

    async def tell(self, url: str) -> None:
        """A notice, until the tracker has taken it."""
        while True:
            try:
                async with self.session.get(url) as answer:
                    if answer.status < 500:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)

    async def rush(self) -> None:
        """So many requests at once, and all that comes of them."""
        await asyncio.gather(*(self.ask(number) for number in range(AT_ONCE)))
        while self.flying:
            await asyncio.gather(*self.flying)

    async def until_capped(self, seconds: float = 120.0) -> None:
        """Again and again, until the cap is reached."""
        async with asyncio.timeout(seconds):
            while self.shown < CAP:
                await self.rush()
                assert self.shown <= CAP


def counted(data: Path, person: str) -> list[int]:
    """How many impressions of the campaign are in the person's record; then of its line items together."""
    with ProfileStore(data / "profiles.lmdb", readonly=True) as store:
        record = unpack(store.reader().get(person_key("buyeruid", person, "usx")) or b"")
    campaigns = sum(len(times) for scope, times in record.shown.items() if scope >> 29 == campaign_scope(0) >> 29)
    items = sum(len(times) for scope, times in record.shown.items() if scope >> 29 == line_item_scope(0) >> 29)
    return [campaigns, items]


def logged(data: Path, person: str) -> int:
    """Impressions in the money log that count."""
    reader, found = LogReader(data / "log/money/0"), 0
    while records := reader.read()[0]:
        for event in map(decode, records):
            if isinstance(event, Notice) and event.kind == Kind.IMPRESSION and not event.marks & NOT_COUNTED:
                found += event.person == person_key("buyeruid", person, "usx")
    return found


@pytest.mark.timeout(600)
async def test_a_cap_holds_under_requests_at_once(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text(yaml.safe_dump(CAMPAIGNS))
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    connector = aiohttp.TCPConnector(limit=60)
    async with aiohttp.ClientSession(connector=connector) as session, deployment.up(WORKERS):
        crowds = {name: Crowd(deployment, session, name, random.Random(name)) for name in ("ann", "bob", "eve")}
        async with asyncio.timeout(60):  # until leases are there
            probe = Crowd(deployment, session, "probe", random.Random(0))
            while not probe.bids:
                await probe.ask(0)
                await asyncio.sleep(0.1)
        await crowds["ann"].until_capped()
        await asyncio.gather(crowds["bob"].until_capped(), deployment.kill("bidder-1"))
        await asyncio.gather(crowds["eve"].until_capped(), deployment.kill("tracker"))
        for crowd in crowds.values():  # they have seen enough
            bids = crowd.bids
            await crowd.rush()
            assert (crowd.shown, crowd.bids) == (CAP, bids) and crowd.refused >= AT_ONCE
        while probe.flying:
            await asyncio.gather(*probe.flying)
    for name in crowds:
        assert counted(deployment.data, name) == [CAP, CAP] and logged(deployment.data, name) == CAP
