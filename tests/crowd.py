"""What one person's browser tabs ask for at once, on an exchange that draws who wins, loses and renders late."""

import asyncio
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

CAP, AT_ONCE = 3, 500
EXPIRY_S = 20
IMPRESSION = re.compile(r"http://127\.0\.0\.1:\d+/impression/[\w-]+")
HOST = re.compile(r"^http://127\.0\.0\.1:\d+")
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
    """One person's requests, shared among bid ports; ``trackers``, if given, share the bids, each with its notices."""

    bidders: Sequence[str]
    session: aiohttp.ClientSession
    person: str
    draw: random.Random
    trackers: Sequence[str] = ()
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
            bidder = self.bidders[number % len(self.bidders)]
            async with self.session.post(f"{bidder}/openrtb2/usx", json=request) as answer:
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
        tracker = self.draw.choice(self.trackers) if self.trackers else ""
        if self.draw.random() < 0.6:
            await self.tell(tracker, bid["lurl"])
            return
        await self.tell(tracker, bid["nurl"])
        await asyncio.sleep(self.draw.choice((0.0, 0.0, 1.0, 3.0)))
        found = IMPRESSION.search(bid["adm"])
        assert found
        self.shown += 1  # the person has seen it, whatever becomes of the notice
        for _ in range(self.draw.choice((1, 1, 2))):
            await self.tell(tracker, found[0])
        if self.draw.random() < 0.2:
            await self.tell(tracker, bid["lurl"])  # contradicts what was told before

    async def tell(self, tracker: str, url: str) -> None:
        """A notice, until the tracker has taken it."""
        url = HOST.sub(tracker, url) if tracker else url
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
