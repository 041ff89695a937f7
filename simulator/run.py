"""A run of the simulator: posts auctions to the bid port at a rate, settles the answers, and drains.

`run_traffic` is the whole of it, for the command line, for `outbid run` and for tests.
"""

import asyncio
import gzip
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import aiohttp

from domain.clock import Clock, from_env
from domain.keys import load_keys
from domain.settings import Places
from simulator.books import Books, pending_notices
from simulator.checker import Checker
from simulator.config import Seller, SimulatorSettings
from simulator.courier import Courier
from simulator.exchange import Auction, settle
from simulator.hidden_clicks import HiddenClicks
from simulator.landing import Landings
from simulator.market import activity
from simulator.mischief import Mischief
from simulator.population import Population
from simulator.salesroom import Salesroom
from simulator.statistics import Statistics
from simulator.traffic import Traffic
from simulator.users import Audience
from simulator.watch import Watch

EXAMPLES = Path(__file__).parents[1] / "examples" / "consumer-finance" / "audiences"
"""Absent where only the package is installed: then nobody is drawn from lists."""

GIVE_UP_S = 5.0
"""A request without an answer by then counts as dropped; one that is answered after ``tmax`` counts as timed out."""

DRAIN_S = 60.0
"""So long notices on their way are waited for at the end; what is left stays pending in the books for the next run."""

UNPACED = 8
"""Requests open at once where no rate is asked for: enough to keep a bidder busy, too few to make it late."""

REFRESH_S = 10.0
"""How often the advertisers' pages are asked for anew."""


def books_path(places: Places) -> Path:
    """Where the exchange keeps its books."""
    return places.data / "exchange" / "books.sqlite"


def population(settings: SimulatorSettings, sellers: Sequence[Seller] | None = None) -> Population:
    """The people of the synthetic traffic: the same ones whenever there are as many, of the same sellers and lists."""
    lists = Path(settings.audiences) if settings.audiences else EXAMPLES
    return Population(sellers or settings.sellers, settings.persons, lists)


def synthetic(settings: SimulatorSettings, clock: Clock, rng: random.Random, exchange: str | None = None) -> Traffic:
    """Endless traffic of all sellers, or of one. Raises `KeyError` for an exchange that the simulator does not play."""
    sellers = settings.sellers if exchange is None else (settings.seller(exchange),)
    return Traffic(population(settings, sellers), clock, rng)


def audience(settings: SimulatorSettings, rng: random.Random) -> Audience:
    """How people react, as the settings say."""
    rates = settings.click_rate, settings.conversion_rate
    hidden = HiddenClicks(settings.hidden_seed, *rates) if settings.clicks == "hidden" else None
    return Audience(*rates, rng, settings.return_rate, hidden)


async def run_traffic(
    places: Places,
    settings: SimulatorSettings,
    *,
    source: Iterable[Auction] | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    stop: asyncio.Event | None = None,
    statistics: Statistics | None = None,
    drain_s: float = DRAIN_S,
    watch: Watch | None = None,
) -> Statistics:
    """Plays the exchange until ``source`` is at its end, ``seconds`` (real ones) have passed, or ``stop`` is set; then
    waits until the notices under way are acknowledged.

    Without ``source`` the traffic is synthetic, at ``rate`` requests a second (default: the setting). With a source and
    no rate, the next request leaves as soon as there is room for it. ``statistics`` can be watched meanwhile; ``watch``
    follows the people of a list.
    """
    clock, rng = from_env(), random.Random(settings.seed or None)
    if source is None:
        source = synthetic(settings, clock, rng)
        rate = rate or settings.rate
    statistics = statistics or Statistics()
    books = Books(books_path(places), clock)
    timeout, connector = aiohttp.ClientTimeout(total=GIVE_UP_S), aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            landings = Landings(places.tracker_base, load_keys(places.data), rng)
            await landings.refresh(session, places.control_base)
            refreshing = asyncio.create_task(_keep_fresh(landings, session, places.control_base))
            room = Salesroom(
                books,
                Courier(session, books, landings, statistics),
                landings,
                audience(settings, rng),
                Mischief(settings.trouble, rng),
                statistics,
                clock,
                watch,
            )
            for notice in pending_notices(books.path):
                room.resume(notice)
            floor = TradingFloor(places, session, room, Checker(settings.rates()), statistics)
            endless = isinstance(source, Traffic)
            in_flight = min(settings.in_flight, UNPACED) if rate is None else settings.in_flight
            try:
                await floor.trade(iter(source), Pace(rate, clock, endless), in_flight, seconds, stop or asyncio.Event())
            except asyncio.CancelledError:
                drain_s = 0
                raise
            finally:
                await floor.drain(drain_s)
                refreshing.cancel()
            if room.failure is not None:
                raise room.failure
    finally:
        await books.close()
    return statistics


