"""The story of a bid request, from its bytes to the answer's: every stage one call, in this order, none steps back.

The stages read the compiled `Request` and narrow the `Candidates`; what they do is told in their own files. The same
`Auction` decides in production, in `explain` and in tests: only clock, leases and log differ.
"""

from collections import Counter
from typing import NamedTuple

from bidder.admit import admit
from bidder.answer import Answer
from bidder.any_id import by_any_id
from bidder.beliefs import Beliefs, account
from bidder.candidates import Candidates
from bidder.choose import choose, reserve
from bidder.enrichment.chain import Chain
from bidder.enrichment.supply import SupplyModule
from bidder.exchange_rules import exchange_rules
from bidder.fit import fit
from bidder.fleet_holds import held, to_hold
from bidder.floors import floors
from bidder.frequency import History, frequency, hold
from bidder.journal import Journal
from bidder.leases import Leases
from bidder.limits import gate, still_covered
from bidder.models import Models
from bidder.paces import Paces, throttle
from bidder.predict import predict
from bidder.pricing.landscape import Shading, shade
from bidder.pricing.price import price
from bidder.request_sample import RequestSample
from bidder.rules import blocks, deals
from bidder.select import select
from bidder.seller import Seller
from bidder.supply import supply
from bidder.view import View
from bidder.worth import Worth, judge
from domain.clock import Clock
from openrtb.decode import decode
from openrtb.nobid import REASONS, NoBidReason
from openrtb.parse import Malformed
from openrtb.person_ids import named_by
from openrtb.request import Request
from openrtb.tcf import Vendor
from targeting.redis_lookup import Held

MOST_SPARE = 100
"""Requests and what goes with them that are kept for auctions to come while others are set aside."""


class NoBid(NamedTuple):
    """Why there is no bid: OpenRTB's ``nbr``, and the stage that left no candidate."""

    reason: NoBidReason
    stage: str


class Aside(NamedTuple):
    """An auction that was set aside until its bids are held for the fleet: as `Auction.resume` goes on with it."""

    request: Request
    candidates: Candidates
    history: History
    seller: Seller
    view: View
    asked: dict[int, list[bytes | int]]
    """Words to be held for each key, each followed by its milliseconds."""


class Wanted(NamedTuple):
    """Whose records, and whose scores, a request is decided by."""

    ids: list[int]
    """Keys of the person's ids, in the order of trust: the first that there is a record of says who it is."""
    counters: list[int]
    """Keys of what devices and the household count for themselves."""
    facts: int = 0
    """What services are to be asked about the person (`domain.worth.Fact`)."""
    address: str | None = None
    """The device's address and user agent, if they are."""
    agent: str | None = None


NOBODY = Wanted([], [])


