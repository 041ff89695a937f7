"""What stands behind the connections of one worker: routes, the exchange's secret, overload, counters, health."""

import asyncio
import hmac
import ipaddress
import logging
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from bidder.auction import Aside, Auction, NoBid
from bidder.config import BidderSettings
from bidder.metrics import Worker, page
from bidder.quotas import Quotas
from bidder.readiness import readiness
from bidder.refusals import BAD_REQUEST, FORBIDDEN, NOT_FOUND, WRONG_METHOD, no_content, refusal, text
from bidder.seller import Seller
from bidder.state import State
from bidder.stopwatch import Stopwatch
from bidder.tally import Tally
from bidder.view import PATH, View
from monitoring.page import CONTENT_TYPE
from monitoring.process import LoopLag
from openrtb.nobid import NoBidReason
from openrtb.parse import Malformed

if TYPE_CHECKING:
    from bidder.http import BidConnection, Later
    from bidder.neighbouring_workers import Neighbours
    from bidder.waiting_room import WaitingRoom
    from targeting.redis_lookup import Held

log = logging.getLogger(__name__)

TICK_S = 0.005
"""How often the worker looks at its clock: the resolution of time-outs, and of how late it runs."""
SWEEP_S = 1.0
OVER_QUOTA = NoBid(NoBidReason.QPS, "port")


