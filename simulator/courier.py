"""Notices on their way: each is sent until it is acknowledged, as exchanges do with billing (OpenRTB 2.6, 7.8)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp

from simulator.books import Books, Kind, Notice, State
from simulator.landing import Landings
from simulator.statistics import Statistics

FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 2.0
ACKNOWLEDGED = (200, 204, 302)
TRY_AGAIN = (408, 425, 429)


@dataclass(frozen=True)
class Reply:
    status: int
    location: str = ""
    """Of a redirect, which is not followed."""

    @property
    def acknowledges(self) -> bool:
        return self.status in ACKNOWLEDGED


class Courier:
    def __init__(
        self, session: aiohttp.ClientSession, books: Books, landings: Landings, statistics: Statistics
    ) -> None:
        self.session, self.books, self.landings, self.statistics = session, books, landings, statistics

    async def deliver(self, notice: Notice, *, counts: bool) -> Reply:
        """Sends the notice until there is an answer, writes the end of it into the books, and returns the answer."""
        reply = await self._until_answered(lambda: self._send(notice))
        if reply.acknowledges:
            self.books.settled(notice, State.ACKNOWLEDGED)
            self.statistics.acknowledged[notice.kind] += counts
        else:
            self.books.settled(notice, State.REFUSED)
            self.statistics.refused[f"{notice.kind} with status {reply.status}"] += 1
        return reply

    async def repeat(self, notice: Notice) -> None:
        """Sends it again; a tracker gives a repeated notice the answer that it gave the first."""
        reply = await self._until_answered(lambda: self._send(notice))
        self.statistics.repeated += 1
        if not reply.acknowledges:
            self.statistics.refused[f"repeated {notice.kind} with status {reply.status}"] += 1

    async def tell_loss(self, url: str) -> None:
        """Loss notices are in no books."""
        reply = await self._until_answered(lambda: self._get(url))
        if not reply.acknowledges:
            self.statistics.refused[f"loss with status {reply.status}"] += 1

    async def forge(self, kind: Kind, url: str) -> None:
        """Sends what must be refused."""
        self.statistics.forged += 1
        reply = await self._until_answered(lambda: self._get(url))
        if 400 <= reply.status < 500:
            self.statistics.forged_refused += 1
        else:
            self.statistics.forged_accepted[f"{kind} with status {reply.status}"] += 1

    async def _until_answered(self, send: Callable[[], Awaitable[Reply]]) -> Reply:
        wait = FIRST_RETRY_S
        while True:
            try:
                reply = await send()
                if reply.status < 500 and reply.status not in TRY_AGAIN:
                    return reply
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.statistics.retries += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_RETRY_S)

    async def _send(self, notice: Notice) -> Reply:
        if notice.cookie:
            return await self._browse(notice)
        if notice.body is None or notice.advertiser is None:
            return await self._get(notice.url)
        headers = self.landings.sign(notice.advertiser, notice.body, int(time.time()))
        async with self.session.post(notice.url, data=notice.body.encode(), headers=headers) as answer:
            await answer.read()
            return Reply(answer.status)

    async def _browse(self, notice: Notice) -> Reply:
        """As a browser that knows the buyer's cookie does: first what stands before it on the page."""
        secure = notice.url.startswith("https://")
        headers = {"Cookie": f"{'__Host-' if secure else ''}outbid={notice.cookie}", "Referer": notice.page}
        first = await self._get(notice.before, headers) if notice.before else None
        return first if first is not None and not first.acknowledges else await self._get(notice.url, headers)

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        async with self.session.get(url, allow_redirects=False, headers=headers) as answer:
            await answer.read()
            return Reply(answer.status, answer.headers.get("Location", ""))
