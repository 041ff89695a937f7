"""A snapshot, compiled for deciding: rows and slices instead of objects, one immutable `View` a version.

Line items stand in the order of what they bid, highest first: when more match than can be looked at, the best are kept.
Only what can bid at all is in the view: active line items of active campaigns and advertisers, with an active creative.
"""

import json
from urllib.parse import quote

from msgspec.structs import replace

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset
from cython.operator cimport dereference
from libcpp.algorithm cimport binary_search, lower_bound
from libcpp.vector cimport vector

from bidder.brands cimport Brands
from bidder.facts cimport P_APPROVED, PD
from bidder.leases cimport Leases
from bidder.markups cimport Markups
from bidder.natives cimport Natives
from bidder.seller cimport Seller, price_on
from openrtb.request cimport BANNER, NATIVE, currency_code, exact, folded, format_bit, mime_bit, size_bit
from targeting.matcher cimport Matcher
from targeting.holds cimport ADVERTISER, AUDIENCE, CAMPAIGN, CREATIVE, LINE_ITEM
from targeting.record cimport scope_advertiser, scope_campaign, scope_creative, scope_line_item

from bidder.creative_texts import banner, banner_type, bid_fields
from bidder.pricing.strategies import COMPUTED
from bidder.suppression import suppressing, suppressions
from domain.campaign import INTERSTITIALS, ONE_PER_POD, POD_SLOTS, ROADBLOCKS, Clause, LineItem, Targeting, reached_audiences
from domain.creative import COMPANIONS_REQUIRED, FORMATS
from domain.fees import most_media, shares
from domain.frequency import UNITS
from domain.money import RATE_UNIT
from domain.naming import name_id
from domain.person import Stage
from domain.strategy import BY_CREDIT, BY_VALUE, RATIO_UNIT, STRATEGIES
from domain.worth import PPM, PROBABILITIES, SCORE_NAMES
from openrtb.vast import build, forms
from targeting.dimensions import Dimension
from targeting.expression import simplified
from targeting.index import TargetingIndex

PATH = b"/openrtb2/"
"""Bid requests go to this path with the exchange's key at its end."""

ROOM = 1_024
"""Line items, and creatives, that can come by changes before a view is compiled anew."""

DELIVERIES = {"streaming": 1, "progressive": 2}
"""AdCOM list "Delivery Methods"."""
USUAL_VAST = {3, 6}
"""VAST 3.0, inline and wrapper: what players read that do not say what they read."""

HOURS = (Dimension.HOUR_OF_WEEK, Dimension.HOUR_OF_WEEK_UTC, Dimension.HOUR_OF_WEEK_USER)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

