"""The reach forecast: what a targeting expression would have met in the last day, and won at a price.

The requests that the bidders keep (`bidder.request_sample`) are decoded, enriched and selected anew by the code of the
bid path, with the profiles as they are now; what of the whole day that stands for is worked out in `targeting.reach`,
what would have been won and paid in `bidder.market`. Nothing is known here of creatives, budgets, caps or rivals of the
same house.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from bidder import request_sample_files as sample_files
from bidder.any_id import by_any_id
from bidder.candidates import Candidates
from bidder.enrichment.chain import Chain
from bidder.frequency import History
from bidder.leases import Leases
from bidder.market import Market, expected_price
from bidder.reach_match import FORMAT_NAMES, Matches
from bidder.request_sample_files import Kept, Stratum
from bidder.select import select
from bidder.view import View, live_rows
from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.creative import Creative
from openrtb.decode import decode
from openrtb.parse import Malformed
from openrtb.request import Request
from targeting.reach import Estimate, Floats, distinct, total

FAR_NS = 1 << 62
MOST_REQUESTS = 100_000
"""That a forecast looks at: two seconds."""
ONLY = 1 << 30
"""Id of the one line item, campaign and creative that there are."""


@dataclass(frozen=True)
class Reach:
    """Of the last day, or as much of it as was recorded. Money is nanos of the advertiser's currency."""

    hours: float
    """Recorded."""
    sampled: int
    """Requests in the sample."""
    requests: int
    """Requests that it stands for: all that could be read and that privacy signals and time allow to answer."""
    matching: Estimate
    """Requests that match."""
    impressions_offered: Estimate
    """Impressions in these that match."""
    people: Estimate
    """Persons who were recognised in matching requests."""
    above_floor: Estimate
    """Matching requests with an impression whose floor the bid meets."""
    impressions: Estimate
    """Expected, of one bid a request."""
    people_reached: Estimate
    """Persons of whom at least one impression is expected."""
    clicks: Estimate
    cost: Estimate
    curves: dict[str, str]
    """By exchange: how wins were worked out."""

    @property
    def share(self) -> Estimate:
        """Of the requests, those that match."""
        value, error = self.matching
        return Estimate(min(1.0, value / self.requests), error / self.requests) if self.requests else Estimate(0.0, 0.0)


def forecast(
    strata: Sequence[Stratum],
    snapshot: Snapshot,
    advertiser: Advertiser,
    targeting: Targeting,
    bid_cpm: int,
    chain: Chain,
    market: Market,
    history: History | None = None,
) -> Reach:
    """``targeting`` is as a snapshot has it, ``bid_cpm`` in CPM micros of the advertiser's currency, without fees.
    ``history``: reads whom somebody is by their other ids; without one, who is suppressed by these is counted.
    """
    view, bids = _only(snapshot, advertiser, targeting, bid_cpm)
    found = _match(strata, view, chain, history or History())
    deepest = max((stratum.level for stratum in strata), default=0)
    requests = sum(stratum.seen for stratum in strata)
    offers = _offers(found, view, bids, market, advertiser)

    def summed(values: Floats, rows: np.ndarray[Any, Any]) -> Estimate:
        return total(values, found.hashes[rows], found.levels[rows], deepest)

    matching, won = found.rows, offers.rows
    return Reach(
        hours=_hours(strata),
        sampled=sum(len(stratum.kept) for stratum in strata),
        requests=requests,
        matching=summed(np.ones(len(matching)), matching),
        impressions_offered=summed(found.impressions, matching),
        people=distinct(np.ones(len(matching)), found.persons[matching], found.hashes[matching], deepest),
        above_floor=summed(np.ones(len(won)), won),
        impressions=summed(offers.wins, won),
        people_reached=distinct(offers.wins, found.persons[won], found.hashes[won], deepest),
        clicks=summed(offers.clicks, won),
        cost=summed(offers.costs, won),
        curves=_told(view, market),
    )


def _only(
    snapshot: Snapshot, owner: Advertiser, targeting: Targeting, cpm: int
) -> tuple[View, list[tuple[int, int, int]]]:
    """A view of nothing but one line item, and its prices by exchange."""
    item = LineItem(ONLY, "reach", ONLY, "Reach", cpm, targeting, (ONLY,))
    alone = replace(
        snapshot,
        advertisers=(replace(owner, status="active"),),
        campaigns=(Campaign(ONLY, "reach", owner.id, "Reach", 0, FAR_NS),),
        line_items=(item,),
        creatives=(
            Creative(ONLY, "reach", owner.id, 300, 250, "https://reach.invalid", "https://reach.invalid/a.png"),
        ),
        agencies=(),
        terms=(),
        block_lists=(),
        approvals=(),
    )
    view = View(alone, Leases())
    ((*_, prices),) = live_rows(alone, alone.line_items, view.sellers.values())
    return view, prices


@dataclass(frozen=True)
class _Found:
    """Of all requests of the sample, in their order; and what was found in those that match."""

    hashes: np.ndarray[Any, Any]
    levels: np.ndarray[Any, Any]
    persons: np.ndarray[Any, Any]
    sellers: np.ndarray[Any, Any]
    auctions: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any]
    """Places of those that match."""
    impressions: Floats
    """Of each of these, how many impressions match."""
    matches: Matches


