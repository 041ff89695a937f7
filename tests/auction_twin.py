"""The auction's rules once more, as plain loops over the nouns: what responses they allow to one request.

It knows no index, no bitsets and no compiled code, and tries every way in which equal bids can take turns. Of
taxonomies it knows the little that the property test uses. Banners only.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain.campaign import Advertiser, LineItem, Snapshot

RATES = {"USD": 1.0, "EUR": 1.25}
"""Units of the exchange's currency."""


class Offer(NamedTuple):
    """What a line item would bid on an imp."""

    imp: int
    deal: str | None
    price: int
    line: int
    guaranteed: bool


Outcome = tuple[Offer, ...]


def parents(category: str) -> set[str]:
    return {category, category.split("-")[0]}


def under(domain: str, listed: list[str]) -> bool:
    return any(domain == name or domain.endswith("." + name) for name in listed)


def micros(terms: dict[str, Any]) -> int:
    return round(terms.get("bidfloor", 0) * 1_000_000 * RATES[terms.get("bidfloorcur", "USD")])


class Twin:
    def __init__(self, campaigns: Snapshot, request: dict[str, Any]) -> None:
        self.snapshot, self.request = campaigns, request
        self.person = request.get("user", {}).get("buyeruid")
        cats = request.get("site", {}).get("cat", [])
        self.facts = {
            "country": {request.get("device", {}).get("geo", {}).get("country")} - {None},
            "category": set().union(*map(parents, cats)),
            "audience": {"1"} if self.person == "member" else set(),
        }
        self.lines = {item.id: item for item in campaigns.line_items}

    def advertiser(self, item: LineItem) -> Advertiser:
        return next(a for a in self.snapshot.advertisers if a.id == item.campaign)

    def wants(self, item: LineItem) -> bool:
        wanted = any(
            all(bool(set(c.values) & self.facts[c.dimension]) == c.wanted for c in conjunction)
            for conjunction in item.targeting.any_of
        )
        return item.status == "active" and wanted

    def allowed(self, advertiser: Advertiser) -> bool:
        bcat, acat = self.request.get("bcat", []), self.request.get("acat", [])
        if under(advertiser.domain, self.request.get("badv", [])):
            return False
        if not bcat and not acat:
            return True
        plain = [parents(c) for c in advertiser.categories]
        if self.request.get("cattax", 1) == 1:
            own = plain
        elif "content_3.1" in advertiser.categories_in:
            own = [{c} for c in advertiser.categories_in["content_3.1"]]  # ids of the first tier
        else:
            return False
        return not any(c & set(bcat) for c in own + plain) and (not acat or all(c & set(acat) for c in own))

    def fits(self, item: LineItem, imp: dict[str, Any]) -> bool:
        offered = {(f["w"], f["h"]) for f in imp["banner"]["format"]}
        wlang, bapp = self.request.get("wlang", []), self.request.get("bapp", [])
        if item.interstitials == ("never" if imp.get("instl") else "only"):
            return False
        return any(
            (c.width, c.height) in offered
            and not set(c.attributes) & set(imp["banner"].get("battr", []))
            and (not wlang or c.language == "xx" or c.language in wlang)
            and not (c.bundle and c.bundle in bapp)
            for c in self.snapshot.creatives
            if c.id in item.creatives
        )

    def deal_of(self, item: LineItem, imp: dict[str, Any], advertiser: Advertiser) -> dict[str, Any] | None:
        codes = {d.code for d in self.snapshot.deals if d.id in item.deals}
        open_to_us = [
            deal
            for deal in imp.get("pmp", {}).get("deals", [])
            if deal["id"] in codes
            and "outbid" in deal.get("wseat", ["outbid"])
            and ("wadomain" not in deal or under(advertiser.domain, deal["wadomain"]))
        ]
        # A guaranteed one, then the cheapest, then the first.
        return min(
            open_to_us,
            key=lambda deal: (not deal.get("guar"), micros(deal if "bidfloor" in deal else imp)),
            default=None,
        )

    def capped(self, item: LineItem) -> bool:
        """All caps are of one impression."""
        room = item.roadblock == "none" or len(self.request["imp"]) == 1
        return bool(item.frequency_caps) and (self.person is None or self.person == "tired" or not room)

    def offer(self, item: LineItem, number: int) -> Offer | None:
        imp, advertiser = self.request["imp"][number], self.advertiser(item)
        if not (self.wants(item) and self.allowed(advertiser) and self.fits(item, imp)) or self.capped(item):
            return None
        deal = self.deal_of(item, imp, advertiser)
        if deal is None and ((item.deals and item.deals_only) or imp.get("pmp", {}).get("private_auction")):
            return None
        floor = micros(deal if deal is not None and "bidfloor" in deal else imp)
        if item.bid_cpm < floor:
            return None
        agreed = deal is not None and "bidfloor" in deal and (deal.get("at") == 3 or deal.get("guar") == 1) and floor
        name = deal["id"] if deal is not None else None
        return Offer(number, name, floor if agreed else item.bid_cpm, item.id, bool(deal and deal.get("guar")))

    def offers(self) -> list[Offer]:
        found = (self.offer(item, n) for item in self.lines.values() for n in range(len(self.request["imp"])))
        return [offer for offer in found if offer is not None]

    def rivals(self, one: Offer, other: Offer) -> bool:
        a, b = self.lines[one.line], self.lines[other.line]
        mine, theirs = self.advertiser(a), self.advertiser(b)
        if mine.id == theirs.id or one.imp == other.imp:
            return False
        alike = {c.split("-")[0] for c in mine.categories} & {c.split("-")[0] for c in theirs.categories}
        named = theirs.id in a.separate_from or mine.id in b.separate_from
        return named or (bool(alike) and (a.separate_categories or b.separate_categories))

    def single_bids(self) -> set[Outcome]:
        """Every response of single bids that the rules allow, one for each way in which equal bids take turns."""
        offers = [offer for offer in self.offers() if self.lines[offer.line].roadblock == "none"]
        imps = range(len(self.request["imp"]))
        deals = [[deal["id"] for deal in imp.get("pmp", {}).get("deals", [])] for imp in self.request["imp"]]
        promised = [(n, deal, True) for n in imps for deal in deals[n]]
        rest = [(n, deal, False) for n in imps for deal in (None, *deals[n])]

        def walk(slots: list[tuple[int, str | None, bool]], chosen: Outcome) -> Iterator[Outcome]:
            if not slots:
                yield chosen
                return
            imp, deal, guaranteed = slots[0]
            free = [
                offer
                for offer in offers
                if (offer.imp, offer.deal, offer.guaranteed) == (imp, deal, guaranteed)
                and offer.line not in {c.line for c in chosen}
                and not any(self.rivals(offer, c) for c in chosen)
            ]
            if not guaranteed and any(c.imp == imp and c.guaranteed for c in chosen):
                free = []
            if not free:
                yield from walk(slots[1:], chosen)
                return
            best = max(offer.price for offer in free)
            for offer in free:
                if offer.price == best:
                    yield from walk(slots[1:], (*chosen, offer))

        return set(walk(promised + rest, ()))

    def roadblocks(self) -> dict[int, Outcome]:
        """By line item: its bids on all imps."""
        found: dict[int, list[Offer]] = {}
        for offer in self.offers():
            kind = self.lines[offer.line].roadblock
            if kind == "request" or (kind == "page" and self.request.get("allimps") == 1):
                found.setdefault(offer.line, []).append(offer)
        return {line: tuple(bids) for line, bids in found.items() if len(bids) == len(self.request["imp"])}

    def allows(self, bids: Outcome, grouped: bool) -> bool:
        """Is this one of the right responses? An empty one is no bid."""
        singles, blocks = self.single_bids(), self.roadblocks()
        best = max((total(bids) for bids in blocks.values()), default=0)
        if grouped:
            beaten = any(not any(b.guaranteed for b in o) and worth(o) <= best for o in singles)
            return total(bids) == best and beaten and bids in blocks.values()
        return bids in singles and (not blocks or any(b.guaranteed for b in bids) or worth(bids) > best)


def total(bids: Outcome) -> int:
    return sum(bid.price for bid in bids)


def worth(bids: Outcome) -> int:
    """What single bids come to: one of those for an imp wins."""
    return sum(max(b.price for b in bids if b.imp == imp) for imp in {b.imp for b in bids})
