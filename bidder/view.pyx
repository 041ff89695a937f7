"""A snapshot, compiled for deciding: rows and slices instead of objects, one immutable `View` a version.

Line items stand in the order of what they bid, highest first: when more match than can be looked at, the best are kept.
Only what can bid at all is in the view: active line items of active campaigns and advertisers, with an active creative.
"""

import json
from urllib.parse import quote

from msgspec.structs import replace

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset
from libcpp.algorithm cimport binary_search

from bidder.brands cimport Brands
from bidder.leases cimport Leases
from bidder.markups cimport Markups
from bidder.natives cimport Natives
from bidder.seller cimport Seller, price_on
from openrtb.request cimport BANNER, NATIVE, currency_code, exact, folded, format_bit, mime_bit, size_bit
from targeting.holds cimport ADVERTISER, AUDIENCE, CAMPAIGN, CREATIVE, LINE_ITEM
from targeting.record cimport scope_advertiser, scope_campaign, scope_creative, scope_line_item

from bidder.creative_texts import banner, banner_type, bid_fields
from domain.campaign import INTERSTITIALS, ROADBLOCKS
from domain.creative import FORMATS
from domain.fees import most_media, shares
from domain.frequency import UNITS, reached_audiences
from domain.money import RATE_UNIT
from domain.naming import name_id
from openrtb.vast import build, forms
from targeting.dimensions import Dimension
from targeting.index import TargetingIndex

PATH = b"/openrtb2/"
"""Bid requests go to this path with the exchange's key at its end."""