PREDICTIONS = {"ctr": CTR, "cvr": CVR}

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
        deals = {d.id: d for d in snapshot.deals}
        live = live_rows(snapshot, snapshot.line_items, sellers)
        self.line_items = []
        self.suppressions = suppressions(snapshot)
        self.suppressing = len(self.suppressions) > 0
        self.index = TargetingIndex([as_compiled(row[1], deals, self.suppressions) for row in live])
        self.creatives = []
        self.whens, self.multiplier_index, self.multiplier_wanted = {}, None, 0
        self.markups, self.natives, self.brands = Markups(), Natives(), Brands()
        self._block([listed for listed in snapshot.block_lists if listed.status == "active"])
        self.places, self.ad_places, self.gone = {}, {}, frozenset()
        self.line_room, self.ad_room = len(live) + ROOM, len({ad.id for row in live for ad in row[4]}) + ROOM
        self.first_later = len(live)
        self.prices.resize(len(sellers) * self.line_room)
        self.cleared.resize(len(sellers) * self.ad_room)
        self.judged = {(a.creative, a.exchange): a for a in snapshot.approvals}
        self.cap_texts = []
        self._add_audiences(snapshot)
        self._add_rows(live, leases, tracker_is_secure)

    def _add_rows(self, rows, Leases leases, bint tracker_is_secure):
        """Live line items (`live_rows`) behind those that are there."""
        deals = {d.id: d for d in self.snapshot.deals}
        terms = {t.id: t for t in self.snapshot.terms}
        first_ad = len(self.creatives)
        self._add_whens([row[1] for row in rows])
        for place, (_, item, campaign, advertiser, ads, prices) in enumerate(rows, len(self.line_items)):
            self.line_items.append(item)
            self.places[item.id] = place
            self._add_line(item, campaign, advertiser, leases)
            for ad in ads:
                if ad.id not in self.ad_places:
                    self.ad_places[ad.id] = len(self.creatives)
                    self._add_ad(ad, advertiser, tracker_is_secure)
            self._add_slots(place, [self.ad_places[ad.id] for ad in ads])
            self._add_deals([deals[d] for d in item.deals if d in deals])
            for seller_place, (bid, rate, rate_id) in enumerate(prices):
                self._set_price(seller_place * self.line_room + place, bid, rate, rate_id, terms.get(item.terms))
            self._close_line(place)
        for seller in self.sellers.values():
            self._clear(seller, first_ad)

    def apply(self, change, Leases leases not None, bint tracker_is_secure=True):
        """Takes a `bidder.changes.Change` that was made of this view; between two requests, for it changes in place: what
        is there stays where it is, and what is new comes behind it."""
        self.snapshot, self.suppressions = change.snapshot, change.suppressions
        self.suppressing = len(self.suppressions) > 0
        for creative in change.creatives:
            self.ad_places.pop(creative, None)
        for place in change.gone:
            self.places.pop(self.line_items[place].id, None)
        self.gone = self.gone | change.gone
        self._move_among_audiences(change.reached)
        self._add_rows(change.rows, leases, tracker_is_secure)
        self.index = change.index

    def room(self) -> int:
        """How many line items, each with as many new creatives, can come by changes."""
        return min(self.line_room - self.lines.size(), self.ad_room - self.ads.size())

    def _clear(self, Seller seller, size_t first):
        """Which creatives may be shown on this exchange: what it disapproved never; where it asks for approval, only that."""
        for place, creative in enumerate(self.creatives[first:], first):
            said = self.judged.get((creative.id, seller.id))
            status = said.status if said is not None else "not_submitted"
            cleared = status == "approved" if seller.exchange.approval == "required" else status != "disapproved"
            self.cleared[seller.place * self.ad_room + <size_t>place] = cleared
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
        self._add_strategy(&row, item)
        self._add_risk(&row, item)
        row.special = campaign.special_category != ""
        self.predictions = self.predictions | row.predictions
        row.size_mask = 0
        row.slots = <int32_t>self.slots.size()
        row.deals = <int32_t>self.deals.size()
        row.caps = <int32_t>self.caps.size()
        row.n_deals = 0
        row.deals_only = item.deals_only and len(item.deals) > 0
        row.interstitials = INTERSTITIALS.index(item.interstitials)
        row.roadblock = ROADBLOCKS.index(item.roadblock)
        row.separate_categories = item.separate_categories
        row.one_per_pod, row.pod_slot = ONE_PER_POD.index(item.one_per_pod), POD_SLOTS[item.pod_slot]
        row.rivals, row.n_rivals = <int32_t>self.rivals.size(), <int32_t>len(item.separate_from)
        for rival in item.separate_from:
            self.rivals.push_back(rival)
        self.separating = self.separating or row.separate_categories or row.n_rivals > 0
        self.roadblocking = self.roadblocking or row.roadblock > 0
        row.units = self._add_caps(LINE_ITEM, item.id, item)
        row.units |= self._add_caps(CAMPAIGN, campaign.id, campaign)
        row.units |= self._add_caps(ADVERTISER, advertiser.id, advertiser)
        if self.capped_audiences:
            for audience in sorted(reached_audiences(item) & self.audience_places.keys()):
                place = self.audience_places[audience]
                row.units |= self._add_caps(AUDIENCE, place, self.capped_audiences[place])
        row.n_caps = <int32_t>self.caps.size() - row.caps
        self.lines.push_back(row)

    cdef int _add_strategy(self, Line *row, item) except -1:
        """What its price is made of."""
        cdef Factor factor
        strategy = item.strategy
        row.strategy, row.predictions, row.compute = STRATEGIES.index(strategy.name), 0, NULL
        row.explore = row.terms.goal = row.terms.cap = row.terms.worth = 0.0
        row.bid = item.bid_cpm
        row.computes = item.multipliers or item.risk.multipliers or item.highest_cpm != item.bid_cpm
        if strategy.computed:
            made = COMPUTED[strategy.name]
            row.compute = <void *>made
            row.predictions = sum([PREDICTIONS[name] for name in made.predictions])
            row.terms.goal = strategy.goal / (RATIO_UNIT if strategy.name in BY_VALUE else 1)
            row.terms.cap, row.terms.worth = item.highest_cpm, strategy.conversion_value
            row.explore = strategy.explore_ppm / RATIO_UNIT
            row.terms.margin, row.terms.exposure = strategy.margin, strategy.exposure
            row.terms.lgd, row.terms.pd = strategy.lgd_ppm / RATIO_UNIT, strategy.pd_ppm / RATIO_UNIT
            row.terms.p_approved = strategy.p_approved_ppm / RATIO_UNIT
        row.factors, row.n_factors = <int32_t>self.factors.size(), <int32_t>len(item.multipliers)
        for multiplier in item.multipliers:
            factor.when, factor.by = self.whens[multiplier.when.any_of], multiplier.factor / RATIO_UNIT
            self.factors.push_back(factor)
        return 0

    cdef int _add_risk(self, Line *row, item) except -1:
        """What it asks of the person who would see the ad."""
        cdef Risk risk
        cdef ScoreStep step
        said = item.risk
        risk.facts, risk.limits = <uint32_t><int>said.facts, <uint32_t><int>said.limits
        if item.strategy.name in BY_CREDIT:
            risk.facts |= PD | P_APPROVED
        row.risk = -1
        if not risk.facts:
            return 0
        risk.refuses = said.unknown == "refuse"
        risk.max_fraud, risk.max_device_risk = said.max_fraud, said.max_device_risk
        risk.min_credit_score, risk.max_pd = said.min_credit_score, said.max_pd_ppm / PPM
        risk.steps, risk.n_steps = <int32_t>self.score_steps.size(), <int32_t>len(said.multipliers)
        for one in said.multipliers:
            unit = PPM if one.score in PROBABILITIES else 1
            step.score, step.by = SCORE_NAMES.index(one.score), one.factor / PPM
            step.least, step.below = one.least / unit, one.below / unit
            self.score_steps.push_back(step)
        row.risk = <int32_t>self.risks.size()
        self.risks.push_back(risk)
        self.facts = self.facts | risk.facts
        return 0

    def _add_whens(self, items):
        """The expressions of multipliers, each once, behind those that are there."""
        cdef Matcher matcher
        fresh = dict.fromkeys([one.when.any_of for item in items for one in item.multipliers])
        fresh = [ways for ways in fresh if ways not in self.whens]
        if not fresh:
            return
        for place, ways in enumerate(fresh, len(self.whens)):
            self.whens[ways] = place
        expressions = [LineItem(0, "of a multiplier", 0, "", 0, Targeting(ways), ()) for ways in fresh]
        if self.multiplier_index is None:
            self.multiplier_index = TargetingIndex(expressions)
        else:
            self.multiplier_index = self.multiplier_index.changed((), expressions)
        matcher = self.multiplier_index.matcher
        self.multiplier_wanted = matcher.wanted

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

    def _add_slots(self, int line, ads):
        """One place for the first ad of each size bit, in the order of the bits, and behind them the others' places."""
        cdef uint64_t bit
        cdef Ad *of
        cdef dict by_bit = {}
        for ad in ads:
            of = &self.ads[<int32_t>ad]
            bit = size_bit(of.size) if of.format == BANNER else format_bit(of.format)
            by_bit.setdefault(bit, []).append(ad)
            self.lines[line].size_mask |= bit
        bits = sorted(by_bit)
        first = <int>self.slots.size()
        for bit in bits:
            self.slots.push_back(Slot(<int32_t>by_bit[bit][0], -1))
        for place, bit in enumerate(bits, first):
            for ad in by_bit[bit][1:]:
                self.slots[place].next = <int32_t>self.slots.size()
                place = self.slots.size()
                self.slots.push_back(Slot(<int32_t>ad, -1))

    def _close_line(self, int place):
        cdef Line *row = &self.lines[place]
        row.n_deals = <int32_t>self.deals.size() - row.deals

    def _add_audiences(self, snapshot):
        """Which line items target the audiences that have caps; paused ones too, since people have seen their ads."""
        self.capped_audiences = [audience for audience in snapshot.audiences if audience.frequency_caps]
        self.audience_places = {audience.id: place for place, audience in enumerate(self.capped_audiences)}
        self.audience_lines.resize(len(self.capped_audiences))
        if self.capped_audiences:
            for item in sorted(snapshot.line_items, key=lambda item: item.id):
                for audience in reached_audiences(item) & self.audience_places.keys():
                    self.audience_lines[<size_t>self.audience_places[audience]].push_back(item.id)

    def _move_among_audiences(self, dict reached):
        """Line items, by id, that now target other audiences than they did, or none."""
        cdef vector[uint32_t] *ids
        cdef vector[uint32_t].iterator at
        cdef uint32_t line_item
        cdef bint listed
        for line_item, audiences in reached.items():
            for audience, place in self.audience_places.items():
                ids = &self.audience_lines[<size_t>place]
                at = lower_bound(ids.begin(), ids.end(), line_item)
                listed = at != ids.end() and dereference(at) == line_item
                if listed and audience not in audiences:
                    ids.erase(at)
                elif not listed and audience in audiences:
                    ids.insert(at, line_item)

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
        cdef AsideAd aside
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
        row.asides, row.n_asides = <int32_t>self.asides.size(), <int32_t>len(media.companions) if not media.vast else 0
        row.asides_required = COMPANIONS_REQUIRED.index(media.companions_required)
        for companion in media.companions[: row.n_asides]:
            aside.size = (<uint32_t>companion.width << 16) | <uint32_t>companion.height
            aside.mime = mime_bit(companion.mime)
            self.asides.push_back(aside)
        return 0

    def why_suppressed(self, int place, audiences) -> str | None:
        """Why somebody of these audiences does not see the line item, if they are suppressed."""
        found = self.suppressions.get(self.line_items[place].campaign)
        return found.why(audiences) if found is not None else None

    def say(self, dimension, value: str) -> str:
        """A published targeting value as marketers write it: keys for ids, ``300x250`` for a size."""
        if dimension == Dimension.SIZE:
            return f"{int(value) >> 16}x{int(value) & 0xFFFF}"
        if dimension in HOURS:
            return f"{DAYS[int(value) // 24]} {int(value) % 24:02d}h"
        if dimension == Dimension.LIFECYCLE:
            return Stage(int(value) & 0xFF).word
        named = {Dimension.EXCHANGE: self.snapshot.exchanges, Dimension.AUDIENCE: self.snapshot.audiences}
        return next((one.key for one in named.get(dimension, ()) if str(one.id) == value), value)

    def __len__(self):
        return self.lines.size() - len(self.gone)


