"""A snapshot, compiled for deciding: rows and slices instead of objects, one immutable `View` a version.

Line items stand in the order of what they bid, highest first: when more match than can be looked at, the best are kept.
Only what can bid at all is in the view: active line items of active campaigns and advertisers, with an active creative.
"""

import html
import json
from urllib.parse import quote

from msgspec.structs import replace

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.leases cimport Leases
from openrtb.request cimport currency_code, folded, size_bit
from targeting.record cimport scope_campaign, scope_line_item

from domain.campaign import CLICK_MACRO, FORMATS
from domain.events import Kind
from domain.fees import most_media, shares
from domain.money import RATE_UNIT
from domain.naming import name_id
from openrtb.adapters.notice_queries import notice_query
from openrtb.adapters.registry import ADAPTERS
from openrtb.request import MIMES
from targeting.dimensions import Dimension
from targeting.index import TargetingIndex

PATH = b"/openrtb2/"
"""Bid requests go to this path with the exchange's key at its end."""

BASIS = {"burl": Kind.BILLING, "impression": Kind.IMPRESSION, "nurl": Kind.WIN}

cdef int IMPRESSION_SLOT = 1
cdef int CLICK_SLOT = 2

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

XHTML_BANNER, SCRIPT, IFRAME = 2, 3, 4
"""Banner ad types, OpenRTB list 5.2."""

IMAGE_MARKUP = (
    '<a href="{click}" target="_blank" rel="noopener"><img src="{image}" width="{width}" height="{height}" alt="" '
    'style="border:0"></a>'
)
PIXEL_MARKUP = '<img src="{impression}" width="1" height="1" alt="" style="position:absolute;visibility:hidden">'
CLICK_MARK, IMPRESSION_MARK = "\x01", "\x02"


def is_secure(url: str) -> bool:
    """May a secure page load it? HTTPS, and loopback addresses, which browsers trust as well (W3C Secure Contexts, 3.1)."""
    return url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]"))


def markup(creative) -> str:
    """The HTML of a creative, with CLICK_MARK and IMPRESSION_MARK where the tracker URLs go."""
    if creative.image_url:
        body = IMAGE_MARKUP.format(
            click=CLICK_MARK, image=html.escape(creative.image_url), width=creative.width, height=creative.height
        )
    else:
        body = creative.markup.replace(CLICK_MACRO, CLICK_MARK)
    return body + PIXEL_MARKUP.format(impression=IMPRESSION_MARK)


def banner_type(creative) -> int:
    """What ``btype`` calls this creative."""
    text = creative.markup.lower()
    return SCRIPT if "<script" in text else IFRAME if "<iframe" in text else XHTML_BANNER


def with_parents(categories) -> list:
    """``[IAB3-1, IAB13]`` -> themselves, then the parent of each in the same order (``IAB3, IAB13``)."""
    return [*categories, *(c.split("-", 1)[0] for c in categories)]


def domain_with_parents(domain: str) -> list:
    """``www.shop.example`` -> itself and ``shop.example``."""
    parts = domain.split(".")
    return [".".join(parts[i:]) for i in range(max(1, len(parts) - 1))]


cdef class Seller:

    def __init__(self, exchange, int place, rates):
        self.exchange = exchange
        self.place = place
        self.id = exchange.id
        self.network_ms = exchange.network_ms
        self.expiry_s = exchange.bid_expiry_s
        self.basis = BASIS[exchange.billing["banner"]] if "banner" in exchange.billing else 0
        for format in FORMATS:
            for dooh in (False, True):
                self.win_query.push_back(notice_query(exchange, format, "nurl", dooh=dooh).encode())
                self.billing_query.push_back(notice_query(exchange, format, "burl", dooh=dooh).encode())
                self.pixel_query.push_back(notice_query(exchange, format, "pixel", dooh=dooh).encode())
        self.loss_query = notice_query(exchange, "banner", "lurl").encode()
        self.tells_win, self.tells_loss = "nurl" in exchange.notices.urls, "lurl" in exchange.notices.urls
        for n, format in enumerate(FORMATS):
            self.expiries[n] = exchange.expiries_s.get(format, exchange.bid_expiry_s)
        self.qps, self.fee_ppm = exchange.qps, exchange.buyer_fee_ppm
        self.click_macro, self.click_escapes = json.dumps(exchange.click_macro)[1:-1].encode(), exchange.click_escapes
        self.adapter = ADAPTERS[exchange.adapter]
        self.narrows = self.ruled = self.adapter.narrows
        ext = self.adapter.bid_ext(exchange)
        self.bid_ext = f'"ext":{json.dumps(ext, separators=(",", ":"))},'.encode() if ext else b""
        self.currency_name = exchange.currency
        self.currency = currency_code(exchange.currency)
        self.head = f'"cur":"{exchange.currency}","seatbid":[{{"seat":{json.dumps(exchange.seat)},"bid":['.encode()
        self.floor_rates[self.currency] = RATE_UNIT
        for rate in rates:
            if rate.quote == exchange.currency:
                self.floor_rates[currency_code(rate.base)] = rate.per_unit