def _match(strata: Sequence[Stratum], view: View, chain: Chain, history: History) -> _Found:
    by_id = {seller.id: seller for seller in view.sellers.values()}
    request, candidates, matches = Request(), Candidates(), Matches()
    everything: list[Kept] = []
    levels: list[int] = []
    for stratum in strata:
        everything += stratum.kept
        levels += [stratum.level] * len(stratum.kept)
    count = len(everything)
    persons, sellers, auctions = np.zeros(count, np.uint64), np.zeros(count, np.int32), np.zeros(count, np.int32)
    enrich, rows, impressions = chain.enrich, [], []
    for place, kept in enumerate(everything):
        seller = by_id.get(kept.exchange)
        if seller is None:
            continue
        try:
            if decode(request, kept.body, seller.exchange, kept.time_ns):
                continue
        except Malformed:
            continue
        if not kept.personal:
            request.forget_person()
        enrich(request)
        by_any_id(view, history, request)
        if select(candidates, view, seller, request, kept.body):
            rows.append(place)
            impressions.append(matches.add(candidates, view, seller, request, place))
            persons[place], sellers[place], auctions[place] = request.person, seller.place, request.auction_type
    return _Found(
        np.array([kept.hash for kept in everything], np.uint64), np.array(levels, np.int64), persons, sellers, auctions,
        np.array(rows, np.int64), np.array(impressions, np.float64), matches,
    )  # fmt: skip


@dataclass(frozen=True)
class _Offers:
    """Of the requests in which the bid meets a floor: of the impression that it would win most often."""

    rows: np.ndarray[Any, Any]
    wins: Floats
    costs: Floats
    """Expected, nanos of the advertiser's currency."""
    clicks: Floats


def _offers(
    found: _Found, view: View, prices: Sequence[tuple[int, int, int]], market: Market, owner: Advertiser
) -> _Offers:
    rows, _, formats, floors = found.matches.arrays()
    sellers = sorted(view.sellers.values(), key=lambda seller: seller.place)
    bids = np.array([price[0] for price in prices], np.float64)[found.sellers[rows]]
    met = (bids > 0) & (bids >= floors)
    rows, formats, floors, bids = rows[met], formats[met], floors[met].astype(np.float64), bids[met]
    wins, costs, clicks = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    of_sellers, auctions = found.sellers[rows], found.auctions[rows]
    for place, seller in enumerate(sellers):
        rate = prices[place][1] / 1e9 * (1 + seller.exchange.buyer_fee_ppm / 1e6)
        for number, name in enumerate(FORMAT_NAMES):
            curve, click_rate = market.curve(seller.id, name), market.click_rate(owner.id, name)
            for auction in np.unique(auctions):
                some = (of_sellers == place) & (formats == number) & (auctions == auction)
                wins[some], paid = expected_price(curve, int(auction), bids[some], floors[some])
                costs[some], clicks[some] = paid * rate, wins[some] * click_rate
    best = np.lexsort((-wins, rows))
    first = best[np.concatenate([[True], rows[best][1:] != rows[best][:-1]])] if len(rows) else best
    return _Offers(rows[first], wins[first], costs[first], clicks[first])


def _hours(strata: Sequence[Stratum]) -> float:
    """How long any worker was recorded, by its hours."""
    spans: dict[int, tuple[int, int]] = {}
    for stratum in strata:
        hour = stratum.start_ns // sample_files.HOUR_NS
        start, end = spans.get(hour, (stratum.start_ns, stratum.end_ns))
        spans[hour] = min(start, stratum.start_ns), max(end, stratum.end_ns)
    return sum(end - start for start, end in spans.values()) / sample_files.HOUR_NS


def _told(view: View, market: Market) -> dict[str, str]:
    told = {}
    for key, seller in view.sellers.items():
        known = [(name, curve) for name in FORMAT_NAMES if (curve := market.curve(seller.id, name)) is not None]
        bids = max((curve.bids for _, curve in known), default=0)
        told[key] = (
            f"win rate from {bids} bids"
            if known
            else "floor only, so at most this: too few bids of ours are known there"
        )
    return told


def read_sample(data: Path, now_ns: int, most: int = MOST_REQUESTS) -> list[Stratum]:
    """What the bidders of this host keep below its data directory, at most so many requests of it; what is too old is
    removed.
    """
    sample_files.expire(data / "requests", now_ns)
    return thinned(sample_files.read(data / "requests", now_ns), most)


def thinned(strata: Sequence[Stratum], most: int) -> list[Stratum]:
    """A smaller sample: of half as many persons, and again of half of these, until it has at most so many requests."""
    level, left = 0, list(strata)
    while sum(len(stratum.kept) for stratum in left) > most:
        level += 1
        limit = sample_files.FULL >> level
        left = [
            stratum._replace(
                kept=[kept for kept in stratum.kept if kept.hash <= limit], level=max(level, stratum.level)
            )
            for stratum in left
        ]
    return left
