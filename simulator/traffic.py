"""Synthetic bid requests, and what the rest of the market would pay for each.

The shapes of the two markets and where they come from are in `simulator.market`. The shares below are our choice, made
so that every stage of a bidder has something to do.
"""

import math
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from domain.clock import Clock
from simulator.config import Format
from simulator.exchange import Auction
from simulator.market import HOURS, Market, Place, activity, market_of
from simulator.offer import encode_request
from simulator.placements import FORMAT_SHARES, PRICE_FACTORS, drawn, formats
from simulator.population import Person, Population

COPPA, TEST, SECURE, ZIPPED = 0.02, 0.004, 0.7, 0.3
"""Shares of requests (SECURE: of impressions)."""
SECOND_IMP, FOREIGN_FLOOR, DEAL, PRIVATE = 0.12, 0.05, 0.4, 0.2
"""Shares of impressions; DEAL of those where the exchange has one to offer, PRIVATE of those with deals."""
BLOCKED_CATEGORIES = ("IAB25", "IAB26", "IAB7-39", "IAB8-5", "IAB9-9", "IAB13", "IAB14-1", "IAB3-7")
BLOCKED_DOMAINS = ("casino.example", "quickloans.example", "cfd-trading.example", "adult.example")
BLOCK_CATEGORIES, BLOCK_DOMAINS = 0.25, 0.2

CONSENT = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
"""The consent string of the IAB's TCF 2 documentation."""


class Traffic:
    """Endless auctions of the sellers' whole population, at the business time of ``clock``."""

    def __init__(self, population: Population, clock: Clock, rng: random.Random) -> None:
        self.population, self.clock, self.rng = population, clock, rng
        self.run = f"{rng.getrandbits(48):012x}"
        self.count = 0

    def __iter__(self) -> Iterator[Auction]:
        while True:
            yield self.auction()

    def auction(self) -> Auction:
        person = self._who_is_awake()
        seller = person.seller
        market = market_of(seller.currency)
        format = drawn(FORMAT_SHARES, self.rng)
        request = self._request(person, market, format)
        price = best_competing_bid(market, self.rng, PRICE_FACTORS[format])
        return Auction(seller, encode_request(request), request, price, person, gzip=self.rng.random() < ZIPPED)

    def _who_is_awake(self) -> Person:
        while True:
            person = self.population.draw(self.rng)
            if self.rng.random() * max(HOURS) < activity(self.clock.now_ns(), person.country.utc_offset_h):
                return person

    def _request(self, person: Person, market: Market, format: Format) -> dict[str, Any]:
        rng, seller = self.rng, person.seller
        self.count += 1
        place = rng.choice(market.apps if person.agent.app else market.sites)
        coppa = rng.random() < COPPA
        count = 2 if rng.random() < SECOND_IMP else 1
        imps = [self._imp(str(i + 1), person, place, market, format) for i in range(count)]
        request: dict[str, Any] = {
            "id": f"{self.run}-{self.count}",
            "imp": imps,
            "device": _device(person),
            "user": _user(person),
            "at": seller.auction_type,
            "tmax": seller.tmax_ms,
            "cur": [seller.currency],
            "source": _source(rng.getrandbits(64), seller.key, place.publisher),
            **_place(place, person),
        }
        if rng.random() < BLOCK_CATEGORIES:
            request["bcat"] = rng.sample(BLOCKED_CATEGORIES, 3)
        if rng.random() < BLOCK_DOMAINS:
            request["badv"] = rng.sample(BLOCKED_DOMAINS, 2)
        if coppa or person.country.gdpr:
            request["regs"] = {"coppa": int(coppa), "ext": {"gdpr": int(person.country.gdpr)}}
        if rng.random() < TEST:
            request["test"] = 1
        return request

    def _imp(self, number: str, person: Person, place: Place, market: Market, format: Format) -> dict[str, Any]:
        rng, seller = self.rng, person.seller
        imp: dict[str, Any] = {"id": number, "tagid": f"slot-{rng.randrange(400)}"}
        if rng.random() >= market.no_floor:
            imp["bidfloor"], imp["bidfloorcur"] = self._floor(seller.currency, market, PRICE_FACTORS[format])
        imp |= formats(format, person, market, rng, imp.get("bidfloor"))
        if rng.random() < SECURE:
            imp["secure"] = 1
        offered = [deal for deal in seller.deals if place.is_about(deal.category)]
        if offered and rng.random() < DEAL:
            imp["pmp"] = {
                "private_auction": int(rng.random() < PRIVATE),
                "deals": [
                    {"id": deal.id, "bidfloor": Decimal(deal.floor_cpm), "bidfloorcur": seller.currency, "at": deal.at}
                    for deal in offered
                ],
            }
        return imp

    def _floor(self, currency: str, market: Market, factor: float) -> tuple[Decimal, str]:
        floor = self.rng.lognormvariate(math.log(market.floor_median * factor), market.floor_sigma)
        if self.rng.random() < FOREIGN_FLOOR:
            currency, rate = market.foreign
            floor *= rate
        return Decimal(floor).quantize(Decimal("0.001")), currency


def best_competing_bid(market: Market, rng: random.Random, factor: float = 1.0) -> Decimal:
    """CPM in the market's currency; ``factor``: what the format is worth against a banner."""
    price = rng.lognormvariate(math.log(market.price_median * factor), market.price_sigma)
    return Decimal(price).quantize(Decimal("0.0001"))


def _device(person: Person) -> dict[str, Any]:
    """The advertising id is sent even of people who limit tracking, as exchanges do: not to use it is on the bidder."""
    agent = person.agent
    geo = {"country": person.country.code, "type": 2} | ({"region": person.region} if person.region else {})
    device: dict[str, Any] = {
        "ua": agent.ua,
        "ip": person.ip,
        "devicetype": agent.device_type,
        "os": agent.os,
        "language": person.country.language,
        "geo": geo,
        "js": 1,
        "lmt": int(person.limited),
        "dnt": 0,
    }
    if agent.version:
        device["osv"] = agent.version
    if agent.make:
        device["make"] = agent.make
    if person.ifa:
        device["ifa"] = person.ifa
    return device


def _user(person: Person) -> dict[str, Any]:
    user: dict[str, Any] = {}
    if person.user_id:
        user["id"] = person.user_id
    if person.buyeruid:
        user["buyeruid"] = person.buyeruid
    if person.country.gdpr and person.consents:
        user["ext"] = {"consent": CONSENT}
    return user


def _source(number: int, exchange: str, publisher: str) -> dict[str, Any]:
    """The transaction, and its supply chain: of ten requests two have none, one is incomplete, one has a node without a
    seller; four come from the publisher directly, two through a reseller (one of them told under ``ext``).
    """
    kind = number % 10
    source: dict[str, Any] = {"fd": 0, "tid": f"{number:016x}"}
    if kind < 2:
        return source
    nodes = [{"asi": f"{exchange}.example", "sid": publisher, "hp": 1}]
    if kind in (6, 7):
        nodes.insert(0, {"asi": "ssp.example", "sid": f"s-{publisher}", "hp": 1})
    elif kind == 9:
        del nodes[0]["sid"]
    chain = {"ver": "1.0", "complete": int(kind != 8), "nodes": nodes}
    return source | ({"ext": {"schain": chain}} if kind == 7 else {"schain": chain})


def _place(place: Place, person: Person) -> dict[str, Any]:
    about = {"id": place.publisher, "cat": list(place.categories), "publisher": {"id": place.publisher}}
    if person.agent.app:
        return {"app": about | {"bundle": place.name}}
    return {"site": about | {"domain": place.name, "page": f"https://{place.name}/"}}