cdef class View:

    def __init__(self, snapshot, Leases leases not None, bint tracker_is_secure=True):
        self.snapshot = snapshot
        sellers = [Seller(exchange, place, snapshot.rates) for place, exchange in enumerate(snapshot.exchanges)]
        self.sellers = {seller.exchange.key: seller for seller in sellers}
        self.routes = {PATH + key.encode(): seller for key, seller in self.sellers.items()}
        advertisers = {a.id: a for a in snapshot.advertisers if a.status == "active"}
        campaigns = {c.id: c for c in snapshot.campaigns if c.status == "active" and c.advertiser in advertisers}
        creatives = {c.id: c for c in snapshot.creatives if c.status == "active"}
        rates = {(r.base, r.quote): r for r in snapshot.rates}
        deals = {d.id: d for d in snapshot.deals}
        terms = {t.id: t for t in snapshot.terms}
        live = []
        for item in snapshot.line_items:
            ads = [creatives[c] for c in item.creatives if c in creatives]
            deals_left = not item.deals or any(d in deals for d in item.deals)  # else it would turn into an open one
            if item.status == "active" and item.campaign in campaigns and ads and deals_left:
                advertiser = advertisers[campaigns[item.campaign].advertiser]
                media = most_media(item.bid_cpm, *shares(terms.get(item.terms)))
                prices = [price_on(seller, advertiser.currency, media, rates) for seller in sellers]
                live.append((max((p[0] for p in prices), default=0), item, campaigns[item.campaign], advertiser, ads, prices))
        live.sort(key=lambda row: (-row[0], row[1].id))
        self.line_items = [row[1] for row in live]
        self.index = TargetingIndex([with_deals(item, deals) for item in self.line_items])
        self.creatives = []
        self.prices.resize(len(sellers) * len(live))
        cdef dict ad_places = {}
        cdef dict advertiser_places = {id_: place for place, id_ in enumerate(advertisers)}
        self.advertisers = len(advertisers)
        for place, (_, item, campaign, advertiser, ads, prices) in enumerate(live):
            self._add_line(item, campaign, advertiser, leases)
            for ad in ads:
                if ad.id not in ad_places:
                    ad_places[ad.id] = len(self.creatives)
                    self._add_ad(ad, advertiser, advertiser_places[advertiser.id], tracker_is_secure)
                self._add_slot(place, ad_places[ad.id])
            self._add_deals([deals[d] for d in item.deals if d in deals])
            for seller_place, (bid, rate, rate_id) in enumerate(prices):
                self._set_price(seller_place * len(live) + place, bid, rate, rate_id, terms.get(item.terms))
            self._close_line(place)
        self.judged = {(a.creative, a.exchange): a for a in snapshot.approvals}
        for seller in sellers:
            self._clear(seller)

    def _clear(self, Seller seller):
        """Which creatives may be shown on this exchange: what it disapproved never; where it asks for approval, only that."""
        for creative in self.creatives:
            said = self.judged.get((creative.id, seller.id))
            status = said.status if said is not None else "not_submitted"
            cleared = status == "approved" if seller.exchange.approval == "required" else status != "disapproved"
            self.cleared.push_back(cleared)
            if not cleared:
                seller.reviews = seller.ruled = True

    cdef str why_not_cleared(self, Seller seller, int32_t ad):
        said = self.judged.get((self.creatives[ad].id, seller.id))
        if said is None:
            return "the exchange wants to approve creatives, and this one was not submitted"
        reasons = f": {'; '.join(said.reasons)}" if said.reasons else ""
        return f"the exchange has not approved the creative, it is {said.status}{reasons}"

    def _add_line(self, item, campaign, advertiser, Leases leases):
        cdef Line row
        row.id, row.campaign, row.advertiser = item.id, campaign.id, advertiser.id
        row.start_ns, row.end_ns = campaign.start_ns, campaign.end_ns
        row.lease = leases.slot(item.id)
        row.size_mask = 0
        row.creatives = <int32_t>self.slots.size()
        row.deals = <int32_t>self.deals.size()
        row.caps = <int32_t>self.caps.size()
        row.n_creatives = row.n_deals = row.n_caps = 0
        self._add_caps(scope_line_item(item.id), item.frequency_caps)
        self._add_caps(scope_campaign(campaign.id), campaign.frequency_caps)
        self.lines.push_back(row)

    def _add_slot(self, int line, int32_t ad):
        cdef Slot slot
        slot.size_mask = size_bit(self.ads[ad].size)
        slot.ad = ad
        self.lines[line].size_mask |= slot.size_mask
        self.slots.push_back(slot)

    def _close_line(self, int place):
        cdef Line *row = &self.lines[place]
        row.n_creatives = <int32_t>self.slots.size() - row.creatives
        row.n_deals = <int32_t>self.deals.size() - row.deals
        row.n_caps = <int32_t>self.caps.size() - row.caps

    def _add_caps(self, uint32_t scope, caps):
        cdef Cap row
        for cap in caps:
            row.scope, row.impressions, row.seconds = scope, cap.impressions, cap.seconds
            self.caps.push_back(row)

    def _add_deals(self, deals):
        cdef DealRow row
        for deal in deals:
            row.code, row.id, row.exchange = name_id(deal.code), deal.id, deal.exchange
            self.deals.push_back(row)

    def _set_price(self, size_t place, int64_t bid, int64_t rate, uint32_t rate_id, terms):
        cdef Price row
        row.bid, row.rate, row.rate_id = bid, rate, rate_id
        row.share_ppm, row.flat = shares(terms)
        row.terms = terms.id if terms is not None else 0
        self.prices[place] = row

    def _add_ad(self, creative, advertiser, int advertiser_place, bint tracker_is_secure):
        cdef Ad row
        cdef uint64_t mask = 0
        for attribute in creative.attributes:
            mask |= <uint64_t>1 << <int>attribute
        text = markup(creative)
        row.id = creative.id
        row.advertiser = advertiser_place
        row.size = (<uint32_t>creative.width << 16) | <uint32_t>creative.height
        row.attributes = mask
        row.mime = MIMES.get(creative.mime, 0) if creative.image_url else MIMES["text/html"]
        row.type = <uint32_t>1 << <int>banner_type(creative)
        row.secure = tracker_is_secure and "http://" not in text.replace("http://www.w3.org/", "")
        row.categories = <int32_t>self.names.size()
        for category in with_parents(advertiser.categories):
            self.names.push_back(folded(category))
        row.n_categories = <int32_t>self.names.size() - row.categories
        row.domains = <int32_t>self.names.size()
        for domain in domain_with_parents(advertiser.domain):
            self.names.push_back(folded(domain))
        row.n_domains = <int32_t>self.names.size() - row.domains
        row.pieces = <int32_t>self.pieces.size()
        rest = text
        while rest:
            cuts = [(rest.index(mark), slot) for mark, slot in ((CLICK_MARK, CLICK_SLOT), (IMPRESSION_MARK, IMPRESSION_SLOT)) if mark in rest]
            at, slot = min(cuts) if cuts else (len(rest), 0)
            self.pieces.push_back(json.dumps(rest[:at])[1:-1].encode())
            self.piece_slots.push_back(slot)
            rest = rest[at + 1:]
        row.n_pieces = <int32_t>self.pieces.size() - row.pieces
        self.landings.push_back(creative.landing_url.encode())
        click = "?u=" + quote(creative.landing_url, safe="")
        self.click_queries.push_back(click.encode())
        self.escaped_queries.push_back(quote(click, safe="").encode())
        self.escaped_queries.push_back(quote(quote(click, safe=""), safe="").encode())
        same = {
            "adomain": [advertiser.domain], "crid": str(creative.id), "cat": list(advertiser.categories),
            "attr": list(creative.attributes), "w": creative.width, "h": creative.height, "mtype": 1,
        }
        if creative.image_url:
            same["iurl"] = creative.image_url
        self.tails.push_back(json.dumps(same, separators=(",", ":"))[1:].encode())
        self.ads.push_back(row)
        self.creatives.append(creative)

    def say(self, dimension, value: str) -> str:
        """A published targeting value as marketers write it: keys for ids, ``300x250`` for a size."""
        if dimension == Dimension.SIZE:
            return f"{int(value) >> 16}x{int(value) & 0xFFFF}"
        if dimension == Dimension.HOUR_OF_WEEK:
            return f"{DAYS[int(value) // 24]} {int(value) % 24:02d}h"
        named = {Dimension.EXCHANGE: self.snapshot.exchanges, Dimension.AUDIENCE: self.snapshot.audiences}
        return next((one.key for one in named.get(dimension, ()) if str(one.id) == value), value)

    def __len__(self):
        return self.lines.size()


