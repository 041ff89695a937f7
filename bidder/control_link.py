"""The worker's line to control: it registers, keeps its leases topped up, and fetches new snapshots.

While control is away the worker bids on from the leases it has, and calls again every heartbeat.
"""

import asyncio
import logging
import os
import socket
import time
from typing import TypeVar

import aiohttp
import msgspec

from bidder.answer import Answer
from bidder.beliefs import Beliefs
from bidder.leases import Leases
from bidder.paces import Paces
from bidder.state import State
from pacing.protocol import (
    HEARTBEAT_S,
    SUPPLY_S,
    Grants,
    Heartbeat,
    LeaseUse,
    Register,
    Registered,
    Supplied,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_S = 2.0


class ControlLink:
    """One worker's conversation with control."""

    def __init__(
        self, base: str, state: State, paces: Paces, leases: Leases, answer: Answer, beliefs: Beliefs | None = None
    ) -> None:
        self.base, self.state, self.paces, self.leases, self.answer = base, state, paces, leases, answer
        self.beliefs = beliefs or Beliefs(leases)
        self.worker = self.paced = self.believed = 0
        self._supplied_s = 0.0
        self.returned: list[LeaseUse] = []
        """Leases that were given up, until control has heard of it."""
        self.away_since: float | None = None
        self.heard_s = time.monotonic()
        """When control answered last."""

    async def run(self) -> None:
        """Talks to control until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                started = asyncio.get_running_loop().time()
                try:
                    await self.beat(session)
                    self._heard(started)
                except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
                    self._missed(started, error)
                await asyncio.sleep(max(0.0, HEARTBEAT_S - (asyncio.get_running_loop().time() - started)))

    async def beat(self, session: aiohttp.ClientSession) -> None:
        """One heartbeat: report, take grants, fetch the snapshot if there is a newer one."""
        if not self.worker or self.answer.exhausted:
            await self.register(session)
        asked_ns = time.monotonic_ns()
        report = self.report()
        grants = await self._post(session, "/v1/leases", report, Grants)
        self.hear(grants, report, asked_ns)
        self.state.workers = grants.workers
        if not grants.forget and grants.version != self.state.version:
            await self.fetch_snapshot(session, grants.version)

    def report(self) -> Heartbeat:
        """The next heartbeat. A lease whose time is over is given back with it."""
        for lease in self.leases.ended():
            self.give_back(lease)
        supplied: list[Supplied] = []
        if time.monotonic() - self._supplied_s >= SUPPLY_S:
            self._supplied_s, supplied = time.monotonic(), self.paces.supplied()
        uses, returned = tuple(self.leases.uses()), tuple(self.returned)
        return Heartbeat(
            self.worker, uses, returned, supplied=tuple(supplied), paced=self.paced, believed=self.believed
        )

    def hear(self, grants: Grants, report: Heartbeat, asked_ns: int) -> None:
        """Takes control's answer to the last ``report``, made at ``asked_ns`` (monotonic)."""
        if grants.forget:
            log.warning("control does not know worker %d any more", self.worker)
            self.leases.drop_all()
            self.returned.clear()
            self.worker = 0
            return
        del self.returned[: len(report.returned)]
        for lease in grants.closed:
            self.give_back(lease)
        for grant in grants.grants:
            self.leases.apply(grant, asked_ns)
        self.paces.heard(report.supplied)
        for order in grants.paces:
            self.paces.apply(order)
        for belief in grants.beliefs:
            self.beliefs.apply(belief)
        self.paced, self.believed = grants.paced, grants.believed

    async def register(self, session: aiohttp.ClientSession) -> None:
        """Gets an incarnation number, under which bid ids begin anew; what an older one held is given back."""
        registered = await self._post(session, "/v1/workers", Register(socket.gethostname(), os.getpid()), Registered)
        if self.worker:
            await self._post(session, "/v1/leases", self.farewell(), Grants)
            self.returned.clear()
        self.worker, self.paced, self.believed = registered.worker, 0, 0
        self.paces.restart()
        self.answer.start(registered.worker)
        log.info("registered as worker %d", self.worker)

    def give_back(self, lease: int) -> None:
        """Stops using a lease; control hears the final figures with the next heartbeat."""
        use = self.leases.drop(lease)
        if use is not None:
            self.returned.append(use)

    def farewell(self) -> Heartbeat:
        """The last words of a worker: everything goes back, and from here on no bid can change the final figures."""
        self.returned += self.leases.drop_all()
        return Heartbeat(self.worker, (), tuple(self.returned), stopping=True)

    async def stop(self) -> None:
        """Gives the leases back, so that others can have them at once."""
        if not self.worker:
            return
        farewell = self.farewell()
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
                await self._post(session, "/v1/leases", farewell, Grants)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            log.warning("control is away; it will take our leases back when they have expired")

    async def fetch_snapshot(self, session: aiohttp.ClientSession, version: int) -> None:
        async with session.get(f"{self.base}/v1/snapshots/{version}") as response:
            response.raise_for_status()
            data = await response.read()
        self.state.swap(await asyncio.to_thread(self.state.compile, data))

    async def _post(self, session: aiohttp.ClientSession, path: str, message: msgspec.Struct, answer: type[T]) -> T:
        headers = {"Content-Type": "application/json"}
        async with session.post(self.base + path, data=msgspec.json.encode(message), headers=headers) as response:
            response.raise_for_status()
            return msgspec.json.decode(await response.read(), type=answer)

    def _heard(self, now: float) -> None:
        self.heard_s = time.monotonic()
        if self.away_since is not None:
            log.info("control is back after %.1f s", now - self.away_since)
            self.away_since = None

    def _missed(self, now: float, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = now
            log.warning("control is away (%s: %s); bidding on from the leases held", type(error).__name__, error)