class Auction:
    """Decides one request at a time; it owns the request and the candidates, which are used again for the next."""

    def __init__(
        self,
        chain: Chain,
        leases: Leases,
        answer: Answer,
        journal: Journal,
        clock: Clock,
        vendor: Vendor,
        sellers: SupplyModule | None = None,
        history: History | None = None,
        sample: RequestSample | None = None,
        models: Models | None = None,
        shading: Shading | None = None,
        worth: Worth | None = None,
    ) -> None:
        self.chain, self.leases, self.answer, self.journal, self.clock = chain, leases, answer, journal, clock
        self.vendor, self.sellers = vendor, sellers or SupplyModule()
        self.history = history or History()
        self.sample = sample or RequestSample(on=False)
        self.models, self.shading = models or Models(), shading or Shading()
        self.worth = worth or Worth()
        self.paces, self.beliefs = Paces(leases), Beliefs(leases)
        self.request, self.candidates = Request(), Candidates()
        self.bids = 0
        self.no_bids: Counter[NoBid] = Counter()
        self._spare: list[tuple[Request, Candidates, History]] = []

    def who(self, body: bytes, seller: Seller, view: View, facts: int = 0, *, here: bool = False) -> Wanted:
        """Keys of the records that `decide` will want, for a store that must be asked beforehand; none where nobody is
        known, or may be used. How long there is for it is in ``request.tmax``. ``facts``: those that services can be
        asked for. ``here``: records are on this host, so that opt-outs are known; who was forgotten is known anyway.
        """
        request = self.request
        try:
            if decode(request, body, seller.exchange, self.clock.now_ns()) or admit(request, seller, self.vendor):
                return NOBODY
        except Malformed:
            return NOBODY
        ids, counters = [key for _, key in named_by(request)], self.history.counters(view, request)
        if not facts or request.is_dooh:
            return Wanted(ids, counters)
        self.chain.forget(request, here=here)
        if not request.personal:
            return Wanted(ids, counters)
        if here and request.person and request.person not in ids:
            ids.insert(0, request.person)
        return Wanted(ids, counters, facts, request.address, request.user_agent)

    def decide(self, body: bytes, seller: Seller, view: View) -> bytes | NoBid | Aside:
        """Body of a bid request -> body of a bid response, or why there is none. In a fleet (``history.fleet``) bids
        with frequency caps have to be held first, for all hosts: then the auction is set aside, and `resume` ends it.

        Raises `openrtb.parse.Malformed` for bytes that are no bid request.
        """
        request, candidates = self.request, self.candidates
        candidates.clear()
        self.leases.tick()

        if unusable := decode(request, body, seller.exchange, self.clock.now_ns()):
            return self.no_bid(unusable, "read", seller)
        if refused := admit(request, seller, self.vendor):
            return self.no_bid(refused, "admit", seller)
        self.chain.enrich(request)
        by_any_id(view, self.history, request)
        self.sample.look(request, seller, body)
        if not select(candidates, view, seller, request, body):
            return self.no_bid(NoBidReason.NO_MATCH if len(view) else NoBidReason.NO_CAMPAIGNS, "targeting", seller)
        if not fit(candidates, view, seller, request):
            return self.no_bid(NoBidReason.NO_FITTING_CREATIVE, "fit", seller)
        if not exchange_rules(candidates, view, seller, request, body):
            return self.no_bid(NoBidReason.EXCHANGE_RULES, "exchange", seller)
        if untrusted := supply(candidates, view, seller, request, self.sellers):
            self.answer.name_site(request)  # `outbid supply fetch` reads in the log whose ads.txt is wanted
            return self.no_bid(untrusted, "supply", seller)
        if not blocks(candidates, view, request):
            return self.no_bid(NoBidReason.BLOCKED, "blocks", seller)
        if not deals(candidates, view, seller, request):
            return self.no_bid(NoBidReason.NO_DEAL, "deals", seller)
        if not floors(candidates, view, seller, request):
            return self.no_bid(NoBidReason.BELOW_FLOOR, "floors", seller)
        if view.facts and (unwanted := judge(candidates, view, self.worth, request)):
            return self.no_bid(unwanted, "risk", seller)
        if not frequency(candidates, view, self.history, request):
            return self.no_bid(NoBidReason.FREQUENCY, "frequency", seller)
        if not throttle(candidates, view, self.paces, request):
            return self.no_bid(NoBidReason.PACING, "pacing", seller)
        if not gate(candidates, view, seller, self.leases, request):
            away = not self.leases.any_running()
            return self.no_bid(NoBidReason.CONTROL_AWAY if away else NoBidReason.BUDGET, "gate", seller)
        if view.predictions:
            predict(candidates, view, self.models, seller, request, body)
        if not price(candidates, view, self.paces, self.models, self.beliefs, seller, request):
            unworthy = candidates.too_little
            return self.no_bid(NoBidReason.BELOW_FLOOR if unworthy else NoBidReason.PACING, "pricing", seller)
        if not choose(candidates, view, seller, self.history, self.leases, request):
            return self.no_bid(NoBidReason.INCOMPLETE_GROUP, "choose", seller)
        if view.predictions:
            shade(candidates, view, self.shading, seller, request)
        if self.history.fleet is not None and (
            asked := to_hold(candidates, view, seller, self.history, request, self.answer)
        ):
            return self.set_aside(seller, view, asked)
        if not hold(candidates, view, seller, self.history, request):
            return self.no_bid(NoBidReason.FREQUENCY, "frequency", seller)
        return self.bid(seller, view)

    def resume(self, aside: Aside, answers: dict[int, Held]) -> bytes | NoBid:
        """The end of an auction that was set aside; ``answers``: by key, what Redis said when it held its bids."""
        if len(self._spare) < MOST_SPARE:
            self._spare.append((self.request, self.candidates, self.history))
        self.request, self.candidates, self.history, seller, view, _ = aside
        self.leases.tick()
        if not held(self.candidates, view, self.history, answers):
            return self.no_bid(NoBidReason.FREQUENCY, "frequency", seller)
        if not still_covered(self.candidates, view, seller, self.leases, self.request):
            return self.no_bid(NoBidReason.BUDGET, "gate", seller)
        return self.bid(seller, view)

    def bid(self, seller: Seller, view: View) -> bytes:
        """The answer with the bids that are left."""
        reserve(self.candidates, view, seller, self.leases, self.request)
        if view.predictions:
            account(self.candidates, view, self.beliefs, self.request)
        self.bids += 1
        return self.answer.write(self.candidates, view, seller, self.request)

    def set_aside(self, seller: Seller, view: View, asked: dict[int, list[bytes | int]]) -> Aside:
        """Leaves all as it is for `resume`, and takes other things for the requests in between."""
        aside = Aside(self.request, self.candidates, self.history, seller, view, asked)
        new = self._spare.pop() if self._spare else (Request(), Candidates(), self.history.another())
        self.request, self.candidates, self.history = new
        return aside

    def no_bid(self, reason: int, stage: str, seller: Seller) -> NoBid:
        """Counts it, and logs a sample."""
        outcome = NoBid(REASONS[reason], stage)
        self.no_bids[outcome] += 1
        self.journal.no_bid(outcome.reason, stage, self.request, seller)
        return outcome