def with_deals(item, deals: dict):
    """A line item that buys through deals only matches only where one of them is offered: that too is targeting."""
    if not item.deals or "deal" in item.targeting.all_of:
        return item
    codes = tuple(deals[d].code for d in item.deals if d in deals)
    return replace(item, targeting=replace(item.targeting, all_of={**item.targeting.all_of, "deal": codes}))


def price_on(Seller seller, account: str, media: int, rates: dict) -> tuple:
    """(bid in the exchange's currency, account nanos for 10⁹ exchange nanos, rate id) for ``media`` account nanos an
    impression, rounded down to the micro; no bid without a rate, or without an event that books.
    """
    currency = seller.exchange.currency
    if not seller.basis:
        return 0, RATE_UNIT, 0
    if currency == account:
        return without_fee(media, seller.fee_ppm), RATE_UNIT, 0
    rate = rates.get((currency, account))
    if not rate:
        return 0, RATE_UNIT, 0
    return without_fee(media * RATE_UNIT // rate.per_unit, seller.fee_ppm), rate.per_unit, rate.id


def without_fee(paid, fee_ppm) -> int:
    """The highest price with which, the exchange's fee on top of it, no more than ``paid`` is paid."""
    return paid * 1_000_000 // (1_000_000 + fee_ppm) if fee_ppm else paid