DELIVERIES = {"streaming": 1, "progressive": 2}
"""AdCOM list "Delivery Methods"."""
USUAL_VAST = {3, 6}
"""VAST 3.0, inline and wrapper: what players read that do not say what they read."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

LEVELS = {
    CAMPAIGN: "campaign", LINE_ITEM: "line item", ADVERTISER: "advertiser", CREATIVE: "creative", AUDIENCE: "audience",
}

cdef uint32_t scope_of(int level, uint32_t id) noexcept nogil:
    """The counter in records; of an audience there is none, those of its line items are added up."""
    if level == CAMPAIGN:
        return scope_campaign(id)
    if level == LINE_ITEM:
        return scope_line_item(id)
    if level == ADVERTISER:
        return scope_advertiser(id)
    return scope_creative(id) if level == CREATIVE else 0


cdef uint64_t mask(numbers) except? 0:
    """Small numbers as bits."""
    cdef uint64_t bits = 0
    for number in numbers:
        bits |= <uint64_t>1 << <int>number
    return bits


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
            deals_left = not (item.deals and item.deals_only) or any(d in deals for d in item.deals)  # else all open
            if item.status == "active" and item.campaign in campaigns and ads and deals_left:
                advertiser = advertisers[campaigns[item.campaign].advertiser]
                media = most_media(item.bid_cpm, *shares(terms.get(item.terms)))
                prices = [price_on(seller, advertiser.currency, media, rates) for seller in sellers]
                live.append((max((p[0] for p in prices), default=0), item, campaigns[item.campaign], advertiser, ads, prices))
        live.sort(key=lambda row: (-row[0], row[1].id))
        self.line_items = [row[1] for row in live]
        self.index = TargetingIndex([with_deals(item, deals) for item in self.line_items])
        self.creatives = []
        self.markups, self.natives, self.brands = Markups(), Natives(), Brands()
        self.prices.resize(len(sellers) * len(live))
        self._block([listed for listed in snapshot.block_lists if listed.status == "active"])
        self.cap_texts = []
        self._add_audiences(snapshot)
        cdef dict ad_places = {}
        for place, (_, item, campaign, advertiser, ads, prices) in enumerate(live):
            self._add_line(item, campaign, advertiser, leases)
            for ad in ads:
                if ad.id not in ad_places:
                    ad_places[ad.id] = len(self.creatives)
                    self._add_ad(ad, advertiser, tracker_is_secure)
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
                seller.reviews = True

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
        row.agency = advertiser.agency
        row.supply_needs = needs_of(item.supply)
        row.max_hops = item.supply.max_hops
        self.supply_rules = self.supply_rules or row.supply_needs != 0 or row.max_hops != 0
        row.lease = leases.slot(item.id)
        row.size_mask = 0
        row.creatives = <int32_t>self.slots.size()
        row.deals = <int32_t>self.deals.size()
        row.caps = <int32_t>self.caps.size()
        row.n_creatives = row.n_deals = 0
        row.deals_only = item.deals_only and len(item.deals) > 0
        row.interstitials = INTERSTITIALS.index(item.interstitials)
        row.roadblock = ROADBLOCKS.index(item.roadblock)
        row.separate_categories = item.separate_categories
        row.rivals, row.n_rivals = <int32_t>self.rivals.size(), <int32_t>len(item.separate_from)
        for rival in item.separate_from:
            self.rivals.push_back(rival)
        self.separating = self.separating or row.separate_categories or row.n_rivals > 0
        self.roadblocking = self.roadblocking or row.roadblock > 0
        row.units = self._add_caps(LINE_ITEM, item.id, item)
        row.units |= self._add_caps(CAMPAIGN, campaign.id, campaign)
        row.units |= self._add_caps(ADVERTISER, advertiser.id, advertiser)
        for audience in snapshot_audiences(self.snapshot, item):
            row.units |= self._add_caps(AUDIENCE, self.audience_places[audience.id], audience)
        row.n_caps = <int32_t>self.caps.size() - row.caps
        self.lines.push_back(row)

    def _block(self, lists):
        cdef BlockScope scope
        self.block_lists, self.block_entries = lists, {}
        for place, listed in enumerate(lists):
            scope.agency, scope.advertiser, scope.campaign = listed.agency, listed.advertiser, listed.campaign
            self.block_scopes.push_back(scope)
            for domain in listed.domains:
                self._add_block(folded(domain), f"domain {domain}", place)
            for bundle in listed.bundles:
                self._add_block(blocked_bundle(folded(bundle)), f"bundle {bundle}", place)
            for exchange, account in listed.publishers:
                self._add_block(blocked_publisher(exchange, exact(account)), f"publisher {account}", place)
            for system, seller in listed.nodes:
                said = f"seller {seller} of {system}" if seller else f"advertising system {system}"
                self._add_block(blocked_node(folded(system), exact(seller)), said, place)

    def _add_block(self, uint64_t entry, str said, int32_t place):
        self.blocked[entry].push_back(place)
        self.block_entries[entry] = said

    def say_block(self, int place, uint64_t entry) -> str:
        """Which entry of which block list is against a line item."""
        return f"block list {self.block_lists[place].key}: {self.block_entries[entry]}"

    def _add_slot(self, int line, int32_t ad):
        cdef Slot slot
        cdef Ad *of = &self.ads[ad]
        slot.size_mask = size_bit(of.size) if of.format == BANNER else format_bit(of.format)
        slot.ad = ad
        self.lines[line].size_mask |= slot.size_mask
        self.slots.push_back(slot)

    def _close_line(self, int place):
        cdef Line *row = &self.lines[place]
        row.n_creatives = <int32_t>self.slots.size() - row.creatives
        row.n_deals = <int32_t>self.deals.size() - row.deals

    def _add_audiences(self, snapshot):
        """Which line items target the audiences that have caps; paused ones too, since people have seen their ads."""
        cdef vector[uint32_t] targeting
        self.audience_places = {}
        for audience in snapshot.audiences:
            if audience.frequency_caps:
                targeting = sorted(item.id for item in snapshot.line_items if audience.id in reached_audiences(item))
                self.audience_places[audience.id] = self.audience_lines.size()
                self.audience_lines.push_back(targeting)

    cdef bint targets(self, uint32_t audience, uint32_t line_item) noexcept nogil:
        cdef vector[uint32_t] *ids = &self.audience_lines[audience]
        return binary_search(ids.begin(), ids.end(), line_item)

    def _add_caps(self, int32_t level, uint32_t id, owner) -> int:
        """Adds the caps of an advertiser, a campaign …; returns whom they count for, a bit a unit."""
        cdef Cap row
        cdef uint32_t units = 0
        row.level, row.id = level, id
        row.scope = scope_of(level, id)
        for cap in owner.frequency_caps:
            row.unit, row.impressions, row.seconds = UNITS.index(cap.by), cap.impressions, cap.seconds
            units |= <uint32_t>1 << row.unit
            self.caps.push_back(row)
            self.cap_texts.append(f"{cap.text}, of {LEVELS[level]} {owner.key}")
            self.capping = True
        self.units |= units
        return units

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

    def _add_ad(self, creative, advertiser, bint tracker_is_secure):
        cdef Ad row
        cdef int32_t place = <int32_t>self.ads.size()
        memset(&row, 0, sizeof(Ad))
        row.id = creative.id
        row.brand = self.brands.add(creative, advertiser)
        row.tongue, row.bundle = folded(creative.language), folded(creative.bundle)
        row.format = FORMATS.index(creative.format)
        row.size = (<uint32_t>creative.width << 16) | <uint32_t>creative.height
        row.attributes, row.apis, row.expansions = mask(creative.attributes), mask(creative.apis), mask(creative.expands)
        row.type = <uint32_t>1 << <int>banner_type(creative)
        row.secure = tracker_is_secure
        if row.format == BANNER:
            text = banner(creative)
            row.mime = mime_bit(creative.mime if creative.image_url else "text/html")
            row.secure = row.secure and "http://" not in text.replace("http://www.w3.org/", "")
            row.variants, row.n_variants = self.markups.add(text, 0), 1
        elif row.format == NATIVE:
            self.natives.add(place, creative)
        else:
            self._add_media(&row, creative, advertiser)
        self.landings.push_back(creative.landing_url.encode())
        click = "?u=" + quote(creative.landing_url, safe="")
        self.click_queries.push_back(click.encode())
        self.escaped_queries.push_back(quote(click, safe="").encode())
        self.escaped_queries.push_back(quote(quote(click, safe=""), safe="").encode())
        self.tails.push_back(json.dumps(bid_fields(creative, advertiser), separators=(",", ":"))[1:].encode())
        row.caps = <int32_t>self.caps.size()
        row.units = self._add_caps(CREATIVE, creative.id, creative)
        row.n_caps = <int32_t>self.caps.size() - row.caps
        self.ads.push_back(row)
        self.creatives.append(creative)

    cdef int _add_media(self, Ad *row, creative, advertiser) except -1:
        """What a video or audio ad has more than a banner: its VAST in every version, and its files."""
        cdef Rendition file
        media = creative.video or creative.audio
        row.length_ms = media.duration_ms
        row.inner = mask(media.protocols)
        row.variants = row.usual = <int32_t>self.markups.variants.size()
        for form in reversed(forms(creative)):
            place = self.markups.add(build(creative, form.version, advertiser.name), mask([form.protocol]))
            if form.protocol in USUAL_VAST:
                row.usual = place
        row.n_variants = <int32_t>self.markups.variants.size() - row.variants
        row.renditions = <int32_t>self.renditions.size()
        for rendition in media.renditions:
            file.mime = mime_bit(rendition.mime)
            file.deliveries = <uint64_t>1 << DELIVERIES[rendition.delivery]
            file.kbps, file.width, file.height = rendition.bitrate_kbps, rendition.width, rendition.height
            self.renditions.push_back(file)
        if not media.renditions:
            for mime in media.mimes:  # what is known of a third party's
                file.mime, file.deliveries, file.kbps, file.width, file.height = mime_bit(mime), 0, 0, 0, 0
                self.renditions.push_back(file)
        row.n_renditions = <int32_t>self.renditions.size() - row.renditions
        return 0

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


def snapshot_audiences(snapshot, item):
    """The audiences with caps that a line item targets."""
    reached = reached_audiences(item)
    return [audience for audience in snapshot.audiences if audience.id in reached and audience.frequency_caps]


def with_deals(item, deals: dict):
    """A line item that buys through deals only matches only where one of them is offered: that too is targeting."""
    if not item.deals or not item.deals_only or "deal" in item.targeting.all_of:
        return item
    codes = tuple(deals[d].code for d in item.deals if d in deals)
    return replace(item, targeting=replace(item.targeting, all_of={**item.targeting.all_of, "deal": codes}))


SUPPLY_NEEDS = {
    "ads_txt": {"not_unauthorised": NOT_UNAUTHORISED, "authorised": AUTHORISED, "direct": IS_DIRECT},
    "schain": {"not_incomplete": CHAIN_NOT_BROKEN, "complete": CHAIN_WHOLE},
    "sellers_json": {"not_missing": NOT_MISSING, "listed": IS_LISTED},
}


def needs_of(rules) -> int:
    """What must be known of a request's sellers, as bits."""
    return sum(of.get(getattr(rules, name), 0) for name, of in SUPPLY_NEEDS.items())
