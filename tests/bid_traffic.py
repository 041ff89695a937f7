"""Bid requests at a steady pace, some to every worker; and all that was answered."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

SENDERS = 16
PAUSE_S = 0.2
"""Of each sender between two requests: together they make 80 requests a second."""
ANEW = {"Connection": "close"}
"""Workers share the port by connection: one that is kept would never meet a worker that began to listen later."""
PATIENCE_S = 120.0
REQUEST = {
    "id": "auction",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"domain": "news.example"},
    "device": {"ua": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0", "geo": {"country": "USA"}},
}


@dataclass(frozen=True)
class Sent:
    """One bid, and when we had it (`time.monotonic`)."""

    at: float
    worker: int
    """Incarnation: the upper half of the bid's id."""
    advertiser: str
    """Its domain."""
    bid: dict[str, Any]


@dataclass
class BidTraffic:
    """``bids`` and ``no_bids`` (when, and ``nbr``), in the order in which they came."""

    http: aiohttp.ClientSession
    url: str
    bids: list[Sent] = field(default_factory=list)
    no_bids: list[tuple[float, int]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What goes wrong with a request ends the block."""
        async with asyncio.TaskGroup() as group:
            posting = [group.create_task(self._post()) for _ in range(SENDERS)]
            yield
            for task in posting:
                task.cancel()

    async def workers(self, count: int, wanted: Callable[[Sent], bool] = lambda sent: True) -> None:
        """Returns when so many workers have sent wanted bids since the call."""
        since = len(self.bids)
        await self.until(lambda: len({sent.worker for sent in self.bids[since:] if wanted(sent)}) >= count)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Returns when the traffic has come so far; says what there was of it if it does not."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > deadline:
                bids = Counter((sent.advertiser, sent.worker) for sent in self.bids)
                no_bids = Counter(reason for _, reason in self.no_bids)
                raise AssertionError(f"waited for {PATIENCE_S:.0f} s; bids: {bids}, no-bids: {no_bids}")
            await asyncio.sleep(0.05)

    async def _post(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            async with self.http.post(self.url, json=REQUEST, headers=ANEW) as answer:
                now = time.monotonic()
                if answer.status == 404:  # nothing is defined yet
                    continue
                if answer.status == 204:  # a worker that runs late sheds requests
                    self.no_bids.append((now, int(answer.headers["X-Outbid-No-Bid"])))
                    continue
                assert answer.status == 200, await answer.text()
                told = await answer.json()
            if "nbr" in told:
                self.no_bids.append((now, told["nbr"]))
            for bid in (bid for seat in told.get("seatbid", []) for bid in seat["bid"]):
                self.bids.append(Sent(now, int(bid["id"]) >> 32, bid["adomain"][0], bid))
