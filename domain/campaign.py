"""What marketers define, as the immutable nouns that a published snapshot consists of.

Ids are integers given by the control plane's store and never used again. ``key`` is the name that people use in files
and on the command line. Times are nanoseconds UTC; money is nanos (or CPM micros) of the advertiser's currency unless
the name of the field says otherwise.
"""

from typing import Any, Literal

from msgspec import Struct

from domain.attribution import Attribution
from domain.audience import AudienceSet
from domain.audience_rule import Rule
from domain.creative import Creative
from domain.exchange import Approval, Exchange
from domain.frequency import FrequencyCap
from domain.strategy import Strategy
from domain.worth import RiskRules

Status = Literal["active", "paused"]
Funding = Literal["open", "prepaid", "credit"]
Pacing = Literal["even", "ahead", "asap"]
AdsTxtRule = Literal["any", "not_unauthorised", "authorised", "direct"]
SchainRule = Literal["any", "not_incomplete", "complete"]
SellersJsonRule = Literal["any", "not_missing", "listed"]
Interstitials = Literal["any", "only", "never"]
INTERSTITIALS: tuple[Interstitials, ...] = ("any", "only", "never")
Roadblock = Literal["none", "request", "page"]
ROADBLOCKS: tuple[Roadblock, ...] = ("none", "request", "page")
OnePerPod = Literal["creative", "line_item", "campaign", "advertiser"]
ONE_PER_POD: tuple[OnePerPod, ...] = ("creative", "line_item", "campaign", "advertiser")
"""From the least to the most that is kept apart."""
PodSlot = Literal["any", "first", "last"]
POD_SLOTS: dict[PodSlot, int] = {"any": 0, "first": 1, "last": -1}
"""AdCOM list "Slot Position in Pod"."""


