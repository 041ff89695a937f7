"""Fetching the money logs of trackers on other hosts, one task a tracker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import msgspec

from eventlog.remote import Piece, Wanted, decode

TIMEOUT = aiohttp.ClientTimeout(total=10)
PAUSE_S = 0.05
RETRY_S = 1.0
PATIENCE_S = 1.0
"""How long somebody who asks waits for what is new; after that it is unknown."""

log = logging.getLogger(__name__)


class Collector:
    """Asks one tracker for what is ``wanted``, and hands over what comes (and when it was asked for).

    ``trouble`` says why it does not get on; empty while it does.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        limit: int,
        wanted: Callable[[], Awaitable[Wanted | None]],
        deliver: Callable[[Piece, int], Awaitable[None]],
        now_ns: Callable[[], int],
    ) -> None:
        self.url, self.limit = url.rstrip("/"), limit
        self.trouble = ""
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._wanted, self._deliver, self._now_ns = wanted, deliver, now_ns
        self._begun = self._ended = 0
        self._turn = asyncio.Event()

    async def refreshed(self) -> bool:
        """Waits until a fetch that begins from here on has ended, for what was recorded before to be known. False if
        that takes too long.
        """
        awaited = self._begun + 1
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self._ended < awaited:
                    await self._turn.wait()
        return self._ended >= awaited

    def _end(self) -> None:
        self._ended = self._begun
        self._turn.set()
        self._turn = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers) as session:
            while True:
                self._begun += 1
                try:
                    more = await self.fetch(session)
                    self.trouble = ""
                    self._end()
                    await asyncio.sleep(0 if more else PAUSE_S)
                except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
                    trouble = f"{type(error).__name__}: {error}"
                    if not self.trouble:
                        log.warning("the money log of %s cannot be fetched: %s", self.url, trouble)
                    self.trouble = trouble
                    await asyncio.sleep(RETRY_S)

    async def fetch(self, session: aiohttp.ClientSession) -> bool:
        """Fetches one piece; False if there was nothing to do."""
        wanted = await self._wanted()
        if wanted is None:
            return False
        asked_ns = self._now_ns()
        asked = {"from": str(wanted.position), "limit": str(self.limit)}
        if wanted.booked:
            asked |= {"log": wanted.log, "booked": str(wanted.booked)}
        async with session.get(f"{self.url}/log", params=asked) as answer:
            answer.raise_for_status()
            piece = decode(await answer.read())
        await self._deliver(piece, asked_ns)
        return bool(piece.records) or piece.start < 0