def live_rows(snapshot, line_items, sellers) -> list:
    """What can be bid on of some line items of a snapshot, highest bid first: (that bid, line item, campaign, advertiser,
    creatives, prices by seller)."""
    advertisers = {a.id: a for a in snapshot.advertisers if a.status == "active"}
    campaigns = {c.id: c for c in snapshot.campaigns if c.status == "active" and c.advertiser in advertisers}
    creatives = {c.id: c for c in snapshot.creatives if c.status == "active"}
    rates = {(r.base, r.quote): r for r in snapshot.rates}
    deals = {d.id: d for d in snapshot.deals}
    terms = {t.id: t for t in snapshot.terms}
    live = []
    for item in line_items:
        ads = [creatives[c] for c in item.creatives if c in creatives]
        deals_left = not (item.deals and item.deals_only) or any(d in deals for d in item.deals)  # else all open
        if item.status == "active" and item.campaign in campaigns and ads and deals_left:
            advertiser = advertisers[campaigns[item.campaign].advertiser]
            media = most_media(item.highest_cpm, *shares(terms.get(item.terms)))
            prices = [price_on(seller, advertiser.currency, media, rates) for seller in sellers]
            live.append((max((p[0] for p in prices), default=0), item, campaigns[item.campaign], advertiser, ads, prices))
    live.sort(key=lambda row: (-row[0], row[1].id))
    return live


def as_compiled(item, deals: dict, suppressed):
    """A line item as targeting is compiled from it: with what its deals, and whom its campaign suppresses, come to."""
    return suppressing(with_deals(item, deals), suppressed.get(item.campaign))


def with_deals(item, deals: dict):
    """A line item that buys through deals only matches only where one of them is offered: that too is targeting."""
    if not item.deals or not item.deals_only:
        return item
    offered = Clause("deal", tuple(deals[d].code for d in item.deals if d in deals))
    met = (simplified((*conjunction, offered)) for conjunction in item.targeting.any_of)
    return replace(item, targeting=Targeting(tuple(conjunction for conjunction in met if conjunction is not None)))


SUPPLY_NEEDS = {
    "ads_txt": {"not_unauthorised": NOT_UNAUTHORISED, "authorised": AUTHORISED, "direct": IS_DIRECT},
    "schain": {"not_incomplete": CHAIN_NOT_BROKEN, "complete": CHAIN_WHOLE},
    "sellers_json": {"not_missing": NOT_MISSING, "listed": IS_LISTED},
}


def needs_of(rules) -> int:
    """What must be known of a request's sellers, as bits."""
    return sum(of.get(getattr(rules, name), 0) for name, of in SUPPLY_NEEDS.items())