SpecialCategory = Literal["", "credit", "housing", "employment"]


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be spent (nanos of the account's currency, fees included) and shown (impressions) in an hour, in a day,
    and altogether. None is no limit. Hours and days are the account's, in its time zone.
    """

    hourly_budget: int | None = None
    daily_budget: int | None = None
    total_budget: int | None = None
    hourly_impressions: int | None = None
    daily_impressions: int | None = None
    total_impressions: int | None = None


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """One unit of ``base`` is ``per_unit / 10⁹`` units of ``quote`` from ``day`` (YYYY-MM-DD) on."""

    id: int
    base: str
    quote: str
    day: str
    per_unit: int


class Fee(Struct, frozen=True, forbid_unknown_fields=True):
    """What an advertiser pays beside the media: a share of it, or so much an impression."""

    id: int
    key: str
    name: str
    share_ppm: int = 0
    """Millionths of the media cost; 0: not a share."""
    cpm: int = 0
    """CPM micros of the advertiser's currency: nanos an impression; 0: not by impression."""


class FeePart(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One fee as it was agreed: a `Fee`, or the data fee of an `Audience`, by id."""

    kind: Literal["fee", "data"]
    of: int
    share_ppm: int
    cpm: int


class FeeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """The fees that a bid was made under, all together. Never changed: bids in flight name them by id."""

    id: int
    parts: tuple[FeePart, ...]


class Agency(Struct, frozen=True, forbid_unknown_fields=True):
    """Who buys for several advertisers; its limits and funds hold for all of them together, in one currency."""

    id: int
    key: str
    name: str
    currency: str
    time_zone: str
    limits: Limits = Limits()
    funding: Funding = "open"
    credit_limit: int = 0
    status: Status = "active"


class Advertiser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who pays."""

    id: int
    key: str
    name: str
    currency: str
    time_zone: str
    domain: str
    """The landing domain, sent as ``adomain``."""
    categories: tuple[str, ...]
    """IAB content categories of what is advertised, sent as ``cat``, checked against ``bcat``."""
    categories_in: dict[str, tuple[str, ...]] = {}
    """The same in other taxonomies (`openrtb.taxonomies.CODES`), for requests whose ``cattax`` names them."""
    agency: int = 0
    """0: none."""
    limits: Limits = Limits()
    funding: Funding = "open"
    """``open``: billed afterwards, without a limit; ``prepaid``: may spend what was paid in; ``credit``: and so much
    more."""
    credit_limit: int = 0
    fees: tuple[int, ...] = ()
    """Of every campaign that does not name its own."""
    status: Status = "active"
    frequency_caps: tuple[FrequencyCap, ...] = ()
    """On the ads of all its campaigns together."""
    suppress: tuple[int, ...] = ()
    """Audiences whose members see no ad of it, whatever its line items target."""
    lifecycle: dict[str, str] = {}
    """Conversions, by the advertiser's own words, that bring people to a stage: ``{"application": "applied"}``
    (`domain.person.STAGES`)."""
    attribution: Attribution = Attribution()
    """Of every campaign, as far as it does not say otherwise."""


class Campaign(Struct, frozen=True, forbid_unknown_fields=True):
    """A flight and its limits."""

    id: int
    key: str
    advertiser: int
    name: str
    start_ns: int
    end_ns: int
    limits: Limits = Limits()
    fees: tuple[int, ...] | None = None
    """None: the advertiser's."""
    frequency_caps: tuple[FrequencyCap, ...] = ()
    status: Status = "active"
    special_category: SpecialCategory = ""
    """What the law protects people's access to; its line items may not choose by who people are."""
    suppress: tuple[int, ...] = ()
    """Audiences whose members see no ad of it, beside those that the advertiser suppresses."""
    attribution: Attribution = Attribution()
    """What conversions are credited to it, as far as the advertiser's own is not meant."""


class SupplyRules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Through whose hands a line item's impressions may come. What is not known passes the rules that begin with
    ``not_``, and no other but ``any``.
    """

    ads_txt: AdsTxtRule = "any"
    """What the seller is to the publisher: ``direct``, or also an authorised reseller, or not told to be neither."""
    schain: SchainRule = "any"
    sellers_json: SellersJsonRule = "any"
    """Is each seller in the sellers.json of its advertising system?"""
    max_hops: int = 0
    """Most nodes of a supply chain; 0: any number."""


class Multiplier(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bid is multiplied by where an expression holds."""

    when: "Targeting"
    factor: int
    """Millionths."""


class LineItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A target, a price, a budget, and the creatives to show."""

    id: int
    key: str
    campaign: int
    name: str
    bid_cpm: int
    """CPM micros of the advertiser's currency: nanos an impression, fees included. 0 where ``strategy`` works bids
    out."""
    targeting: "Targeting"
    creatives: tuple[int, ...]
    limits: Limits = Limits()
    pacing: Pacing = "even"
    frequency_caps: tuple[FrequencyCap, ...] = ()
    deals: tuple[int, ...] = ()
    """Deals that the line item buys through."""
    deals_only: bool = True
    """With deals: does it stay out of the open auction?"""
    interstitials: Interstitials = "any"
    """Whether it takes full-screen placements (``imp.instl``), or nothing else."""
    roadblock: Roadblock = "none"
    """All or nothing: bid on all imps of a request, to be won together (``seatbid.group``); ``page``: only where the
    exchange says that these are all of the page (``allimps``)."""
    separate_categories: bool = False
    """Never in one response with another advertiser of the same uppermost category."""
    separate_from: tuple[int, ...] = ()
    """Advertisers, by id, that it is never in one response with."""
    one_per_pod: OnePerPod = "line_item"
    """What of it is at most once in one break of a video or audio stream, a creative in any case."""
    pod_slot: PodSlot = "any"
    """Where in a break its video and audio ads may play."""
    activated_ns: int = 0
    """When it was first published: an even plan's first day begins here, not at midnight."""
    status: Status = "active"
    supply: SupplyRules = SupplyRules()
    terms: int = 0
    """`FeeTerms` that it bids under; only in a snapshot. 0: no fees."""
    reaches: tuple[int, ...] | None = None
    """Audiences that it reaches people by, where some are defined by others (`targeting.audience_algebra`): these, and
    those that they are made of; only in a snapshot, whose ``targeting`` names what they are made of. None: those that
    ``targeting`` asks for."""
    strategy: Strategy = Strategy()
    bid_cap_cpm: int = 0
    """As ``bid_cpm``: no bid is above it, whatever the strategy and the multipliers say. 0: ``bid_cpm`` is the cap."""
    multipliers: tuple[Multiplier, ...] = ()
    """All whose expressions hold count, multiplied."""
    risk: RiskRules = RiskRules()

    @property
    def highest_cpm(self) -> int:
        """CPM micros that no bid is above."""
        return self.bid_cap_cpm or self.bid_cpm


class Clause(Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A request has one of ``values`` in a dimension (`targeting.dimensions.Dimension`, in lower case), or, with
    ``wanted`` False, none of them. What a request does not say fails the one and passes the other.
    """

    dimension: str
    values: tuple[str, ...]
    wanted: bool = True


Conjunction = tuple[Clause, ...]
"""All of the clauses hold."""


class Targeting(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A targeting expression in its normal form: one of ``any_of`` holds whole. `targeting.expression` makes it."""

    any_of: tuple[Conjunction, ...] = ((),)
    """One empty conjunction: every request. None at all: no request."""
    written: Any = None
    """The expression as the marketer wrote it, as JSON; not in a snapshot."""


def wanted_values(targeting: Targeting, dimension: str) -> dict[str, None]:
    """The values that a line item asks for in a dimension, in any of its alternatives, each once."""
    clauses = (clause for conjunction in targeting.any_of for clause in conjunction)
    return dict.fromkeys(v for c in clauses if c.wanted and c.dimension == dimension for v in c.values)


def reached_audiences(item: LineItem) -> frozenset[int]:
    """Audiences, by id, that a published line item reaches people by, in any of its alternatives; those that it leaves
    out are not meant."""
    if item.reaches is None:
        return frozenset(map(int, wanted_values(item.targeting, "audience")))
    return frozenset(item.reaches)  # none, where sets are only left out, though their parts may be asked for


HOURS_OF_WEEK = frozenset(range(168))


def open_hours(targeting: Targeting) -> frozenset[int] | None:
    """The hours of the week (UTC, 0 is Monday's first) in which a published line item wants anything; None: in all."""
    opened: frozenset[int] = frozenset()
    for conjunction in targeting.any_of:
        hours = HOURS_OF_WEEK
        for clause in conjunction:
            if clause.dimension in ("hour_of_week", "hour_of_week_utc"):
                named = frozenset(map(int, clause.values))
                hours = hours & named if clause.wanted else hours - named
        opened |= hours
    return None if opened == HOURS_OF_WEEK else opened


class Deal(Struct, frozen=True, forbid_unknown_fields=True):
    """A private deal: ``code`` is the exchange's name for it (``deals[].id``)."""

    id: int
    code: str
    exchange: int
    advertiser: int


class Audience(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of individuals; membership itself is in the profile store. With ``of``: whoever is in a set of others."""

    id: int
    key: str
    advertiser: int
    name: str
    size: int
    data_cpm: int = 0
    """Data fee: CPM micros of the advertiser's currency for impressions of line items that target it."""
    frequency_caps: tuple[FrequencyCap, ...] = ()
    """On the ads of all line items together that target it."""
    ttl_s: int = 0
    """How long a membership lasts that an import makes; 0: for ever."""
    of: AudienceSet | None = None
    rule: Rule | None = None
    """Whom it has by what they did; None: by a list, or as a set of others (``of``)."""
    lookalike_of: int = 0
    """The audience whose people its members are like, by a model; 0: it is no lookalike."""


class BlockList(Struct, frozen=True, forbid_unknown_fields=True):
    """Where nothing is bought, by one agency, advertiser or campaign, or (all three 0) by anybody of the house."""

    id: int
    key: str
    agency: int = 0
    advertiser: int = 0
    campaign: int = 0
    domains: tuple[str, ...] = ()
    """Sites, with their sub-domains, and apps of that developer."""
    bundles: tuple[str, ...] = ()
    publishers: tuple[tuple[int, str], ...] = ()
    """Exchange, and the publisher's account there."""
    nodes: tuple[tuple[str, str], ...] = ()
    """Advertising system and seller (empty: all its sellers) in a supply chain."""
    status: Status = "active"


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a bidder decides on, at one version; published whole, swapped whole. Paused items are in it too."""

    version: int
    published_ns: int
    exchanges: tuple[Exchange, ...]
    rates: tuple[Rate, ...]
    """For every pair of exchange currency and advertiser currency the newest rate (base the exchange's, quote the
    advertiser's), and one from every other currency that floors come in to each exchange's currency."""
    advertisers: tuple[Advertiser, ...]
    campaigns: tuple[Campaign, ...]
    line_items: tuple[LineItem, ...]
    creatives: tuple[Creative, ...]
    deals: tuple[Deal, ...]
    audiences: tuple[Audience, ...]
    agencies: tuple[Agency, ...] = ()
    terms: tuple[FeeTerms, ...] = ()
    """Those that line items bid under."""
    block_lists: tuple[BlockList, ...] = ()
    approvals: tuple[Approval, ...] = ()