class Pace:
    """How many requests are due. On a compressed day the rate follows the hours of the day."""

    def __init__(self, rate: float | None, clock: Clock, endless: bool) -> None:
        self.rate, self.clock, self.endless = rate, clock, endless
        self.last = time.monotonic()
        self.owed = 0.0

    def due(self, free: int) -> tuple[int, int]:
        """(to be sent now, skipped) where there is room for ``free`` more. Only endless traffic can be skipped."""
        if self.rate is None:
            return free, 0
        now = time.monotonic()
        shape = activity(self.clock.now_ns(), 0) if self.clock.speed != 1 else 1.0
        self.owed += (now - self.last) * self.rate * shape
        self.last = now
        due = min(int(self.owed), free)
        skipped = int(self.owed) - due if self.endless else 0
        self.owed -= due + skipped
        return due, skipped


class TradingFloor:
    def __init__(
        self,
        places: Places,
        session: aiohttp.ClientSession,
        room: Salesroom,
        checker: Checker,
        statistics: Statistics,
    ) -> None:
        self.base = f"http://{places.host}:{places.bidder_port}/openrtb2/"
        self.session, self.room, self.checker, self.statistics = session, room, checker, statistics
        self.open: set[asyncio.Task[None]] = set()

    async def trade(
        self, source: Iterator[Auction], pace: Pace, in_flight: int, seconds: float | None, stop: asyncio.Event
    ) -> None:
        end = None if seconds is None else time.monotonic() + seconds
        while not stop.is_set() and (end is None or time.monotonic() < end) and self.room.failure is None:
            due, skipped = pace.due(in_flight - len(self.open))
            self.statistics.skipped += skipped
            for _ in range(due):
                auction = next(source, None)
                if auction is None:
                    return
                task = asyncio.create_task(self._auction(auction))
                self.open.add(task)
                task.add_done_callback(self._done)
            await asyncio.sleep(0.002)

    async def drain(self, seconds: float) -> None:
        """Waits for everything that is under way, and gives the rest up."""
        end = time.monotonic() + seconds
        try:
            while (tasks := self.open | self.room.open) and (left := end - time.monotonic()) > 0:
                await asyncio.wait(tasks, timeout=left)
        finally:
            left_over = self.open | self.room.open
            for task in left_over:
                task.cancel()
            await asyncio.gather(*left_over, return_exceptions=True)

    async def _auction(self, auction: Auction) -> None:
        offer = auction.offer()
        headers = {"Content-Type": "application/json", "x-openrtb-version": "2.6"}
        body = auction.body
        if auction.gzip:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        if auction.seller.secret:
            headers["X-Outbid-Secret"] = auction.seller.secret
        self.statistics.requests += 1
        asked_ns = self.room.clock.now_ns()
        if self.room.watch is not None and auction.person is not None:
            self.room.watch.asked(auction.person.written, asked_ns)
        started = time.monotonic()
        try:
            async with self.session.post(self.base + auction.seller.key, data=body, headers=headers) as response:
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            self.statistics.dropped += 1
            return
        elapsed = time.monotonic() - started
        self.statistics.answered(status, elapsed)
        answer = self.checker.read(status, content, offer)
        if answer.fault:
            self.statistics.faulty[answer.fault] += 1
        elif not answer.bids:
            told = response.headers.get("X-Outbid-No-Bid") if answer.reason is None else str(answer.reason)
            self.statistics.no_bids[told or "unexplained"] += 1
        for bid in answer.bids:
            if bid.refused:
                self.statistics.invalid[f"{bid.refused.name}: {bid.why}"] += 1
        if elapsed * 1000 > (offer.tmax_ms or auction.seller.tmax_ms):
            self.statistics.timeouts += 1
            return
        self.statistics.bids += len(answer.bids)
        self.statistics.bid_requests += bool(answer.bids)
        outcome = settle(answer, offer, auction.market)
        for lost in outcome.lost:
            self.room.lose(lost, offer)
        for won in outcome.won:
            await self.room.sell(auction, offer, won, asked_ns)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.open.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.room.failure = self.room.failure or task.exception()


async def _keep_fresh(landings: Landings, session: aiohttp.ClientSession, control_base: str) -> None:
    while True:
        await asyncio.sleep(REFRESH_S)
        await landings.refresh(session, control_base)