class Service:
    """One worker's requests, whichever connection they come on."""

    def __init__(
        self,
        auction: Auction,
        state: State,
        settings: BidderSettings,
        people: "WaitingRoom | None" = None,
        worker: Worker | None = None,
    ) -> None:
        self.auction, self.state, self.settings, self.people = auction, state, settings, people
        self.worker = worker or Worker()
        self.neighbours: Neighbours | None = None
        self.connections: set[BidConnection] = set()
        self.now = time.monotonic()
        self.quotas = Quotas()
        self.overloaded = self.draining = False
        self.malformed = self.refused = self.shed = self.failures = 0
        self.tallies: dict[int, Tally] = {}
        """By exchange id; they outlive snapshots."""
        self.stopwatch = Stopwatch(auction)
        self.lag = LoopLag()
        self._decide = self._untimed = auction.decide
        self._asking: set[asyncio.Task[None]] = set()
        self._proxies = tuple(ipaddress.ip_network(text.strip()) for text in settings.trusted_proxies)

    # requests

    def respond(self, connection: "BidConnection", method: bytes, url: bytes, body: bytes) -> "bytes | Later":
        """The whole answer to one request; `Later`, if the person's record, or scores, have to be waited for."""
        if method != b"POST" or not url.startswith(PATH):
            return self._other(connection, method, url)
        view = self.state.view
        seller = view.routes.get(url) or view.routes.get(url.partition(b"?")[0]) if view is not None else None
        if view is None or seller is None:
            return refusal(NOT_FOUND, f"{url.decode('latin-1')}: no exchange of that name")
        exchange = seller.exchange
        tally = connection.tally = self.tallies.get(seller.id) or self._tally(seller)
        if exchange.secret and not hmac.compare_digest(exchange.secret.encode(), connection.secret):
            self.refused += 1
            tally.fault()
            return refusal(FORBIDDEN, "X-Outbid-Secret: missing or wrong")
        if self.overloaded:
            self.shed += 1
            tally.fault()
            return no_content(NoBidReason.OVERLOAD)
        if seller.qps and not self.quotas.admits(seller, self.state.workers, self.now):
            self.auction.no_bids[OVER_QUOTA] += 1
            tally.no_bid()
            return no_content(OVER_QUOTA.reason)
        if (
            self.people is not None
            and (later := self.people.ask(self, connection, url, body, seller, view)) is not None
        ):
            return later
        outcome = self.decide(connection, body, seller, view)
        # Without anybody to ask for nothing has a cap that could be kept; so nothing is to be held, and nothing waits.
        return self.resume(connection, outcome, {}) if isinstance(outcome, Aside) else outcome

    def decide(self, connection: "BidConnection | Later", body: bytes, seller: Seller, view: View) -> bytes | Aside:
        """The answer to a bid request, written as its sender takes it; or an auction that has to wait."""
        try:
            outcome = self._decide(body, seller, view)
        except Malformed as error:
            self.malformed += 1
            connection.tally.fault()
            log.debug("400 to %s: %s", seller.exchange.key, error)
            return refusal(BAD_REQUEST, str(error))
        except Exception:
            return self._failed(connection, seller)
        return outcome if isinstance(outcome, Aside) else self._written(connection, outcome, seller)

    def _timed(self, body: bytes, seller: Seller, view: View) -> bytes | NoBid | Aside:
        """Decides one request with a stopwatch: the first one after each look at the clock. The others pay nothing."""
        self._decide = self._untimed
        return self.stopwatch.decide(body, seller, view)

    def resume(self, connection: "BidConnection | Later", aside: Aside, answers: "dict[int, Held]") -> bytes:
        """The answer to a request whose auction waited, see `bidder.auction.Auction.resume`."""
        try:
            outcome = self.auction.resume(aside, answers)
        except Exception:
            return self._failed(connection, aside.seller)
        return self._written(connection, outcome, aside.seller)

    def _failed(self, connection: "BidConnection | Later", seller: Seller) -> bytes:
        """A bug of ours must not cost the exchange an error, nor us its traffic."""
        self.failures += 1
        connection.tally.fault()
        log.exception("a request from %s failed", seller.exchange.key)
        return no_content(NoBidReason.TECHNICAL_ERROR)

    def _written(self, connection: "BidConnection | Later", outcome: bytes | NoBid, seller: Seller) -> bytes:
        if isinstance(outcome, NoBid):
            connection.tally.no_bid()
            return self._no_bid(connection, outcome, seller)
        return connection.encode(outcome)

    def _no_bid(self, connection: "BidConnection | Later", outcome: NoBid, seller: Seller) -> bytes:
        if seller.exchange.no_bid == "204":
            return no_content(outcome.reason)
        if seller.exchange.no_bid == "empty":
            return connection.encode(b"{}")
        return connection.encode(self.auction.answer.no_bid(self.auction.request, outcome.reason))

    def _other(self, connection: "BidConnection", method: bytes, url: bytes) -> "bytes | Later":
        if url.startswith(PATH):
            return refusal(WRONG_METHOD, f"{method.decode('latin-1')}: bid requests are POSTed")
        if url == b"/health":
            ready = self.state.view is not None and not self.draining
            return text(b"200 OK" if ready else b"503 Service Unavailable", b"ok\n" if ready else b"not ready\n")
        if url == b"/ready":
            told = readiness(self)
            return text(b"200 OK" if told.ready else b"503 Service Unavailable", told.body(), b"application/json")
        if url == b"/metrics":
            return self._metrics(connection)
        return refusal(NOT_FOUND, f"{url.decode('latin-1')}: bid requests go to /openrtb2/{{exchange}}")

    # what operators ask

    @property
    def requests(self) -> int:
        """Bid requests since the start, of all exchanges."""
        return sum(tally.requests for tally in self.tallies.values())

    def metrics(self) -> str:
        """This worker's page, see `bidder.metrics`."""
        return page(self).render()

    def _metrics(self, connection: "BidConnection") -> "bytes | Later":
        """The page of all workers of this host: they share the port, so a scrape meets any one of them."""
        if self.neighbours is None:
            return text(b"200 OK", self.metrics().encode(), CONTENT_TYPE.encode())
        later = connection.later()

        async def gather(neighbours: "Neighbours") -> None:
            whole = await neighbours.gather(page(self))
            later.come(text(b"200 OK", whole.render().encode(), CONTENT_TYPE.encode()))

        asking = asyncio.create_task(gather(self.neighbours))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        return later

    def took_long(self, tally: Tally, ns: int) -> None:
        """An answer to the request that was decided last took so long: too long, if its exchange waits no longer."""
        tmax, view = self.auction.request.tmax, self.state.view
        seller = view.sellers.get(tally.exchange) if view is not None else None
        if tmax and ns > (tmax - (seller.network_ms if seller is not None else 0)) * 1_000_000:
            tally.was_late()

    def _tally(self, seller: Seller) -> Tally:
        return self.tallies.setdefault(seller.id, Tally(seller.exchange.key))

    # connections

    def connected(self, connection: "BidConnection") -> bool:
        """Takes a new connection in, unless there are too many."""
        if len(self.connections) >= self.settings.max_connections or self.draining:
            return False
        self.connections.add(connection)
        return True

    def client(self, connection: "BidConnection | Later") -> str:
        """Address of the peer: of the connection, or as told by a proxy that is trusted."""
        peer = connection.transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        for hop in reversed([part.strip() for part in connection.forwarded.decode("latin-1").split(",")]):
            if not hop or not self._trusted(address):
                break
            address = hop
        return address

    def _trusted(self, address: str) -> bool:
        return _in_any(address, self._proxies)

    async def watch(self) -> None:
        """Keeps the time, notices when the worker runs late, renews the profile reader, closes what takes too long."""
        loop = asyncio.get_running_loop()
        swept = self.now
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.now = time.monotonic()
            late_s = loop.time() - due
            self.overloaded = late_s * 1000 > self.settings.shed_above_ms
            self.lag.saw(late_s, self.now)
            self._decide = self._timed
            if self.now - swept > SWEEP_S:
                swept = self.now
                for connection in list(self.connections):
                    connection.expired(self.now)

    async def drain(self, seconds: float = 2.0) -> None:
        """No new connections; those in the middle of a request get its answer, the others are closed."""
        self.draining = True
        end = time.monotonic() + seconds
        while True:
            for connection in list(self.connections):
                if not connection.began and not connection.awaited:
                    connection.transport.close()
            if not self.connections or time.monotonic() > end:
                break
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.transport.abort()


@lru_cache(maxsize=4_096)
def _in_any(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
